"""The programs we build from Go modules, each pinned to a version that Go's checksum database vouches for."""

import hashlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hack.build.cache import BuildFailed, built_once, run_logged

KUBERNETES_VERSION = "v1.35.4"
HYPERKUBE_SOURCE = Path(__file__).parent.parent / "cluster" / "hyperkube"

# Two at a time: each compiles on all cores, but links on one.
PARALLEL_BUILDS = 2


@dataclass(frozen=True)
class GoProgram:
    """A program as `go install PACKAGE@VERSION` builds it, with the dependencies its own go.mod names."""

    name: str
    version: str
    package: str

    def path(self) -> Path:
        """Return the program, built if the cache has none of this version. Raises BuildFailed."""
        return built_once(f"{self.name}-{self.version}", self._build) / self.name

    def _build(self, folder: Path) -> None:
        _go("install", "-trimpath", "-ldflags=-s -w", f"{self.package}@{self.version}", GOBIN=str(folder))


PROGRAMS = (
    GoProgram("versitygw", "v1.8.0", "github.com/versity/versitygw/cmd/versitygw"),
    GoProgram("helm", "v4.3.1", "helm.sh/helm/v4/cmd/helm"),
    GoProgram("coredns", "v1.15.0", "github.com/coredns/coredns"),
    GoProgram("kwok", "v0.8.0", "sigs.k8s.io/kwok/cmd/kwok"),
    GoProgram("kubeconform", "v0.8.0", "github.com/yannh/kubeconform/cmd/kubeconform"),
)


def tool(name: str) -> Path:
    """Return the path of a program we use, built first where the cache has none.

    Names: hyperkube (every server component and etcd; its first argument says which), kubectl, helm,
    coredns, kwok, kubeconform, versitygw.

    Raises KeyError for another name and BuildFailed where Go is missing or a build fails.
    """
    return _BUILDERS[name]()


def build_all(*names: str) -> dict[str, Path]:
    """Build those of the named programs, or of all, that are missing; side by side. Return their paths.

    Raises KeyError for a name that `tool` doesn't know, and BuildFailed.
    """
    wanted = names or tuple(_BUILDERS)
    with ThreadPoolExecutor(PARALLEL_BUILDS) as pool:
        return dict(zip(wanted, pool.map(tool, wanted), strict=True))


def _hyperkube() -> Path:
    source = hashlib.sha256()
    for name in ("main.go", "go.mod", "go.sum"):
        source.update((HYPERKUBE_SOURCE / name).read_bytes())
    key = f"kubernetes-{KUBERNETES_VERSION}-{source.hexdigest()[:8]}"
    return built_once(key, _build_hyperkube) / "hyperkube"


def _build_hyperkube(folder: Path) -> None:
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    stamp = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamp.items())
    output = folder / "hyperkube"
    _go("build", "-trimpath", f"-ldflags=-s -w {flags}", "-o", str(output), ".", cwd=HYPERKUBE_SOURCE)
    (folder / "kubectl").symlink_to("hyperkube")


def _go(*arguments: str, cwd: Path | None = None, **env: str) -> None:
    if shutil.which("go") is None:
        raise BuildFailed("Go is missing: install 1.25 or newer (https://go.dev/dl) and run this again")
    # Without cgo no C library has to match, neither here nor where the cache is carried to.
    run_logged(["go", *arguments], cwd=cwd, env={"CGO_ENABLED": "0", **env})


_BUILDERS: dict[str, Callable[[], Path]] = {
    "hyperkube": _hyperkube,  # takes longest, so it starts first
    **{program.name: program.path for program in PROGRAMS},
    "kubectl": lambda: _hyperkube().with_name("kubectl"),
}

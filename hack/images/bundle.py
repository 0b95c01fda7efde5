"""A built image as runc runs it: with the user, the read-only root and the rights that a pod of ours has.

For looking at an image without a cluster. The network is the machine's own, and there is no seccomp filter:
the runtime's default one is containerd's own.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hack.images import Archive, buildah, pulled

NAMESPACES = ("pid", "mount", "ipc", "uts")
CAPABILITY_SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")


@contextmanager
def bundle(
    image: Archive,
    folder: Path,
    *,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    binds: Mapping[str, Path],
) -> Iterator[Path]:
    """Give the folder of a bundle for `runc run --bundle`; what ends in / is bound to be written to.

    `binds`: paths of this machine by where the container finds them.
    """
    name = f"bundle-{image.reference.rpartition(':')[2]}"
    reference = pulled(image)
    subprocess.run(buildah("rm", name), capture_output=True, check=False)  # left by one that was killed
    _output("from", "--pull-never", "--name", name, reference)
    try:
        root = _output("mount", name)
        config = json.loads(_output("inspect", "--type", "image", reference))["OCIv1"]["config"]
        folder.mkdir(parents=True, exist_ok=True)
        process = _process(config, arguments, environment)
        specification = {
            "ociVersion": "1.0.2",
            "process": process,
            "root": {"path": root, "readonly": True},
            "mounts": [*_system(), *(_bind(where, path) for where, path in binds.items())],
            "linux": {"namespaces": [{"type": kind} for kind in NAMESPACES]},
        }
        (folder / "config.json").write_text(json.dumps(specification))
        yield folder
    finally:
        _output("rm", name)
        _output("rmi", reference)


def _process(
    config: dict[str, Any], arguments: Sequence[str], environment: Mapping[str, str]
) -> dict[str, Any]:
    user, group = map(int, config["User"].split(":"))
    return {
        "user": {"uid": user, "gid": group},
        "args": [*config["Entrypoint"], *arguments],
        "env": [*config["Env"], *(f"{name}={value}" for name, value in environment.items())],
        "cwd": "/",
        "capabilities": {kind: [] for kind in CAPABILITY_SETS},
        "noNewPrivileges": True,
    }


def _system() -> list[dict[str, Any]]:
    """Give what every container has: /proc, /dev, and memory to write to at /dev/shm and /tmp."""
    temporary = ["nosuid", "nodev", "mode=1777"]
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": temporary},  # noqa: S108
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": temporary},  # noqa: S108
    ]


def _bind(where: str, path: Path) -> dict[str, Any]:
    access = "rw" if where.endswith("/") else "ro"
    return {
        "destination": where.rstrip("/"),
        "type": "bind",
        "source": str(path),
        "options": ["bind", access],
    }


def _output(*arguments: str) -> str:
    done = subprocess.run(buildah(*arguments), capture_output=True, text=True, check=True)
    return done.stdout.strip()

"""The two images, built without a Docker engine and without a registry.

The base is Debian 12 from its packages (its Python is the one the tests run on); the wheels come from the
hash-checked requirements by way of the cache, so that a second build fetches nothing. Each archive is named
by the hash of all that goes in: an image that exists is current.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hack.build import built_once, cache_folder, run_logged

ROOT = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
FONTS = ("fonts-open-sans", "fonts-dejavu-core", "fonts-wqy-microhei")
"""What subtitles are drawn with; the Dockerfile installs what its base lacks."""
BASE_PACKAGES = ("python3", "python3-venv", "ca-certificates", *FONTS)
BUILD = ("bud", "--isolation=chroot", "--network=host")
KEPT_ARCHIVES = 3
"""Archives of older sources that stay per image, for going back and forth between two branches."""


@dataclass(frozen=True)
class Archive:
    """A built image: the file, and the name under which the cluster knows it."""

    path: Path
    reference: str


@dataclass(frozen=True)
class Image:
    """One image of ours: its Dockerfile, what it is copied from, and the requirements it installs."""

    name: str
    dockerfile: str
    target: str
    requirements: str
    sources: tuple[str, ...]

    def content_hash(self) -> str:
        """Give the hash over everything that goes into the image."""
        tree = hashlib.sha256(f"{SUITE} {BASE_PACKAGES} {self.target}".encode())
        for path in sorted(self._files()):
            tree.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
        return tree.hexdigest()[:12]

    def _files(self) -> list[Path]:
        tracked = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *self.sources],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        named = {ROOT / name for name in tracked.decode().split("\0") if name}
        return [p for p in named | {ROOT / self.dockerfile, ROOT / self.requirements} if p.is_file()]


IMAGES = {
    image.name: image
    for image in (
        Image(
            "control",
            "backend_api/Dockerfile",
            "control",
            "requirements/control.txt",
            ("common", "operator", "backend_api", "migrations"),
        ),
        Image(
            "ops", "flask_ops_image/Dockerfile", "cpu", "requirements/ops.txt", ("common", "flask_ops_image")
        ),
    )
}


def archive(name: str) -> Archive:
    """Give the image's docker-archive, built first if its sources changed. Raises BuildFailed."""
    image = IMAGES[name]
    content = image.content_hash()
    reference = f"localhost/mediaops/{name}:{content}"
    folder = built_once(f"image-{name}-{content}", lambda aside: _build(image, reference, aside))
    _forget_older(name, folder)
    return Archive(folder / "image.tar", reference)


def _build(image: Image, reference: str, folder: Path) -> None:
    dependencies = pulled(_dependencies(image))
    _buildah(
        *BUILD,
        f"--file={ROOT / image.dockerfile}",
        f"--target={image.target}",
        f"--build-arg=BASE_IMAGE={dependencies}",
        f"--build-arg=DEPENDENCIES_IMAGE={dependencies}",
        f"--tag={reference}",
        ROOT,
    )
    _push(reference, folder)
    _buildah("rmi", reference)


def _dependencies(image: Image) -> Archive:
    """Give the image with an image's requirements installed, which outlives most changes of ours."""
    base, wheels = _base(), _wheels(image.requirements)
    recipe = (ROOT / image.dockerfile).read_text().partition("FROM ${DEPENDENCIES_IMAGE}")[0]
    content = hashlib.sha256(f"{base.reference} {wheels.name} {recipe}".encode()).hexdigest()[:12]
    reference = f"localhost/mediaops/{image.name}-dependencies:{content}"

    def build(folder: Path) -> None:
        _buildah(
            *BUILD,
            f"--file={ROOT / image.dockerfile}",
            "--target=dependencies",
            f"--build-arg=BASE_IMAGE={pulled(base)}",
            "--build-arg=PIP_ARGUMENTS=--no-index --find-links=/wheels",
            f"--volume={wheels}:/wheels:ro",
            f"--tag={reference}",
            ROOT,
        )
        _push(reference, folder)

    folder = built_once(f"dependencies-{image.name}-{content}", build)
    return Archive(folder / "image.tar", reference)


def _base() -> Archive:
    """Give the base image: a minimal Debian with Python."""
    packages = hashlib.sha256(" ".join(BASE_PACKAGES).encode()).hexdigest()[:8]
    reference = f"localhost/mediaops/base:{SUITE}-{packages}"

    def build(folder: Path) -> None:
        rootfs, recipe = folder / "rootfs", folder / "Dockerfile"
        included = f"--include={','.join(BASE_PACKAGES)}"
        run_logged(["debootstrap", "--variant=minbase", included, SUITE, rootfs])
        for left_by_apt in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(rootfs / left_by_apt, ignore_errors=True)
        recipe.write_text("FROM scratch\nCOPY rootfs /\n")
        _buildah(*BUILD, f"--file={recipe}", f"--tag={reference}", folder)
        _push(reference, folder)
        shutil.rmtree(rootfs)

    return Archive(built_once(f"image-base-{SUITE}-{packages}", build) / "image.tar", reference)


@cache
def _storage() -> list[str]:
    """Give buildah's storage arguments: the cache's own, by overlay where the kernel has it (vfs copies all)."""
    driver = "overlay" if "\toverlay\n" in Path("/proc/filesystems").read_text() else "vfs"
    folder = cache_folder() / f"buildah-{driver}"
    return [f"--storage-driver={driver}", f"--root={folder / 'root'}", f"--runroot={folder / 'run'}"]


def buildah(*arguments: str | Path) -> list[str | Path]:
    """Give a command line of buildah on the cache's storage."""
    return ["buildah", *_storage(), *arguments]


def _buildah(*arguments: str | Path) -> None:
    run_logged(buildah(*arguments))


def pulled(image: Archive) -> str:
    """Have an archived image in buildah's storage; give its name there."""
    listing = buildah("images", "--quiet", "--filter", f"reference={image.reference}")
    if not subprocess.run(listing, capture_output=True, text=True, check=True).stdout.strip():
        _buildah("pull", "--quiet", f"docker-archive:{image.path}")
    return image.reference


def _push(reference: str, folder: Path) -> None:
    """Write an image's archive into a folder."""
    _buildah("push", reference, f"docker-archive:{folder / 'image.tar'}:{reference}")


def _wheels(requirements: str) -> Path:
    """Give a folder with every wheel that the requirements name, checked against their hashes."""
    pinned = ROOT / requirements
    name = f"wheels-{pinned.stem}-{hashlib.sha256(pinned.read_bytes()).hexdigest()[:12]}"

    def download(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip"]
        run_logged(
            [*pip, "download", "--require-hashes", "--no-deps", f"--dest={folder}", f"--requirement={pinned}"]
        )

    return built_once(name, download)


def _forget_older(name: str, current: Path) -> None:
    older = sorted(
        (f for f in cache_folder().glob(f"image-{name}-*") if f != current),
        key=lambda f: f.stat().st_mtime,
        reverse=True,
    )
    for folder in older[KEPT_ARCHIVES - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)

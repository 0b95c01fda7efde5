"""Images: into containerd from archives, and a smallest one made from busybox."""

import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from hack.cluster.waiting import say

PAUSE_IMAGE = "localhost/mediaops/pause:1"
NAMESPACE = "k8s.io"


class NotAnArchive(Exception):
    """The file isn't an image archive as `docker save` and `buildah push … docker-archive:` write it."""


@dataclass(frozen=True)
class ArchivedImage:
    """An image in an archive: its tags, and the digest of its configuration, which is the image's id."""

    tags: tuple[str, ...]
    config_digest: str


def read_archive(archive: Path) -> list[ArchivedImage]:
    """Return the images an archive holds; reads its index only. Raises NotAnArchive."""
    try:
        with tarfile.open(archive) as tar:
            manifest = tar.extractfile("manifest.json")
            entries = json.load(manifest) if manifest else []
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise NotAnArchive(f"{archive}: {error}") from error
    return [
        # Config is `HEX.json`, or `blobs/sha256/HEX` from newer Docker.
        ArchivedImage(tuple(entry["RepoTags"] or ()), "sha256:" + Path(entry["Config"]).stem)
        for entry in entries
    ]


@dataclass(frozen=True)
class ImageStore:
    """The images of a containerd, by its socket."""

    socket: Path

    def load(self, archive: Path) -> list[str]:
        """Import an archive unless the store has just these images under these tags; return the tags.

        Raises NotAnArchive, or CalledProcessError where containerd refuses it.
        """
        images = read_archive(archive)
        if any(self.config_digest(tag) != image.config_digest for image in images for tag in image.tags):
            say(f"importing {', '.join(tag for image in images for tag in image.tags)}")
            self._ctr("images", "import", str(archive))
        return [tag for image in images for tag in image.tags]

    def config_digest(self, tag: str) -> str | None:
        """Return the id of the image a tag names, or None where the store has no such tag."""
        listing = self._ctr("images", "list", f"name=={canonical(tag)}").splitlines()[1:]
        if not listing:
            return None
        manifest: dict[str, Any] = json.loads(self._ctr("content", "get", listing[0].split()[2]))
        digest: str | None = manifest.get("config", {}).get("digest")
        return digest

    def tags(self) -> list[str]:
        """Return the tags of all images, sorted."""
        listing = self._ctr("images", "list", "--quiet").split()
        return sorted(name for name in listing if "@" not in name and not name.startswith("sha256:"))

    def _ctr(self, *arguments: str) -> str:
        command = ["ctr", "--address", str(self.socket), "--namespace", NAMESPACE, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def canonical(tag: str) -> str:
    """Return a tag with the registry that Docker leaves unsaid."""
    first, _, rest = tag.partition("/")
    if rest and (first == "localhost" or "." in first or ":" in first):
        return tag
    return f"docker.io/{tag}" if rest else f"docker.io/library/{tag}"


def write_busybox_archive(archive: Path, tag: str, command: list[str]) -> None:
    """Write an image that holds nothing but the machine's static busybox; the same one each time.

    Its shell and tools are reached as `/bin/busybox NAME` (`sh`, `wget`, `nslookup`, …).
    """
    busybox = shutil.which("busybox")
    if busybox is None:
        raise FileNotFoundError("busybox is missing (Debian: busybox-static)")
    layer = _tar({"bin/busybox": Path(busybox).read_bytes()}, mode=0o755)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": command, "User": "65535:65535"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
        }
    ).encode()
    config_name = f"{sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(
        _tar({config_name: config, "layer.tar": layer, "manifest.json": manifest}, mode=0o644)
    )


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    """Return a tar of these files, without times and owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()

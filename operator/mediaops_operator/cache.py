"""What the operator has seen: filled by watches and its own writes, corrected by a complete LIST.

Objects are kept as JSON, compressed (a twentieth of the memory of dictionaries), and read when their asset is
visited. Versions decide: an older one never replaces a newer one, nor does a late echo of an object that is
gone bring it back.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from mediaops_operator.objects import ASSET_LABEL, WORKSPACE_LABEL

Manifest = dict[str, Any]

ASSETS, PROCESSING_JOBS, JOBS, PODS = "mediaassets", "processingjobs", "jobs", "pods"
KINDS = (ASSETS, PROCESSING_JOBS, JOBS, PODS)
_FOUND_BY_UID = frozenset({JOBS, PODS})
"""Kinds that Events are about."""


class AssetKey(NamedTuple):
    """Names a MediaAsset."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class _Entry:
    uid: str
    version: int
    asset: AssetKey
    content: bytes

    @property
    def manifest(self) -> Manifest:
        """Give the object itself."""
        found: Manifest = json.loads(zlib.decompress(self.content))
        return found


def asset_of(kind: str, manifest: Manifest) -> AssetKey | None:
    """Name the asset that an object belongs to; None where it is none of ours."""
    metadata = manifest["metadata"]
    name = metadata["name"] if kind == ASSETS else (metadata.get("labels") or {}).get(ASSET_LABEL)
    return AssetKey(metadata["namespace"], name) if name else None


class Cache:
    """The last known state of everything that concerns an asset."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[AssetKey, _Entry]] = {kind: {} for kind in KINDS}
        self._children: dict[tuple[str, AssetKey], set[AssetKey]] = {}
        self._gone: dict[tuple[str, AssetKey], int] = {}
        self._by_uid: dict[str, AssetKey] = {}
        self._workspaces: dict[str, str] = {}

    # Writing -----------------------------------------------------------------------------------------------

    def knows(self, kind: str, manifest: Manifest) -> bool:
        """Say whether a version of an object is known already, or a newer one, or that it is gone."""
        metadata = manifest["metadata"]
        key, version = AssetKey(metadata["namespace"], metadata["name"]), int(metadata["resourceVersion"])
        known = self._entries[kind].get(key)
        return (known is not None and known.version >= version) or self._gone.get((kind, key), -1) >= version

    def put(self, kind: str, manifest: Manifest) -> AssetKey | None:
        """Take a version of an object in; give the asset to visit, or None if that is no news."""
        asset = asset_of(kind, manifest)
        if asset is None or self.knows(kind, manifest):
            return None
        metadata = manifest["metadata"]
        key, version = AssetKey(metadata["namespace"], metadata["name"]), int(metadata["resourceVersion"])
        known = self._entries[kind].get(key)
        kept = manifest | {"metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}
        content = zlib.compress(json.dumps(kept, separators=(",", ":")).encode(), level=1)
        if known and known.uid != metadata["uid"]:
            self._remove(kind, key)  # another object of the same name
        self._entries[kind][key] = _Entry(metadata["uid"], version, asset, content)
        if kind in _FOUND_BY_UID:
            self._by_uid[metadata["uid"]] = asset
        self._children.setdefault((kind, asset), set()).add(key)
        return asset

    def drop(self, kind: str, manifest: Manifest) -> AssetKey | None:
        """Take in that an object is gone; give the asset to visit, or None if that is no news."""
        metadata = manifest["metadata"]
        key, version = AssetKey(metadata["namespace"], metadata["name"]), int(metadata["resourceVersion"])
        self._gone[kind, key] = max(version, self._gone.get((kind, key), -1))
        known = self._entries[kind].get(key)
        if known is None or known.version > version:
            return None
        return self._remove(kind, key)

    def forget(self, kind: str, key: AssetKey, uid: str) -> None:
        """Take in that an object was deleted by ourselves."""
        known = self._entries[kind].get(key)
        if known and known.uid == uid:
            self._gone[kind, key] = known.version
            self._remove(kind, key)

    def drop_missing(self, kind: str, listed: set[AssetKey], version: int) -> set[AssetKey]:
        """Take in that a complete LIST at a version lacks the others; give the assets for which that is news."""
        known = self._entries[kind]
        lost = [key for key, entry in known.items() if key not in listed and entry.version <= version]
        self._gone = {k: v for k, v in self._gone.items() if k[0] != kind or v > version}
        return {self._remove(kind, key) for key in lost}

    def _remove(self, kind: str, key: AssetKey) -> AssetKey:
        entry = self._entries[kind].pop(key)
        self._by_uid.pop(entry.uid, None)
        siblings = self._children[kind, entry.asset]
        siblings.discard(key)
        if not siblings:
            del self._children[kind, entry.asset]
        return entry.asset

    def put_namespace(self, manifest: Manifest, *, gone: bool = False) -> bool:
        """Take a namespace in; say whether its workspace changed."""
        metadata = manifest["metadata"]
        name = metadata["name"]
        workspace = None if gone else (metadata.get("labels") or {}).get(WORKSPACE_LABEL)
        before = self._workspaces.get(name)
        if workspace:
            self._workspaces[name] = workspace
        else:
            self._workspaces.pop(name, None)
        return before != workspace

    # Reading -----------------------------------------------------------------------------------------------

    def get(self, kind: str, key: AssetKey) -> Manifest | None:
        """Give an object by its own namespace and name."""
        entry = self._entries[kind].get(key)
        return entry.manifest if entry else None

    def asset(self, key: AssetKey) -> Manifest | None:
        """Give a MediaAsset."""
        return self.get(ASSETS, key)

    def children(self, kind: str, asset: AssetKey) -> list[Manifest]:
        """Give the objects of a kind that belong to an asset, in order of their names."""
        keys = sorted(self._children.get((kind, asset), ()))
        return [self._entries[kind][key].manifest for key in keys]

    def workspace(self, namespace: str) -> str | None:
        """Give the workspace that a namespace belongs to."""
        return self._workspaces.get(namespace)

    def assets(self, namespace: str | None = None) -> Iterator[AssetKey]:
        """Name all assets, or those of one namespace."""
        for key in list(self._entries[ASSETS]):
            if namespace in (None, key.namespace):
                yield key

    def asset_uids(self) -> list[UUID]:
        """Give the uid of every MediaAsset."""
        return [UUID(entry.uid) for entry in self._entries[ASSETS].values()]

    def find(self, uid: str) -> AssetKey | None:
        """Name the asset that a Job or pod of that uid belongs to."""
        return self._by_uid.get(uid)

    def count(self, kind: str) -> int:
        """Count the objects of a kind."""
        return len(self._entries[kind])

"""Capabilities: what one Job may read and write, signed by the operator, checked by the backend.

A capability is a JWS (EdDSA over Ed25519, RFC 8037) with a key id in its header, so that keys can be
rotated: the backend holds a set of public keys, the operator signs with one. Alone it opens nothing; the
pod shows it together with its own projected service-account token.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from mediaops.identity import step_folder

ISSUER = "mediaops-operator"
AUDIENCE = "mediaops-backend"
POD_TOKEN_AUDIENCE = "mediaops-backend"  # noqa: S105 — an audience, no secret
"""Audience of the projected service-account token that goes with a capability."""

_WRITABLE = re.compile(r"(?:[0-9a-f]{64}\.[a-z0-9]{1,8}|result\.json|[a-z0-9][a-z0-9-]{0,62}\.log)")


class CapabilityError(Exception):
    """The capability is not valid here; the message is safe to show."""


@dataclass(frozen=True)
class Capability:
    """What one Job may do with storage."""

    workspace: str
    namespace: str
    job: str
    reads: frozenset[str]
    """Full keys that may be read."""
    step_keys: frozenset[str]
    """Steps whose folders may be written (and read back)."""
    indexed: tuple[str, ...] = ()
    """Those of them that the pods of an Indexed Job share: each may write the one of its completion index only."""

    def of_index(self, index: int) -> Capability:
        """Give what one pod of an Indexed Job may do; raises IndexError."""
        own = self.step_keys - frozenset(self.indexed) | {self.indexed[index]}
        return replace(self, step_keys=own, indexed=())

    def may_read(self, key: str) -> bool:
        """Say whether the key may be read: named, or in a folder of its own steps."""
        return key in self.reads or self._in_own_folder(key)

    def may_write(self, key: str) -> bool:
        """Say whether the key may be written: in a folder of its own steps, under a name of our making."""
        return self._in_own_folder(key)

    def _in_own_folder(self, key: str) -> bool:
        return any(
            key.startswith(folder) and _WRITABLE.fullmatch(key[len(folder) :]) is not None
            for folder in (step_folder(self.workspace, step) for step in self.step_keys)
        )


class Signer:
    """Signs capabilities with one private key."""

    def __init__(self, private_key_pem: str | bytes) -> None:
        pem = private_key_pem.encode() if isinstance(private_key_pem, str) else private_key_pem
        key = load_pem_private_key(pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise CapabilityError("the capability key must be an Ed25519 private key in PEM form")
        self._key = key
        self.key_id = key_id(key.public_key())

    def sign(self, capability: Capability, *, issued: int, expires: int) -> str:
        """Give the compact JWS; times in seconds since the epoch."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": issued,
            "exp": expires,
            "ws": capability.workspace,
            "ns": capability.namespace,
            "job": capability.job,
            "reads": sorted(capability.reads),
            "steps": sorted(capability.step_keys),
            **({"indexed": list(capability.indexed)} if capability.indexed else {}),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self.key_id})


class Verifier:
    """Checks capabilities against a set of public keys (PEM)."""

    def __init__(self, public_keys_pem: list[str]) -> None:
        self._keys: dict[str, Ed25519PublicKey] = {}
        for pem in public_keys_pem:
            key = load_pem_public_key(pem.encode())
            if not isinstance(key, Ed25519PublicKey):
                raise CapabilityError("a capability's public key must be an Ed25519 key in PEM form")
            self._keys[key_id(key)] = key

    def verify(self, token: str) -> Capability:
        """Give what the token allows; raises CapabilityError if it is not one of ours or has expired."""
        try:
            kid = jwt.get_unverified_header(token).get("kid", "")
            key = self._keys.get(kid)
            if key is None:
                raise CapabilityError("the capability was signed with a key that is not known here")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp"]},
            )
            return Capability(
                workspace=claims["ws"],
                namespace=claims["ns"],
                job=claims["job"],
                reads=frozenset(claims["reads"]),
                step_keys=frozenset(claims["steps"]),
                indexed=tuple(claims.get("indexed", ())),
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise CapabilityError(f"the capability is not valid: {type(error).__name__}") from error


def key_id(key: Ed25519PublicKey) -> str:
    """Give the key id: the first 16 hex digits of the SHA-256 of the key's raw bytes."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]

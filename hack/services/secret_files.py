"""Secrets of this checkout's services: made once, kept in files that only their owner reads."""

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class SecretFiles:
    """A folder of secrets, one a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Return where a secret lies, or will."""
        return self.folder / name

    def text(self, name: str) -> str:
        """Return a secret of 64 random characters (256 bits), made on first use."""
        return self._kept(name, lambda: secrets.token_hex(32))

    def signing_key(self, name: str) -> str:
        """Return an Ed25519 private key (PEM), made on first use."""
        return self._kept(name, lambda: _pem(Ed25519PrivateKey.generate()))

    def service_account(self, name: str, email: str, token_uri: str) -> dict[str, Any]:
        """Return a Google service account's key file with an RSA key of its own, made on first use."""
        key = self._kept(name + ".pem", lambda: _pem(rsa.generate_private_key(65537, 2048)))
        account = {
            "type": "service_account",
            "project_id": "mediaops-test",
            "private_key_id": "1",
            "private_key": key,
            "client_email": email,
            "client_id": "1",
            "token_uri": token_uri,
        }
        self._write_aside(json.dumps(account)).rename(self.path(name))
        return account

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        """Return the secret that is there; where two make it at the same time, both get the same one."""
        path = self.path(name)
        if not path.exists():
            aside = self._write_aside(make())
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(aside)
            aside.unlink()
        return path.read_text()

    def _write_aside(self, content: str) -> Path:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, aside = tempfile.mkstemp(prefix=".new-", dir=self.folder)  # 0600
        with os.fdopen(number, "w") as file:
            file.write(content)
        return Path(aside)


def _pem(key: rsa.RSAPrivateKey | Ed25519PrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()

"""Who calls: users with a JWT or an API key. What comes out is a workspace and a name for the audit."""

from __future__ import annotations

import hashlib
import re
import secrets
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from jwt.types import Options
from sqlalchemy import func, select

from mediaops.problems import unauthorized, unavailable
from mediaops_backend.database import Database
from mediaops_backend.settings import BackendSettings

KEY_PREFIX = "mops_"
_WORKSPACE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
"""What a namespace's label can hold."""


@dataclass(frozen=True)
class Caller:
    """A user, or a program with an API key."""

    workspace: str
    subject: str
    """The token's `sub`, or `key:ID`."""


def new_key() -> str:
    """Make an API key: 256 random bits behind a prefix that secret scanners can look for."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> str:
    """Give what is stored of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


class People:
    """Tells callers by their bearer."""

    def __init__(self, settings: BackendSettings, database: Database) -> None:
        self._database = database
        self._secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else None
        self._audience = settings.jwt_audience
        self._issuer = f"{settings.supabase_url.rstrip('/')}/auth/v1" if settings.supabase_url else None
        self._jwks = _jwks_client(self._issuer, settings.ca_file) if self._issuer else None

    def identify(self, bearer: str) -> Caller:
        """Give the caller; raises Problem (401), and database errors where an API key has to be looked up."""
        return self._by_key(bearer) if bearer.startswith(KEY_PREFIX) else self._by_token(bearer)

    def _by_key(self, key: str) -> Caller:
        with self._database.unbound() as connection:
            lookup = func.mediaops_key_lookup(key_hash(key)).table_valued("key_id", "workspace_id", "name")
            found = connection.execute(select(lookup)).one_or_none()
        if found is None:
            raise unauthorized("the API key is not valid")
        return Caller(workspace=found.workspace_id, subject=f"key:{found.key_id}")

    def _by_token(self, token: str) -> Caller:
        try:
            claims = self._claims(token)
        except jwt.PyJWKClientConnectionError:
            raise unavailable("the issuer of users' tokens") from None
        except jwt.PyJWTError:
            raise unauthorized("the token is not valid or has expired") from None
        app_metadata = claims.get("app_metadata")
        workspace = claims.get("workspace_id") or (
            app_metadata.get("workspace_id") if isinstance(app_metadata, dict) else None
        )
        if not isinstance(workspace, str) or not _WORKSPACE.fullmatch(workspace):
            raise unauthorized(
                "the token names no workspace (claim workspace_id or app_metadata.workspace_id)"
            )
        return Caller(workspace=workspace, subject=str(claims["sub"]))

    def _claims(self, token: str) -> dict[str, Any]:
        required: Options = {"require": ["exp", "sub", "aud"]}
        if jwt.get_unverified_header(token).get("alg") == "HS256":
            if self._secret is None:
                raise jwt.InvalidTokenError
            return jwt.decode(
                token, self._secret, algorithms=["HS256"], audience=self._audience, options=required
            )
        if self._jwks is None:
            raise jwt.InvalidTokenError
        key = self._jwks.get_signing_key_from_jwt(token)
        return jwt.decode(
            token,
            key.key,
            algorithms=["ES256", "RS256", "EdDSA"],
            audience=self._audience,
            issuer=self._issuer,
            options=required,
        )


def _jwks_client(issuer: str, ca_file: Path | None) -> jwt.PyJWKClient:
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    return jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json", timeout=5, ssl_context=context)

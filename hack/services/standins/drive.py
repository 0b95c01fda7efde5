"""`python -m hack.services.standins.drive --listen HOST:PORT --state DIR`: what we use of Google Drive's API v3.

`GET /drive/v3/files/ID` with and without `alt=media`, and `POST /token`, where service accounts get access
tokens for a signed assertion (RFC 7523). Names, shapes of errors and rules are those of Google's pages: who asks
without a key or a token is no registered caller; a key sees what anyone may read, a token what its account may
read too; all else is "not found", whether it exists or not.
"""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization

from hack.services.standins.base import (
    Request,
    Response,
    Router,
    StandIn,
    arguments,
    host_and_port,
    json_response,
)

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Google's own client puts this in as the audience, whatever the key file names.
GOOGLES_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
SCOPES = {
    f"https://www.googleapis.com/auth/drive{suffix}" for suffix in ("", ".readonly", ".file", ".metadata")
}
DEFAULT_FIELDS = "kind,id,name,mimeType"
ANYONE = "anyone"
LONGEST_ASSERTION_SECONDS = 3600
TOKEN_SECONDS = 3599


@dataclass(frozen=True)
class DriveFile:
    """A file's metadata. `readers` are service accounts' addresses, or `anyone`."""

    name: str
    media_type: str
    readers: tuple[str, ...] = (ANYONE,)
    downloadable: bool = True
    abusive: bool = False
    """Google found malware: it is given only to who acknowledges that."""


def add_file(state: Path, file_id: str, file: DriveFile, content: bytes) -> None:
    """Put a file into a stand-in's Drive; it may be running."""
    folder = state / "files" / file_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "content").write_bytes(content)
    (folder / "file.json").write_text(json.dumps(asdict(file)))


class Drive:
    """The stand-in as a function from request to response.

    accounts: service accounts' key files, parsed; only their public halves are used.
    """

    def __init__(self, state: Path, accounts: Iterable[dict[str, Any]], api_key: str | None) -> None:
        self._files = state / "files"
        self._accounts = {account["client_email"]: account for account in accounts}
        self._api_key = api_key
        self._tokens: dict[str, tuple[str, float]] = {}
        self._router = Router()
        self._router.add("POST", "/token", self._token)
        self._router.add("GET", "/drive/v3/files/{id}", self._get)

    def __call__(self, request: Request) -> Response:
        return self._router(request)

    def _token(self, request: Request) -> Response:
        form, _ = request.form()
        if form.get("grant_type") != JWT_BEARER:
            return _oauth_error("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        try:
            claims = self._verified(form.get("assertion", ""))
        except KeyError:
            return _oauth_error("invalid_grant", "Invalid grant: account not found")
        except jwt.InvalidSignatureError:
            return _oauth_error("invalid_grant", "Invalid JWT Signature.")
        except jwt.InvalidTokenError as error:
            return _oauth_error("invalid_grant", f"Invalid JWT: {error}")
        if not SCOPES & set(claims.get("scope", "").split()):
            return _oauth_error("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        token = "ya29." + secrets.token_urlsafe(48)
        self._tokens[token] = claims["iss"], time.time() + TOKEN_SECONDS
        return json_response(
            200, {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}
        )

    def _verified(self, assertion: str) -> dict[str, Any]:
        """Return an assertion's claims. Raises KeyError for an unknown account and jwt.InvalidTokenError."""
        account = self._accounts[str(jwt.decode(assertion, options={"verify_signature": False}).get("iss"))]
        claims: dict[str, Any] = jwt.decode(
            assertion,
            _public_key(account),
            algorithms=["RS256"],
            audience=[GOOGLES_TOKEN_URI, account["token_uri"]],
            options={"require": ["iss", "aud", "exp", "iat"]},
        )
        if claims["exp"] - claims["iat"] > LONGEST_ASSERTION_SECONDS:
            raise jwt.InvalidTokenError(
                "Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            )
        return claims

    def _get(self, request: Request) -> Response:
        readers = self._identity(request)
        if isinstance(readers, Response):
            return readers
        file_id = request.params["id"]
        folder = self._files / file_id
        file = _load(folder) if (folder / "file.json").exists() else None
        if file is None or not readers & set(file.readers):
            return _error(404, "notFound", f"File not found: {file_id}.", location="fileId")
        if request.query.get("alt") == "media":
            return _media(request, file, folder / "content")
        return _metadata(request, file_id, file, folder)

    def _identity(self, request: Request) -> set[str] | Response:
        """Return the readers that the caller counts as, or why it is turned away."""
        authorization = request.headers.get("authorization", "")
        if authorization:
            email, until = self._tokens.get(authorization.removeprefix("Bearer "), ("", 0.0))
            if until < time.time():
                refused = _error(401, "authError", "Invalid Credentials", location="Authorization")
                refused.headers["www-authenticate"] = 'Bearer realm="https://accounts.google.com/"'
                return refused
            return {ANYONE, email}
        key = request.query.get("key") or request.headers.get("x-goog-api-key")
        if not key:
            return _error(
                403,
                "forbidden",
                "Method doesn't allow unregistered callers (callers without established identity). "
                "Please use API Key or other form of API consumer identity to call this API.",
                status="PERMISSION_DENIED",
            )
        if key != self._api_key:
            message = "API key not valid. Please pass a valid API key."
            return _error(400, "badRequest", message, status="INVALID_ARGUMENT")
        return {ANYONE}


def _metadata(request: Request, file_id: str, file: DriveFile, folder: Path) -> Response:
    content = (folder / "content").read_bytes()
    modified = time.gmtime((folder / "content").stat().st_mtime)
    known: dict[str, Any] = {
        "kind": "drive#file",
        "id": file_id,
        "name": file.name,
        "mimeType": file.media_type,
        "size": str(len(content)),
        "md5Checksum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256Checksum": hashlib.sha256(content).hexdigest(),
        "headRevisionId": hashlib.sha256(content).hexdigest()[:22],
        "modifiedTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", modified),
        "trashed": False,
        "capabilities": {"canDownload": file.downloadable},
    }
    asked = request.query.get("fields", DEFAULT_FIELDS)
    names = known if asked == "*" else [re.split(r"[/(]", name)[0] for name in asked.split(",")]
    unknown = [name for name in names if name not in known]
    if unknown:
        return _error(400, "invalidParameter", f"Invalid field selection {unknown[0]}", location="fields")
    return json_response(200, {name: known[name] for name in names})


def _media(request: Request, file: DriveFile, content: Path) -> Response:
    if file.media_type.startswith("application/vnd.google-apps."):
        message = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
        return _error(403, "fileNotDownloadable", message, location="alt")
    if not file.downloadable:
        return _error(403, "cannotDownloadFile", "This file cannot be downloaded by the user.")
    if file.abusive and request.query.get("acknowledgeAbuse") != "true":
        message = "This file has been identified as malware or spam and cannot be downloaded."
        return _error(403, "cannotDownloadAbusiveFile", message, location="acknowledgeAbuse")
    body = content.read_bytes()
    headers = {"content-type": file.media_type}
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not asked:
        return Response(200, body, headers)
    first, last = int(asked[1]), min(int(asked[2] or len(body) - 1), len(body) - 1)
    if first > last:
        return Response(416, headers={"content-range": f"bytes */{len(body)}"})
    return Response(
        206, body[first : last + 1], {**headers, "content-range": f"bytes {first}-{last}/{len(body)}"}
    )


def _load(folder: Path) -> DriveFile:
    stored = json.loads((folder / "file.json").read_text())
    return DriveFile(**{**stored, "readers": tuple(stored["readers"])})


def _public_key(account: dict[str, Any]) -> Any:
    return serialization.load_pem_private_key(account["private_key"].encode(), password=None).public_key()


def _error(
    code: int, reason: str, message: str, *, location: str | None = None, status: str | None = None
) -> Response:
    """An error as Google's APIs word it, in the older form with `errors` that Drive still sends."""
    detail: dict[str, Any] = {"message": message, "domain": "global", "reason": reason}
    if location:
        kind = "header" if location == "Authorization" else "parameter"
        detail |= {"location": location, "locationType": kind}
    error: dict[str, Any] = {"code": code, "message": message, "errors": [detail]}
    return json_response(code, {"error": error | ({"status": status} if status else {})})


def _oauth_error(error: str, description: str) -> Response:
    return json_response(400, {"error": error, "error_description": description})


def main() -> None:
    """Serve until killed."""
    parser = arguments("Stand-in of Google Drive (www.googleapis.com, oauth2.googleapis.com)")
    parser.add_argument("--service-account", type=Path, action="append", default=[], help="a key file (JSON)")
    parser.add_argument("--api-key-file", type=Path, help="holds the API key")
    options = parser.parse_args()
    accounts = [json.loads(path.read_text()) for path in options.service_account]
    api_key = options.api_key_file.read_text().strip() if options.api_key_file else None
    host, port = host_and_port(options.listen)
    app = Drive(Path(options.state), accounts, api_key)
    StandIn(app, host, port, options.tls_cert, options.tls_key).serve_forever()


if __name__ == "__main__":
    main()

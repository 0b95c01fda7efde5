"""Fetching from Google Drive, over Google's own client."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import google.auth.exceptions
import googleapiclient.discovery
import googleapiclient.errors
import googleapiclient.http
import httplib2

from mediaops.reasons import Reason
from mediaops_ops.credential import Credential
from mediaops_ops.net import Again, persistently
from mediaops_ops.outcome import StepError
from mediaops_ops.settings import Settings

GOOGLE = "https://www.googleapis.com"
TOKEN_HOST = "oauth2.googleapis.com"  # noqa: S105 — a host
SCOPES = ("https://www.googleapis.com/auth/drive.readonly",)
CHUNK_BYTES = 16 * 1024 * 1024
RATE_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})
"""403s that only mean "later"."""

# It warns about every 4xx with the whole address, which holds the key.
logging.getLogger("googleapiclient.http").setLevel(logging.ERROR)


def fetch(
    file_id: str,
    credential: Credential,
    path: Path,
    settings: Settings,
    *,
    limit_bytes: int,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Bring a file of Google Drive to `path`, in chunks that are tried again.

    Raises StepError SourceNotFound, SourceForbidden, SourceTooLarge, SourceNotAllowed, CredentialNotForHost,
    SecretInvalid, and Unreachable SourceUnreachable.
    """
    service = _service(credential, settings)

    def patiently(attempt: Callable[[], Any]) -> Any:
        return persistently(
            lambda: _translated(attempt),
            patience_seconds=settings.patience_seconds,
            reason=Reason.SOURCE_UNREACHABLE,
            what="Google Drive",
        )

    about = service.files().get(fileId=file_id, fields="size,mimeType", supportsAllDrives=True)
    facts = patiently(about.execute)
    if str(facts.get("mimeType", "")).startswith("application/vnd.google-apps."):
        message = "The Drive file is a Google document, folder or shortcut, not a media file."
        raise StepError(Reason.SOURCE_NOT_ALLOWED, message, permanent=True)
    size = int(facts.get("size", 0))
    if limit_bytes and size > limit_bytes:
        message = f"The file has {size} bytes, more than the limit of {limit_bytes}."
        raise StepError(Reason.SOURCE_TOO_LARGE, message, permanent=True)
    if size == 0:
        path.touch()  # a range of nothing is an error to the client; the check says what is wrong
        return
    content = service.files().get_media(fileId=file_id, supportsAllDrives=True)
    with path.open("wb") as file:
        download = googleapiclient.http.MediaIoBaseDownload(file, content, chunksize=CHUNK_BYTES)
        done = False
        while not done:
            status, done = patiently(download.next_chunk)
            progress(status.progress() if status else 0.0)
            if limit_bytes and file.tell() > limit_bytes:
                message = f"The file is larger than the limit of {limit_bytes} bytes."
                raise StepError(Reason.SOURCE_TOO_LARGE, message, permanent=True)


def _service(credential: Credential, settings: Settings) -> Any:
    """Give Drive's API under the credential, which goes to its own hosts only."""
    endpoint = settings.drive_endpoint or GOOGLE
    credential.allow(urlsplit(endpoint).hostname or "")
    ca_file = str(settings.ca_file) if settings.ca_file else None
    http = httplib2.Http(timeout=settings.stall_seconds, ca_certs=ca_file)
    key = None
    if credential.service_account is not None:
        http = _authorized(credential.service_account, endpoint, http)
    elif credential.api_key is not None:
        key = credential.api_key
    else:
        message = "Google Drive needs an apiKey or a serviceAccount; the Secret has an address."
        raise StepError(Reason.SECRET_INVALID, message, permanent=True)
    return googleapiclient.discovery.build(
        "drive",
        "v3",
        http=http,
        developerKey=key,
        client_options={"api_endpoint": f"{endpoint.rstrip('/')}/drive/v3/"},
        static_discovery=True,
        cache_discovery=False,
    )


def _authorized(account: dict[str, Any], endpoint: str, http: httplib2.Http) -> Any:
    """Sign requests as a service account, whose own token address must be Google's (or the endpoint's host)."""
    import google.oauth2.service_account
    import google_auth_httplib2

    token_host = urlsplit(str(account.get("token_uri", ""))).hostname
    if token_host not in {TOKEN_HOST, urlsplit(endpoint).hostname}:
        message = "The service account's token_uri isn't Google's."
        raise StepError(Reason.CREDENTIAL_NOT_FOR_HOST, message, permanent=True)
    try:
        credentials = google.oauth2.service_account.Credentials.from_service_account_info(
            account, scopes=SCOPES
        )
    except (ValueError, KeyError) as error:
        raise StepError(
            Reason.SECRET_INVALID, "The service account's JSON can't be used.", permanent=True
        ) from error
    return google_auth_httplib2.AuthorizedHttp(credentials, http=http)


def _translated(attempt: Callable[[], Any]) -> Any:
    """Call Google's client and say its failures in our words."""
    try:
        return attempt()
    except googleapiclient.errors.HttpError as error:
        raise _meaning(error) from error
    except google.auth.exceptions.RefreshError as error:
        message = "Google refused the service account."
        raise StepError(Reason.SOURCE_FORBIDDEN, message, permanent=True) from error
    except (google.auth.exceptions.TransportError, httplib2.HttpLib2Error, OSError) as error:
        raise Again("the connection broke off, or there was none") from error


def _meaning(error: googleapiclient.errors.HttpError) -> Exception:
    status = int(error.resp.status)
    if status in {404, 410}:
        message = "The Drive file isn't there, or isn't shared with the credential."
        return StepError(Reason.SOURCE_NOT_FOUND, message, permanent=True)
    if status == 429 or status >= 500 or _reasons(error) & RATE_REASONS:
        return Again(f"it answered {status}")
    return StepError(Reason.SOURCE_FORBIDDEN, f"Google Drive refused ({status}).", permanent=True)


def _reasons(error: googleapiclient.errors.HttpError) -> set[str]:
    """Give Google's own words for an error."""
    try:
        errors = json.loads(error.content)["error"]["errors"]
        return {str(item["reason"]) for item in errors}
    except (ValueError, KeyError, TypeError):
        return set()

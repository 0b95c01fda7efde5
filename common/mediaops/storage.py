"""Objects in an S3 bucket: the few calls we need, typed, with errors that say what can be done.

Works with any S3 endpoint over path-style addresses and signature version 4. Signed URLs are bearer
secrets: they go into answers, never into logs or errors.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from mediaops.settings import S3Settings

Audience = Literal["cluster", "public"]
"""Who will open a signed URL: pods and n8n (the cluster's endpoint), or people (STORAGE_URL)."""


class StorageError(Exception):
    """Storage refused or broke; the message holds neither URLs nor credentials."""


class NotFound(StorageError):
    """There is no such object (or bucket, or upload)."""


class Forbidden(StorageError):
    """These credentials may not do that."""


class Unavailable(StorageError):
    """Storage can't be reached or is overloaded: again later."""


class TooLarge(StorageError):
    """The object is larger than the reader allows."""


@dataclass(frozen=True)
class Stat:
    """What HEAD or a listing says about an object."""

    key: str
    size: int
    """Bytes."""
    etag: str
    """Without its quotes."""
    modified: datetime
    media_type: str | None = None
    """None in listings."""


@dataclass(frozen=True)
class Upload:
    """A multipart upload that is neither completed nor aborted."""

    key: str
    id: str
    begun: datetime


@dataclass(frozen=True)
class SignedPut:
    """One PUT: these headers must be sent with it, beside the content's length."""

    url: str
    headers: dict[str, str]


_UNAVAILABLE = frozenset(
    {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling", "TooManyRequests"}
)
_NOT_FOUND = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchUpload", "NotFound", "404"})
_FORBIDDEN = frozenset(
    {"AccessDenied", "Forbidden", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
)

_DELETED_AT_ONCE = 1000
"""S3's limit of keys in one DeleteObjects."""


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn botocore's errors into ours; `what` names the call and key."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _NOT_FOUND or status == 404:
            raise NotFound(f"{what}: not found") from None
        if code in _FORBIDDEN or status in (401, 403):
            raise Forbidden(f"{what}: refused ({code})") from None
        if code in _UNAVAILABLE or status == 429 or status >= 500:
            raise Unavailable(f"{what}: storage answered {status} {code}") from None
        raise StorageError(f"{what}: storage answered {status} {code}") from None
    except (ConnectionError, HTTPClientError) as error:
        # Their messages hold the whole address, query included.
        raise Unavailable(f"{what}: storage can't be reached ({type(error).__name__})") from None
    except BotoCoreError as error:
        raise StorageError(f"{what}: {type(error).__name__}") from None


class Storage:
    """One bucket. Thread-safe: botocore's clients are."""

    def __init__(self, settings: S3Settings, *, timeout_seconds: float = 10.0) -> None:
        self.bucket = settings.bucket
        session = boto3.session.Session()

        def client(endpoint: str) -> Any:
            return session.client(
                "s3",
                endpoint_url=endpoint,
                region_name=settings.region,
                aws_access_key_id=settings.access_key_id,
                aws_secret_access_key=settings.secret_access_key.get_secret_value(),
                verify=str(settings.ca_file) if settings.ca_file else None,
                config=Config(
                    signature_version="s3v4",
                    s3={"addressing_style": "path"},
                    connect_timeout=2,
                    read_timeout=timeout_seconds,
                    retries={"mode": "standard", "total_max_attempts": 2},
                    max_pool_connections=32,
                    # Checksums of our own choosing only: not every endpoint knows the newer defaults.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )

        self._client = client(settings.cluster_endpoint)
        self._signers: dict[Audience, Any] = {
            "cluster": self._client,
            "public": client(settings.public_endpoint),
        }

    # Objects ---------------------------------------------------------------------------------------

    def head(self, key: str) -> Stat:
        """Give size, ETag and type; raises NotFound, Forbidden, Unavailable."""
        with _translated(f"HEAD {key}"):
            answer = self._client.head_object(Bucket=self.bucket, Key=key)
        return Stat(
            key=key,
            size=answer["ContentLength"],
            etag=answer["ETag"].strip('"'),
            modified=answer["LastModified"],
            media_type=answer.get("ContentType"),
        )

    def get_bytes(self, key: str, *, limit: int) -> bytes:
        """Give an object of at most `limit` bytes; raises TooLarge before reading more than that."""
        with _translated(f"GET {key}"):
            body = self._client.get_object(Bucket=self.bucket, Key=key)["Body"]
            try:
                content: bytes = body.read(limit + 1)
            finally:
                body.close()
        if len(content) > limit:
            raise TooLarge(f"GET {key}: larger than {limit} bytes")
        return content

    def get_json(self, key: str, *, limit: int = 1024 * 1024) -> Any:
        """Give a JSON object of at most `limit` bytes; raises StorageError where it is no JSON."""
        content = self.get_bytes(key, limit=limit)
        try:
            return json.loads(content)
        except ValueError:
            raise StorageError(f"GET {key}: the object is no JSON") from None

    def put(self, key: str, content: bytes, *, media_type: str = "application/octet-stream") -> None:
        """Store a small object."""
        with _translated(f"PUT {key}"):
            self._client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=media_type)

    def upload(self, key: str, path: Path, *, media_type: str) -> None:
        """Store a file of any size, a large one in parts."""
        with _translated(f"PUT {key}"):
            try:
                self._client.upload_file(str(path), self.bucket, key, ExtraArgs={"ContentType": media_type})
            except S3UploadFailedError as error:  # boto3 wraps the answer that says why
                raise error.__context__ or StorageError(f"PUT {key}: failed") from None

    def delete(self, key: str) -> None:
        """Delete an object; one that isn't there is no error."""
        with _translated(f"DELETE {key}"):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def delete_all(self, keys: Sequence[str]) -> None:
        """Delete objects, many in one call; raises for the first that may not go, after all others have gone."""
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            batch = keys[start : start + _DELETED_AT_ONCE]
            with _translated(f"DELETE {batch[0]} and {len(batch) - 1} more"):
                answer = self._client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
                )
                for error in answer.get("Errors", []):
                    raise ClientError({"Error": error}, f"DeleteObjects {error.get('Key')}")

    def list(self, prefix: str) -> Iterator[Stat]:
        """Give all objects under a prefix, in order of their keys."""
        with _translated(f"LIST {prefix}"):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix
            ):
                for entry in page.get("Contents", []):
                    yield Stat(
                        key=entry["Key"],
                        size=entry["Size"],
                        etag=entry["ETag"].strip('"'),
                        modified=entry["LastModified"],
                    )

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """Give the multipart uploads under a prefix that are neither completed nor aborted."""
        with _translated(f"LIST UPLOADS {prefix}"):
            for page in self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.bucket, Prefix=prefix
            ):
                for entry in page.get("Uploads", []):
                    yield Upload(key=entry["Key"], id=entry["UploadId"], begun=entry["Initiated"])

    def abort(self, upload: Upload) -> None:
        """Drop an upload and its parts; one that isn't there any more is no error."""
        with suppress(NotFound), _translated(f"ABORT UPLOAD {upload.key}"):
            self._client.abort_multipart_upload(Bucket=self.bucket, Key=upload.key, UploadId=upload.id)

    # Signed URLs -----------------------------------------------------------------------------------

    def presign_get(
        self, key: str, *, seconds: int, audience: Audience = "cluster", media_type: str | None = None
    ) -> str:
        """Sign a GET (Range and If-Match may be sent with it); `media_type` overrides the stored one."""
        parameters = {"Bucket": self.bucket, "Key": key}
        if media_type:
            parameters["ResponseContentType"] = media_type
        return self._sign("get_object", parameters, seconds, audience)

    def presign_put(
        self,
        key: str,
        *,
        size: int,
        sha256: str,
        media_type: str,
        seconds: int,
        audience: Audience = "cluster",
    ) -> SignedPut:
        """Sign a PUT of exactly this content: `size` bytes with this SHA-256 (hex), checked by storage."""
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        parameters = {
            "Bucket": self.bucket,
            "Key": key,
            "ContentLength": size,
            "ContentType": media_type,
            "ChecksumSHA256": checksum,
        }
        url = self._sign("put_object", parameters, seconds, audience)
        return SignedPut(url, {"content-type": media_type, "x-amz-checksum-sha256": checksum})

    def create_upload(self, key: str, *, media_type: str = "application/octet-stream") -> str:
        """Begin a multipart upload and give its id."""
        with _translated(f"CREATE UPLOAD {key}"):
            answer = self._client.create_multipart_upload(Bucket=self.bucket, Key=key, ContentType=media_type)
        return str(answer["UploadId"])

    def presign_part(
        self, key: str, upload: str, number: int, *, size: int, seconds: int, audience: Audience = "cluster"
    ) -> str:
        """Sign the PUT of one part (numbers from 1) of exactly `size` bytes."""
        parameters = {
            "Bucket": self.bucket,
            "Key": key,
            "UploadId": upload,
            "PartNumber": number,
            "ContentLength": size,
        }
        return self._sign("upload_part", parameters, seconds, audience)

    def presign_complete(self, key: str, upload: str, *, seconds: int, audience: Audience = "cluster") -> str:
        """Sign the POST of S3's CompleteMultipartUpload XML."""
        parameters = {"Bucket": self.bucket, "Key": key, "UploadId": upload}
        return self._sign("complete_multipart_upload", parameters, seconds, audience)

    def _sign(self, call: str, parameters: dict[str, Any], seconds: int, audience: Audience) -> str:
        with _translated(f"sign {call}"):
            url = self._signers[audience].generate_presigned_url(call, Params=parameters, ExpiresIn=seconds)
        return str(url)

"""The request to n8n: signed by Standard Webhooks over the raw body, keyed by a secret that never travels."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from pydantic import SecretStr

from mediaops_operator.planning.desired import Send

_TIMEOUT_SECONDS = 10


def sign(secret: SecretStr, id_: str, timestamp: int, body: bytes) -> str:
    """Give the value of `webhook-signature`."""
    content = f"{id_}.{timestamp}.".encode() + body
    mac = hmac.new(secret.get_secret_value().encode(), content, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


class N8n:
    """Sends requests to one webhook."""

    def __init__(self, url: str, secret: SecretStr, ca_file: Path | None) -> None:
        self._url = url
        self._secret = secret
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        tls = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS, connect=3)
        connector = aiohttp.TCPConnector(ssl=tls)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def send(self, send: Send, timestamp: int) -> str | None:
        """POST a request at a time in seconds since the epoch; give why n8n didn't take it, None if it did."""
        if self._session is None:
            raise RuntimeError("enter N8n first")
        body = json.dumps(send.body, separators=(",", ":")).encode()
        id_ = f"{send.request_id}-{send.number}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": id_,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._secret, id_, timestamp, body),
            "x-idempotency-key": id_,
        }
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return None if 200 <= answer.status < 300 else f"it answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            return f"it can't be reached ({type(error).__name__})"

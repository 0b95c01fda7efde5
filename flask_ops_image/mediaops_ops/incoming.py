"""A file on its way in: appended to, hashed as it comes, gone on with after a cut."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import urllib3

from mediaops.reasons import Reason
from mediaops_ops.metering import METER
from mediaops_ops.net import Again, Response, why
from mediaops_ops.outcome import StepError

CHUNK_BYTES = 1024 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Incoming:
    """Receives one file, over as many responses as it takes; a context manager."""

    def __init__(self, path: Path, *, limit_bytes: int = 0) -> None:
        """Take where the file goes, and the size beyond which it is refused (0: none)."""
        self._file = path.open("w+b")
        self._hash = hashlib.sha256()
        self._limit = limit_bytes
        self._tag: str | None = None
        self._furthest = 0

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def sha256(self) -> str:
        """Give the hash of what has come so far."""
        return self._hash.hexdigest()

    def range_header(self) -> dict[str, str]:
        """Give the headers that ask for what is missing, of the same content as before."""
        offset = self._file.tell()
        if not offset:
            return {}
        same = {"If-Range": self._tag} if self._tag else {}
        return {"Range": f"bytes={offset}-", **same}

    def receive(self, response: Response, progress: Callable[[float], None] = lambda _: None) -> None:
        """Append a 200's or 206's body; raises Again where it broke off, StepError SourceTooLarge."""
        self._start(response)
        total = self._total(response)
        try:
            for chunk in response.stream(CHUNK_BYTES, decode_content=False):
                METER.received(len(chunk))
                self._append(chunk)
                progress(self._file.tell() / max(total or 0, self._file.tell()))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Again(why(error), progressed=self._progressed()) from error
        finally:
            response.close()
        if total is not None and self._file.tell() < total:
            raise Again("the connection broke off", progressed=self._progressed())

    def _progressed(self) -> bool:
        """Say whether more is there than ever: one who always starts over and never ends gets nowhere."""
        further = self._file.tell() > self._furthest
        self._furthest = max(self._furthest, self._file.tell())
        return further

    def _start(self, response: Response) -> None:
        """Go back to the start where the other side sends everything again."""
        begins = 0
        if response.status == 206:
            match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
            begins = int(match[1]) if match else -1
        if begins != self._file.tell():
            self._file.seek(0)
            self._file.truncate()
            self._hash = hashlib.sha256()
            if begins != 0:
                response.close()
                raise Again("it sent another range than it was asked for")
        tag = response.headers.get("ETag", "")
        self._tag = tag if tag.startswith('"') else None  # weak tags can't vouch for ranges

    def _total(self, response: Response) -> int | None:
        """Give the size that the file will have; raises StepError where that is over the limit."""
        length = response.headers.get("Content-Length", "")
        if not length.isdigit():
            return None
        total = self._file.tell() + int(length)
        self._refuse_over_limit(total)
        return total

    def _append(self, chunk: bytes) -> None:
        self._refuse_over_limit(self._file.tell() + len(chunk))
        self._file.write(chunk)
        self._hash.update(chunk)

    def _refuse_over_limit(self, size: int) -> None:
        if self._limit and size > self._limit:
            message = f"The file is larger than the limit of {self._limit} bytes."
            raise StepError(Reason.SOURCE_TOO_LARGE, message, permanent=True)

"""The log: one JSON object a line on stderr, and its end kept for storage. No addresses, no secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections import deque
from datetime import UTC, datetime

TAIL_LINES = 400
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'\\]+|(?<=\?)[^\s\"'\\=]+=[^\s\"'\\]+", re.IGNORECASE)
"""A URL; or a query without the address before it, which is where a signature stands."""
_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def without_addresses(text: str) -> str:
    """Give the text with every URL and query replaced: signed ones are as good as passwords."""
    return _ADDRESS.sub("[address]", text)


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON; what `extra` carries becomes further keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, free of addresses."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{key: value for key, value in record.__dict__.items() if key not in _PLAIN},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return without_addresses(json.dumps(line, default=str, ensure_ascii=False))


class Tail(logging.Handler):
    """Keeps the last lines, to be put into storage where a run fails."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self._lines.append(self.format(record))

    def text(self) -> bytes:
        """Give what was kept."""
        return ("\n".join(self._lines) + "\n").encode()


def start() -> Tail:
    """Send our log to stderr as JSON lines; libraries speak up from warnings on. Gives the tail."""
    tail = Tail()
    stream = logging.StreamHandler(sys.stderr)
    for handler in (stream, tail):
        handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[stream, tail], force=True)
    logging.getLogger("mediaops_ops").setLevel(logging.INFO)
    return tail

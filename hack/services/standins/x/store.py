"""The stand-in's memory: one SQLite file and the uploads' bytes, both of which survive a SIGKILL."""

import hashlib
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, username TEXT, first_access TEXT, access TEXT, refresh TEXT, expired INT DEFAULT 0);
CREATE TABLE IF NOT EXISTS media (
    id TEXT PRIMARY KEY, user_id TEXT, media_type TEXT, category TEXT, total_bytes INT, expires_at REAL,
    finalized_at REAL, fault TEXT, sha256 TEXT, next_poll_at REAL DEFAULT 0, post_id TEXT);
CREATE TABLE IF NOT EXISTS segments (
    media_id TEXT, idx INT, size INT, sha256 TEXT, PRIMARY KEY (media_id, idx));
CREATE TABLE IF NOT EXISTS posts (
    id TEXT PRIMARY KEY, user_id TEXT, text TEXT, media_ids TEXT, created_at REAL);
CREATE TABLE IF NOT EXISTS calls (
    n INTEGER PRIMARY KEY, at REAL, route TEXT, status INT, fate TEXT, detail TEXT);
CREATE TABLE IF NOT EXISTS faults (n INTEGER PRIMARY KEY, route TEXT, rule TEXT);
"""


MEDIA_SHOWN = "id, sha256, total_bytes AS size, media_type, category"


@dataclass(frozen=True)
class User:
    """An account on X."""

    id: str
    username: str


class Store:
    """All state under one folder. Every method is one transaction; threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._bytes = folder / "media"
        self._bytes.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(folder / "x.sqlite3", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The database under the store's lock; rolled back if the block raises."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._db.execute(sql, values)]

    def _row(self, sql: str, *values: object) -> dict[str, Any] | None:
        return next(iter(self._rows(sql, *values)), None)

    # Accounts and their tokens

    def add_user(self, access: str, refresh: str) -> None:
        """An account that signs in with these tokens at first; nothing if it is already known."""
        with self.transaction() as db:
            if db.execute("SELECT 1 FROM users WHERE first_access = ?", (access,)).fetchone():
                return
            number = db.execute("SELECT count(*) FROM users").fetchone()[0] + 1
            db.execute(
                "INSERT INTO users (id, username, first_access, access, refresh) VALUES (?, ?, ?, ?, ?)",
                (str(2_244_994_944 + number), f"account{number}", access, access, refresh),
            )

    def user_of(self, access: str) -> User | None:
        """Whose access token this is, if it is still good."""
        row = self._row("SELECT id, username FROM users WHERE access = ? AND NOT expired", access)
        return User(**row) if row else None

    def expire_token(self, first_access: str) -> None:
        """Refuse the account that began with this token until it has refreshed it."""
        with self.transaction() as db:
            db.execute("UPDATE users SET expired = 1 WHERE first_access = ?", (first_access,))

    def expire_tokens(self) -> None:
        """From now on every access token is refused until it is refreshed."""
        with self.transaction() as db:
            db.execute("UPDATE users SET expired = 1")

    def refresh(self, refresh: str) -> tuple[str, str] | None:
        """New (access, refresh) tokens for a refresh token, which works once, as X's do."""
        access, fresh = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
        with self.transaction() as db:
            done = db.execute(
                "UPDATE users SET access = ?, refresh = ?, expired = 0 WHERE refresh = ?",
                (access, fresh, refresh),
            )
        return (access, fresh) if done.rowcount else None

    # Media

    def add_media(self, user: User, media_type: str, category: str, total_bytes: int, lifetime: float) -> str:
        """Begin an upload and return its media id."""
        media_id = str(1_880_000_000_000_000_000 + secrets.randbelow(10**15))
        with self.transaction() as db:
            db.execute(
                "INSERT INTO media (id, user_id, media_type, category, total_bytes, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (media_id, user.id, media_type, category, total_bytes, time.time() + lifetime),
            )
        return media_id

    def media(self, media_id: str, user: User) -> dict[str, Any] | None:
        """An upload of this user that has not expired."""
        return self._row(
            "SELECT * FROM media WHERE id = ? AND user_id = ? AND expires_at > ?",
            media_id,
            user.id,
            time.time(),
        )

    def segments(self, media_id: str) -> list[dict[str, Any]]:
        """The parts received so far, in order: idx, size (bytes), sha256."""
        return self._rows("SELECT idx, size, sha256 FROM segments WHERE media_id = ? ORDER BY idx", media_id)

    def put_segment(self, media_id: str, index: int, data: bytes) -> None:
        """Keep a part; the bytes first, so that a kill in between loses only what was not acknowledged."""
        (self._bytes / f"{media_id}.{index}").write_bytes(data)
        with self.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?)",
                (media_id, index, len(data), hashlib.sha256(data).hexdigest()),
            )

    def assemble(self, media_id: str) -> tuple[Path, str]:
        """The whole file from its parts, and its sha256."""
        whole, digest = self._bytes / media_id, hashlib.sha256()
        with whole.open("wb") as file:
            for segment in self.segments(media_id):
                data = (self._bytes / f"{media_id}.{segment['idx']}").read_bytes()
                digest.update(data)
                file.write(data)
        for segment in self.segments(media_id):
            (self._bytes / f"{media_id}.{segment['idx']}").unlink()
        return whole, digest.hexdigest()

    def finalize(self, media_id: str, sha256: str, fault: str | None, next_poll_at: float) -> None:
        """The upload is whole; `fault` says what processing will find wrong with it."""
        with self.transaction() as db:
            db.execute(
                "UPDATE media SET finalized_at = ?, sha256 = ?, fault = ?, next_poll_at = ? WHERE id = ?",
                (time.time(), sha256, fault, next_poll_at, media_id),
            )

    def set_next_poll(self, media_id: str, at: float) -> None:
        """When the caller may ask for the status again."""
        with self.transaction() as db:
            db.execute("UPDATE media SET next_poll_at = ? WHERE id = ?", (at, media_id))

    # Posts

    def add_post(self, db: sqlite3.Connection, user: User, text: str, media_ids: list[str]) -> str:
        """Store a post and use up its media, inside the caller's transaction."""
        post_id = str(time.time_ns())
        db.execute(
            "INSERT INTO posts VALUES (?, ?, ?, ?, ?)",
            (post_id, user.id, text, json.dumps(media_ids), time.time()),
        )
        for media_id in media_ids:
            db.execute("UPDATE media SET post_id = ? WHERE id = ?", (post_id, media_id))
        return post_id

    def posts(self, user_id: str | None = None) -> list[dict[str, Any]]:
        """Posts with their media (id, sha256, size in bytes, type, category), newest first."""
        where, values = ("WHERE user_id = ?", (user_id,)) if user_id else ("", ())
        posts = self._rows(f"SELECT * FROM posts {where} ORDER BY id DESC", *values)  # noqa: S608 (no input in it)
        for post in posts:
            post["media"] = [
                self._row(
                    "SELECT id, sha256, total_bytes AS size, media_type, category FROM media WHERE id = ?", m
                )
                for m in json.loads(post.pop("media_ids"))
            ]
        return posts

    # What tests ask for and look at

    def log(self, route: str, status: int, fate: str, detail: dict[str, Any]) -> None:
        """Record one call."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO calls (at, route, status, fate, detail) VALUES (?, ?, ?, ?, ?)",
                (time.time(), route, status, fate, json.dumps(detail)),
            )

    def calls(self) -> list[dict[str, Any]]:
        """Every call so far, oldest first."""
        return [
            {**row, "detail": json.loads(row["detail"])}
            for row in self._rows("SELECT * FROM calls ORDER BY n")
        ]

    def add_fault(self, route: str, rule: dict[str, Any]) -> None:
        """Break a route as `rule` says; rules of one route are used up in order."""
        with self.transaction() as db:
            db.execute("INSERT INTO faults (route, rule) VALUES (?, ?)", (route, json.dumps(rule)))

    def clear_faults(self) -> None:
        """All routes work again."""
        with self.transaction() as db:
            db.execute("DELETE FROM faults")

    def take_fault(self, route: str) -> dict[str, Any] | None:
        """The rule for this call of a route, counted down; None if the call goes well."""
        with self.transaction() as db:
            row = db.execute(
                "SELECT n, rule FROM faults WHERE route = ? ORDER BY n LIMIT 1", (route,)
            ).fetchone()
            if row is None:
                return None
            rule: dict[str, Any] = json.loads(row["rule"])
            counter = "skip" if rule["skip"] > 0 else "times"
            skipped = counter == "skip"
            rule[counter] -= 1
            if rule["times"] > 0:
                db.execute("UPDATE faults SET rule = ? WHERE n = ?", (json.dumps(rule), row["n"]))
            else:
                db.execute("DELETE FROM faults WHERE n = ?", (row["n"],))
            return None if skipped else rule

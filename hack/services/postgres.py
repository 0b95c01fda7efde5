"""PostgreSQL: a database cluster of our own beside any that the machine has."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from hack.services.service import LOOPBACK, Place, Service, Tls

BIN = Path("/usr/lib/postgresql/15/bin")
MIGRATIONS = Path(__file__).parents[2] / "migrations"
FIRST_MIGRATION = "media_processing_extension.sql"

ADMIN = "postgres"
# The server refuses to run as root; Debian's package makes this user.
SYSTEM_USER = "postgres"

SETTINGS = {
    "unix_socket_directories": "",
    "max_connections": "200",
    "log_line_prefix": "%m [%p] %u@%d ",
    # What the kernel has taken survives a SIGKILL of the server, and no test cuts the power.
    "fsync": "off",
    "full_page_writes": "off",
}


class MigrationFailed(Exception):
    """psql refused a migration; the message holds what it said."""


class Postgres(Service):
    """A PostgreSQL server; everyone, the superuser `postgres` too, needs a password, and TLS where it has it.

    Started by root it runs as the system user `postgres`, who may not be able to enter this checkout's folder:
    its data are then in a folder of their own in /var/tmp, and `data` is a link to it.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": it doesn't wait for clients to leave

    def __init__(
        self, folder: Path, place: Place = LOOPBACK, port: int = 0, tls: Tls | None = None, *, password: str
    ) -> None:
        super().__init__(folder, place, port, tls)
        self._password = password
        self._data = self.folder / "data"

    def command(self) -> Sequence[str | Path]:
        """See Service."""
        settings = {
            **SETTINGS,
            "listen_addresses": self.place.address,
            "port": str(self.port),
            "hba_file": str(self._data.resolve() / "hba.conf"),
        }
        if self.tls:
            settings |= {"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return _as_system_user(BIN / "postgres", "-D", self._data.resolve(), *flags)

    def env(self) -> Mapping[str, str]:
        """See Service."""
        return {"LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def prepare(self) -> None:
        """See Service: make the database cluster; what a crash left is good for another start."""
        # Only called when none runs. Postgres itself would take a zombie that init has not buried for a server.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        if not (self._data / "hba.conf").exists():
            self._remove_data()
            self._make_cluster()

    def ready(self) -> bool:
        """Return whether it lets the superuser in."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str = "postgres", user: str = ADMIN, password: str | None = None) -> str:
        """Return a connection URL, by address; it holds the password (the superuser's by default)."""
        tls = {"sslmode": "verify-full", "sslrootcert": str(self.tls.authority)} if self.tls else {}
        secret = quote(password or self._password, safe="")
        return f"postgresql://{user}:{secret}@{self.place.address}:{self.port}/{database}?{urlencode(tls)}"

    def connect(
        self, database: str = "postgres", user: str = ADMIN, password: str | None = None
    ) -> psycopg.Connection:
        """Open a connection that commits each statement. Raises psycopg.OperationalError."""
        return psycopg.connect(self.url(database, user, password), autocommit=True, connect_timeout=2)

    def create_database(self, name: str) -> str:
        """Make an empty database, if there is none of this name; return the superuser's URL for it."""
        with self.connect() as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )

    def migrate(self, database: str, migrations: Path = MIGRATIONS) -> None:
        """Run all migrations with psql, in order; each may run again. Raises MigrationFailed."""
        for file in sorted(migrations.glob("*.sql"), key=lambda file: (file.name != FIRST_MIGRATION, file)):
            ended = subprocess.run(
                [BIN / "psql", "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", file],
                # Not on the command line, where every user of the machine could read it.
                env={"PATH": os.environ["PATH"], **self._libpq_env(database)},
                capture_output=True,
                text=True,
                check=False,
            )
            if ended.returncode != 0:
                raise MigrationFailed(f"{file.name}: {ended.stderr.strip()}")

    def set_password(self, role: str, password: str) -> None:
        """Give a role its password."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password))
            )

    def remove(self) -> None:
        """See Service."""
        self.stop()
        self._remove_data()
        super().remove()

    def _libpq_env(self, database: str) -> dict[str, str]:
        tls = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self.tls.authority)} if self.tls else {}
        return {
            "PGHOST": self.place.address,
            "PGPORT": str(self.port),
            "PGDATABASE": database,
            "PGUSER": ADMIN,
            "PGPASSWORD": self._password,
            **tls,
        }

    def _make_cluster(self) -> None:
        if os.geteuid() == 0:
            self._data.symlink_to(tempfile.mkdtemp(prefix="mediaops-postgres-", dir="/var/tmp"))
        else:
            self._data.mkdir(mode=0o700)
        data = self._data.resolve()
        password_file = data.with_suffix(".password")
        self._write(password_file, self._password)
        self._give(data)
        try:
            subprocess.run(
                _as_system_user(
                    BIN / "initdb", "-D", data, "-U", ADMIN, "--auth=scram-sha-256", "--no-sync",
                    f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
                ),
                cwd="/", capture_output=True, text=True, check=True,
            )  # fmt: skip
        finally:
            password_file.unlink()
        if self.tls:
            self._write(data / "server.crt", self.tls.certificate.cert.read_text())
            self._write(data / "server.key", self.tls.certificate.key.read_text())
        # Last: where it exists, the rest does too.
        kind = "hostssl" if self.tls else "host"
        self._write(data / "hba.conf", f"{kind} all all 0.0.0.0/0 scram-sha-256\n")

    def _write(self, path: Path, content: str) -> None:
        path.touch(mode=0o600)
        path.write_text(content)
        self._give(path)

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam(SYSTEM_USER)
            os.chown(path, user.pw_uid, user.pw_gid)

    def _remove_data(self) -> None:
        if self._data.is_symlink():
            shutil.rmtree(self._data.readlink(), ignore_errors=True)
            self._data.unlink()
        else:
            shutil.rmtree(self._data, ignore_errors=True)


def _as_system_user(*command: str | Path) -> list[str | Path]:
    if os.geteuid() != 0:
        return [*command]
    user = f"--reuid={SYSTEM_USER}", f"--regid={SYSTEM_USER}", "--clear-groups"
    return ["setpriv", *user, "--no-new-privs", "--", *command]

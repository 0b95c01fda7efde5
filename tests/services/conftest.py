"""Real services for this tier, each on a port of its own of 127.0.0.1, with TLS by a CA made for the session.

- `tls`: the certificate they show, and the CA file that clients trust.
- `postgres`: a PostgreSQL server; `database`: a migrated database of the test's own (its superuser's URL).
- `s3`: versitygw with the bucket `media`; `s3.client(user)` for `root` and the users of hack.services.s3.GRANTS.
- `n8n_folder`: where `N8n` can keep its finished databases between tests of a session.

They are started when the first test asks, and go with the session.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from hack.cluster.pki import Authority
from hack.services.postgres import Postgres
from hack.services.s3 import GRANTS, ROOT, S3
from hack.services.service import Tls

_numbers = count(1)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    return Tls(authority.issue("services", sans=["localhost", "127.0.0.1"]), authority.cert)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> Iterator[Postgres]:
    folder = tmp_path_factory.mktemp("services") / "postgres"
    with Postgres(folder, tls=tls, password=secrets.token_hex(16)) as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    url = postgres.create_database(name)
    postgres.migrate(name)
    yield url
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> Iterator[S3]:
    folder = tmp_path_factory.mktemp("services") / "s3"
    keys = {user: secrets.token_hex(20) for user in (ROOT, *GRANTS)}
    with S3(folder, tls=tls, secrets=keys) as server:
        yield server


@pytest.fixture(scope="session")
def n8n_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("n8n")

"""Storage over a real S3 server: what comes back, and that every failure is told apart."""

import pytest

from hack.services.s3 import BUCKET, S3
from mediaops.settings import load
from mediaops.storage import Forbidden, NotFound, S3Settings, Storage, StorageError, TooLarge, Unavailable

FOLDER = f"acme/steps/{'e' * 40}"


def opened(s3: S3, user: str, secret: str | None = None, endpoint: str | None = None) -> Storage:
    assert s3.tls
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "STORAGE_BUCKET": BUCKET,
            "STORAGE_URL": endpoint or s3.url,
            "MEDIAOPS_S3_ACCESS_KEY_ID": user,
            "MEDIAOPS_S3_SECRET_ACCESS_KEY": secret or s3.secret(user),
            "MEDIAOPS_CA_FILE": str(s3.tls.authority),
        }.items():
            patch.setenv(name, value)
        patch.delenv("MEDIAOPS_S3_ENDPOINT", raising=False)
        return Storage(load(S3Settings), timeout_seconds=3)


@pytest.fixture
def storage(s3: S3) -> Storage:
    return opened(s3, "backend")


def test_what_is_put_is_found_with_its_size_type_and_tag(storage: Storage) -> None:
    storage.put(f"{FOLDER}/result.json", b'{"version": 1}', media_type="application/json")
    found = storage.head(f"{FOLDER}/result.json")
    assert (found.size, found.media_type, found.etag.strip('"')) == (14, "application/json", found.etag)
    assert storage.get_json(f"{FOLDER}/result.json") == {"version": 1}
    assert f"{FOLDER}/result.json" in [stat.key for stat in storage.list(FOLDER)]


def test_what_is_not_there_is_not_found(storage: Storage) -> None:
    for look in (storage.head, storage.get_json):
        with pytest.raises(NotFound):
            look(f"{FOLDER}/nothing.json")


def test_no_more_is_read_than_asked_for(storage: Storage) -> None:
    storage.put(f"{FOLDER}/large", b"x" * 100)
    assert storage.get_bytes(f"{FOLDER}/large", limit=100) == b"x" * 100
    with pytest.raises(TooLarge):
        storage.get_bytes(f"{FOLDER}/large", limit=99)


def test_what_is_no_json_is_said_to_be_none(storage: Storage) -> None:
    storage.put(f"{FOLDER}/text", b"{")
    with pytest.raises(StorageError, match="no JSON"):
        storage.get_json(f"{FOLDER}/text")


def test_what_a_user_may_not_do_and_a_wrong_key_are_forbidden(s3: S3) -> None:
    with pytest.raises(Forbidden):
        opened(s3, "operator").put(f"{FOLDER}/result.json", b"{}")
    with pytest.raises(Forbidden) as refused:
        opened(s3, "backend", secret="wrong-wrong-wrong").get_json(f"{FOLDER}/result.json")
    assert "wrong-wrong" not in str(refused.value)


def test_a_server_that_is_away_is_unavailable_and_its_address_is_not_told(s3: S3, storage: Storage) -> None:
    s3.stop()
    try:
        with pytest.raises(Unavailable) as away:
            storage.head(f"{FOLDER}/result.json")
    finally:
        s3.start()
    assert s3.url not in str(away.value)

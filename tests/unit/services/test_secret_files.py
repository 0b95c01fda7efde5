"""Secrets are made once, whoever asks first, and only their owner reads them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from hack.services.secret_files import SecretFiles


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    made = SecretFiles(tmp_path / "secrets").text("token")
    assert len(made) == 64
    assert SecretFiles(tmp_path / "secrets").text("token") == made
    assert SecretFiles(tmp_path / "secrets").text("other") != made


def test_those_who_ask_at_the_same_time_get_the_same_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_are_making_one = Barrier(2, timeout=5)
    values = iter(["a" * 64, "b" * 64])

    def token_hex(_: int) -> str:
        both_are_making_one.wait()
        return next(values)

    monkeypatch.setattr("hack.services.secret_files.secrets.token_hex", token_hex)
    files = SecretFiles(tmp_path / "secrets")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(files.text, ["token", "token"])
    assert first == second == files.path("token").read_text()


def test_only_the_owner_reads_them(tmp_path: Path) -> None:
    files = SecretFiles(tmp_path / "secrets")
    files.text("token")
    files.service_account("account", "reader@test", "https://drive.test/token")
    assert files.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in files.folder.iterdir()} == {0o600}
    assert sorted(path.name for path in files.folder.iterdir()) == ["account", "account.pem", "token"]

"""What the installation lends: from which variables, to which namespaces, for which hosts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mediaops.settings import SettingsError, load
from mediaops_operator.credentials import Credentials
from mediaops_operator.profiles import Engine, Profile
from mediaops_operator.settings import OperatorSettings

DRIVE, OPENAI = "mediaops-source-google-drive", "mediaops-engine-openai"
ACCOUNT = {
    "client_email": "robot@project.iam.example",
    "private_key": "-----BEGIN PRIVATE KEY-----",
    "token_uri": "https://oauth2.googleapis.com/token",
}
PROFILE = Profile(image="i")
REQUIRED = {
    "DATABASE_URL": "postgresql://operator@database/mediaops",
    "N8N_WEBHOOK_URL": "https://n8n.example/webhook",
    "N8N_WEBHOOK_SECRET": "0123456789abcdef0123456789abcdef",
    "MEDIAOPS_BACKEND_URL": "https://backend.example",
    "MEDIAOPS_CAPABILITY_KEY_FILE": "/capability.pem",
    "MEDIAOPS_PROFILES_FILE": "/profiles.yaml",
}


@pytest.fixture
def lending(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function from variables to what the operator lends under them."""

    def credentials(**variables: str) -> Credentials:
        for name, value in {**REQUIRED, **variables}.items():
            monkeypatch.setenv(name, value)
        return Credentials.of(load(OperatorSettings))

    return credentials


def test_keys_without_namespaces_are_lent_to_nobody(lending: Any) -> None:
    credentials = lending(GOOGLE_DRIVE_API_KEY="AIza-key", OPENAI_API_KEY="sk-key")
    assert [None, None] == [credentials.lent(secret, "acme", PROFILE) for secret in (DRIVE, OPENAI)]


def test_named_namespaces_are_lent_each_key_for_its_own_host(lending: Any) -> None:
    credentials = lending(
        GOOGLE_DRIVE_API_KEY="AIza-key", OPENAI_API_KEY="sk-key", MEDIAOPS_CREDENTIAL_NAMESPACES="acme, beta"
    )
    for namespace in ("acme", "beta"):
        drive, openai = (
            json.loads(credentials.lent(secret, namespace, PROFILE)) for secret in (DRIVE, OPENAI)
        )
        assert {"hosts": ["www.googleapis.com"], "apiKey": "AIza-key"} == drive
        assert {"hosts": ["api.openai.com"], "apiKey": "sk-key"} == openai
    assert credentials.lent(DRIVE, "acme-2", PROFILE) is None
    assert credentials.lent("drive", "acme", PROFILE) is None
    assert credentials.lent(None, "acme", PROFILE) is None


def test_the_host_is_the_one_that_the_profile_sends_it_to(lending: Any) -> None:
    credentials = lending(
        GOOGLE_DRIVE_API_KEY="AIza-key", OPENAI_API_KEY="sk-key", MEDIAOPS_CREDENTIAL_NAMESPACES="acme"
    )
    profile = Profile(
        image="i",
        env={"MEDIAOPS_DRIVE_ENDPOINT": "https://drive.test:8444"},
        engines={"openai": Engine(base_url="https://openai.test/v1")},
    )
    hosts = [json.loads(credentials.lent(secret, "acme", profile))["hosts"] for secret in (DRIVE, OPENAI)]
    assert [["drive.test"], ["openai.test"]] == hosts


def test_a_service_account_goes_before_an_api_key(lending: Any) -> None:
    credentials = lending(
        GOOGLE_DRIVE_API_KEY="AIza-key",
        GOOGLE_DRIVE_CREDENTIALS=json.dumps(ACCOUNT),
        MEDIAOPS_CREDENTIAL_NAMESPACES="acme",
    )
    lent = json.loads(credentials.lent(DRIVE, "acme", PROFILE))
    assert {"hosts": ["www.googleapis.com"], "serviceAccount": ACCOUNT} == lent


@pytest.mark.parametrize(
    "text", ["no json", "[]", '{"client_email": "r"}', json.dumps(ACCOUNT) + " " * 20_000]
)
def test_what_is_no_service_account_is_refused_by_name_and_not_shown(lending: Any, text: str) -> None:
    with pytest.raises(SettingsError, match="GOOGLE_DRIVE_CREDENTIALS") as refused:
        lending(GOOGLE_DRIVE_CREDENTIALS=text)
    assert text.strip() not in str(refused.value)


def test_nothing_lent_shows_where_it_is_printed(lending: Any) -> None:
    credentials = lending(OPENAI_API_KEY="sk-key", MEDIAOPS_CREDENTIAL_NAMESPACES="acme")
    assert "sk-key" not in repr(credentials)

"""Claims, saved states and settlements over HTTP, on real rows: one holder at a time, one post."""

import threading
import uuid

import psycopg
import pytest
import requests
from psycopg import sql

from mediaops.tables import CHANNEL
from tests.services.backend_fixtures import Installed

pytest_plugins = ["tests.services.backend_fixtures"]


def claim_path(request: str) -> str:
    return f"/api/media/distributions/{request}/claim"


def claim(installed: Installed, request: str, target: str = "x"):  # type: ignore[no-untyped-def]
    return installed.n8n("POST", claim_path(request), {"target": target})


def save(installed: Installed, publication: str, fence: int, **state: object):  # type: ignore[no-untyped-def]
    return installed.n8n("PATCH", f"/api/media/publications/{publication}", {"fence": fence, "state": state})


def settle(installed: Installed, request: str, fence: int, path: str = "/api/organic/posts", **said: object):  # type: ignore[no-untyped-def]
    return installed.n8n("POST", path, {"request_id": request, "target": "x", "fence": fence, **said})


@pytest.fixture
def request_id(installed: Installed) -> str:
    return installed.planned(installed.workspace())


def test_a_claim_gives_text_files_that_open_and_the_saved_state(installed: Installed) -> None:
    request = installed.planned(installed.workspace(), content=b"whole file")
    answer = claim(installed, request)
    assert (answer.status_code, answer.json["fence"], answer.json["text"]) == (200, 1, "Hello")
    assert answer.json["state"] == {}
    [file] = answer.json["files"]
    got = requests.get(file["url"], verify=installed.environment["MEDIAOPS_CA_FILE"], timeout=10)
    assert (got.status_code, got.content, len(got.content)) == (200, b"whole file", file["size"])


def test_a_second_claim_is_told_until_when_it_is_held(installed: Installed, request_id: str) -> None:
    claim(installed, request_id)
    answer = claim(installed, request_id)
    assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert answer.json["type"] == "urn:mediaops:problem:held"
    assert answer.json["until"] == installed.post_row(request_id)["lease_until"].isoformat()


def test_the_next_holder_goes_on_where_the_first_stopped_and_the_first_is_refused(
    installed: Installed, request_id: str
) -> None:
    first = claim(installed, request_id).json
    assert save(installed, first["publication_id"], 1, phase="uploading", segment=4).status_code == 200
    installed.end_lease(request_id)
    second = claim(installed, request_id).json
    assert (second["fence"], second["state"]) == (2, {"phase": "uploading", "segment": 4})
    stale = save(installed, first["publication_id"], 1, phase="uploading", segment=5)
    assert (stale.status_code, stale.json["type"]) == (409, "urn:mediaops:problem:stale")
    assert installed.post_row(request_id)["saved_state"]["segment"] == 4


def test_who_finds_posting_after_the_lease_is_let_through_to_nothing(
    installed: Installed, request_id: str
) -> None:
    first = claim(installed, request_id).json
    assert save(installed, first["publication_id"], 1, phase="posting").json["look_up_only"] is False
    installed.end_lease(request_id)
    second = claim(installed, request_id).json
    assert second["state"]["phase"] == "posting"
    assert save(installed, first["publication_id"], 2, phase="posting").json["look_up_only"] is True
    refused = save(installed, first["publication_id"], 2, phase="uploading")
    assert (refused.status_code, refused.json["type"]) == (409, "urn:mediaops:problem:look-up-only")


def test_a_settlement_is_committed_and_the_operator_is_told(installed: Installed, request_id: str) -> None:
    claim(installed, request_id)
    with installed.roles.connect("mediaops_operator") as listener:
        listener.execute(f"listen {CHANNEL}")
        answer = settle(installed, request_id, 1, external_post_id="17", url="https://x.com/i/status/17")
        told = list(listener.notifies(timeout=5, stop_after=1))
    assert (answer.status_code, answer.json["state"]) == (200, "posted")
    row = installed.post_row(request_id)
    assert (row["state"], row["external_post_id"]) == ("posted", "17")
    assert [(n.channel, n.payload) for n in told] == [(CHANNEL, row["resource"])]


def test_the_second_of_two_settlements_changes_nothing(installed: Installed, request_id: str) -> None:
    claim(installed, request_id)
    settle(installed, request_id, 1, external_post_id="17")
    before = installed.post_row(request_id)
    again = settle(installed, request_id, 1, "/api/media/distribute-callback", external_post_id="17")
    assert again.status_code == 200
    assert installed.post_row(request_id) == before


def test_a_posts_id_is_taken_late_and_out_of_doubt(installed: Installed, request_id: str) -> None:
    first = claim(installed, request_id).json
    save(installed, first["publication_id"], 1, phase="posting")
    installed.end_lease(request_id)
    claim(installed, request_id)
    unknown = {"reason": "OutcomeUnknown", "message": "not in the timeline", "retryable": False}
    assert settle(installed, request_id, 2, error=unknown).json["state"] == "outcome_unknown"
    assert claim(installed, request_id).json["type"] == "urn:mediaops:problem:outcome-unknown"
    assert settle(installed, request_id, 1, external_post_id="17").json["state"] == "posted"
    assert claim(installed, request_id).json["type"] == "urn:mediaops:problem:posted"


def test_a_retryable_error_reopens_with_a_wait(installed: Installed, request_id: str) -> None:
    claim(installed, request_id)
    error = {"reason": "PlatformUnavailable", "message": "503", "retryable": True}
    assert settle(installed, request_id, 1, error=error).json["state"] == "planned"
    row = installed.post_row(request_id)
    assert (row["attempts"], row["reason"]) == (1, "PlatformUnavailable")
    assert claim(installed, request_id).json["until"] == row["next_attempt_at"].isoformat()


def test_claims_are_capped_per_platform_whatever_their_workspace(installed: Installed) -> None:
    requests_ = [installed.planned(installed.workspace(), platform="capped") for _ in range(3)]
    assert [claim(installed, r).status_code for r in requests_] == [200, 200, 429]
    assert claim(installed, installed.planned(installed.workspace())).status_code == 200
    capped = claim(installed, requests_[2])
    assert int(capped.headers["Retry-After"]) > 0
    assert installed.post_row(requests_[2])["fence"] == 0
    settle(installed, requests_[0], 1, external_post_id="17")
    assert claim(installed, requests_[2]).status_code == 200


def test_of_many_claims_at_once_one_is_granted(installed: Installed, request_id: str) -> None:
    answers: list[int] = []

    def ask() -> None:
        client = installed.client.application.test_client()
        bearer = installed.environment["MEDIAOPS_N8N_TOKEN"]
        answer = client.post(
            claim_path(request_id), json={"target": "x"}, headers={"Authorization": f"Bearer {bearer}"}
        )
        answers.append(answer.status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 7


def test_unknown_requests_targets_and_publications_are_not_found(
    installed: Installed, request_id: str
) -> None:
    assert claim(installed, str(uuid.uuid4())).status_code == 404
    assert claim(installed, "no-uuid").status_code == 404
    assert claim(installed, request_id, "tiktok").status_code == 404
    assert save(installed, str(uuid.uuid4()), 1).status_code == 404


def test_only_n8ns_bearer_opens_these_routes(installed: Installed, request_id: str) -> None:
    path = claim_path(request_id)
    others = [None, "x" * 48, installed.environment["FLASK_API_SECRET"], installed.user("acme")]
    for bearer in others:
        answer = installed.call("POST", path, {"target": "x"}, bearer)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert installed.post_row(request_id)["fence"] == 0


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "body"),
        ({"external_post_id": "1", "error": {"reason": "X", "message": "x", "retryable": False}}, "body"),
        ({"external_post_id": ""}, "external_post_id"),
        ({"external_post_id": "1", "url": "javascript:alert(1)"}, "url"),
        ({"error": {"reason": "X", "message": "x"}}, "error.retryable"),
        ({"external_post_id": "1", "extra": 1}, "extra"),
    ],
)
def test_a_settlement_that_says_nothing_clear_names_the_field(
    installed: Installed, request_id: str, said: dict[str, object], field: str
) -> None:
    claim(installed, request_id)
    answer = settle(installed, request_id, 1, **said)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_a_state_over_4_kib_is_refused(installed: Installed, request_id: str) -> None:
    first = claim(installed, request_id).json
    answer = save(installed, first["publication_id"], 1, notes="x" * 4096)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "state")


def test_while_postgres_is_away_the_answer_is_503_within_seconds(
    installed: Installed, request_id: str
) -> None:
    installed.roles.server.stop()
    try:
        answer = claim(installed, request_id)
    finally:
        installed.roles.server.start()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert claim(installed, request_id).status_code == 200


def test_the_backends_role_changes_nothing_that_was_decided(installed: Installed, request_id: str) -> None:
    workspace = installed.post_row(request_id)["workspace_id"]
    with installed.roles.connect("mediaops_backend") as connection:
        connection.execute("select set_config('mediaops.workspace', %s, false)", [workspace])
        for column in ("files", "text", "revision", "workspace_id", "request_id"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(
                    sql.SQL("update content_posts set {0} = {0}").format(sql.Identifier(column))
                )

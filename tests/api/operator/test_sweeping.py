"""From a deleted asset to an empty step folder, and everything that has to keep it."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from hack.services.postgres import Postgres
from hack.services.s3 import BUCKET, S3
from tests.api.operator.hands import Hands
from tests.api.operator.process import Installed, Operator
from tests.api.operator.test_publishing import SPEC as PUBLISHED
from tests.api.operator.test_publishing import process

RETAINED = yaml.safe_load("""
fileType: video
source: {object: {key: clip.mp4}}
operations: [{name: small, compress: {}}]
""")
DELETED = RETAINED | {"deletionPolicy": "Delete"}
GRACE_SECONDS = 3


@pytest.fixture
def installed(installed: Installed, s3: S3) -> Installed:
    installed.more |= {
        "MEDIAOPS_SWEEPER_S3_ACCESS_KEY_ID": "sweeper",
        "MEDIAOPS_SWEEPER_S3_SECRET_ACCESS_KEY": s3.secret("sweeper"),
        "MEDIAOPS_SWEEP_SECONDS": "1",
        "MEDIAOPS_SWEEP_GRACE_SECONDS": str(GRACE_SECONDS),
    }
    return installed


def keys(hands: Hands, prefix: str = "steps/") -> list[str]:
    """Name the objects under a prefix of the workspace's storage."""
    answer = hands.s3.client().list_objects_v2(Bucket=BUCKET, Prefix=f"{hands.namespace}/{prefix}")
    return [entry["Key"] for entry in answer.get("Contents", [])]


def made(hands: Hands, spec: dict[str, Any], name: str = "clip") -> str:
    """Have an asset processed, and give its one step key."""
    hands.put("clip.mp4")
    hands.apply(spec, name)
    (job,) = hands.until_job()
    hands.succeed(job)
    hands.until_condition("Finished", "True", name)
    return step_key(hands, name)


def step_key(hands: Hands, name: str) -> str:
    jobs = hands.jobs_of("processingjobs")
    return next(pj["spec"]["stepKey"] for pj in jobs if pj["spec"]["assetRef"]["name"] == name)


def outlast_the_grace() -> None:
    time.sleep(2 * GRACE_SECONDS + 2)


def test_what_a_deleted_asset_made_is_deleted_and_its_source_stays(
    hands: Hands, installed: Installed, operator: Operator
) -> None:
    key = made(hands, DELETED)
    assert len(keys(hands, f"steps/{key}/")) == 2
    hands.delete("clip")
    hands.until("swept", lambda: not keys(hands))
    assert keys(hands, "clip.mp4")
    hands.until(
        "off the record",
        lambda: installed.query(
            "select 1 from media_assets where released_at is not null and step_keys = '{}'"
        ),
    )
    assert operator.metric("mediaops_operator_swept_folders_total") == 1
    # The same again has to be made again: nothing remembers the result that was there.
    assert made(hands, DELETED) == key
    held = "select 1 from media_assets where gone_at is null and released_at is null and step_keys = %s"
    hands.until("held again", lambda: installed.query(held, [key]))


def test_retained_outputs_and_those_of_assets_that_are_there_stay(hands: Hands, operator: Operator) -> None:
    kept = made(hands, RETAINED)
    hands.apply(DELETED, "other")
    hands.until_condition("Finished", "True", "other")
    assert step_key(hands, "other") == kept, "found, not run"
    gone = made(hands, DELETED | {"operations": [{"name": "small", "compress": {"crf": 30}}]}, "third")
    hands.apply(DELETED | {"operations": [{"name": "small", "compress": {"crf": 30}}]}, "fourth")
    hands.until_condition("Finished", "True", "fourth")
    for name in ("clip", "other", "third"):
        hands.delete(name)
    outlast_the_grace()
    assert {key.split("/")[2] for key in keys(hands)} == {kept, gone}
    hands.delete("fourth")  # the last one that used it
    hands.until("swept", lambda: {key.split("/")[2] for key in keys(hands)} == {kept})
    code, printed = operator.told("sweep", "--dry-run")
    assert (code, printed.strip()) == (0, "Would go: 0 step folders of 0 bytes. Unfinished uploads: 0.")
    # The asset that retains lets go once it says so.
    hands.apply(DELETED)
    hands.until_condition("Finished", "True")
    hands.delete("clip")
    hands.until("swept", lambda: not keys(hands))


def test_a_policy_changed_just_before_the_end_counts(hands: Hands) -> None:
    made(hands, RETAINED)
    hands.apply(DELETED)
    hands.delete("clip")
    hands.until("swept", lambda: not keys(hands))


def test_a_post_whose_outcome_is_unknown_keeps_its_files(hands: Hands, installed: Installed) -> None:
    hands.put("clip.mp4")
    hands.apply(PUBLISHED | {"deletionPolicy": "Delete"})
    process(hands)
    hands.until("a request", lambda: installed.n8n.received)
    video = hands.processing_jobs()["small"]["spec"]["stepKey"]
    installed.query("update content_posts set state = 'outcome_unknown'")
    hands.delete("clip")
    hands.until("the texts are swept", lambda: {key.split("/")[2] for key in keys(hands)} == {video})
    outlast_the_grace()
    assert keys(hands, f"steps/{video}/")
    installed.query(
        "update content_posts set state = 'posted', external_post_id = '1', url = 'https://x.test/1'"
    )
    hands.until("swept", lambda: not keys(hands))
    assert installed.query("select state from content_posts") == [("posted",)]


def test_without_the_database_nothing_is_deleted(hands: Hands, postgres: Postgres) -> None:
    made(hands, DELETED)
    with postgres.paused():
        hands.delete("clip")
        outlast_the_grace()
        assert keys(hands)
    hands.until("swept", lambda: not keys(hands))


def test_an_operator_without_a_key_to_delete_tells_and_deletes_nothing(
    hands: Hands, installed: Installed, operator: Operator
) -> None:
    key = made(hands, DELETED)
    operator.kill()
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        del installed.more[f"MEDIAOPS_SWEEPER_S3_{name}"]
    operator.start(MEDIAOPS_RELIST_SECONDS="2")  # finds what no watch tells of, so soon after the start
    uid = hands.asset()["metadata"]["uid"]
    hands.delete("clip")
    hands.until(
        "released", lambda: installed.query("select 1 from media_assets where released_at is not null")
    )
    hands.collect(uid)  # what the operator made before it knew
    code, printed = operator.told("sweep", "--dry-run", MEDIAOPS_SWEEP_GRACE_SECONDS="3600")
    nothing = "Would go: 0 step folders of 0 bytes. Unfinished uploads: unknown."
    assert (code, printed.strip()) == (0, nothing), "nothing is old enough"
    assert not hands.jobs_of("processingjobs")
    outlast_the_grace()
    code, printed = operator.told("sweep", "--dry-run")
    assert code == 0
    size = sum(len(hands.s3.client().get_object(Bucket=BUCKET, Key=k)["Body"].read()) for k in keys(hands))
    assert [line.split()[1:] for line in printed.splitlines() if key in line] == [[key, "2", str(size), "go"]]
    assert keys(hands)
    assert operator.run("sweep") == 2, "only the running operator deletes"

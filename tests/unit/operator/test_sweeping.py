"""Which step folders may go, whatever is thrown at the verdict; and that visits and the sweeper keep apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaops.identity import asset_id, ingest_step_key
from mediaops.settings import S3Settings, SettingsError, load
from mediaops.storage import Stat
from mediaops_operator.gather import Library
from mediaops_operator.interlock import Interlock
from mediaops_operator.planning.sweeping import Folder, Holder, Kept, Listed, folders_of, judge
from mediaops_operator.settings import OperatorSettings
from tests.unit.operator.simulation import KEY, MemoryStorage, World

NOW = datetime(2026, 12, 1, tzinfo=UTC)
GRACE = timedelta(hours=72)
LONG_AGO = NOW - 2 * GRACE
KEY_A, KEY_B = "a" * 40, "b" * 40
SOURCE = {"object": {"key": "clip.mp4"}}


def holder(number: int = 1, released_at: datetime | None = LONG_AGO, **changes: Any) -> Holder:
    name = f"clip-{number}"
    id_ = asset_id("acme", "films", name, SOURCE)
    return replace(Holder(id_, UUID(int=number), "films", name, released_at), **changes)


def lies(folder: Folder, *modified: datetime) -> list[Stat]:
    return [Stat(f"{folder.prefix}{n}", 10, "e", time) for n, time in enumerate(modified)]


FOLDER = Folder("acme", KEY_A, (holder(),))
OLD = lies(FOLDER, LONG_AGO)


def verdict(
    folder: Folder = FOLDER,
    objects: list[Stat] = OLD,
    listed: Listed = Listed(),  # noqa: B008 — frozen
    needed: frozenset[str] = frozenset(),
) -> Kept | None:
    return judge(folder, objects, listed, needed, GRACE, NOW)


def test_what_everybody_released_long_ago_goes_with_or_without_objects() -> None:
    assert verdict() is None
    assert verdict(objects=[]) is None


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        (Kept.NAMED, {"listed": Listed(step_keys={KEY_A})}),
        (Kept.HELD, {"folder": Folder("acme", KEY_A, (holder(), holder(2, None)))}),
        (Kept.HELD, {"folder": Folder("acme", KEY_A, ())}),
        (Kept.ALIVE, {"listed": Listed(assets={("films", "clip-1"): (UUID(int=1), {"url": {}})})}),
        (Kept.ALIVE, {"listed": Listed(assets={("films", "clip-1"): (UUID(int=9), SOURCE)})}),
        (Kept.WORKING, {"listed": Listed(working={UUID(int=1)})}),
        (Kept.POSTING, {"needed": frozenset({f"acme/steps/{KEY_A}/{'c' * 64}.mp4"})}),
        (Kept.YOUNG, {"objects": lies(FOLDER, LONG_AGO, NOW - GRACE + timedelta(seconds=1))}),
        (Kept.YOUNG, {"folder": Folder("acme", KEY_A, (holder(), holder(2, NOW)))}),
        (Kept.MALFORMED, {"folder": Folder("acme", "", (holder(),))}),
        (Kept.MALFORMED, {"folder": Folder("acme/uploads", KEY_A, (holder(),))}),
        (Kept.MALFORMED, {"objects": [Stat("acme/uploads/clip.mp4", 1, "e", LONG_AGO)]}),
    ],
)
def test_anything_that_speaks_against_it_keeps_a_folder(expected: Kept, changes: dict[str, Any]) -> None:
    assert verdict(**changes) is expected


def test_what_concerns_other_folders_and_other_assets_holds_nothing_back() -> None:
    other_source = {"object": {"key": "other.mp4"}}
    listed = Listed({KEY_B}, {("films", "clip-1"): (UUID(int=9), other_source)}, {UUID(int=9)})
    assert verdict(listed=listed, needed=frozenset({f"acme/steps/{KEY_B}/x.mp4"})) is None


times = st.integers(0, 200).map(lambda hours: NOW - timedelta(hours=hours))
uids = st.integers(1, 6).map(lambda number: UUID(int=number))
holders = st.builds(holder, st.integers(1, 6), st.none() | times)
folders = st.builds(
    Folder,
    st.sampled_from(["acme", "umbrella"]),
    st.sampled_from([KEY_A, KEY_B]),
    st.lists(holders).map(tuple),
)
lists = st.builds(
    Listed,
    st.sets(st.sampled_from([KEY_A, KEY_B, "c" * 40])),
    st.dictionaries(
        st.tuples(st.just("films"), st.integers(1, 6).map("clip-{}".format)),
        st.tuples(uids, st.just(SOURCE)),
    ),
    st.sets(uids),
)


@given(folders, st.lists(times), lists, st.sets(st.sampled_from([KEY_A, KEY_B])))
def test_no_folder_goes_that_is_named_held_or_young(
    folder: Folder, modified: list[datetime], listed: Listed, posting: set[str]
) -> None:
    objects = lies(folder, *modified)
    needed = frozenset(f"{folder.workspace}/steps/{key}/f.mp4" for key in posting)
    if judge(folder, objects, listed, needed, GRACE, NOW) is not None:
        return
    assert folder.step_key not in listed.step_keys
    assert folder.step_key not in posting
    assert folder.holders
    for each in folder.holders:
        assert each.released_at is not None
        assert each.released_at <= NOW - GRACE
        assert each.resource_uid not in listed.working
        assert listed.assets.get((each.namespace, each.name), (None,))[0] != each.resource_uid
    assert all(time <= NOW - GRACE for time in modified)


# Settings ---------------------------------------------------------------------------------------------------


def told(monkeypatch: pytest.MonkeyPatch, **variables: str) -> S3Settings | None:
    """Give how the sweeper opens the bucket, told so."""
    needed = {
        "DATABASE_URL": "postgresql://o:p@db/mediaops",
        "N8N_WEBHOOK_URL": "https://n8n.test/webhook",
        "N8N_WEBHOOK_SECRET": "0123456789abcdef0123456789abcdef",
        "MEDIAOPS_BACKEND_URL": "http://backend",
        "MEDIAOPS_CAPABILITY_KEY_FILE": "capability.pem",
        "MEDIAOPS_PROFILES_FILE": "profiles.yaml",
        "STORAGE_BUCKET": "media",
        "STORAGE_URL": "https://storage.test",
        "MEDIAOPS_S3_ACCESS_KEY_ID": "operator",
        "MEDIAOPS_S3_SECRET_ACCESS_KEY": "the operator's",
    }
    for name, value in (needed | variables).items():
        monkeypatch.setenv(name, value)
    return load(OperatorSettings).sweeper_storage(load(S3Settings))


def test_the_sweeper_has_a_key_of_its_own_or_nothing_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch) is None
    one = {"MEDIAOPS_SWEEPER_S3_ACCESS_KEY_ID": "sweeper"}
    with pytest.raises(SettingsError, match="set both, or neither"):
        told(monkeypatch, **one)
    opened = told(monkeypatch, MEDIAOPS_SWEEPER_S3_SECRET_ACCESS_KEY="the sweeper's", **one)
    assert opened is not None
    assert (opened.bucket, opened.access_key_id) == ("media", "sweeper")
    assert opened.secret_access_key.get_secret_value() == "the sweeper's"


# What an asset uses ----------------------------------------------------------------------------------------


SPEC = {
    "fileType": "video",
    "source": {"object": {"key": "clip.mp4"}},
    "operations": [
        {"name": "small", "compress": {}},
        {"name": "words", "transcribe": {"engine": "openai"}},
    ],
}


def test_an_asset_uses_the_folders_of_its_operations_and_of_files_prepared_for_them() -> None:
    world = World(SPEC)
    world.settle()
    (job,) = world.jobs()
    observed = asyncio.run(world.gatherer.gather(KEY, world.memory, 0.0)).observed  # type: ignore[union-attr]
    written = world.order(job).step_keys
    assert len(written) == 2, "the rendition, and the sound for the engine outside"
    named = {m["spec"]["stepKey"] for m in world.processing_jobs().values()}
    assert folders_of(observed) == named | written


def test_an_asset_uses_the_folders_of_its_cuts_and_segments_between_attempts_too() -> None:
    world = World(SPEC | {"execution": {"segments": 3}, "operations": [{"name": "small", "compress": {}}]})

    def used() -> frozenset[str]:
        observed = asyncio.run(world.gatherer.gather(KEY, world.memory, world.seconds)).observed  # type: ignore[union-attr]
        return folders_of(observed)

    world.settle()
    (cutting,) = world.jobs()
    cuts = world.order(cutting).step_keys
    assert cuts == used(), "the rendition and its cuts"
    world.complete(cutting)
    world.settle()
    (encoding,) = world.jobs()
    order = world.order(encoding)
    assert cuts | order.step_keys == used()
    assert len(used()) == 5, "three segments besides"
    pod = world.run(encoding)
    world.store(order, "small/segment-0", "small/segment-2")
    world.end(encoding, pod, 1)
    world.settle()
    assert world.jobs() == [], "it waits for the next attempt"
    assert cuts | order.step_keys == used()
    world.pass_time(60)
    world.settle()
    (again,) = world.jobs()
    assert world.order(again).step_keys < order.step_keys, "only the one that is missing is made again"
    assert cuts | order.step_keys == used()


def test_an_asset_uses_the_folder_that_its_source_is_fetched_into() -> None:
    source = {"url": {"address": "https://films.test/a.mp4"}}
    world = World(SPEC | {"source": source})
    world.settle()
    observed = asyncio.run(world.gatherer.gather(KEY, world.memory, 0.0)).observed  # type: ignore[union-attr]
    (job,) = world.jobs()
    assert folders_of(observed) == world.order(job).step_keys
    assert folders_of(observed) == {ingest_step_key(observed.asset_id, source, 1)}


# Side by side with visits -----------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def run(test: Callable[[Clock, Interlock], Any]) -> None:
    async def body() -> None:
        clock = Clock()
        await test(clock, Interlock(clock, lately=600))

    asyncio.run(body())


def test_a_folder_that_was_looked_at_lately_is_not_deleted() -> None:
    async def test(clock: Clock, interlock: Interlock) -> None:
        await interlock.look("a/")
        clock.time = 599
        async with interlock.deletion("a/") as free:
            assert not free
        async with interlock.deletion("b/") as free:
            assert free
        clock.time = 601
        async with interlock.deletion("a/") as free:
            assert free

    run(test)


def test_a_look_at_a_folder_that_is_being_deleted_waits_and_nothing_else_does() -> None:
    async def test(_: Clock, interlock: Interlock) -> None:
        async with interlock.deletion("a/") as free:
            assert free
            looking = asyncio.create_task(interlock.look("a/"))
            await interlock.look("b/")
            await asyncio.sleep(0)
            assert not looking.done()
        await looking
        async with interlock.deletion("a/") as free:
            assert not free

    run(test)


def test_a_visit_never_takes_a_result_that_is_being_deleted() -> None:
    world = World(SPEC)
    world.settle()
    (job,) = world.jobs()
    world.store(world.order(job))
    (first, *_) = world.order(job).steps
    storage: MemoryStorage = world.storage
    clock = Clock()
    library = Library(storage, Interlock(clock, lately=600))  # type: ignore[arg-type]

    async def both() -> None:
        found = await library.look("acme", [first.step_key])
        assert first.step_key in found.results
        clock.time = 601
        async with library.interlock.deletion(f"acme/steps/{first.step_key}/") as free:
            assert free
            again = asyncio.create_task(library.look("acme", [first.step_key]))
            await asyncio.sleep(0)
            storage.objects.clear()
            library.forget("acme", first.step_key)
        looks = await again
        assert looks.results == {}
        assert looks.looked == {first.step_key}

    asyncio.run(both())

"""Whatever happens in whatever order: no attempt has two Jobs, and in the end everything is settled."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable

import pytest
import yaml

from mediaops.models.work import Exit
from mediaops_operator import kube
from mediaops_operator.objects import counted_on
from tests.unit.operator.simulation import Crash, World, failure

SPECS = [
    yaml.safe_load(text)
    for text in (
        """
        fileType: video
        source: {object: {key: clip.mp4}}
        operations:
        - {name: transcript, transcribe: {}}
        - {name: vertical, crop: {aspect: "9:16"}}
        - {name: small, input: vertical, compress: {height: 720}}
        - {name: poster, input: vertical, thumbnail: {}}
        """,
        """
        fileType: video
        source: {url: {address: "https://a.test/a.mp4"}}
        operations:
        - {name: transcript, transcribe: {engine: openai}}
        - {name: post, caption: {transcriptFrom: transcript}}
        - {name: bright, filter: {steps: [{brightness: 10}]}}
        - {name: small, input: bright, compress: {}, gpu: 1}
        retry: {limit: 2, backoffSeconds: 1}
        """,
        """
        fileType: video
        source: {object: {key: clip.mp4}}
        execution: {segments: 3}
        operations:
        - {name: vertical, crop: {aspect: "9:16"}}
        - {name: small, input: vertical, compress: {height: 720}}
        - {name: large, compress: {}}
        - {name: poster, input: vertical, thumbnail: {}}
        qualityChecks: {minVmaf: 90}
        """,
        """
        fileType: video
        source: {object: {key: clip.mp4}}
        operations:
        - {name: transcript, transcribe: {}}
        - {name: vertical, crop: {aspect: "9:16"}}
        - {name: small, input: vertical, compress: {height: 720}}
        qualityChecks: {minVmaf: 90, maxBlackSeconds: 2, maxCharactersPerSecond: 20}
        """,
    )
]

FIGURES = {
    "small/vmaf": {"vmaf": "95.0"},
    "large/vmaf": {"vmaf": "95.0"},
    "small/picture": {"longest_black_seconds": "0.0"},
    "transcript/transcript": {"fastest_cue_characters_per_second": "15.0"},
}

SEEDS = range(2000 if os.environ.get("MEDIAOPS_SAMPLES") == "full" else 6)
STEPS = 120


class Chaos:
    """Does one random thing after another to a world."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self.crashes = 0
        self.happenings: dict[Callable[[], None], int] = {
            self.visit: 30,
            self.deliver: 40,
            self.move_time: 10,
            self.start: 8,
            self.succeed: 6,
            self.fail: 6,
            self.store_some: 4,
            self.interrupt: 3,
            self.delete_job: 2,
            self.toggle_storage: 2,
            self.crash: 4,
            self.restart: 2,
            self.edit: 1,
            self.retry: 1,
            self.reprocess: 1,
            self.suspend: 1,
        }

    def step(self) -> None:
        chosen = self.dice.choices(list(self.happenings), weights=list(self.happenings.values()))[0]
        chosen()
        self.check()

    def check(self) -> None:
        """Hold what must hold at every moment."""
        world = self.world
        assert all(count == 1 for count in world.api.job_names.values()) or world.made_again, (
            world.api.job_names
        )
        busy: list[tuple[str, int, int]] = []
        for job in world.jobs():
            counted = counted_on(job["metadata"]["annotations"]["mediaops.dev/counts"])
            busy += [(s.uid, s.round, s.jobs) for s in counted.shares]
        assert len(busy) == len(set(busy)), f"two Jobs for one attempt: {busy}"
        measuring = [
            job for job in world.jobs() if job["metadata"]["labels"]["mediaops.dev/role"] == "quality"
        ]
        assert len(measuring) <= 1
        limit = world.asset["spec"].get("retry", {}).get("limit", 3)
        quality = (world.asset.get("status") or {}).get("quality") or {}
        assert quality.get("attempts", 0) <= limit
        for job in world.api.of(kube.PROCESSING_JOBS):
            assert (job.get("status") or {}).get("attempts", 0) <= limit

    def one_job(self) -> dict | None:  # type: ignore[type-arg]
        jobs = self.world.jobs()
        return self.dice.choice(jobs) if jobs else None

    def visit(self) -> None:
        self.world.visit()

    def crash(self) -> None:
        self.world.api.crash_after = self.dice.randint(1, 6)
        try:
            self.world.visit()
        except Crash:
            self.crashes += 1
            self.world.restart()
        self.world.api.crash_after = None

    def restart(self) -> None:
        self.world.restart()

    def deliver(self) -> None:
        self.world.deliver()

    def move_time(self) -> None:
        self.world.pass_time(self.dice.choice([0.5, 5, 60, 400]))

    def start(self) -> None:
        job = self.one_job()
        if job:
            self.world.run(job)

    def succeed(self) -> None:
        job = self.one_job()
        if job and self.has_order(job):
            self.world.finish_ingest(job) if self.world.order(job).ingest else self.world.complete(job)

    def has_order(self, job: dict) -> bool:  # type: ignore[type-arg]
        return (kube.SECRETS, job["metadata"]["name"]) in self.world.api.objects

    def store_some(self) -> None:
        job = self.one_job()
        if job and self.has_order(job) and self.world.order(job).steps:
            step = self.dice.choice(self.world.order(job).steps)
            self.world.store(self.world.order(job), step.name)

    def fail(self) -> None:
        job = self.one_job()
        if not job or not self.has_order(job):
            return
        steps = [s.name for s in self.world.order(job).steps] or ["source"]
        code = self.dice.choice([1, 137, int(Exit.IMPOSSIBLE), int(Exit.UNREACHABLE), int(Exit.DEADLINE)])
        pinned = self.dice.choice([None, self.dice.choice(steps)])
        failures = [failure(pinned)] if pinned else []
        self.world.fail(job, code, *failures)

    def interrupt(self) -> None:
        job = self.one_job()
        if job:
            self.world.interrupt(job)

    def delete_job(self) -> None:
        job = self.one_job()
        if job:
            name = job["metadata"]["name"]
            counted = counted_on(job["metadata"]["annotations"]["mediaops.dev/counts"])
            known = [*self.world.api.of(kube.ASSETS), *self.world.api.of(kube.PROCESSING_JOBS)]
            recorded = name in json.dumps([one.get("status") for one in known])
            self.world.made_again |= counted.ingest is not None or not recorded
            self.world.api.remove(kube.JOBS, name)

    def toggle_storage(self) -> None:
        self.world.storage.down = not self.world.storage.down

    def edit(self) -> None:
        operations = [dict(o) for o in self.world.asset["spec"]["operations"]]
        for operation in operations:
            if "compress" in operation:
                operation["compress"] = {"height": self.dice.choice([240, 480, 720])}
        self.world.edit(operations=operations)

    def retry(self) -> None:
        self.world.annotate("retry", str(self.dice.random()))

    def reprocess(self) -> None:
        self.world.annotate("reprocess", str(self.dice.random()))

    def suspend(self) -> None:
        self.world.edit(suspend=self.dice.random() < 0.3)

    def calm_down(self) -> None:
        """Let everything go well from now on, until nothing is left to do."""
        world = self.world
        world.storage.down = False
        world.edit(suspend=False)
        for _ in range(60):
            world.settle(40)
            self.check()
            for job in world.jobs():
                world.finish_ingest(job) if world.order(job).ingest else world.complete(job)
            world.pass_time(400)
            if world.condition("Finished")[0] == "True" and not world.jobs() and not world.api.undelivered:
                return
        raise AssertionError(f"not settled: {world.asset['status']} {world.succeeded()}")


@pytest.mark.parametrize("spec", SPECS, ids=["fused", "engines", "segments", "checked"])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_attempt_has_two_jobs_and_everything_settles(spec: dict, seed: int) -> None:  # type: ignore[type-arg]
    world = World(spec, seed)
    world.figures = FIGURES
    chaos = Chaos(world, random.Random(seed))  # noqa: S311
    for _ in range(STEPS):
        chaos.step()
    chaos.calm_down()
    if world.condition("Ready")[1] != "Succeeded":  # somebody gave up on it: the next round goes well
        world.annotate("retry", "last")
        chaos.calm_down()
    assert ("True", "Succeeded") == world.condition("Ready")
    # A crash between a work order and its Job may leave the order until its asset goes; nothing else does.
    assert len(world.api.of(kube.SECRETS)) <= chaos.crashes
    writes = world.api.writes
    world.restart()
    world.settle()
    assert writes == world.api.writes

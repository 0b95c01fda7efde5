"""What newer versions would change: named from what ProcessingJobs were made with, through all that reads it."""

from mediaops.models.processingjob import ProcessingJob
from mediaops.planner import Step
from mediaops.planner.outdated import made_of, outdated
from tests.unit.planner.test_planner import CHAIN, spec, steps


def job(step: Step, **versions: str) -> ProcessingJob:
    """Give the ProcessingJob that was made of a step, with other versions where they are given."""
    written = {name: versions.get(name, version) for name, version in step.versions.items()}
    return ProcessingJob.model_validate(
        {
            "metadata": {"name": step.processing_job},
            "spec": {
                "assetRef": {"name": "clip", "uid": "u1"},
                "operation": step.operation.wire(),
                "versions": [{"name": n, "version": v} for n, v in written.items() if v],
                "specHash": step.spec_hash,
                "stepKey": step.step_key,
            },
        }
    )


def found(**versions: str):
    plan = steps(spec(*CHAIN))
    return {
        one.operation: one.words for one in outdated(made_of(step, job(step, **versions)) for step in plan)
    }


def test_what_was_made_with_todays_versions_is_not_outdated():
    assert found() == {}


def test_a_newer_version_is_named_with_the_one_before():
    [step] = [s for s in steps(spec(*CHAIN)) if s.name == "poster"]
    assert {"poster": f"thumbnail 0 → {step.versions['thumbnail']}"} == found(thumbnail="0")


def test_what_reads_an_outdated_operation_is_outdated_with_it():
    said = found(crop="0", transcribe="0")
    assert ["transcript", "vertical", "bright", "small", "post"] == list(said)
    assert ("reads vertical", "reads bright", "reads transcript") == (
        said["bright"],
        said["small"],
        said["post"],
    )


def test_an_engine_that_had_no_part_yet_is_named():
    [step] = [s for s in steps(spec(*CHAIN)) if s.name == "vertical"]
    extra = next(name for name in step.versions if name != "crop")
    assert f"{extra} none → {step.versions[extra]}" == found(**{extra: ""})["vertical"]

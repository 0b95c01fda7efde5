"""What a pass used up: each part counted once, shared over the steps that it made."""

from __future__ import annotations

from fractions import Fraction

from mediaops.models.usage import ModelUsage, Usage
from mediaops.models.work import Exit
from mediaops_ops.metering import Meter


def test_what_was_given_out_is_not_given_out_again() -> None:
    meter = Meter()
    meter.received(1000)
    assert meter.take(Fraction(1, 4)).bytes_in == 250
    assert meter.take(Fraction(1, 3)).bytes_in == 250
    meter.received(1)
    assert meter.take().bytes_in == 501
    assert meter.take().bytes_in == 0


def test_processor_time_is_this_processs_and_its_childrens() -> None:
    meter = Meter()
    meter.take()
    total = sum(number * number for number in range(2_000_000))
    assert total > 0
    assert 20 <= meter.take().cpu_millis < 20_000


def test_answers_are_counted_by_model_and_go_to_the_step_that_asked() -> None:
    meter = Meter()
    meter.answered("openai", "gpt-4o-mini", input_tokens=900, output_tokens=80)
    meter.answered("openai", "gpt-4o-mini", input_tokens=1000, cached_tokens=800, output_tokens=70)
    assert meter.take(Fraction(0)).models == [
        ModelUsage(
            engine="openai",
            model="gpt-4o-mini",
            calls=2,
            input_tokens=1900,
            cached_tokens=800,
            output_tokens=150,
        )
    ]
    assert meter.take().models == []


def test_gpus_count_for_as_long_as_they_are_held() -> None:
    meter = Meter()
    assert meter.take().gpu_millis == 0
    meter.gpus = 2
    assert meter.take().gpu_millis >= 0


def test_results_say_what_the_pass_used_shared_over_what_it_made(door, bucket, clip, step) -> None:
    steps = [
        step("large", "compress", {"codec": "h264"}),
        step("small", "compress", {"height": 90}),
        step("poster", "thumbnail", {"width": 160}),
    ]
    source = bucket.put_source(clip)

    assert Exit.DONE == door.run(door.order(source=source, steps=steps)), door.failures

    used: dict[str, Usage] = {name: bucket.result(name).usage for name in ("large", "small", "poster")}
    assert sum(usage.bytes_in for usage in used.values()) >= clip.stat().st_size
    assert used["large"].bytes_in > used["small"].bytes_in > used["poster"].bytes_in
    assert used["large"].cpu_millis > 0
    for name, usage in used.items():
        assert usage.bytes_out == sum(file.size_bytes for file in bucket.result(name).files)


def test_a_failed_run_says_what_it_used_up(door, bucket, clip, step) -> None:
    outside = step("corner", "crop", {"x": 300, "y": 0, "width": 100, "height": 100})
    order = door.order(source=bucket.put_source(clip), steps=[outside])
    with door.start(order) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == Exit.IMPOSSIBLE, said
    assert door.termination.usage.cpu_millis > 0
    assert door.termination.usage.bytes_in == clip.stat().st_size

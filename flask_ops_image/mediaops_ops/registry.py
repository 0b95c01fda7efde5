"""Which operations have a runner, and where.

An operation that the filter graph carries out alone (crop, filter, compress, thumbnail) has none: its module in
`mediaops.operations` plans it, and the graph does it. An operation with a runner has a module here too, with
`run(step, inputs) -> StepOutcome`; the graph prepares what it reads (sound, frames). Adding one is a line here.
Measurements for quality checks are run likewise, on what the pass has finished.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from mediaops.measures import STEP_TYPES
from mediaops.models.work import StepOrder
from mediaops_ops.outcome import Inputs, StepOutcome

RUNNERS = {
    "transcribe": "mediaops_ops.transcribe",
    "caption": "mediaops_ops.caption",
    **dict.fromkeys(STEP_TYPES, "mediaops_ops.measuring"),
}
"""Module of the runner by the step's type; imported only by a pass that needs it."""


def runner(operation: str) -> Callable[[StepOrder, Inputs], StepOutcome]:
    """Give the operation's `run`; raises KeyError for an operation without a runner."""
    run: Callable[[StepOrder, Inputs], StepOutcome] = import_module(RUNNERS[operation]).run
    return run

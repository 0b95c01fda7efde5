"""Which operations have a runner, and where.

An operation that the filter graph carries out alone (crop, filter, compress, thumbnail) has none: its module in
`mediaops.operations` plans it, and the graph does it. An operation with a runner has a module here too, with
`run(step, inputs) -> StepOutcome`; the graph prepares what it reads (sound, frames). Adding one is a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from mediaops.models.work import StepOrder
from mediaops_ops.outcome import Inputs, StepOutcome

RUNNERS = {
    "transcribe": "mediaops_ops.transcribe",
    "caption": "mediaops_ops.caption",
}
"""Module of the runner by the operation's name; imported only by a pass that needs it."""


def runner(operation: str) -> Callable[[StepOrder, Inputs], StepOutcome]:
    """Give the operation's `run`; raises KeyError for an operation without a runner."""
    run: Callable[[StepOrder, Inputs], StepOutcome] = import_module(RUNNERS[operation]).run
    return run

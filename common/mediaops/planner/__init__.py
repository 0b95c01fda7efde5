"""The planner: from what a person wrote to steps with addresses, and from open steps to few passes.

Pure throughout. `steps` settles every operation down to a step key; `passes` packs what is open into passes
that share one decode; `orders` writes a pass out as the steps of a work order; `measurements` says what quality
checks need to know of the files.
"""

from mediaops.planner.measurements import Measurement, plan_measurements
from mediaops.planner.orders import step_orders
from mediaops.planner.passes import Pass, alone, can_start, pack
from mediaops.planner.steps import Placement, Prepared, Step, plan_steps

__all__ = [
    "Measurement",
    "Pass",
    "Placement",
    "Prepared",
    "Step",
    "alone",
    "can_start",
    "pack",
    "plan_measurements",
    "plan_steps",
    "step_orders",
]

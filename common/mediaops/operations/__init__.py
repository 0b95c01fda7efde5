"""The six operations: one module each, and the registry that knows them all."""

from __future__ import annotations

from mediaops.operations import caption, compress, crop, filter, thumbnail, transcribe
from mediaops.operations.base import Makes, Operation, Parameters

REGISTRY: dict[str, Operation] = {
    module.OPERATION.name: module.OPERATION
    for module in (transcribe, caption, filter, crop, compress, thumbnail)
}
"""Every operation by its name, in the order in which people read them."""

__all__ = ["REGISTRY", "Makes", "Operation", "Parameters"]

"""From open steps to passes: what shares one decode, and what has to wait for what.

A pass is one Kubernetes Job. Steps of one placement share it as far as each one's inputs are there already
or made in the same pass. Outside engines get a pass each, on files prepared in the pass that decodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mediaops.models.mediaasset import SOURCE
from mediaops.planner.steps import Placement, Prepared, Step


@dataclass(frozen=True)
class Pass:
    """What one Job does."""

    members: tuple[str, ...]
    """Operations that count this Job as theirs, in the order written."""
    placement: Placement
    through: tuple[str, ...] = ()
    """Unstored transforms run again on the way, which are not members (they completed before)."""
    prepares: tuple[Prepared, ...] = ()
    """Files made for outside engines' steps."""

    @property
    def names(self) -> tuple[str, ...]:
        """Name every operation that runs in this pass."""
        return (*self.through, *self.members)


def pack(
    steps: list[Step],
    *,
    open_: Collection[str],
    done: Collection[str],
    prepared: Collection[str],
    apart: Collection[str] = (),
    unfused: bool = False,
) -> list[Pass]:
    """Pack the open steps that can run now into passes.

    `open_`: operations to run (not running, not settled, their back-off over); `done`: operations whose
    result is in storage (or that completed with their pass); `prepared`: names of prepared files that are
    there; `apart`: open operations that get a pass per stored output, since they failed together before;
    `unfused`: give every stored output its own pass (for comparisons). Steps whose inputs are not there and
    not made in the same pass wait: they are in no pass.
    """
    by_name = {s.name: s for s in steps}
    inside = [s for s in steps if s.placement.engine is None]
    passes: list[Pass] = []
    lacking = {
        s.prepared for s in steps if s.name in open_ and s.prepared and s.prepared.name not in prepared
    }

    for placement in dict.fromkeys(s.placement for s in inside):
        together = _joinable(
            [s for s in inside if s.placement == placement and s.name in open_], done, by_name
        )
        stored = [s for s in together if s.stored]
        passed = _through(stored, by_name)
        together = [s for s in together if s.stored or s.name in passed]
        split = [s for s in together if unfused or s.name in apart]
        fused = [s for s in together if s not in split]
        groups = ([fused] if fused else []) + _by_output(split, by_name)
        passes += [_make(group, placement, by_name) for group in groups if _ready(group, done, by_name)]

    for preparation in sorted(lacking, key=lambda p: p.name):
        _attach(preparation, passes, by_name, done)

    for step in steps:
        if (
            step.placement.engine is not None
            and step.name in open_
            and step.prepared not in lacking
            and set(step.needs) <= _made(done, by_name)
        ):
            passes.append(Pass((step.name,), step.placement))
    # What only runs through waits for something that is kept: by itself it makes nothing.
    return [p for p in passes if p.prepares or any(by_name[name].stored for name in p.members)]


def _made(done: Collection[str], by_name: dict[str, Step]) -> set[str]:
    """Give what counts as there for an outside engine: done, and unstored transforms (their file is prepared)."""
    return set(done) | {n for n, s in by_name.items() if s.operation.operation.transforms}


def _joinable(candidates: list[Step], done: Collection[str], by_name: dict[str, Step]) -> list[Step]:
    """Keep the candidates whose inputs are done, passed through, or candidates that stay."""
    kept = list(candidates)
    while True:
        names = {s.name for s in kept}
        # Relies on steps standing in the order written: an input is always above.
        staying = [s for s in kept if all(_there(n, names, done, by_name, s.placement) for n in s.needs)]
        if len(staying) == len(kept):
            return kept
        kept = staying


def _there(
    name: str, names: set[str], done: Collection[str], by_name: dict[str, Step], placement: Placement
) -> bool:
    """Say whether an input can be read: made in this pass, stored already, or run through again."""
    step = by_name[name]
    if name in names:
        return True
    if step.operation.operation.transforms and not step.stored:
        return step.placement == placement and all(
            _there(n, names, done, by_name, placement) for n in step.needs
        )
    return name in done


def _ready(group: list[Step], done: Collection[str], by_name: dict[str, Step]) -> bool:
    """Say whether a group has all it reads; one that was split off may have to wait for another."""
    names = {s.name for s in group}
    return all(_there(n, names, done, by_name, s.placement) for s in group for n in s.needs)


def alone(step: Step, steps: list[Step]) -> Pass:
    """Give the pass of one stored output by itself; what it passes through completes with it."""
    by_name = {s.name: s for s in steps}
    return Pass((step.name,), step.placement, _through([step], by_name))


def can_start(step: Step, steps: list[Step], done: Collection[str]) -> bool:
    """Say whether a pass of that step alone has all it reads."""
    by_name = {s.name: s for s in steps}
    return all(_there(name, set(), done, by_name, step.placement) for name in step.needs)


def _through(group: Iterable[Step], by_name: dict[str, Step]) -> tuple[str, ...]:
    """Name the unstored transforms above a group that are not in it, in the order written."""
    names = {s.name for s in group}
    found: set[str] = set()
    for step in group:
        above = step.input
        while above != SOURCE and not by_name[above].stored:
            if above not in names:
                found.add(above)
            above = by_name[above].input
    return tuple(n for n in by_name if n in found)


def _make(group: list[Step], placement: Placement, by_name: dict[str, Step]) -> Pass:
    return Pass(tuple(s.name for s in group), placement, _through(group, by_name))


def _by_output(steps: list[Step], by_name: dict[str, Step]) -> list[list[Step]]:
    """Split into one group per stored output, each with the unstored transforms above it.

    An unstored transform that several outputs pass through is a member of the first group only; the others
    run it again without counting it.
    """
    groups: list[list[Step]] = []
    taken: set[str] = set()
    open_names = {s.name for s in steps}
    for step in steps:
        if not step.stored:
            continue
        members = [step]
        above = step.input
        while above != SOURCE and not by_name[above].stored:
            if above in open_names and above not in taken:
                members.insert(0, by_name[above])
            above = by_name[above].input
        taken |= {m.name for m in members}
        groups.append(members)
    return groups


def _attach(
    preparation: Prepared, passes: list[Pass], by_name: dict[str, Step], done: Collection[str]
) -> None:
    """Have a file prepared in a pass that decodes its input, or in a pass of its own.

    The pass counts on the step that needs the file, so that step is a member only where nothing else is.
    """
    wanted = by_name[preparation.for_operation]
    if not all(_there(n, set(), done, by_name, Placement(0)) for n in (wanted.input,) if n != SOURCE):
        return
    for index, candidate in enumerate(passes):
        if candidate.placement.engine is None and candidate.placement.gpu == 0:
            through = _through([wanted, *(by_name[n] for n in candidate.members)], by_name)
            passes[index] = Pass(
                candidate.members,
                candidate.placement,
                tuple(n for n in through if n not in candidate.members),
                (*candidate.prepares, preparation),
            )
            return
    passes.append(Pass((), Placement(0), _through([wanted], by_name), (preparation,)))

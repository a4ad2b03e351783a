"""Steps that run once for each item: what stands in a loop, through calls inside the same component too."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from backend_expert.model import (
    Branch,
    CacheGet,
    Call,
    Compensate,
    Estimate,
    Evidence,
    Lock,
    Operation,
    Parallel,
    Repeat,
    Step,
    System,
    Transaction,
)
from backend_expert.rules.demand import granted, step_ms
from backend_expert.rules.effects import common_places
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import Language, duration, figure, listed

FEW = 3
"""Repetitions in a row that are not worth a batch: below that, a loop is as quick to read and to run."""


class Repeated(Struct, frozen=True):
    """A step that an operation runs in a loop: `times` is the product of the loops around it."""

    operation: Operation
    loop: Repeat
    step: Step
    times: float
    certain: bool


def repeated(system: System, operation: Operation) -> Iterator[Repeated]:
    """Yield the steps of an operation that stand in a loop, calls to operations of the same component followed."""
    operations = {each.name: each for each in system.operations}

    def inside(
        steps: tuple[Step, ...], loop: Repeat | None, times: float, certain: bool, above: frozenset[str]
    ) -> Iterator[Repeated]:
        for step in steps:
            if isinstance(step, Repeat):
                yield from inside(step.steps, loop or step, times * _count(step.count), certain and not step.count.assumed, above)
                continue
            if loop is not None:
                yield Repeated(operation, loop, step, times, certain)
            callee = operations.get(step.operation) if isinstance(step, Call) else None
            if callee is not None and callee.component == operation.component and callee.name not in above:
                yield from inside(callee.steps, loop, times, certain, above | {callee.name})
            for block in _blocks(step):
                yield from inside(block, loop, times, certain, above)

    yield from inside(operation.steps, None, 1.0, True, frozenset({operation.name}))


class Loops(Struct, frozen=True):
    """The loops over other components that the same operations of a component share.

    The operations that somebody waits for come first, and among them the one that repeats the most; so do the peers.
    """

    component: str
    operations: tuple[str, ...]
    steps: tuple[tuple[str, Repeated], ...]

    @property
    def longest(self) -> tuple[Repeated, ...]:
        """Return the repeated steps of the first operation."""
        return tuple(each for _, each in self.steps if each.operation.name == self.operations[0])

    @property
    def times_of(self) -> dict[str, float]:
        """Return how often one run of the first operation asks each peer, the most asked first."""
        found: dict[str, float] = {}
        for peer, each in self.steps:
            if each.operation.name == self.operations[0]:
                found[peer] = found.get(peer, 0.0) + each.times
        return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))

    @property
    def times(self) -> float:
        """Return how many steps one run of the first operation repeats in all."""
        return sum(self.times_of.values())

    @property
    def certain(self) -> bool:
        """Tell whether the length of every loop is known."""
        return all(each.certain for each in self.longest)

    @property
    def subject(self) -> str:
        """Return a name that stays while lines move."""
        others = len(self.operations) - 1
        return f"{self.operations[0]}{f' and {others} more' if others else ''} → {', '.join(sorted(self.times_of))} loop"

    @property
    def places(self) -> tuple[Evidence, ...]:
        """Return every loop with the steps in it, each once."""
        return distinct(place for _, each in self.steps for place in common_places((each.loop, each.step)))

    def spent_ms(self, system: System) -> float:
        """Return how long one run of the first operation waits in its loops, with the assumed times taken as true."""
        taken = granted(system)
        return sum(each.times * step_ms(taken, each.step) for each in self.longest)

    def waiting(self, system: System, language: Language) -> str:
        """Return the arithmetic of that wait (`20 × 2 ms = 40 ms`), empty without times."""
        spent = self.spent_ms(system)
        if not spent:
            return ""
        return f"{figure(self.times, language)} × {duration(spent / self.times, language)} = {duration(spent, language)}"

    def assumption(self, language: Language) -> str:
        """Return a sentence that says what the number rests on, empty where the length of every loop is known."""
        if self.certain:
            return ""
        if language == "en":
            return " How long the lists are is not stated: the number rests on assumed lengths, multiplied where loops stand inside loops."
        return " O tamanho das listas não foi informado: o número usa tamanhos supostos, multiplicados onde há laço dentro de laço."

    def others(self, language: Language) -> str:
        """Return a sentence that names the operations beside the first, empty where there are none."""
        if len(self.operations) == 1:
            return ""
        rest = listed(self.operations[1:], language, most=5)
        return f" The same loops run in {rest}." if language == "en" else f" Os mesmos laços rodam em {rest}."


def shared_loops(system: System, peer_of: Callable[[Operation, Step], str | None], more_than: float) -> Iterator[Loops]:
    """Yield the loops that repeat more than so many steps towards a peer; those of one source are told once, with all who run it."""
    background = {operation.name for operation in system.operations if operation.trigger.kind in {"message", "schedule", "start"}}
    sites: dict[tuple[str, tuple[Evidence, ...] | str], list[tuple[str, Repeated]]] = {}
    for operation in system.operations:
        found: dict[str, list[Repeated]] = {}
        for each in repeated(system, operation):
            peer = peer_of(operation, each.step)
            if peer is not None:
                found.setdefault(peer, []).append(each)
        for peer, several in found.items():
            if sum(each.times for each in several) > more_than:
                for each in several:
                    place = common_places((each.loop, each.step)) or operation.name
                    sites.setdefault((operation.component, place), []).append((peer, each))
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[str, Repeated]]] = {}
    for (component, _), steps in sites.items():
        users = tuple(sorted({each.operation.name for _, each in steps}))
        groups.setdefault((component, users), []).extend(steps)
    merged: dict[str, Loops] = {}
    for (component, users), steps in sorted(groups.items(), key=lambda each: each[0]):
        times = {name: -sum(each.times for _, each in steps if each.operation.name == name) for name in users}
        loops = Loops(component, tuple(sorted(users, key=lambda name: (name in background, times[name], name))), tuple(steps))
        merged[loops.subject] = loops
    yield from merged.values()


def _count(count: Estimate) -> float:
    return max(1.0, count.value)


def _blocks(step: Step) -> tuple[tuple[Step, ...], ...]:
    match step:
        case Transaction() | Lock():
            return (step.steps,)
        case Parallel():
            return step.branches
        case Branch():
            return (step.then, step.otherwise)
        case Compensate():
            return (step.steps, step.undo)
        case CacheGet():
            return (step.on_miss,)
        case _:
            return ()

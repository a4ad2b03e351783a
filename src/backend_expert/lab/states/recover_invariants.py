"""What must hold of a recovered flow: only what belongs together by the structure of its programs, not by what lies side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import count

from msgspec import Struct, structs

from backend_expert.lab.states.flow import (
    Branch,
    Call,
    Effect,
    Flow,
    Handler,
    Insert,
    Invariant,
    Parallel,
    Publish,
    Step,
    Topic,
    blocks_of,
)
from backend_expert.lab.states.invariants import inferred

Choices = tuple[tuple[int, int], ...]
"""The choices that lead to a step, by number, and which way was taken at each."""


class Place(Struct, frozen=True):
    """A step as it is met on the way from a request or a message: whose it is, and under which choices."""

    step: Step
    handler: str
    choices: Choices


def with_invariants(flow: Flow, guessed: Collection[str]) -> Flow:
    """Return a recovered flow with its topics tied to the rows that they tell of, and with what must hold of it.

    A message tells of the last row that its own handler inserted before it on every way to it, else of one that was inserted below. An
    event is due only where it is published whenever that row is inserted: behind a condition that nobody can decide, a row without a
    message may be meant so. The same holds for a row and an effect outside: they belong together when the same choices lead to both.
    That is not asked of the effects that are `guessed`: perhaps they only read.
    """
    ways = [tuple(_places(flow, handler)) for handler in flow.handlers if not handler.called]
    told = {topic.name: _row_of(topic, ways) for topic in flow.topics}
    tied = structs.replace(
        flow, topics=tuple(structs.replace(topic, row=row.table) if (row := told[topic.name]) else topic for topic in flow.topics)
    )
    kept = [each for each in inferred(tied) if _is_due(each, told, ways)]
    return structs.replace(tied, invariants=(*kept, *_together(ways, guessed)))


class Told(Struct, frozen=True):
    """The rows that a topic tells of: their table, whether a message follows each of them, whether each message has its row before it."""

    table: str
    each_row: bool
    each_message: bool


def _is_due(invariant: Invariant, told: dict[str, Told | None], ways: list[tuple[Place, ...]]) -> bool:
    """Tell whether the programs themselves keep what an invariant asks as long as nothing goes wrong."""
    row = told.get(invariant.of)
    match invariant.anomaly:
        case "lost-event":
            return row is not None and row.each_row
        case "phantom-event":
            return row is not None and row.each_message
        case "double-effect":
            return not any(_twice(way, invariant.of) for way in ways)
        case _:
            return True


def _twice(way: tuple[Place, ...], effect: str) -> bool:
    """Tell whether a program has an effect in two places that one run can pass: then twice is meant."""
    places = [place.choices for place in way if isinstance(place.step, Effect) and place.step.external == effect]
    return any(not _exclude(one, other) for index, one in enumerate(places) for other in places[index + 1 :])


def _exclude(one: Choices, other: Choices) -> bool:
    """Tell whether no run can take both: they go different ways at the same choice."""
    taken = dict(one)
    return any(taken.get(number, way) != way for number, way in other)


def _row_of(topic: Topic, ways: list[tuple[Place, ...]]) -> Told | None:
    """Return the rows that a topic tells of; nothing where no row is inserted before any of its messages."""
    found: Told | None = None
    alone = False
    for way in ways:
        for position, place in enumerate(way):
            if not isinstance(place.step, Publish) or place.step.topic != topic.name:
                continue
            before = [each for each in way[:position] if isinstance(each.step, Insert) and _leads(each.choices, place.choices)]
            if not before:
                alone = True
                continue
            last = max(before, key=lambda each: (each.handler == place.handler, before.index(each)))
            assert isinstance(last.step, Insert)
            always = last.choices == place.choices
            if found is None or (always and not found.each_row):
                found = Told(last.step.table, always, each_message=True)
    return structs.replace(found, each_message=not alone) if found is not None else None


def _together(ways: list[tuple[Place, ...]], guessed: Collection[str]) -> tuple[Invariant, ...]:
    """Return that the first row which a request stores and an effect outside that it waits for exist both or not at all."""
    found: dict[Invariant, None] = {}
    for way in ways[:1]:
        rows = [place for place in way if isinstance(place.step, Insert)]
        for place in way:
            if isinstance(place.step, Effect) and not place.step.undoes and place.step.external not in guessed:
                row = next(
                    (each.step.table for each in rows if each.choices == place.choices and isinstance(each.step, Insert)), ""
                )
                if row:
                    conditions = (f"{row}.rows >= 1", f"{place.step.external} >= 1")
                    found[Invariant("half-compensated", place.step.external, (), conditions)] = None
    return tuple(found)


def _leads(earlier: Choices, later: Choices) -> bool:
    """Tell whether whoever comes to the later place has taken all choices that lead to the earlier one."""
    return later[: len(earlier)] == earlier


def _places(flow: Flow, root: Handler) -> Iterator[Place]:
    """Yield the steps of a handler and of those that it calls, in the order of the programs."""
    number = count()

    def steps_of(steps: tuple[Step, ...], choices: Choices, calling: tuple[str, ...]) -> Iterator[Place]:
        for step in steps:
            yield Place(step, calling[-1], choices)
            if isinstance(step, Call) and step.handler not in calling:
                yield from steps_of(flow.handler(step.handler).steps, choices, (*calling, step.handler))
            choice = next(number)
            for way, block in enumerate(blocks_of(step)):
                own = (choice, way) if isinstance(step, Branch) else (next(number), 0)
                yield from steps_of(block, (*choices, own) if _chosen(step) else choices, calling)

    yield from steps_of(root.steps, (), (root.name,))


def _chosen(step: Step) -> bool:
    """Tell whether the blocks of a step run only sometimes, or beside each other."""
    return isinstance(step, Branch | Parallel | Insert | Effect | Call)

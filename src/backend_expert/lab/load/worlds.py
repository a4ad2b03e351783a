"""Plausible worlds: one draw of every assumed number, the same before and after a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct, structs

from backend_expert.model import Estimate, Evidence, System, Text
from backend_expert.model.assume import complete, drawn, estimates


class Change(Struct, frozen=True):
    """A complete system before and after a change, with the draws that both share.

    Every number of `before` is an object of its own, so a number that the change left alone is the same object in `after`: it gets
    the same draw, wherever the change has moved it. The remedy was computed from the estimates, not from the world it is tried in.
    """

    before: System
    after: System
    numbers_before: tuple[tuple[str, Estimate], ...]
    numbers_after: tuple[tuple[str, Estimate], ...]

    def world(self, seed: int, number: int) -> tuple[System, System, dict[str, float]]:
        """Return both systems in one plausible world, with the drawn values by their path in the system before."""
        values, named = self.values(seed, number)
        return replaced(self.before, values), replaced(self.after, values), named

    def values(self, seed: int, number: int) -> tuple[dict[int, float], dict[str, float]]:
        """Return the draws of one plausible world: by the identity of the estimate, and by path for the numbers that are assumed."""
        values: dict[int, float] = {}
        named: dict[str, float] = {}
        for path, estimate in self.numbers_before:
            value = values[id(estimate)] = drawn(path, estimate, seed, number)
            if estimate.assumed and estimate.spread > 1:
                named[path] = value
        for path, estimate in self.numbers_after:
            if id(estimate) not in values:
                values[id(estimate)] = drawn(path, estimate, seed, number)
        return values, named


def changed(system: System, change: Callable[[System], System]) -> Change:
    """Complete a system and apply a change to it."""
    before = _individual(complete(system))
    after = complete(change(before))
    return Change(before, after, estimates(before), estimates(after))


def _individual(value: Any) -> Any:
    """Return the value with every estimate copied, so that no two places share one."""
    return _rebuilt(value, lambda estimate: structs.replace(estimate))


def replaced(value: Any, values: Mapping[int, float]) -> Any:
    """Return the value with the numbers of estimates replaced, by the identity of the estimate."""

    def number(estimate: Estimate) -> Estimate:
        new = values.get(id(estimate), estimate.value)
        return estimate if new == estimate.value else Estimate(new, estimate.spread, estimate.certainty, estimate.evidence)

    return _rebuilt(value, number)


def _rebuilt(value: Any, number: Callable[[Estimate], Estimate]) -> Any:
    if isinstance(value, Estimate):
        return number(value)
    if isinstance(value, tuple):
        items = [_rebuilt(item, number) for item in value]
        return value if all(map(_same, items, value)) else tuple(items)
    if not isinstance(value, Struct):
        return value
    new = {}
    for name in _inner_fields(type(value)):
        old = getattr(value, name)
        if old is not None and old != ():
            inner = _rebuilt(old, number)
            if inner is not old:
                new[name] = inner
    return structs.replace(value, **new) if new else value


def _same(left: object, right: object) -> bool:
    return left is right


@lru_cache(maxsize=256)
def _inner_fields(kind: type[Struct]) -> tuple[str, ...]:
    """Return the fields of a type that can hold numbers of the model, evidence and texts left out."""
    if issubclass(kind, Evidence | Text):
        return ()
    leaf = {"evidence", "settings", "aliases", "image", "source", "name", "kind", "technology", "certainty", "statement", "absent"}
    return tuple(name for name in kind.__struct_fields__ if name not in leaf)

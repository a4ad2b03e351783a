"""Plausible worlds: one draw of every assumed quantity, the same before and after a change."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from statistics import NormalDist
from typing import Any

from msgspec import Struct, structs

from backend_expert.lab.load.quantity import Quantity, quantities
from backend_expert.model import Estimate, Evidence, System, Text
from backend_expert.model.assume import RATIOS, complete, estimates

Z_90 = 1.6448536269514722
"""The quantile of the normal law that leaves 5 % on either side: what `Estimate.spread` is defined by."""

NORMAL = NormalDist()


class Change(Struct, frozen=True):
    """A complete system before and after a change, with the draws that both share.

    Every number of `before` is an object of its own, so a number that the change left alone is the same object in `after`: it gets
    the same draw, wherever the change has moved it. Numbers of one quantity are drawn together, those that the change brings too. The
    remedy was computed from the estimates, not from the world it is tried in.
    """

    before: System
    after: System
    numbers_before: tuple[tuple[Quantity, Estimate], ...]
    numbers_after: tuple[tuple[Quantity, Estimate], ...]

    def world(self, seed: int, number: int) -> tuple[System, System, dict[Quantity, float]]:
        """Return both systems in one plausible world, with the factors on what is assumed."""
        values, factors = self.values(seed, number)
        return replaced(self.before, values), replaced(self.after, values), factors

    def values(self, seed: int, number: int) -> tuple[dict[int, float], dict[Quantity, float]]:
        """Return the draws of one plausible world: by the identity of the estimate, and by what is assumed as a factor on it."""
        values: dict[int, float] = {}
        factors: dict[Quantity, float] = {}
        for quantity, estimate in self.numbers_before:
            value = values[id(estimate)] = drawn(quantity, estimate, seed, number)
            if estimate.assumed and estimate.spread > 1:
                factors[quantity] = value / estimate.value if estimate.value else 1.0
        for quantity, estimate in self.numbers_after:
            if id(estimate) not in values:
                values[id(estimate)] = drawn(quantity, estimate, seed, number)
        return values, factors


def changed(system: System, change: Callable[[System], System]) -> Change:
    """Complete a system and apply a change to it."""
    before = individual(complete(system))
    after = complete(change(before))
    return Change(before, after, _measured(before), _measured(after))


@lru_cache(maxsize=2)
def plausible(system: System, seed: int, count: int) -> tuple[System, ...]:
    """Return the first worlds of a system: every assumed quantity drawn from its spread, all other numbers as they are."""
    before = individual(complete(system))
    numbers = _measured(before)
    return tuple(
        replaced(before, {id(estimate): drawn(quantity, estimate, seed, number) for quantity, estimate in numbers})
        for number in range(count)
    )


def drawn(quantity: Quantity, estimate: Estimate, seed: int, world: int) -> float:
    """Return the value of a number in a plausible world: log-normal by its spread where it is assumed, as it stands otherwise.

    A draw is keyed by seed, world and quantity, so that it is the same before and after a change.
    """
    if estimate.spread == 1 or not estimate.assumed:
        return estimate.value
    digest = hashlib.blake2b(f"{seed}/{world}/{quantity}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest) + 0.5) / 2**64
    return bounded(quantity, estimate.value * math.exp(math.log(estimate.spread) * NORMAL.inv_cdf(uniform) / Z_90))


def bounded(quantity: Quantity, value: float) -> float:
    """Return a value that the quantity can have: a share is at most 1."""
    return min(1.0, value) if quantity.kind in RATIOS else value


def _measured(system: System) -> tuple[tuple[Quantity, Estimate], ...]:
    known = quantities(system)
    return tuple((known.get(id(estimate), Quantity(path)), estimate) for path, estimate in estimates(system))


def individual(system: System) -> System:
    """Return the system with every number copied, so that no two places share one."""
    return _rebuilt(system, _holders(_Itself(system)), lambda estimate: structs.replace(estimate))  # type: ignore[no-any-return]


def replaced(system: System, values: Mapping[int, float]) -> System:
    """Return the system with the numbers of estimates replaced, by the identity of the estimate."""

    def number(estimate: Estimate) -> Estimate:
        new = values.get(id(estimate), estimate.value)
        return estimate if new == estimate.value else Estimate(new, estimate.spread, estimate.certainty, estimate.evidence)

    return _rebuilt(system, _holders(_Itself(system)), number)  # type: ignore[no-any-return]


class _Itself:
    """A value as a key: equal to itself alone, and kept alive by whoever remembers it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.value is other.value


@lru_cache(maxsize=32)
def _holders(system: _Itself) -> frozenset[int]:
    """Return the identities of all that holds numbers: worlds are drawn from a system by the hundred, and most of it holds none."""
    found: set[int] = set()

    def holds(value: Any) -> bool:
        if isinstance(value, Estimate):
            return True
        if isinstance(value, tuple):
            inner = [holds(item) for item in value]
        elif isinstance(value, Struct):
            inner = [holds(each) for name in _inner_fields(type(value)) if (each := getattr(value, name)) is not None]
        else:
            return False
        if any(inner):
            found.add(id(value))
        return any(inner)

    holds(system.value)
    return frozenset(found)


def _rebuilt(value: Any, holders: frozenset[int], number: Callable[[Estimate], Estimate]) -> Any:
    if isinstance(value, Estimate):
        return number(value)
    if id(value) not in holders:
        return value
    if isinstance(value, tuple):
        items = [_rebuilt(item, holders, number) for item in value]
        return value if all(map(_same, items, value)) else tuple(items)
    new = {}
    for name in _inner_fields(value.__class__):
        old = getattr(value, name)
        if old is not None and old != ():
            inner = _rebuilt(old, holders, number)
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

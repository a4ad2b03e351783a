"""What a remedy of this lab is, and how the remedies are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from backend_expert.lab.states.flow import AnomalyClass, Flow, Invariant
from backend_expert.model import Text

Apply = Callable[[Flow, Invariant], Flow]


class Remedy(Struct, frozen=True, kw_only=True):
    """A change that closes some classes of anomaly.

    `apply` returns the changed flow, or the very same object where the remedy does not fit. `opens` says what it may bring back or
    bring in, `when_not` when to leave it alone. `cost` orders remedies of equal strength: 1 is a line or a setting, 2 a change
    inside one service, 3 a new table or moving part.
    """

    id: str
    title: Text
    closes: tuple[AnomalyClass, ...]
    cost: Literal[1, 2, 3]
    does_not_fix: Text
    when_not: Text
    apply: Apply


@lru_cache(maxsize=1)
def all_remedies() -> tuple[Remedy, ...]:
    """Return every remedy of the package, the cheapest first, then by id."""
    package = importlib.import_module(__package__ or "backend_expert.lab.states.remedies")
    modules = [importlib.import_module(info.name) for info in pkgutil.iter_modules(package.__path__, package.__name__ + ".")]
    found = [module.REMEDY for module in modules if hasattr(module, "REMEDY")]
    return tuple(sorted(found, key=lambda each: (each.cost, each.id)))


def remedy_named(name: str) -> Remedy:
    """Return the remedy of an id; raise `KeyError` when there is none."""
    for each in all_remedies():
        if each.id == name:
            return each
    raise KeyError(name)

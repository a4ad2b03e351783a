"""The functions that a promise is made with: what `resolve` is given is what the promise becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_expert.readers.node.values import UNKNOWN, Resource, Value

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call

PACKAGES: frozenset[str] = frozenset()
KINDS = frozenset({"promise.resolve", "promise.reject"})


def method(owner: Resource, _: str, call: Call) -> Value:
    """Keep what the promise is resolved with."""
    values = owner.facts.get("values")
    if isinstance(values, list):
        values.append(call.argument(0))
    return UNKNOWN

"""What a remedy is to this lab: a change of a flow that closes some classes of anomaly."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from backend_expert.lab.states.flow import AnomalyClass, Flow, Invariant

Change = Callable[[Flow, Invariant], Flow]


class Repair(Struct, frozen=True):
    """A change of a flow for an invariant of one of the classes that it closes.

    `apply` returns the changed flow, or the very same object where the remedy does not fit.
    """

    id: str
    closes: tuple[AnomalyClass, ...]
    apply: Change

"""Say which numbers of a system are one fact: what one look at a running system would tell.

The size of a pool stands in every statement that uses it, the processor time of a service in each of its handlers. Nobody stated them,
and whoever measures one has measured all of them. So they are drawn together, and are one thing to measure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from backend_expert.model import (
    Branch,
    CacheGet,
    CachePut,
    Call,
    Component,
    Estimate,
    Operation,
    Publish,
    Query,
    Repeat,
    Step,
    System,
    walk,
)


class Quantity(Struct, frozen=True, order=True):
    """One fact about a system. `kind` is the field that holds its numbers; `subject` and `other` are components, operations or datasets.

    All traffic is one quantity without a subject; a time of a statement belongs to the store that answers it, a pool to both its ends.
    """

    kind: str
    subject: str = ""
    other: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.subject, f"→ {self.other}" if self.other else "", self.kind) if part)


def quantities(system: System) -> dict[int, Quantity]:
    """Return what each number is a value of, by its identity; a number that stands in two places is a value of the last."""
    found: dict[int, Quantity] = {}
    for component in system.components:
        found.update(_of_component(component))
    homes = {operation.name: operation.component for operation in system.operations}
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    brokers = {topic.name: topic.broker for topic in system.topics}
    for operation in system.operations:
        for name, number in _numbers(operation.trigger):
            found[id(number)] = Quantity(name, operation.component, operation.trigger.name)
        for step in walk(operation.steps):
            found.update(_of_step(step, operation, homes | stores | brokers))
    found.update((id(dataset.rows), Quantity("rows", dataset.name)) for dataset in system.datasets if dataset.rows is not None)
    found.update((id(workload.rate_per_s), Quantity("rate_per_s")) for workload in system.workloads)
    if system.network_ms is not None:
        found[id(system.network_ms)] = Quantity("network_ms")
    return found


def _of_component(component: Component) -> Iterator[tuple[int, Quantity]]:
    for name, number in _numbers(component.deployment):
        yield id(number), Quantity(name, component.name)


def _of_step(step: Step, operation: Operation, places: dict[str, str]) -> Iterator[tuple[int, Quantity]]:
    match step:
        case Query() | CacheGet() | CachePut():
            callee = places.get(step.dataset, step.dataset)
        case Call():
            callee = places.get(step.operation, step.operation)
        case Publish():
            callee = places.get(step.topic, step.topic)
        case _:
            callee = ""
    for name, number in _numbers(step):
        if name == "time_ms" and callee:
            yield id(number), Quantity(name, callee)
        elif isinstance(step, Repeat | Branch):
            yield id(number), Quantity(name, operation.name)
        elif isinstance(step, CacheGet | CachePut):
            yield id(number), Quantity(name, step.dataset)
        else:
            yield id(number), Quantity(name, operation.component)
    for name, number in _numbers(getattr(step, "policy", None)):
        yield id(number), Quantity(name, operation.component, callee)


def _numbers(value: Any) -> Iterator[tuple[str, Estimate]]:
    """Yield the numbers of a part of the model with the names of their fields, those of the parts inside it too, steps left out."""
    if not isinstance(value, Struct):
        return
    for name in value.__struct_fields__:
        inner = getattr(value, name)
        if isinstance(inner, Estimate):
            yield name, inner
        elif isinstance(inner, Struct):
            yield from _numbers(inner) if name != "policy" else ()

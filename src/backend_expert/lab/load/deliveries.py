"""Compile the topics of a system: a message is delivered to each group of subscribers, and each delivery is a call with its retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_expert.lab.load.labels import Label
from backend_expert.lab.load.layout import UNBOUNDED
from backend_expert.lab.load.places import value
from backend_expert.lab.load.vocabulary import Balancer, Op
from backend_expert.model import Operation

if TYPE_CHECKING:
    from backend_expert.lab.load.program import Compiler

REDELIVERY_MS = 1000.0
"""Pause before an unacknowledged message comes again; without one a consumer that is down would be asked without end."""


def deliver(compiler: Compiler, topic: str) -> None:
    """Emit the delivery of a message: one copy for each group of subscribers."""
    subscribers: dict[str, list[Operation]] = {}
    for operation in compiler.system.operations:
        if operation.trigger.kind == "message" and operation.trigger.name == topic:
            subscribers.setdefault(operation.trigger.group or operation.name, []).append(operation)
    if not subscribers:
        return
    first = len(compiler.branches)
    labels = [Label() for _ in subscribers]
    for label, group in zip(labels, sorted(subscribers), strict=True):
        compiler.branches.append((label, len(compiler.deliveries)))
        compiler.deliveries.append((topic, group))
    compiler.emit(Op.DELIVER, f"deliver/{topic}", None, a=first, b=len(labels))
    compiler.width = max(compiler.width, len(labels))
    end = len(compiler.rows)
    compiler.emit(Op.END, topic, None)
    for label, (group, operations) in zip(labels, sorted(subscribers.items()), strict=True):
        label.row = len(compiler.rows)
        for rank, operation in enumerate(operations):
            after = Label()
            if rank < len(operations) - 1:
                compiler.emit(Op.CHANCE, f"{topic}/{group}/{rank}", None, a=after, mean=1.0 / (len(operations) - rank))
            compiler.emit(Op.CALL, f"{topic}/{group}/{operation.name}", None, a=_site(compiler, topic, operation))
            compiler.emit(Op.JUMP, topic, None, a=end)
            after.row = len(compiler.rows)


def consumers(compiler: Compiler, operation: Operation) -> int:
    """Return the first gate of what an instance works on at a time of the messages that it was handed ahead."""
    trigger = operation.trigger
    instances = compiler.instances_of(operation.component)
    return compiler.guards.gates_of(f"{operation.name} consumers", instances, max(1, round(value(trigger.concurrency, 1.0))))


def _site(compiler: Compiler, topic: str, operation: Operation) -> int:
    """Add the call by which a message comes to a subscriber."""
    trigger, component = operation.trigger, operation.component
    broker = compiler.topics[topic].broker
    again = trigger.acknowledge in {None, "after"}
    first, count = compiler.instances_of(component)
    group = compiler.group_of[component]
    if trigger.prefetch is None:
        gate = compiler.guards.gate(max(1, round(value(trigger.concurrency, 1.0))) * count)
        compiler.guards.places.append((f"{topic} → {component}", (gate,)))
    elif trigger.prefetch.value < 1:
        gate = -1
        group = compiler.view(Balancer.ROUND_ROBIN, first, count)
    else:
        gate = compiler.guards.gate(max(1, round(trigger.prefetch.value)) * count)
        compiler.guards.places.append((f"{topic} → {component}", (gate,)))
        group = compiler.view(Balancer.LEAST, first, count)
    return compiler.add_site(
        target=compiler.start_of(operation.name),
        group=group,
        attempts=(trigger.maximum_deliveries or UNBOUNDED) if again else 1,
        backoff=REDELIVERY_MS,
        backoff_cap=REDELIVERY_MS,
        gate=gate,
        hop=compiler.hop,
        sheddable=operation.critical is False,
        link=compiler.link(broker, component),
        calls=compiler.call_row(broker, component),
    )

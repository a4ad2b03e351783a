"""Let the broker forget a message only when its effects are done."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.flows import change_handlers
from backend_expert.advice.place import consumers, with_operations
from backend_expert.lab import states
from backend_expert.model import Ack, Finding, Operation, Parallel, Step, System
from backend_expert.model.graph import rewrite


def in_flow(flow: states.Flow, invariant: states.Invariant) -> states.Flow:  # noqa: ARG001 - an early one loses whatever comes after it
    """Move the acknowledgement of every consumer to its end."""
    return change_handlers(flow, _handler)


def _handler(handler: states.Handler) -> states.Handler:
    if not handler.consumes:
        return handler
    acks = [step for step in handler.steps if isinstance(step, states.Ack)]
    last = bool(handler.steps) and isinstance(handler.steps[-1], states.Ack)
    if handler.acknowledge == "explicit" and (not acks or (len(acks) == 1 and last)):
        return handler
    rest = tuple(step for step in handler.steps if not isinstance(step, states.Ack))
    return structs.replace(handler, steps=(*rest, acks[0] if acks else states.Ack()), acknowledge="explicit")


@remedy(
    "acknowledge-after-effect",
    en="Acknowledge a message after its effect, and expect it twice",
    pt="Confirme a mensagem depois do efeito e espere recebê-la duas vezes",
    addresses=("ack-before-effect",),
    considers=("consistency", "resilience", "asynchronous-communication"),
    effort="hours",
    in_flow=in_flow,
    closes=("lost-event", "stuck", "half-compensated"),
)
def acknowledge_after_effect(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - one crash is enough
    """Return the system in which the finding's consumers wait for all they do and acknowledge as their last step."""
    return with_operations(system, {each.name for each in consumers(system, finding)}, _late)


def _late(operation: Operation) -> Operation:
    trigger = operation.trigger
    rest = rewrite(operation.steps, _awaited)
    if trigger.acknowledge == "after" and (*rest, Ack()) == operation.steps:
        return operation
    return structs.replace(operation, trigger=structs.replace(trigger, acknowledge="after"), steps=(*rest, Ack()))


def _awaited(step: Step) -> Step | tuple[Step, ...]:
    """Return a step without its acknowledgement, and with what it did not wait for in line."""
    if isinstance(step, Parallel) and step.detached:
        return tuple(inner for branch in step.branches for inner in branch)
    return () if isinstance(step, Ack) else step

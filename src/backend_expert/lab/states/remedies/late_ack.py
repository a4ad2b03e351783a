"""Acknowledge a message after its effects, not before."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Ack, Flow, Handler, Invariant
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:  # noqa: ARG001 - an early acknowledgement loses whatever comes after it
    """Move the acknowledgement of every consumer to its end."""
    return change_handlers(flow, _late)


def _late(handler: Handler) -> Handler:
    if not handler.consumes:
        return handler
    acks = [step for step in handler.steps if isinstance(step, Ack)]
    last = bool(handler.steps) and isinstance(handler.steps[-1], Ack)
    if handler.acknowledge == "explicit" and (not acks or (len(acks) == 1 and last)):
        return handler
    rest = tuple(step for step in handler.steps if not isinstance(step, Ack))
    return structs.replace(handler, steps=(*rest, acks[0] if acks else Ack()), acknowledge="explicit")


REMEDY = Remedy(
    id="late-ack",
    title=Text("Acknowledge after the effect", "Confirmar (ack) depois do efeito"),
    closes=("lost-event", "stuck", "half-compensated"),
    cost=1,
    does_not_fix=Text(
        "It opens duplicates: a crash between effect and acknowledgement brings the message back.",
        "Abre duplicatas: uma queda entre o efeito e o ack traz a mensagem de volta.",
    ),
    when_not=Text(
        "Leave it where a lost message is cheaper than a repeated one.",
        "Dispense onde perder uma mensagem custa menos do que repeti-la.",
    ),
    apply=apply,
)

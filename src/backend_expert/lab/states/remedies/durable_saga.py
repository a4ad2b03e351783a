"""Write down the duty to take effects back before they happen, so that a crash cannot lose it."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Compensate, Effect, Flow, Handler, Invariant, Reply, Step, walk
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:
    """Guard every line of steps that starts with an effect of the invariant by a durable compensation."""
    attempts = 1 + flow.bounds.timeout
    return change_handlers(flow, lambda handler: _guarded(handler, invariant, attempts))


def _guarded(handler: Handler, invariant: Invariant, attempts: int) -> Handler:
    if handler.consumes:
        return handler
    made = tuple(_durable(step) for step in handler.steps)
    if made != handler.steps:
        return structs.replace(handler, steps=made)
    if any(isinstance(step, Compensate) for step in walk(handler.steps)):
        return handler
    stated = " ".join(invariant.conditions)
    start = next((i for i, step in enumerate(handler.steps) if isinstance(step, Effect) and step.external in stated), None)
    if start is None:
        return handler
    end = next((i for i, step in enumerate(handler.steps) if isinstance(step, Reply) and i > start), len(handler.steps))
    effect = handler.steps[start]
    assert isinstance(effect, Effect)
    system = effect.external.partition(".")[0]
    undo = Effect(f"{system}.reversal", attempts, effect.external, evidence=effect.evidence)
    guarded = Compensate(handler.steps[start:end], (undo,), durable=True, evidence=effect.evidence)
    return structs.replace(handler, steps=(*handler.steps[:start], guarded, *handler.steps[end:]))


def _durable(step: Step) -> Step:
    return structs.replace(step, durable=True) if isinstance(step, Compensate) else step


REMEDY = Remedy(
    id="durable-saga",
    title=Text("Saga with durable compensation", "Saga com compensação durável"),
    closes=("half-compensated",),
    cost=3,
    does_not_fix=Text(
        "Others see the states in between. The compensation itself must be idempotent and must be tried until it works.",
        "Outros enxergam os estados intermediários. A própria compensação precisa ser idempotente e repetida até dar certo.",
    ),
    when_not=Text(
        "Leave it where the effect cannot be taken back (an e-mail, a shipment): reserve first and confirm last instead.",
        "Dispense onde o efeito não pode ser desfeito (um e-mail, um envio): reserve primeiro e confirme por último.",
    ),
    apply=apply,
)

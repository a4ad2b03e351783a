"""Write down the duty to take effects back before they happen, so that a crash cannot lose it."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.flows import change_handlers
from backend_expert.lab.states.flow import Compensate, Effect, Flow, Handler, Invariant, Reply, Step, walk


@flow_remedy(
    "durable-saga",
    en="Write down how to take an effect back before it happens",
    pt="Registre como desfazer um efeito antes que ele aconteça",
    closes=("half-compensated",),
    effort="weeks",
)
def durable_saga(flow: Flow, invariant: Invariant) -> Flow:
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

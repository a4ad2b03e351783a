"""Let the broker forget a message only when its effects are done."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import consumers, with_operations
from backend_expert.model import Ack, Finding, Operation, System
from backend_expert.model.graph import rewrite


@remedy(
    "acknowledge-after-effect",
    en="Acknowledge a message after its effect, and expect it twice",
    pt="Confirme a mensagem depois do efeito e espere recebê-la duas vezes",
    addresses=("ack-before-effect",),
    considers=("consistency", "resilience", "asynchronous-communication"),
    effort="hours",
)
def acknowledge_after_effect(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - one crash is enough
    """Return the system in which the finding's consumers acknowledge as their last step."""
    return with_operations(system, {each.name for each in consumers(system, finding)}, _late)


def _late(operation: Operation) -> Operation:
    trigger = operation.trigger
    rest = rewrite(operation.steps, lambda step: () if isinstance(step, Ack) else step)
    if trigger.acknowledge == "after" and operation.steps[-1:] == (Ack(),):
        return operation
    return structs.replace(operation, trigger=structs.replace(trigger, acknowledge="after"), steps=(*rest, Ack()))

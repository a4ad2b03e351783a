"""Take from the broker what can be worked on soon, and leave the rest to the others."""

from __future__ import annotations

import math

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import chosen, mean, residence_ms
from backend_expert.advice.experiments import one_slow_consumer
from backend_expert.advice.place import component_of, consumers, replicas_of, with_operations
from backend_expert.model import Finding, Operation, System

AHEAD = 2.0
"""Messages held ahead, in units of what is in work while one round trip to the broker lasts ("Finding bottlenecks with RabbitMQ" of its
blog, 2014: prefetch = round trip / time of a message keeps a consumer busy); twice that, since both times vary."""


@remedy(
    "bounded-prefetch",
    en="Let the broker hand out no more messages than a consumer works on soon",
    pt="Deixe o broker entregar só as mensagens que o consumidor processa logo",
    addresses=("unbounded-prefetch",),
    considers=("asynchronous-communication", "performance", "resilience"),
    effort="hours",
    experiment=one_slow_consumer,
)
def bounded_prefetch(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - it follows the time of a message
    """Return the system whose consumers of the finding hold only what keeps them busy during a round trip to the broker.

    It fits consumers of several instances that are known to take messages without end, or far more than that.
    """
    times, round_trip = residence_ms(system), 2 * mean(system.network_ms)
    wanted: dict[str, int] = {}
    for operation in consumers(system, finding):
        trigger, copies = operation.trigger, replicas_of(component_of(system, operation.component))
        if trigger.prefetch is None or copies < 2:
            continue
        busy = max(1.0, mean(trigger.concurrency))
        most = math.ceil(busy * (1 + AHEAD * round_trip / max(times[operation.name], 0.01)))
        if trigger.prefetch.value < 1 or trigger.prefetch.value > most:
            wanted[operation.name] = most

    def bounded(operation: Operation) -> Operation:
        return structs.replace(operation, trigger=structs.replace(operation.trigger, prefetch=chosen(wanted[operation.name])))

    return with_operations(system, wanted, bounded)

"""Make independent calls at the same time."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.experiments import peak_traffic
from backend_expert.advice.place import with_operations
from backend_expert.model import Finding, Operation, System
from backend_expert.model.runs import at_once


@remedy(
    "parallel-calls",
    en="Make independent calls at the same time",
    pt="Faça ao mesmo tempo as chamadas independentes",
    addresses=("sequential-independent-awaits",),
    considers=("performance", "low-latency"),
    effort="hours",
    experiment=peak_traffic,
)
def parallel_calls(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the order is the same at any load
    """Return the system in which every run of independent calls and reads of the finding's component goes at once."""
    names = {operation.name for operation in system.operations if operation.component == finding.components[0]}

    def started_together(operation: Operation) -> Operation:
        return structs.replace(operation, steps=at_once(operation.steps))

    return with_operations(system, names, started_together)

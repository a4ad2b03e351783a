"""Ask once for many rows instead of once for each."""

from __future__ import annotations

import math

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.demand import mean
from backend_expert.advice.experiments import peak_traffic
from backend_expert.advice.place import with_steps
from backend_expert.model import Action, Certainty, Estimate, Finding, Operation, Query, Repeat, Step, System


@remedy(
    "batched-query",
    en="Ask for all rows in one statement instead of one for each",
    pt="Busque todas as linhas em uma instrução, em vez de uma para cada",
    addresses=("store-call-in-loop",),
    considers=("performance", "scalability", "low-latency"),
    effort="hours",
    experiment=peak_traffic,
)
def batched_query(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the loop is as long at any load
    """Return the system with loops over reads, in the finding's components, made one statement each.

    A statement for n rows takes the store between as long as one row and n times as long; between the two nothing is known
    beforehand, so its time is assumed as their geometric mean with a spread that reaches both ends.
    """
    links = set(finding.links)
    stores = {dataset.name: dataset.store for dataset in system.datasets}

    def batched(operation: Operation, step: Step) -> Step | tuple[Step, ...]:
        if not isinstance(step, Repeat) or not step.steps or operation.component not in finding.components:
            return step
        reads = [each for each in step.steps if isinstance(each, Query) and each.action is Action.READ]
        concerned = not links or any((operation.component, stores.get(each.dataset)) in _pairs(finding) for each in reads)
        if len(reads) != len(step.steps) or not concerned or step.count.value <= 1:
            return step
        return tuple(_for_many(each, step.count.value) for each in reads)

    return with_steps(system, batched)


def _pairs(finding: Finding) -> frozenset[tuple[str, str | None]]:
    return frozenset((link.caller, link.callee) for link in finding.links)


def _for_many(query: Query, rows: float) -> Query:
    between = math.sqrt(rows)
    return structs.replace(query, time_ms=Estimate(mean(query.time_ms) * between, between, Certainty.ASSUMED))

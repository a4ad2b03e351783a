"""Ask another service once for many things instead of once for each."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.experiments import peak_traffic
from backend_expert.advice.place import added, with_steps
from backend_expert.model import Call, Finding, Operation, Repeat, Step, System


@remedy(
    "batched-call",
    en="Call the other service once for the whole list instead of once for each item",
    pt="Chame o outro serviço uma vez para a lista inteira, em vez de uma vez por item",
    addresses=("remote-call-in-loop",),
    considers=("performance", "scalability", "low-latency"),
    effort="days",
    experiment=peak_traffic,
)
def batched_call(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the loop is as long at any load
    """Return the system with the finding's loops over one call made a single call of a batch operation.

    The batch operation does all the work of the loop, item by item: only the trips are saved, which is the least it can do.
    """
    homes = {operation.name: operation.component for operation in system.operations}
    links = {(link.caller, link.callee) for link in finding.links}
    batches: dict[str, Operation] = {}

    def batched(operation: Operation, step: Step) -> Step:
        match step:
            case Repeat(steps=(Call() as call,), count=count) if count.value > 1 and call.operation in homes:
                if (operation.component, homes[call.operation]) not in links:
                    return step
                name = f"{call.operation} (batch for {operation.name})"
                target = system.operation(call.operation)
                looped = (Repeat(count=count, steps=target.steps),) if target.steps else ()
                batches[name] = structs.replace(target, name=name, steps=looped)
                return structs.replace(call, operation=name)
            case _:
                return step

    changed = with_steps(system, batched)
    for operation in batches.values():
        changed = structs.replace(changed, operations=added(changed.operations, operation))
    return changed

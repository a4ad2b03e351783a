"""Call others before the transaction begins, never inside it."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.experiments import slow_callee
from backend_expert.advice.place import with_steps
from backend_expert.model import Call, Finding, Operation, Step, System, Transaction


@remedy(
    "short-transaction",
    en="Move the remote call out of the transaction",
    pt="Tire a chamada remota de dentro da transação",
    addresses=("transaction-spans-remote-call",),
    considers=("performance", "resilience"),
    effort="days",
    experiment=slow_callee,
)
def short_transaction(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the hold is as long at any load
    """Return the system with the calls that stand directly in the finding's transactions made before they begin."""
    homes = {operation.name: operation.component for operation in system.operations}
    links = {(link.caller, link.callee) for link in finding.links}

    def leaves(operation: Operation, step: Step) -> bool:
        if not isinstance(step, Call):
            return False
        link = (operation.component, homes.get(step.operation, ""))
        return link in links if links else operation.component in finding.components

    def shortened(operation: Operation, step: Step) -> Step | tuple[Step, ...]:
        if not isinstance(step, Transaction):
            return step
        before = tuple(each for each in step.steps if leaves(operation, each))
        if not before:
            return step
        return (*before, structs.replace(step, steps=tuple(each for each in step.steps if each not in before)))

    return with_steps(system, shortened)

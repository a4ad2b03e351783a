"""Put the check into the statement that writes."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import with_steps
from backend_expert.model import Action, Finding, Lock, Operation, Query, Step, System, walk


@remedy(
    "guarded-update",
    en="Check and change in one statement",
    pt="Verifique e altere em uma única instrução",
    addresses=("read-modify-write-race",),
    considers=("consistency",),
    effort="hours",
)
def guarded_update(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - two requests are enough for a race
    """Return the system in which the finding's updates carry the condition that was read before, and so refuse when it is gone.

    The read stays, for the answer may need it; nothing is decided on it any more. What a lock guards is left alone.
    """
    racing = {each.name: _racing(each) for each in system.operations if each.component in finding.components}

    def guarded(operation: Operation, step: Step) -> Step:
        concerned = isinstance(step, Query) and finding.subject == f"{operation.component} {step.dataset}"
        if isinstance(step, Query) and concerned and step in racing.get(operation.name, ()):
            return structs.replace(step, action=Action.GUARDED_UPDATE)
        return step

    return with_steps(system, guarded)


def _racing(operation: Operation) -> frozenset[Query]:
    """Return the updates by the same columns as a read of the same rows before them."""
    steps = tuple(walk(operation.steps))
    locked = {id(inner) for step in steps if isinstance(step, Lock) for inner in walk(step.steps)}
    queries = [step for step in steps if isinstance(step, Query) and id(step) not in locked]
    found = set()
    for position, write in enumerate(queries):
        rows = (write.dataset, frozenset(write.filter_columns))
        read = any(
            each.action is Action.READ and (each.dataset, frozenset(each.filter_columns)) == rows for each in queries[:position]
        )
        if write.action is Action.UPDATE and write.filter_columns and write.computed is not False and read:
            found.add(write)
    return frozenset(found)

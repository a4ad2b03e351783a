"""Let a POST change data, and a GET only show it."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import with_operations
from backend_expert.model import Finding, Operation, System


@remedy(
    "change-behind-post",
    en="Move the change from GET to POST",
    pt="Mova a alteração de GET para POST",
    addresses=("get-with-side-effect",),
    considers=("consistency", "security"),
    effort="hours",
)
def change_behind_post(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a method does not follow the load
    """Return the system in which the routes that the finding shows answer POST; their names stay, for callers know them by these."""
    shown = set(finding.evidence)
    names = {each.name for each in system.operations if each.component in finding.components and shown & set(each.evidence[:1])}

    def posted(operation: Operation) -> Operation:
        method, _, path = operation.trigger.name.partition(" ")
        return (
            structs.replace(operation, trigger=structs.replace(operation.trigger, name=f"POST {path}"))
            if method == "GET"
            else operation
        )

    return with_operations(system, names, posted)

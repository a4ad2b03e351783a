"""Ask who is calling before anything runs, and open routes one by one."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import with_operations
from backend_expert.model import Finding, Guard, GuardKind, Operation, System

ASKED_FOR = {
    "admin-route-without-role": GuardKind.AUTHORISATION,
    "login-without-throttle": GuardKind.THROTTLING,
    "route-without-authentication": GuardKind.AUTHENTICATION,
}
"""The guard that a rule misses."""


@remedy(
    "default-deny",
    en="Put the missing guard in front of the whole service and open routes one by one",
    pt="Ponha o guard que falta na frente do serviço inteiro e abra as rotas uma a uma",
    addresses=tuple(ASKED_FOR),
    considers=("security",),
    effort="days",
)
def default_deny(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - exposure does not follow the load
    """Return the system in which every operation that the finding shows passes the guard it lacks."""
    missing = ASKED_FOR[finding.rule]
    shown = set(finding.evidence)
    names = {
        operation.name
        for operation in system.operations
        if operation.component in finding.components and operation.guards is not None and shown & set(operation.evidence)
    }

    def guarded(operation: Operation) -> Operation:
        if any(guard.kind is missing for guard in operation.guards or ()):
            return operation
        return structs.replace(operation, guards=(*(operation.guards or ()), Guard(name=missing.value, kind=missing)))

    return with_operations(system, names, guarded)

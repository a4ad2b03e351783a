"""Administrative routes that any user who is logged in may call."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Finding, GuardKind, Operation, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import distinct
from backend_expert.rules.security.exposure import ASKED_BY_PEOPLE, exposed, has, lacks, path_words
from backend_expert.rules.wording import counted, listed

ADMINISTRATIVE = frozenset({"admin", "administration", "administrator", "backoffice", "superuser"})
"""Words that mark a route as one for the operators of the system."""


@rule(
    "admin-route-without-role",
    code="BE-SEC-002",
    family="security",
    severity=Severity.HIGH,
    en="Administrative route without a role check",
    pt="Rota administrativa sem verificação de papel",
)
def admin_route_without_role(system: System) -> Iterator[Finding]:
    """Yield, for each component, the administrative routes behind a login that look at no role or permission."""
    outside = exposed(system)
    found: dict[str, list[Operation]] = {}
    for operation in system.operations:
        asked = operation.trigger.kind in ASKED_BY_PEOPLE and operation.component in outside
        any_user = has(operation, GuardKind.AUTHENTICATION) and lacks(operation, GuardKind.AUTHORISATION)
        if asked and any_user and path_words(operation) & ADMINISTRATIVE:
            found.setdefault(operation.component, []).append(operation)
    for component in sorted(found):
        yield _finding(component, found[component])


def _finding(component: str, routes: list[Operation]) -> Finding:
    names = [operation.name for operation in routes]
    return Finding(
        rule="admin-route-without-role",
        severity=Severity.HIGH,
        subject=f"{component} administrative routes",
        components=(component,),
        title=Text(
            f"{counted(len(names), 'administrative route', 'administrative routes')} of `{component}` "
            f"{'looks' if len(names) == 1 else 'look'} at no role: {listed(names, 'en', most=3)}",
            f"{counted(len(names), 'rota administrativa', 'rotas administrativas')} de `{component}` "
            f"{'não verifica' if len(names) == 1 else 'não verificam'} papel: {listed(names, 'pt', most=3)}",
        ),
        why=Text(
            "A login is asked for, and every user has one. Nothing that stands in front of the handler was seen to look at a role or a "
            "permission; a check inside the handler would not be seen here.",
            "Pede-se login, e todo usuário tem um. Nada do que fica na frente do handler parece olhar papel ou permissão; uma "
            "verificação dentro do handler não seria vista aqui.",
        ),
        evidence=distinct(place for operation in routes for place in operation.evidence[:1]),
        confidence=0.65,
    )

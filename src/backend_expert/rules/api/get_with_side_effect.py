"""GET requests that change something."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend_expert.model import (
    Action,
    CacheGet,
    CachePut,
    Certainty,
    Finding,
    Link,
    Operation,
    Query,
    Severity,
    Step,
    System,
    Text,
)
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import in_order, methods, places
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import counted, listed

SENT_BY_OTHERS = re.compile(r"callback|oauth|saml|oidc", re.IGNORECASE)
"""Paths to which an identity provider sends the browser back: they are GET by protocol (RFC 6749, section 4.1.2)."""


@rule(
    "get-with-side-effect",
    code="BE-API-003",
    family="api",
    severity=Severity.MEDIUM,
    en="GET that changes data",
    pt="GET que altera dados",
)
def get_with_side_effect(system: System) -> Iterator[Finding]:
    """Yield, for each component, the GET routes whose own steps write."""
    found: dict[str, list[tuple[Operation, tuple[Step, ...]]]] = {}
    for operation in system.operations:
        if operation.trigger.kind == "http" and methods(operation) == {"GET"} and not SENT_BY_OTHERS.search(operation.name):
            changes = tuple(_changes(operation))
            if changes:
                found.setdefault(operation.component, []).append((operation, changes))
    for component in sorted(found):
        yield _finding(system, component, found[component])


def _changes(operation: Operation) -> Iterator[Step]:
    """Yield the steps that change data.

    Left out are those that only fill a cache, create what a look-up did not find, or ask for work that anybody may ask for twice.
    """
    read: set[str] = set()
    for step, choice in in_order(operation.steps):
        if isinstance(step, CacheGet) or (isinstance(step, Query) and step.action is Action.READ):
            read.add(step.dataset)
        elif step.certainty is not Certainty.ASSUMED:
            match step:
                case Query(action=Action.UPDATE | Action.GUARDED_UPDATE | Action.DELETE) | CachePut(computed=True):
                    yield step
                case Query(action=Action.INSERT) if not (choice and step.dataset in read):
                    yield step


def _finding(system: System, component: str, routes: list[tuple[Operation, tuple[Step, ...]]]) -> Finding:
    operations = [operation.name for operation, _ in routes]
    targets = distinct(step.dataset for _, steps in routes for step in steps if isinstance(step, Query | CachePut))
    homes = {dataset.name: dataset.store for dataset in system.datasets}
    peers = distinct(homes[target] for target in targets if target in homes)
    return Finding(
        rule="get-with-side-effect",
        severity=Severity.MEDIUM,
        subject=f"{component} GET",
        components=(component, *(peer for peer in peers if peer != component)),
        links=tuple(Link(component, peer) for peer in sorted(peers) if peer != component),
        title=Text(
            f"{counted(len(operations), 'route', 'routes')} of `{component}` {'changes' if len(operations) == 1 else 'change'} data on "
            f"a GET: {listed(operations, 'en', most=3)}",
            f"{counted(len(operations), 'rota', 'rotas')} de `{component}` {'altera' if len(operations) == 1 else 'alteram'} dados em "
            f"um GET: {listed(operations, 'pt', most=3)}",
        ),
        why=Text(
            f"A GET is safe by definition (RFC 9110, section 9.2.1), so browsers prefetch it, crawlers follow it, proxies answer it "
            f"from their cache and clients repeat it without asking. Each of them writes to {listed(targets, 'en', most=4)}, or "
            f"believes it has, and any page can trigger it with an image tag.",
            f"Um GET é seguro por definição (RFC 9110, seção 9.2.1), por isso navegadores fazem prefetch, crawlers seguem o link, "
            f"proxies respondem do cache e clientes repetem sem perguntar. Cada um deles grava em {listed(targets, 'pt', most=4)}, ou "
            f"pensa que gravou, e qualquer página dispara isso com uma tag de imagem.",
        ),
        evidence=distinct(
            place
            for operation, steps in routes
            for place in (*operation.evidence[:1], *(p for step in steps for p in places(step)))
        ),
        confidence=0.8,
    )

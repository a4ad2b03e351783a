"""Writes and messages that nobody waits for and whose failure nobody sees."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import (
    Action,
    Call,
    CallSite,
    Finding,
    Parallel,
    Publish,
    Query,
    Severity,
    Step,
    System,
    Text,
    call_sites,
    walk,
)
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import effects_behind, places_apart
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import counted, listed


@rule(
    "unawaited-write",
    code="BE-CON-015",
    family="consistency",
    severity=Severity.HIGH,
    en="Write that nobody waits for",
    pt="Gravação que ninguém espera",
)
def unawaited_write(system: System) -> Iterator[Finding]:
    """Yield, for each component, the writes, messages and changing calls that run on unwatched while the operation answers."""
    unwatched = {
        id(inner)
        for operation in system.operations
        for step in walk(operation.steps)
        if isinstance(step, Parallel) and step.detached == "bare"
        for branch in step.branches
        for inner in walk(branch)
    }
    found: dict[str, list[CallSite]] = {}
    for site in call_sites(system):
        if id(site.step) in unwatched and _changes(system, site.step):
            found.setdefault(site.caller, []).append(site)
    for component in sorted(found):
        yield _finding(component, found[component])


def _changes(system: System, step: Step) -> bool:
    match step:
        case Query():
            return step.action is not Action.READ
        case Publish():
            return True
        case Call():
            return bool(effects_behind(system, step.operation))
        case _:
            return False


def _finding(component: str, sites: list[CallSite]) -> Finding:
    operations = distinct(site.operation for site in sites)
    peers = distinct(site.callee for site in sites)
    number = len(places_apart(site.step for site in sites)) or len(sites)
    return Finding(
        rule="unawaited-write",
        severity=Severity.HIGH,
        subject=f"{component} unawaited",
        components=(component, *peers),
        links=tuple(sorted({site.link for site in sites})),
        title=Text(
            f"`{component}` answers before {counted(number, 'write', 'writes')} to {listed(peers, 'en', most=3)} "
            f"{'is' if number == 1 else 'are'} done",
            f"`{component}` responde antes de {counted(number, 'gravação', 'gravações')} em {listed(peers, 'pt', most=3)} "
            f"{'terminar' if number == 1 else 'terminarem'}",
        ),
        why=Text(
            f"{listed(operations, 'en', most=5)} {'starts' if len(operations) == 1 else 'start'} the work and "
            f"{'goes' if len(operations) == 1 else 'go'} on: the answer says it is done while it may still fail. The error then "
            f"reaches no caller (in Node.js an unhandled rejection ends the process), and a deploy in that moment loses the write.",
            f"{listed(operations, 'pt', most=5)} {'começa' if len(operations) == 1 else 'começam'} o trabalho e "
            f"{'segue' if len(operations) == 1 else 'seguem'} em frente: a resposta diz que está feito quando ainda pode falhar. O "
            f"erro não chega a ninguém (no Node.js uma rejeição sem tratamento encerra o processo), e um deploy nesse momento "
            f"perde a gravação.",
        ),
        evidence=places_apart(site.step for site in sites),
        confidence=0.9,
    )

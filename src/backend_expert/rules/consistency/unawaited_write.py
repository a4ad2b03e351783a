"""Writes and messages that nobody waits for and whose failure nobody sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from msgspec import Struct

from backend_expert.model import (
    Ack,
    Action,
    Call,
    Finding,
    Kind,
    Link,
    Parallel,
    Publish,
    Query,
    Severity,
    Step,
    System,
    Text,
    walk,
)
from backend_expert.model.graph import Remote, callee
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import effects_behind, places_apart
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import counted, listed


class Unwatched(Struct, frozen=True):
    """A changing step of an operation that nobody waits for."""

    operation: str
    step: Remote


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
    found: dict[str, list[Unwatched]] = {}
    for operation in system.operations:
        if operation.trigger.kind == "message" and any(isinstance(step, Ack) for step in walk(operation.steps)):
            continue  # what is acknowledged before it is done is told by `ack-before-effect`
        for step in walk(operation.steps):
            if isinstance(step, Parallel) and step.detached == "bare":
                changes = [inner for branch in step.branches for inner in walk(branch) if _changes(inner, system)]
                found.setdefault(operation.component, []).extend(Unwatched(operation.name, inner) for inner in changes)
    for component in sorted(found):
        if found[component]:
            yield _finding(system, component, found[component])


def _changes(step: Step, system: System) -> TypeGuard[Remote]:
    match step:
        case Query():
            stores = {component.name for component in system.components if component.kind is not Kind.CACHE}
            return step.action is not Action.READ and callee(system, step) in stores
        case Publish():
            return True
        case Call():
            return bool(effects_behind(system, step.operation))
        case _:
            return False


def _finding(system: System, component: str, unwatched: list[Unwatched]) -> Finding:
    operations = distinct(each.operation for each in unwatched)
    peers = distinct(callee(system, each.step) for each in unwatched)
    shown = places_apart(each.step for each in unwatched)
    number = len(shown) or len(unwatched)
    return Finding(
        rule="unawaited-write",
        severity=Severity.HIGH,
        subject=f"{component} unawaited",
        components=(component, *peers),
        links=tuple(Link(component, peer) for peer in sorted(peers) if peer != component),
        title=Text(
            f"`{component}` goes on before {counted(number, 'write', 'writes')} to {listed(peers, 'en', most=3)} "
            f"{'is' if number == 1 else 'are'} done",
            f"`{component}` segue em frente antes de {counted(number, 'gravação', 'gravações')} em {listed(peers, 'pt', most=3)} "
            f"{'terminar' if number == 1 else 'terminarem'}",
        ),
        why=Text(
            f"{listed(operations, 'en', most=5)} {'starts' if len(operations) == 1 else 'start'} the work and "
            f"{'goes' if len(operations) == 1 else 'go'} on: whoever asked takes it for done while it may still fail. The error then "
            f"reaches no caller (in Node.js an unhandled rejection ends the process), and a deploy in that moment loses the write.",
            f"{listed(operations, 'pt', most=5)} {'começa' if len(operations) == 1 else 'começam'} o trabalho e "
            f"{'segue' if len(operations) == 1 else 'seguem'} em frente: quem pediu conta com o feito quando ele ainda pode falhar. O "
            f"erro não chega a ninguém (no Node.js uma rejeição sem tratamento encerra o processo), e um deploy nesse momento "
            f"perde a gravação.",
        ),
        evidence=shown,
        confidence=0.9,
    )

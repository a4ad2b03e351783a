"""Changes in several places, of which the first stay when a later one fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import (
    Call,
    Certainty,
    Compensate,
    Finding,
    Kind,
    Link,
    Operation,
    Query,
    Severity,
    Step,
    System,
    Text,
    walk,
)
from backend_expert.model.graph import Remote, callee, policy_of
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import common_places, effects_behind, in_order, methods, together, writes
from backend_expert.rules.paths import distinct


class Half(Struct, frozen=True):
    """An operation that changes something elsewhere, and the first later step whose failure leaves that change alone."""

    operation: Operation
    done: Call
    failing: Step


WAY_BACK = re.compile(r"\bDELETE\b|cancel|compensat|refund|release|restock|revert|rollback|undo|void", re.IGNORECASE)
"""What calls are named that take something back: who makes one is on the way back already."""


@rule(
    "flow-without-compensation",
    code="BE-CON-010",
    family="consistency",
    severity=Severity.HIGH,
    en="Changes in several services without a way back",
    pt="Alterações em vários serviços sem caminho de volta",
)
def flow_without_compensation(system: System) -> Iterator[Finding]:
    """Yield the operations that change another service and then take a step that can fail, with nothing that undoes the change.

    A message comes again until its handler is done: there the way is forward, and that a repeat does no harm is another rule.
    """
    for operation in system.operations:
        if operation.certainty is not Certainty.ASSUMED and operation.trigger.kind not in {"start", "message"}:
            half = _half_done(system, operation)
            if half is not None:
                yield _finding(system, half)


def _half_done(system: System, operation: Operation) -> Half | None:
    undone = {
        id(inner)
        for step in walk(operation.steps)
        if isinstance(step, Compensate)
        for inner in (*walk(step.steps), *walk(step.undo))
    }
    steps = [
        (step, choice)
        for step, choice in in_order(operation.steps)
        if id(step) not in undone
        and step.certainty is not Certainty.ASSUMED
        and isinstance(step, Remote)
        and not policy_of(step).optional
    ]
    for position, (done, choice) in enumerate(steps):
        if isinstance(done, Call) and _creates(system, operation, done):
            for failing, other in steps[position + 1 :]:
                elsewhere = callee(system, failing) != callee(system, done)
                changes = (
                    writes(failing)
                    if isinstance(failing, Query)
                    else isinstance(failing, Call) and _creates(system, operation, failing)
                )
                if elsewhere and changes and together(choice, other):
                    return Half(operation, done, failing)
    return None


def _creates(system: System, operation: Operation, call: Call) -> bool:
    """Tell whether a call is known to change something in another service or at a third party."""
    called = system.operation(call.operation)
    if called.component == operation.component or methods(called) == {"GET"} or WAY_BACK.search(called.trigger.name or called.name):
        return False
    if system.component(called.component).kind is Kind.EXTERNAL:
        return bool(methods(called) - {"GET", "HEAD", "OPTIONS"})
    return any(
        writes(step) or isinstance(step, Call) for _, step in effects_behind(system, called.name) if isinstance(step, Query | Call)
    )


def _finding(system: System, half: Half) -> Finding:
    operation, first = half.operation, callee(system, half.done)
    then = callee(system, half.failing) if isinstance(half.failing, Remote) else operation.component
    return Finding(
        rule="flow-without-compensation",
        severity=Severity.HIGH,
        subject=operation.name,
        components=distinct((operation.component, first, then)),
        links=distinct(Link(operation.component, peer) for peer in (first, then) if peer != operation.component),
        title=Text(
            f"`{operation.name}` leaves its change in `{first}` behind when `{then}` fails",
            f"`{operation.name}` deixa a alteração em `{first}` para trás quando `{then}` falha",
        ),
        why=Text(
            f"It calls `{half.done.operation}` and afterwards changes `{then}`. A timeout, an error or a crash between the two answers "
            f"with an error and keeps the first change: nothing that was read undoes it, and neither an expiry nor a job that cleans up "
            f"was found. A client that tries again makes another one.",
            f"Ela chama `{half.done.operation}` e depois altera `{then}`. Um timeout, um erro ou uma queda entre os dois responde com "
            f"erro e mantém a primeira alteração: nada do que foi lido a desfaz, e não foi encontrada expiração nem rotina que limpe. "
            f"Um cliente que tenta de novo cria outra.",
        ),
        evidence=common_places((half.done, half.failing)),
        confidence=0.75,
    )

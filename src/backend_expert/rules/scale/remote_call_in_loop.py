"""Services that are asked once for each item."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Call, Finding, Link, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.demand import granted, step_ms
from backend_expert.rules.effects import places
from backend_expert.rules.paths import distinct
from backend_expert.rules.scale.loops import Repeated, repeated
from backend_expert.rules.wording import duration, figure, listed, percent

FEWEST = 1.0
"""Calls of one run above which there is a loop to speak of: a remote call costs more than most statements."""

MANY = 10
"""Calls of one request from which the finding is high."""


@rule(
    "remote-call-in-loop",
    code="BE-SCA-002",
    family="scale",
    severity=Severity.HIGH,
    en="Service called in a loop",
    pt="Serviço chamado dentro de um laço",
)
def remote_call_in_loop(system: System) -> Iterator[Finding]:
    """Yield, for each operation and callee, the calls to other components that run once for each item."""
    homes = {operation.name: operation.component for operation in system.operations}
    for operation in system.operations:
        found: dict[str, list[Repeated]] = {}
        for each in repeated(system, operation):
            if isinstance(each.step, Call) and homes.get(each.step.operation, operation.component) != operation.component:
                found.setdefault(homes[each.step.operation], []).append(each)
        for callee, several in sorted(found.items()):
            if sum(each.times for each in several) > FEWEST:
                yield _finding(system, callee, several)


def _finding(system: System, callee: str, several: list[Repeated]) -> Finding:
    operation = several[0].operation
    total = sum(each.times for each in several)
    certain = all(each.certain for each in several)
    called = tuple(dict.fromkeys(each.step.operation for each in several if isinstance(each.step, Call)))
    spent = sum(each.times * step_ms(granted(system), each.step) for each in several)
    about = Text("about " if not certain else "", "cerca de " if not certain else "")
    total_en, total_pt = figure(total, "en"), figure(total, "pt")
    time = Text("", "")
    if spent:
        time = Text(
            f" That is {total_en} × {duration(spent / total, 'en')} = {duration(spent, 'en')} of waiting in a row.",
            f" São {total_pt} × {duration(spent / total, 'pt')} = {duration(spent, 'pt')} de espera em fila.",
        )
    tail = 1 - 0.99**total
    return Finding(
        rule="remote-call-in-loop",
        severity=Severity.HIGH if total >= MANY else Severity.MEDIUM,
        subject=f"{operation.name} → {callee} loop",
        components=(operation.component, callee),
        links=(Link(operation.component, callee),),
        title=Text(
            f"`{operation.name}` calls `{callee}` {about.en}{total_en} times in a loop",
            f"`{operation.name}` chama `{callee}` {about.pt}{total_pt} vezes dentro de um laço",
        ),
        why=Text(
            f"One request calls {listed(called, 'en', most=3)} once for each item.{time.en} `{callee}` gets {total_en} times the "
            f"traffic of its caller, and {percent(tail, 'en')} of the requests meet its slowest 1 % at least once (1 − "
            f"0.99^{total_en}).",
            f"Uma requisição chama {listed(called, 'pt', most=3)} uma vez para cada item.{time.pt} `{callee}` recebe {total_pt} "
            f"vezes o tráfego de quem o chama, e {percent(tail, 'pt')} das requisições pegam o 1 % mais lento dele ao menos uma "
            f"vez (1 − 0,99^{total_pt}).",
        ),
        evidence=distinct(place for each in several for step in (each.loop, each.step) for place in places(step)),
        confidence=0.95 if certain else 0.85,
    )

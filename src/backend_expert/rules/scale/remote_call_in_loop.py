"""Services that are asked once for each item."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Call, Finding, Link, Operation, Severity, Step, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.scale.loops import Loops, shared_loops
from backend_expert.rules.wording import figure, listed, percent

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
    """Yield, for each set of operations that share the loops, the calls of other components that run once for each item."""
    homes = {operation.name: operation.component for operation in system.operations}

    def callee_of(operation: Operation, step: Step) -> str | None:
        callee = homes.get(step.operation) if isinstance(step, Call) else None
        return callee if callee != operation.component else None

    for loops in shared_loops(system, callee_of, more_than=FEWEST):
        yield _finding(system, loops)


def _finding(system: System, loops: Loops) -> Finding:
    first, callees = loops.operations[0], tuple(loops.times_of)
    named_en, named_pt = listed(callees, "en", most=3), listed(callees, "pt", most=3)
    called = tuple(dict.fromkeys(each.step.operation for _, each in loops.steps if isinstance(each.step, Call)))
    times_en, times_pt = figure(loops.times, "en"), figure(loops.times, "pt")
    about = Text("", "") if loops.certain else Text("about ", "cerca de ")
    if len(loops.operations) == 1:
        title = Text(
            f"`{first}` calls {named_en} {about.en}{times_en} times in a loop",
            f"`{first}` chama {named_pt} {about.pt}{times_pt} vezes dentro de um laço",
        )
    else:
        title = Text(
            f"{len(loops.operations)} operations of `{loops.component}` call {named_en} up to {about.en}{times_en} times in the same "
            f"loops",
            f"{len(loops.operations)} operações de `{loops.component}` chamam {named_pt} até {about.pt}{times_pt} vezes nos mesmos "
            f"laços",
        )
    waiting_en, waiting_pt = loops.waiting(system, "en"), loops.waiting(system, "pt")
    most, share = next(iter(loops.times_of.items()))
    share_en, share_pt = figure(share, "en"), figure(share, "pt")
    tail = 1 - 0.99**loops.times
    return Finding(
        rule="remote-call-in-loop",
        severity=Severity.HIGH if loops.times >= MANY else Severity.MEDIUM,
        subject=loops.subject,
        components=(loops.component, *callees),
        links=tuple(Link(loops.component, callee) for callee in callees),
        title=title,
        why=Text(
            f"One request of `{first}` calls {listed(called, 'en', most=3)} once for each item."
            f"{f' That is {waiting_en} of waiting in a row.' if waiting_en else ''} `{most}` gets {share_en} times the traffic of its "
            f"caller, and {percent(tail, 'en')} of the requests meet the slowest 1 % of a callee at least once (1 − 0.99^{times_en})."
            f"{loops.assumption('en')}{loops.others('en')}",
            f"Uma requisição de `{first}` chama {listed(called, 'pt', most=3)} uma vez para cada item."
            f"{f' São {waiting_pt} de espera em fila.' if waiting_pt else ''} `{most}` recebe {share_pt} vezes o tráfego de quem o "
            f"chama, e {percent(tail, 'pt')} das requisições pegam o 1 % mais lento de um serviço chamado ao menos uma vez (1 − "
            f"0,99^{times_pt}).{loops.assumption('pt')}{loops.others('pt')}",
        ),
        evidence=loops.places,
        confidence=0.95 if loops.certain else 0.85,
    )

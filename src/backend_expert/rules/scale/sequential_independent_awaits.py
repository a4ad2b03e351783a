"""Calls that wait for each other although none needs the other's answer."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Call, Finding, Link, Operation, Severity, System, Text
from backend_expert.model.graph import Remote, callee
from backend_expert.model.runs import Run, independent_runs
from backend_expert.rules.catalogue import rule
from backend_expert.rules.demand import granted, step_ms
from backend_expert.rules.effects import common_places
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import duration, listed

FEWEST_READS = 3
"""Reads in a row that are worth the trouble; two calls of services are, for a call costs more than most statements."""


class Waiting(Struct, frozen=True):
    """A run of steps of one operation that could go at once."""

    operation: Operation
    run: Run


@rule(
    "sequential-independent-awaits",
    code="BE-SCA-003",
    family="scale",
    severity=Severity.MEDIUM,
    en="Independent calls made one after another",
    pt="Chamadas independentes feitas uma após a outra",
)
def sequential_independent_awaits(system: System) -> Iterator[Finding]:
    """Yield, for each component, the runs of calls and reads that are known to be independent and wait for each other."""
    found: dict[str, list[Waiting]] = {}
    for operation in system.operations:
        for run in independent_runs(operation.steps):
            if len(run) >= FEWEST_READS or sum(isinstance(step, Call) for step in run) > 1:
                found.setdefault(operation.component, []).append(Waiting(operation, run))
    for component, waiting in sorted(found.items()):
        yield _finding(system, component, waiting)


def _finding(system: System, component: str, waiting: list[Waiting]) -> Finding:
    operations = distinct(each.operation.name for each in waiting)
    steps = [step for each in waiting for step in each.run]
    peers = distinct(callee(system, step) for step in steps if isinstance(step, Remote))
    calls = any(isinstance(step, Call) for step in steps)
    most = max(waiting, key=lambda each: (_saved_ms(system, each.run), len(each.run)))
    saved = _saved_ms(system, most.run)
    time = Text("", "")
    if saved:
        total = sum(_each_ms(system, most.run))
        time = Text(
            f" One after another they take {duration(total, 'en')}, at once as long as the slowest: {duration(total - saved, 'en')}.",
            f" Uma após a outra levam {duration(total, 'pt')}; ao mesmo tempo, só o da mais lenta: {duration(total - saved, 'pt')}.",
        )
    return Finding(
        rule="sequential-independent-awaits",
        severity=Severity.MEDIUM if calls else Severity.LOW,
        subject=f"{component} in a row",
        components=(component, *(peer for peer in peers if peer != component)),
        links=tuple(Link(component, peer) for peer in sorted(peers) if peer != component),
        title=Text(
            f"`{most.operation.name}` waits for {len(most.run)} independent answers one after another",
            f"`{most.operation.name}` espera {len(most.run)} respostas independentes uma após a outra",
        ),
        why=Text(
            f"None of them needs the answer of another, so each wait adds to the request for nothing.{time.en} The place, the socket "
            f"and the memory of the request are held for the same time. It concerns {listed(operations, 'en', most=5)}.",
            f"Nenhuma precisa da resposta de outra, então cada espera se soma à requisição por nada.{time.pt} O lugar, o socket e a "
            f"memória da requisição ficam ocupados pelo mesmo tempo. Isso vale para {listed(operations, 'pt', most=5)}.",
        ),
        evidence=distinct(place for each in waiting for place in common_places(each.run)),
        confidence=0.8,
    )


def _each_ms(system: System, run: Run) -> list[float]:
    return [step_ms(granted(system), step) for step in run]


def _saved_ms(system: System, run: Run) -> float:
    times = _each_ms(system, run)
    return sum(times) - max(times)

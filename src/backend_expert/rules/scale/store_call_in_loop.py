"""Stores that are asked once for each item (N+1)."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import CacheGet, CachePut, Finding, Link, Operation, Query, Severity, Step, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.scale.loops import FEW, Loops, shared_loops
from backend_expert.rules.wording import figure, listed

MANY = 10
"""Statements of one request from which the finding is high: ten round trips in a row cost more than most whole requests should."""


@rule(
    "store-call-in-loop",
    code="BE-SCA-001",
    family="scale",
    severity=Severity.HIGH,
    en="Store called in a loop (N+1)",
    pt="Banco chamado dentro de um laço (N+1)",
)
def store_call_in_loop(system: System) -> Iterator[Finding]:
    """Yield, for each set of operations that share the loops, the statements that run once for each item."""
    homes = {dataset.name: dataset.store for dataset in system.datasets}

    def store_of(operation: Operation, step: Step) -> str | None:
        store = homes.get(step.dataset) if isinstance(step, Query | CacheGet | CachePut) else None
        return store if store != operation.component else None

    for loops in shared_loops(system, store_of, more_than=FEW):
        yield _finding(system, loops)


def _finding(system: System, loops: Loops) -> Finding:
    first, stores = loops.operations[0], tuple(loops.times_of)
    named_en, named_pt = listed(stores, "en", most=3), listed(stores, "pt", most=3)
    datasets = tuple(
        dict.fromkeys(each.step.dataset for _, each in loops.steps if isinstance(each.step, Query | CacheGet | CachePut))
    )
    times_en, times_pt = figure(loops.times, "en"), figure(loops.times, "pt")
    about = Text("", "") if loops.certain else Text("about ", "cerca de ")
    if len(loops.operations) == 1:
        title = Text(
            f"`{first}` sends {about.en}{times_en} statements to {named_en} in a loop",
            f"`{first}` manda {about.pt}{times_pt} comandos a {named_pt} dentro de um laço",
        )
    else:
        title = Text(
            f"{len(loops.operations)} operations of `{loops.component}` send up to {about.en}{times_en} statements to {named_en} in "
            f"the same loops",
            f"{len(loops.operations)} operações de `{loops.component}` mandam até {about.pt}{times_pt} comandos a {named_pt} nos "
            f"mesmos laços",
        )
    waiting_en, waiting_pt = loops.waiting(system, "en"), loops.waiting(system, "pt")
    return Finding(
        rule="store-call-in-loop",
        severity=Severity.HIGH if loops.times >= MANY else Severity.MEDIUM,
        subject=loops.subject,
        components=(loops.component, *stores),
        links=tuple(Link(loops.component, store) for store in stores),
        title=title,
        why=Text(
            f"One run of `{first}` sends a statement on {listed(datasets, 'en', most=4)} for each item: {about.en}{times_en}"
            f"{f', {waiting_en} of waiting in a row' if waiting_en else ''}. The number grows with the data, so does the time, and "
            f"each round trip holds its place in the pool anew.{loops.assumption('en')}{loops.others('en')}",
            f"Uma execução de `{first}` manda um comando sobre {listed(datasets, 'pt', most=4)} para cada item: "
            f"{about.pt}{times_pt}{f', {waiting_pt} de espera em fila' if waiting_pt else ''}. O número cresce com os dados, o tempo "
            f"também, e cada ida e volta ocupa de novo um lugar no pool.{loops.assumption('pt')}{loops.others('pt')}",
        ),
        evidence=loops.places,
        confidence=0.95 if loops.certain else 0.85,
    )

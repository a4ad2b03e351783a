"""Rows that are read, computed with, and written back while others do the same."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import (
    Action,
    CacheGet,
    CachePut,
    Certainty,
    Finding,
    Link,
    Lock,
    Operation,
    Query,
    Severity,
    System,
    Text,
    Transaction,
    walk,
)
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import Choice, common_places, in_order, together
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed

REFUSES_LOST_UPDATES = {"serializable": None, "repeatable read": "postgresql", "snapshot": None}
"""Isolation levels that fail one of two such writers, and the technology where that holds only there (`None`: everywhere).

Repeatable read in PostgreSQL is snapshot isolation and refuses the second update; in MySQL it is not and does not (Hermitage).
"""


class Race(Struct, frozen=True):
    """A read and an update of the same rows in one run of an operation."""

    operation: Operation
    read: Query | CacheGet
    write: Query | CachePut


@rule(
    "read-modify-write-race",
    code="BE-CON-006",
    family="consistency",
    severity=Severity.HIGH,
    en="Read, then write, without a guard",
    pt="Lê e depois grava, sem proteção",
)
def read_modify_write_race(system: System) -> Iterator[Finding]:
    """Yield, for each component and dataset, the operations that read rows and update them with nothing that refuses a second one."""
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    found: dict[tuple[str, str], list[Race]] = {}
    for operation in system.operations:
        for race in _races(system, operation):
            found.setdefault((operation.component, race.write.dataset), []).append(race)
    for (component, dataset), races in sorted(found.items()):
        yield _finding(component, dataset, stores.get(dataset, ""), races)


def _races(system: System, operation: Operation) -> Iterator[Race]:
    guarded = _guarded(system, operation)
    reads: list[tuple[Query | CacheGet, Choice]] = []
    for step, choice in in_order(operation.steps):
        if id(step) not in guarded:
            if isinstance(step, Query | CachePut):
                read = next((before for before, other in reads if _follows(before, step) and together(choice, other)), None)
                if read is not None:
                    yield Race(operation, read, step)
            if isinstance(step, Query | CacheGet):
                reads.append((step, choice))


def _follows(read: Query | CacheGet, write: Query | CachePut) -> bool:
    """Tell whether a write follows from an unlocked read: the code shows it, or who stated the model names the same rows in both."""
    locks = isinstance(read, Query) and (read.action is not Action.READ or "for update" in read.statement.lower())
    if locks or read.dataset != write.dataset:
        return False
    told = write.computed
    if told is None and isinstance(write, Query) and isinstance(read, Query) and write.certainty is not Certainty.RECOVERED:
        told = bool(write.filter_columns) and set(read.filter_columns) == set(write.filter_columns)
    return bool(told) and (isinstance(write, CachePut) or write.action is Action.UPDATE)


def _guarded(system: System, operation: Operation) -> frozenset[int]:
    """Return the steps that a lock or the isolation of their transaction protects."""
    technology = {component.name: component.technology for component in system.components}
    isolation = {dataset.name: dataset.isolation for dataset in system.datasets}
    safe: set[int] = set()
    for step in walk(operation.steps):
        if isinstance(step, Lock):
            safe |= {id(inner) for inner in walk(step.steps)}
        elif isinstance(step, Transaction):
            for inner in walk(step.steps):
                level = (step.isolation or (isolation.get(inner.dataset, "") if isinstance(inner, Query) else "")).lower()
                if level in REFUSES_LOST_UPDATES and REFUSES_LOST_UPDATES[level] in {None, technology.get(step.store)}:
                    safe.add(id(inner))
    return frozenset(safe)


def _finding(component: str, dataset: str, store: str, races: list[Race]) -> Finding:
    operations = tuple(dict.fromkeys(race.operation.name for race in races))
    columns = distinct(column for race in races if isinstance(race.read, Query) for column in race.read.filter_columns)
    by = Text(f" by {listed(columns, 'en')}", f" por {listed(columns, 'pt')}") if columns else Text("", "")
    if len(operations) == 1:
        title = Text(
            f"`{operations[0]}` can lose updates of `{dataset}`", f"`{operations[0]}` pode perder atualizações de `{dataset}`"
        )
    else:
        title = Text(
            f"{len(operations)} operations of `{component}` can lose updates of `{dataset}`",
            f"{len(operations)} operações de `{component}` podem perder atualizações de `{dataset}`",
        )
    return Finding(
        rule="read-modify-write-race",
        severity=Severity.HIGH,
        subject=f"{component} {dataset}",
        components=tuple(name for name in (component, store) if name),
        links=(Link(component, store),) if store else (),
        title=title,
        why=Text(
            f"{listed(operations, 'en', most=5)} {'reads' if len(operations) == 1 else 'read'} `{dataset}`{by.en} and "
            f"{'updates' if len(operations) == 1 else 'update'} the same rows afterwards. Two requests that both read before either "
            f"writes both decide on the old value, and the second write wins: with one piece left, two are sold. Nothing that was "
            f"read (a condition in the update, a version, a lock, a stricter isolation) prevents it.",
            f"{listed(operations, 'pt', most=5)} {'lê' if len(operations) == 1 else 'leem'} `{dataset}`{by.pt} e depois "
            f"{'atualiza' if len(operations) == 1 else 'atualizam'} as mesmas linhas. Duas requisições que leem antes de qualquer "
            f"uma gravar decidem as duas pelo valor antigo, e a segunda gravação vence: com uma peça em estoque, vendem-se duas. "
            f"Nada do que foi lido (uma condição no update, uma versão, um lock, um isolamento mais forte) impede isso.",
        ),
        evidence=distinct(place for race in races for place in common_places((race.read, race.write))),
        confidence=0.85,
    )

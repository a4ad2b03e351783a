"""Rows that are read, computed with, and written back while others do the same."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Action, Finding, Link, Lock, Operation, Query, Severity, System, Text, Transaction, walk
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import in_order, places, together
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed

REFUSES_LOST_UPDATES = {"serializable": None, "repeatable read": "postgresql", "snapshot": None}
"""Isolation levels that fail one of two such writers, and the technology where that holds only there (`None`: everywhere).

Repeatable read in PostgreSQL is snapshot isolation and refuses the second update; in MySQL it is not and does not (Hermitage).
"""


@rule(
    "read-modify-write-race",
    code="BE-CON-006",
    family="consistency",
    severity=Severity.HIGH,
    en="Read, then write, without a guard",
    pt="Lê e depois grava, sem proteção",
)
def read_modify_write_race(system: System) -> Iterator[Finding]:
    """Yield each operation that reads rows and updates the same rows without a condition, a lock or an isolation that refuses."""
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    for operation in system.operations:
        pairs = _unguarded_pairs(system, operation)
        if pairs:
            yield _finding(operation, pairs, stores)


def _unguarded_pairs(system: System, operation: Operation) -> list[tuple[Query, Query]]:
    guarded = _guarded(system, operation)
    steps = [(step, choice) for step, choice in in_order(operation.steps) if isinstance(step, Query) and id(step) not in guarded]
    pairs = []
    for position, (write, choice) in enumerate(steps):
        if write.action is not Action.UPDATE or not write.filter_columns:
            continue
        for read, other in steps[:position]:
            same_rows = read.dataset == write.dataset and set(read.filter_columns) == set(write.filter_columns)
            if read.action is Action.READ and same_rows and together(choice, other) and "for update" not in read.statement.lower():
                pairs.append((read, write))
                break
    return pairs


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


def _finding(operation: Operation, pairs: list[tuple[Query, Query]], stores: dict[str, str]) -> Finding:
    datasets = tuple(dict.fromkeys(write.dataset for _, write in pairs))
    columns = pairs[0][1].filter_columns
    store = stores.get(datasets[0], "")
    return Finding(
        rule="read-modify-write-race",
        severity=Severity.HIGH,
        subject=f"{operation.name} {datasets[0]}",
        components=tuple(name for name in (operation.component, store) if name),
        links=(Link(operation.component, store),) if store else (),
        title=Text(
            f"`{operation.name}` can lose updates of {listed(datasets, 'en')}",
            f"`{operation.name}` pode perder atualizações de {listed(datasets, 'pt')}",
        ),
        why=Text(
            f"It reads {listed(datasets, 'en')} by {listed(columns, 'en')} and updates the same rows afterwards. Two requests "
            f"that both read before either writes both decide on the old value, and the second write wins: with one piece left, "
            f"two are sold. Nothing that was read (a condition in the update, a version, a lock, a stricter isolation) prevents "
            f"it.",
            f"Ela lê {listed(datasets, 'pt')} por {listed(columns, 'pt')} e depois atualiza as mesmas linhas. Duas requisições "
            f"que leem antes de qualquer uma gravar decidem as duas pelo valor antigo, e a segunda gravação vence: com uma peça "
            f"em estoque, vendem-se duas. Nada do que foi lido (uma condição no update, uma versão, um lock, um isolamento mais "
            f"forte) impede isso.",
        ),
        evidence=distinct(place for pair in pairs for step in pair for place in places(step)),
        confidence=0.75,
    )

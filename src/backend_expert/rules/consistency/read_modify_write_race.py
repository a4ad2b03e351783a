"""Rows that are read, computed with, and written back while others do the same."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Action, Certainty, Finding, Link, Lock, Operation, Query, Severity, System, Text, Transaction, walk
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import common_places, in_order, together
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed

REFUSES_LOST_UPDATES = {"serializable": None, "repeatable read": "postgresql", "snapshot": None}
"""Isolation levels that fail one of two such writers, and the technology where that holds only there (`None`: everywhere).

Repeatable read in PostgreSQL is snapshot isolation and refuses the second update; in MySQL it is not and does not (Hermitage).
"""


class Race(Struct, frozen=True):
    """A read and an update of the same rows in one run of an operation."""

    operation: Operation
    read: Query
    write: Query

    @property
    def seen(self) -> bool:
        """Tell whether the update is known to follow from the read, from the program or from whoever stated the model."""
        return bool(self.write.computed) or (self.write.computed is None and self.write.certainty is not Certainty.RECOVERED)


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
        for read, write in _unguarded_pairs(system, operation):
            found.setdefault((operation.component, write.dataset), []).append(Race(operation, read, write))
    for (component, dataset), races in sorted(found.items()):
        yield _finding(component, dataset, stores.get(dataset, ""), races)


def _unguarded_pairs(system: System, operation: Operation) -> list[tuple[Query, Query]]:
    guarded = _guarded(system, operation)
    steps = [(step, choice) for step, choice in in_order(operation.steps) if isinstance(step, Query) and id(step) not in guarded]
    pairs = []
    for position, (write, choice) in enumerate(steps):
        if write.action is not Action.UPDATE or not write.filter_columns or write.computed is False:
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


def _finding(component: str, dataset: str, store: str, races: list[Race]) -> Finding:
    operations = tuple(dict.fromkeys(race.operation.name for race in races))
    columns = distinct(column for race in races for column in race.write.filter_columns)
    seen = any(race.seen for race in races)
    surest = sorted(races, key=lambda race: not race.seen)
    if len(operations) == 1:
        title = Text(
            f"`{operations[0]}` can lose updates of `{dataset}`", f"`{operations[0]}` pode perder atualizações de `{dataset}`"
        )
    else:
        title = Text(
            f"{len(operations)} operations of `{component}` can lose updates of `{dataset}`",
            f"{len(operations)} operações de `{component}` podem perder atualizações de `{dataset}`",
        )
    premise = Text("", "")
    if not seen:
        premise = Text(
            " That what is written follows from what was read is supposed here, not seen.",
            " Que o valor gravado depende do que foi lido é uma suposição aqui, não foi visto.",
        )
    return Finding(
        rule="read-modify-write-race",
        severity=Severity.HIGH if seen else Severity.MEDIUM,
        subject=f"{component} {dataset}",
        components=tuple(name for name in (component, store) if name),
        links=(Link(component, store),) if store else (),
        title=title,
        why=Text(
            f"{listed(operations, 'en', most=5)} {'reads' if len(operations) == 1 else 'read'} `{dataset}` by "
            f"{listed(columns, 'en')} and {'updates' if len(operations) == 1 else 'update'} the same rows afterwards. Two requests "
            f"that both read before either writes both decide on the old value, and the second write wins: with one piece left, "
            f"two are sold. Nothing that was read (a condition in the update, a version, a lock, a stricter isolation) prevents "
            f"it.{premise.en}",
            f"{listed(operations, 'pt', most=5)} {'lê' if len(operations) == 1 else 'leem'} `{dataset}` por "
            f"{listed(columns, 'pt')} e depois {'atualiza' if len(operations) == 1 else 'atualizam'} as mesmas linhas. Duas "
            f"requisições que leem antes de qualquer uma gravar decidem as duas pelo valor antigo, e a segunda gravação vence: com "
            f"uma peça em estoque, vendem-se duas. Nada do que foi lido (uma condição no update, uma versão, um lock, um isolamento "
            f"mais forte) impede isso.{premise.pt}",
        ),
        evidence=distinct(place for race in surest for place in common_places((race.read, race.write))),
        confidence=0.85 if seen else 0.5,
    )

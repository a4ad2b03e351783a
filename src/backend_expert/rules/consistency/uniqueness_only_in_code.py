"""Rows that must be unique, and only a look-up before the insert says so."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Action, Dataset, Finding, Link, Operation, Query, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import common_places, in_order, together
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed


class Checked(Struct, frozen=True):
    """A look-up of one row, and the insert into the same dataset that follows it."""

    operation: Operation
    look_up: Query
    insert: Query


@rule(
    "uniqueness-only-in-code",
    code="BE-CON-008",
    family="consistency",
    severity=Severity.HIGH,
    en="Uniqueness checked only in code",
    pt="Unicidade verificada só no código",
)
def uniqueness_only_in_code(system: System) -> Iterator[Finding]:
    """Yield, for each dataset and columns, the inserts after a look-up of one row by columns that no unique index holds."""
    datasets = {dataset.name: dataset for dataset in system.datasets if dataset.complete}
    found: dict[tuple[str, str, tuple[str, ...]], list[Checked]] = {}
    for operation in system.operations:
        for each in _checked(operation):
            dataset = datasets.get(each.insert.dataset)
            columns = tuple(sorted(each.look_up.filter_columns))
            if dataset is not None and not _unique(dataset, columns):
                found.setdefault((operation.component, dataset.name, columns), []).append(each)
    for (component, name, columns), several in sorted(found.items()):
        yield _finding(component, datasets[name], columns, several)


def _checked(operation: Operation) -> Iterator[Checked]:
    steps = [(step, choice) for step, choice in in_order(operation.steps) if isinstance(step, Query)]
    for position, (insert, choice) in enumerate(steps):
        if insert.action is Action.INSERT:
            for look_up, other in steps[:position]:
                one_row = look_up.action is Action.READ and look_up.limited is True and look_up.filter_columns
                if one_row and look_up.dataset == insert.dataset and together(choice, other):
                    yield Checked(operation, look_up, insert)


def _unique(dataset: Dataset, columns: tuple[str, ...]) -> bool:
    """Tell whether an index refuses a second row with the same values in these columns."""
    asked = {column.lower() for column in columns}
    return any((index.unique or index.primary) and {each.lower() for each in index.columns} <= asked for index in dataset.indexes)


def _finding(component: str, dataset: Dataset, columns: tuple[str, ...], several: list[Checked]) -> Finding:
    operations = distinct(each.operation.name for each in several)
    return Finding(
        rule="uniqueness-only-in-code",
        severity=Severity.HIGH,
        subject=f"{component} {dataset.name} by {', '.join(columns)}",
        components=(component, dataset.store),
        links=(Link(component, dataset.store),) if component != dataset.store else (),
        title=Text(
            f"Nothing in `{dataset.store}` keeps {listed(columns, 'en')} of `{dataset.table}` unique",
            f"Nada no `{dataset.store}` garante que {listed(columns, 'pt')} de `{dataset.table}` seja único",
        ),
        why=Text(
            f"{listed(operations, 'en', most=3)} {'looks' if len(operations) == 1 else 'look'} for a row by {listed(columns, 'en')} and "
            f"{'inserts' if len(operations) == 1 else 'insert'} one when there is none. Two requests at the same moment, a double click "
            f"or a retry, both find none, and both insert. All keys and indexes of the table were read, and none of them refuses.",
            f"{listed(operations, 'pt', most=3)} {'procura' if len(operations) == 1 else 'procuram'} uma linha por "
            f"{listed(columns, 'pt')} e {'insere' if len(operations) == 1 else 'inserem'} quando não há nenhuma. Duas requisições no "
            f"mesmo instante, um clique duplo ou um retry, não encontram nada e inserem as duas. Todas as chaves e índices da tabela "
            f"foram lidos, e nenhum recusa.",
        ),
        evidence=distinct(
            (*(place for each in several for place in common_places((each.look_up, each.insert))), *dataset.evidence[:1])
        ),
        confidence=0.8,
    )

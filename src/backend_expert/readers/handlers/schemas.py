"""Give datasets the columns and indexes that entities and SQL files declare."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from backend_expert.model import Dataset
from backend_expert.readers.code import Table
from backend_expert.readers.handlers.peers import Placed


def describe(datasets: dict[str, Dataset], placed: Iterable[Placed], tables: Iterable[Table]) -> None:
    """Describe the datasets that steps use, in place.

    An entity describes the tables of the stores that its own program uses. SQL is what the database really has: its columns and keys
    win over those of an entity, where one table of that name is declared for the database.
    """
    for each in placed:
        used = {found.component.name for found in each.found.values() if found.component.stateful}
        for table in each.code.tables:
            for name in [name for name in sorted(datasets) if datasets[name].store in used and _is(datasets[name], table)]:
                if not datasets[name].columns:
                    datasets[name] = _described(datasets[name], table)
    declared = tuple(tables)
    for name in sorted(datasets):
        same = [table for table in declared if _is(datasets[name], table)]
        exact = [table for table in same if table.database] or same
        if len(exact) == 1:
            datasets[name] = _described(datasets[name], exact[0])


def _is(dataset: Dataset, table: Table) -> bool:
    if dataset.name == f"{dataset.store}/{dataset.database}":
        return False  # It stands for a database as a whole.
    return dataset.table.lower() == table.name.lower() and (
        not table.database or not dataset.database or table.database == dataset.database
    )


def _described(dataset: Dataset, table: Table) -> Dataset:
    evidence = tuple(dict.fromkeys((*table.evidence, *dataset.evidence)))
    return structs.replace(dataset, columns=table.columns, indexes=table.indexes, references=table.references, evidence=evidence)

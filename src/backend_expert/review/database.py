"""A database that the planner lab loaded, as a part of the system: rules look at it as at any other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from backend_expert.lab.planner.catalogue import Catalogue, ExistingIndex
from backend_expert.lab.planner.catalogue import Table as LoadedTable
from backend_expert.lab.planner.statistics import Statistics
from backend_expert.lab.planner.workload import as_planned
from backend_expert.model import (
    Certainty,
    Column,
    Dataset,
    Estimate,
    Evidence,
    Index,
    Kind,
    Query,
    Reference,
    Step,
    System,
    rewrite_system,
)
from backend_expert.readers.code import Table
from backend_expert.readers.ddl import index_of

POSTGRESQL = frozenset({"postgresql", "postgres", "cockroachdb", "timescaledb", ""})
"""Technologies of stores that speak PostgreSQL's SQL; empty: nobody said which."""

_HOLE = re.compile(r"\$(?=[A-Za-z_])\w+")


class Home(Struct, frozen=True):
    """Where tables that no step uses belong: the store and its database (both may be unknown and are the name of the schema then)."""

    store: str
    database: str = ""


def home_of(system: System, tables: Iterable[str], name: str, stores: Iterable[str]) -> Home:
    """Return the one of the stores that has most of the tables; else the database that the folder `name` speaks of, or the only one.

    Where there is neither, the home is called as the folder is.
    """
    wanted = {table.lower() for table in tables}
    possible = frozenset(stores)
    votes: dict[Home, int] = {}
    for dataset in system.datasets:
        if dataset.table.lower() in wanted and dataset.store in possible:
            home = Home(dataset.store, dataset.database)
            votes[home] = votes.get(home, 0) + 1
    if votes:
        return max(sorted(votes, key=lambda home: (home.store, home.database)), key=lambda home: votes[home])
    databases = [each.name for each in system.components if each.name in possible and each.kind is Kind.DATABASE]
    spoken = [each for each in databases if each in name.split("/")]
    chosen = spoken or databases
    return Home(chosen[0]) if len(chosen) == 1 else Home(name.replace("/", "."))  # a slash parts store and table


def with_database(
    system: System,
    home: Home,
    catalogue: Catalogue,
    declared: Iterable[Table],
    statistics: Statistics | None = None,
    guessed: Iterable[str] = (),
    *,
    translated: bool = False,
    refused: Iterable[str] = (),
    stated: Mapping[str, float] = MappingProxyType({}),
) -> System:
    """Return the system with the tables of a loaded database in the place of what was recovered of them.

    `declared` are the tables as files declare them, for the lines, and for the types where the schema was `translated`; `guessed` names
    those whose size nobody measured, `stated` the rows of some of them. A table that one of the `refused` statements names is not
    complete: its index may be among them.
    """
    lines = {table.name.lower(): table for table in declared}
    recovered = {dataset.table.lower(): dataset for dataset in system.datasets if dataset.store == home.store}
    unmeasured, doubtful = frozenset(guessed), " ".join(refused)
    loaded = {}
    for table in catalogue.tables:
        if table.parent or table.kind == "m":
            continue
        known = recovered.get(table.name.lower())
        if known is None:
            name = ".".join(part for part in (home.database, table.name) if part)
            known = Dataset(name=f"{home.store}/{name}", store=home.store, database=home.database)
        measured = f"{table.schema}.{table.name}" not in unmeasured and table.analysed
        told = stated.get(table.name, stated.get(f"{table.schema}.{table.name}"))
        rows = Estimate(table.rows, 1.0, Certainty.MEASURED) if measured else Estimate(told) if told is not None else known.rows
        made = loaded[known.name] = _dataset(known, catalogue, table, lines.get(table.name.lower()), statistics, rows, translated)
        if re.search(rf"\b{re.escape(table.name)}\b", doubtful):
            loaded[known.name] = replace(made, complete=False)
    kept = tuple(dataset for dataset in system.datasets if dataset.name not in loaded)
    datasets = tuple(sorted((*kept, *loaded.values()), key=lambda dataset: dataset.name))
    return rewrite_system(replace(system, datasets=datasets), lambda _, step: _planned(step, loaded))


def _planned(step: Step, loaded: Mapping[str, Dataset]) -> Step:
    """Return a query with the placeholders of its driver as PostgreSQL writes them."""
    if isinstance(step, Query) and step.dataset in loaded and step.statement:
        return replace(step, statement=as_planned(_HOLE.sub("?", step.statement)))
    return step


def _dataset(
    known: Dataset,
    catalogue: Catalogue,
    table: LoadedTable,
    declared: Table | None,
    statistics: Statistics | None,
    rows: Estimate | None,
    translated: bool,
) -> Dataset:
    lines = {column.name.lower(): column for column in declared.columns} if declared is not None else {}
    counters = {(each, column): value for each, column, value in statistics.sequences} if statistics is not None else {}
    columns = tuple(
        Column(
            name=column.name,
            type=line.type if translated and line is not None else column.type,
            nullable=column.nullable,
            personal=line is not None and line.personal,
            bytes=column.width,
            last_value=counters.get((table.name, column.name)),
            evidence=line.evidence if line is not None else (),
        )
        for column in table.columns
        for line in (lines.get(column.name.lower()),)
    )
    references = tuple(
        Reference(columns=key.columns, table=catalogue.table(key.parent).name, evidence=_line(declared, key.columns))
        for key in catalogue.foreign_keys
        if key.table == table.oid
    )
    reads = {(usage.schema, usage.index): usage.scans for usage in statistics.usage} if statistics is not None else {}
    indexes = tuple(_index(index, declared, reads.get((index.schema, index.name), -1)) for index in catalogue.indexes_of(table))
    evidence = tuple(dict.fromkeys((*(declared.evidence if declared is not None else ()), *known.evidence)))
    return replace(known, columns=columns, indexes=indexes, references=references, complete=True, rows=rows, evidence=evidence)


def _line(declared: Table | None, columns: tuple[str, ...]) -> tuple[Evidence, ...]:
    """Return where a reference is declared."""
    found = declared.references if declared is not None else ()
    return next((each.evidence for each in found if _same(each.columns, columns)), ())


def _index(index: ExistingIndex, declared: Table | None, reads: int) -> Index:
    said = index_of(index.definition) or Index(columns=index.columns)
    lines = declared.indexes if declared is not None else ()
    line = next((each for each in lines if each.name == index.name), None)
    line = line or next((each for each in lines if _same(each.columns, said.columns) and each.unique == index.unique), None)
    return replace(
        said,
        name=index.name,
        unique=index.unique,
        primary=index.primary,
        method=index.method,
        included=index.included,
        required=index.constraint or index.replica_identity,
        reads=reads if reads >= 0 else None,
        evidence=line.evidence if line is not None else (),
    )


def _same(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    return tuple(name.lower() for name in ours) == tuple(name.lower() for name in theirs)

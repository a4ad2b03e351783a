"""Advice on indexes and statements of one PostgreSQL schema: what `backend-expert queries` runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from msgspec import Struct
from msgspec.structs import replace

from backend_expert.lab.planner.advisor import Options
from backend_expert.lab.planner.errors import InputError
from backend_expert.lab.planner.evidence import Level
from backend_expert.lab.planner.experiment import Answer, QueryOutcome, advise
from backend_expert.lab.planner.export import DUMP_COMMAND, export_statement
from backend_expert.lab.planner.intake import read_text
from backend_expert.lab.planner.migrations import ordered, read_schema_at, read_schemas
from backend_expert.lab.planner.statistics import Statistics, read_statistics
from backend_expert.lab.planner.workload import Workload, of_statements, read_workload
from backend_expert.model import Query, System
from backend_expert.model.graph import walk
from backend_expert.readers.repository import Repository

_DEFINES = re.compile(r"\bcreate\s+(?:unlogged\s+)?table\b", re.IGNORECASE)

SCHEMA = "backend-expert/queries/1"

_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}


class Queries(Struct, frozen=True, kw_only=True):
    """The answer of the planner lab, with what it takes to repeat it; `single` is true when one statement was asked about."""

    schema: str = SCHEMA
    command: str
    single: bool = False
    answer: Answer


def ask(
    schema: Path,
    statistics: Path | None,
    workload: Path | None,
    *,
    statement: str = "",
    options: Options | None = None,
    rows: Mapping[str, float] | None = None,
    command: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Queries:
    """Answer for the files of a schema, its statistics and a workload, or for one `statement`.

    Raises `InputError` for a file that cannot be used, and `PlannerError` when there is no server to start.
    """
    read, inside = read_schema_at(schema)
    known: Statistics | None = None
    if statistics is not None:
        known = read_statistics(read_text(statistics), statistics.name)
    elif inside:
        known = read_statistics(inside[0], schema.name)
    if statement:
        asked = read_workload(statement, "--plan")
    else:
        asked = read_workload(read_text(workload), workload.name) if workload is not None else Workload(())
    answer = advise(read, known, asked, options=options, rows=rows, progress=progress)
    return Queries(command=command, single=bool(statement), answer=answer)


def plan(
    schemas: tuple[tuple[str, str], ...],
    statements: tuple[tuple[str, int, str], ...],
    *,
    statistics: str = "",
    rows: Mapping[str, float] | None = None,
    options: Options | None = None,
) -> Answer:
    """Answer for texts: `schemas` are (file, SQL) in order, `statements` (file, line, SQL) as found in the code; for the review.

    Without statistics the sizes are those in `rows` (by table) or assumed, and every level is GUESS. Raises as `ask` does.
    """
    known = read_statistics(statistics, "statistics") if statistics else None
    return advise(read_schemas(schemas), known, of_statements(statements), options=options, rows=rows)


class Planned(Struct, frozen=True):
    """The answer for one schema of a repository: the folder of its files, and the files."""

    folder: str
    files: tuple[str, ...]
    answer: Answer


def of_repository(
    repository: Repository, system: System, *, statistics: str = "", options: Options | None = None
) -> tuple[Planned, ...]:
    """Answer for every schema in SQL that a repository holds, with the statements recovered from its code.

    Row counts are those of the datasets of the system where known. A folder without a schema that PostgreSQL loads is left out; a
    statement is planned in every schema that has its tables. Raises `PlannerError` when there is no server to start.
    """
    statements = tuple(
        (step.evidence[0].file if step.evidence else operation.name, step.evidence[0].line if step.evidence else 1, step.statement)
        for operation in system.operations
        for step in walk(operation.steps)
        if isinstance(step, Query) and step.statement
    )
    rows = {
        dataset.name.rpartition("/")[2].rpartition(".")[2]: dataset.rows.value
        for dataset in system.datasets
        if dataset.rows is not None
    }
    found = []
    for folder, files in schema_files(repository):
        texts = tuple((name, text) for name in files if (text := repository.text(name)))
        try:
            answer = plan(texts, statements, statistics=statistics, rows=rows, options=options)
        except InputError:
            continue  # SQL of another database, or without a table: nothing for this planner
        mine = tuple(
            each for each in answer.unplanned if "does not exist" not in each.reason and "no table of the schema" not in each.reason
        )
        found.append(Planned(folder, files, replace(answer, unplanned=mine)))
    return tuple(found)


def schema_files(repository: Repository) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the folders whose SQL defines tables, each with its files in the order of migrations.

    A folder of one file a migration (Prisma: `migrations/2024…_init/migration.sql`) counts as one schema.
    """
    folders: dict[str, list[str]] = {}
    for name in repository.matching("*.sql"):
        folder = PurePosixPath(name).parent
        if re.match(r"\d", folder.name):
            folder = folder.parent
        folders.setdefault(str(folder), []).append(name)
    defining = (
        (folder, tuple(ordered(names)))
        for folder, names in sorted(folders.items())
        if any(_DEFINES.search(repository.text(name) or "") for name in names)
    )
    return tuple(defining)


def parse_bytes(text: str) -> float:
    """Return the bytes in `2GB`, `500 MB` or `1GiB`; raise `ValueError` with one sentence when it is no size."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?b?)\s*", text.lower())
    unit = _UNITS.get(match[2] if match is None or match[2].endswith("b") or not match[2] else f"{match[2]}b") if match else None
    if match is None or unit is None or float(match[1]) <= 0:
        raise ValueError(f"'{text}' is not a size; write it like 500MB or 2GB")
    return float(match[1]) * unit


def parse_rows(text: str) -> tuple[str, float]:
    """Return table and number in `orders=2000000` or `orders=2M`; raise `ValueError` with one sentence when it is neither."""
    match = re.fullmatch(r"\s*([\w.]+)\s*=\s*(\d+(?:\.\d+)?)\s*([kKmMgG]?)\s*", text)
    if match is None:
        raise ValueError(f"'{text}' is not a number of rows; write it like orders=2000000 or orders=2M")
    return match[1], float(match[2]) * {"": 1, "k": 1e3, "m": 1e6, "g": 1e9}[match[3].lower()]


__all__ = [
    "DUMP_COMMAND",
    "Answer",
    "Level",
    "Options",
    "Planned",
    "Queries",
    "QueryOutcome",
    "ask",
    "export_statement",
    "of_repository",
    "parse_bytes",
    "parse_rows",
    "plan",
]

"""Advice on indexes and statements of one PostgreSQL schema: what `backend-expert queries` runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from backend_expert import rules
from backend_expert.lab.planner.advisor import Options
from backend_expert.lab.planner.answer import Answer, Compared, IndexAdvice, IndexRemoval, Level, QueryOutcome
from backend_expert.lab.planner.errors import InputError
from backend_expert.lab.planner.experiment import Suggestions, answer
from backend_expert.lab.planner.export import DUMP_COMMAND, export_statement
from backend_expert.lab.planner.intake import read_text
from backend_expert.lab.planner.laboratory import Lab, opened
from backend_expert.lab.planner.live import OnServer, checked, connected, shown
from backend_expert.lab.planner.migrations import MOST_FILES, read_schema_at
from backend_expert.lab.planner.removal import Superfluous
from backend_expert.lab.planner.rewrites import Form
from backend_expert.lab.planner.schema import Schema, read_schema
from backend_expert.lab.planner.server import running
from backend_expert.lab.planner.statistics import Statistics, read_statistics
from backend_expert.lab.planner.whatif import IndexDefinition, Key
from backend_expert.lab.planner.workload import Workload, read_workload
from backend_expert.model import Component, Finding, Kind, System
from backend_expert.readers.code import Table
from backend_expert.readers.ddl import tables_of
from backend_expert.review.database import Home, with_database
from backend_expert.review.schemas import as_postgresql, common, dialect_of, of_dialect, translated
from backend_expert.review.statements import APPLICATION, of_workload
from backend_expert.rules.data.duplicate_or_prefix_index import named, redundant
from backend_expert.rules.data.unused_index import unused

SCHEMA = "backend-expert/queries/2"
SERVER = "server"
"""What stands for a file where a server was asked."""
FAMILIES = frozenset({"data", "scale"})
"""Families of rules that look at tables and statements."""

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


class Told(Struct, frozen=True):
    """A finding with both plans of each statement that could be written better, and the statements that remedy it, if any."""

    finding: Finding
    comparisons: tuple[Compared, ...] = ()
    remedy: tuple[str, ...] = ()


class Queries(Struct, frozen=True, kw_only=True):
    """The answer of the planner lab and the findings, with what it takes to repeat it.

    `single` when one statement was asked about; `dialect` is the one the schema was written in; `server` is what a server itself said.
    """

    schema: str = SCHEMA
    command: str
    single: bool = False
    dialect: str = "postgres"
    answer: Answer
    findings: tuple[Told, ...] = ()
    server: OnServer | None = None


def ask_server(
    dsn: str,
    workload: Path | None = None,
    *,
    statement: str = "",
    options: Options | None = None,
    command: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Queries:
    """Answer for a server of the user: schema, statistics and counted statements are read in one read-only transaction.

    The lab plans as `ask` does; then the server is asked for its own plans of the same statements, with the advised indexes too where
    HypoPG is installed. Raises `NoConnection` when the server cannot be read, and else as `ask` does.
    """
    progress("read")
    with connected(dsn) as live:
        read, known = read_schema(live.schema(), SERVER), read_statistics(live.statistics(), SERVER)
        if statement or workload is not None:
            asked = _asked(workload, statement)
        else:
            counted = live.workload()
            asked = read_workload(counted, "pg_stat_statements") if counted else Workload(())
        progress("start")
        with running() as server:
            progress("load")
            with opened(server, read, known) as lab:
                found, told = answered(lab, declared(read), known, asked, options=options, progress=progress)
        progress("compare")
        costs = ((each.statement, each.calls, each.before) for each in found.queries)
        said = checked(live, costs, (each.create[-1].replace(" CONCURRENTLY", "").rstrip(";") for each in found.indexes))
    return Queries(command=command, single=bool(statement), answer=found, findings=told, server=said)


def _asked(workload: Path | None, statement: str) -> Workload:
    if statement:
        return read_workload(statement, "--plan")
    return read_workload(read_text(workload), workload.name) if workload is not None else Workload(())


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
    dialect = "postgres"
    tables: tuple[Table, ...] = ()
    try:
        read, inside = read_schema_at(schema)
    except InputError as error:
        dialect, tables = _of_another(schema)
        if not tables:
            raise error from None
        read, inside = read_schema(as_postgresql(tables, dialect), schema.name), ()
    known: Statistics | None = None
    if statistics is not None:
        known = read_statistics(read_text(statistics), statistics.name)
    elif inside:
        known = read_statistics(inside[0], schema.name)
    asked = _asked(workload, statement)
    if tables:
        asked = replace(asked, statements=tuple(replace(each, text=translated(each.text, dialect)) for each in asked.statements))
        options = replace(options or Options(), special=False)  # INCLUDE, partial and GIN indexes are PostgreSQL's own
    progress("start")
    with running() as server:
        progress("load")
        with opened(server, read, known, rows) as lab:
            found, told = answered(
                lab, tables or declared(read), known, asked, options=options, progress=progress, dialect=dialect, rows=rows
            )
    return Queries(command=command, single=bool(statement), dialect=dialect, answer=of_dialect(found, dialect), findings=told)


def _of_another(path: Path) -> tuple[str, tuple[Table, ...]]:
    """Return the dialect and the tables of a schema that is not PostgreSQL's; no tables where it is, or defines none."""
    files = sorted(path.rglob("*.sql")) if path.is_dir() else [path]
    texts = [(file.name, read_text(file)) for file in files[:MOST_FILES] if file.is_file() and file.stat().st_size]
    dialect = dialect_of(text for _, text in texts)
    return dialect, () if dialect == "postgres" else tables_of(texts)


def answered(
    lab: Lab,
    tables: tuple[Table, ...],
    statistics: Statistics | None,
    workload: Workload,
    *,
    options: Options | None = None,
    dialect: str = "postgres",
    rows: Mapping[str, float] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Answer, tuple[Told, ...]]:
    """Answer for a database that is loaded: what the rules find in it and in the workload, and what the planner makes of both.

    `tables` are those that the files declare, for the lines; `rows` the row counts that were stated.
    """
    home = Home("database")
    database = Component(name=home.store, kind=Kind.DATABASE, technology="postgresql" if dialect == "postgres" else dialect)
    application = Component(name=APPLICATION, kind=Kind.SERVICE)
    system = System(name=home.store, components=(application, database))
    translated_ = dialect != "postgres"
    system = with_database(
        system,
        home,
        lab.catalogue,
        tables,
        statistics,
        lab.loaded.guessed,
        translated=translated_,
        refused=(each.item for each in lab.loaded.rejected),
        stated=rows or {},
    )
    system = of_workload(system, home, workload)
    findings = found_in(system)
    answer_ = answer(lab, statistics, workload, options=options, suggestions=suggested(lab, system, findings), progress=progress)
    return answer_, told(lab, system, findings, answer_, dialect)


def found_in(system: System) -> tuple[Finding, ...]:
    """Return what the rules on data and statements find."""
    return rules.check(system, tuple(rule for rule in rules.all_rules() if rule.family in FAMILIES))


def declared(schema: Schema) -> tuple[Table, ...]:
    """Return the tables of a schema as its files declare them, each with its lines."""
    files: dict[str, list[str]] = {}
    line: dict[str, int] = {}
    for definition in schema.definitions:
        written = files.setdefault(definition.file, [])
        text = definition.text.rstrip(";") + ";\n"
        written.append("\n" * max(0, definition.line - line.get(definition.file, 1)) + text)
        line[definition.file] = max(definition.line, line.get(definition.file, 1)) + text.count("\n")
    return tables_of((file, "".join(written)) for file, written in files.items())


def suggested(lab: Lab, system: System, findings: Iterable[Finding]) -> Suggestions:
    """Return what the findings want tried: better forms of statements, and indexes that could go."""
    schemas = {table.name.lower(): table.schema for table in lab.catalogue.tables}
    tables = {dataset.name: dataset.table for dataset in system.datasets}
    forms = tuple(
        Form(each.statement, each.better, schemas.get(table.lower(), ""), table, each.columns)
        for finding in findings
        for each in finding.rewrites
        for table in (tables.get(each.dataset, ""),)
    )
    schema_of = {index.name: index.schema for index in lab.catalogue.indexes}
    superfluous = [
        Superfluous(
            schema_of.get(each.index.name, ""), each.index.name, "duplicate" if each.equal else "prefix", named(each.instead)
        )
        for dataset in system.datasets
        for each in redundant(dataset)
    ]
    superfluous += [
        Superfluous(schema_of.get(index.name, ""), index.name, "unused") for dataset in system.datasets for index in unused(dataset)
    ]
    return Suggestions(tuple(dict.fromkeys(forms)), tuple(superfluous))


def told(lab: Lab, system: System, findings: Iterable[Finding], found: Answer, dialect: str = "postgres") -> tuple[Told, ...]:
    """Return the findings with the plans and the statements that belong to them; statements of DDL as the dialect writes them."""
    written = (lambda lines: lines) if dialect == "postgres" else common
    plans = {(each.statement, each.better): replace(each, create="".join(written((each.create,)))) for each in found.rewrites}
    return tuple(
        Told(
            finding,
            tuple(plans[key] for each in finding.rewrites if (key := (each.statement, each.better)) in plans),
            written(_remedy(lab, system, finding, found)),
        )
        for finding in findings
    )


def _remedy(lab: Lab, system: System, finding: Finding, found: Answer) -> tuple[str, ...]:
    """Return the index for a foreign key, unless it is among the advice for the statements: a delete of the parent is none of them."""
    if finding.rule != "foreign-key-without-index":
        return ()
    table = lab.catalogue.named(system.dataset(finding.dataset).table)
    if table is None:
        return ()
    index = IndexDefinition(table.schema, table.name, tuple(map(Key, finding.columns)))
    if any(_covers(each, index) for each in found.indexes):
        return ()
    return ("SET lock_timeout = '5s';", f"{index.sql(index.name, concurrently=table.kind != 'p')};")


def _covers(advised: IndexAdvice, index: IndexDefinition) -> bool:
    """Tell whether an index of the advice begins with the columns of another one, in any order, and holds every row."""
    width = len(index.columns)
    return (
        advised.table == f"{index.schema}.{index.table}"
        and set(advised.columns[:width]) == set(index.columns)
        and not advised.partial
    )


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
    "Compared",
    "IndexRemoval",
    "Level",
    "OnServer",
    "Options",
    "Queries",
    "QueryOutcome",
    "Told",
    "answered",
    "ask",
    "ask_server",
    "export_statement",
    "found_in",
    "parse_bytes",
    "parse_rows",
    "shown",
    "told",
]

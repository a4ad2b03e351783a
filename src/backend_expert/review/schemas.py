"""The schemas of a repository as SQL of PostgreSQL: migrations as they are, other dialects translated, entities of an ORM written out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import sqlglot
from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from backend_expert.lab.planner.answer import Answer, IndexAdvice, IndexRemoval, Level
from backend_expert.lab.planner.evidence import worst
from backend_expert.lab.planner.migrations import ordered
from backend_expert.lab.planner.scanner import without_comments
from backend_expert.lab.planner.whatif import quoted
from backend_expert.model import Column, Dataset, Index, System, Text
from backend_expert.readers.code import Table
from backend_expert.readers.ddl import tables_of
from backend_expert.readers.repository import Repository
from backend_expert.review.database import POSTGRESQL, Home, home_of

_DEFINES = re.compile(r"\bcreate\s+(?:unlogged\s+)?table\b", re.IGNORECASE)
_DIALECTS = (
    (
        "postgres",
        re.compile(
            r"::\w+|\b(?:TIMESTAMPTZ|BIGSERIAL|SERIAL|JSONB|BYTEA|USING\s+btree|GENERATED\s+(?:ALWAYS|BY))\b", re.IGNORECASE
        ),
    ),
    ("mysql", re.compile(r"`\w+`|\b(?:ENGINE\s*=|AUTO_INCREMENT|UNSIGNED|DATETIME|MEDIUMTEXT)\b", re.IGNORECASE)),
    ("tsql", re.compile(r"^\s*GO\s*$|\[dbo\]|\bNVARCHAR\b|\bIDENTITY\s*\(\s*1", re.IGNORECASE | re.MULTILINE)),
    ("oracle", re.compile(r"\bVARCHAR2\b|\bNUMBER\s*\(", re.IGNORECASE)),
    ("sqlite", re.compile(r"\bAUTOINCREMENT\b|\bWITHOUT\s+ROWID\b", re.IGNORECASE)),
)
"""Words that one dialect has; which has most wins, the first of equals."""

CODE = "code"
"""What stands for a dialect where the types are those of a programming language."""

_ASIDE = re.compile(r"(?:^|/)(?:tests?|specs?|fixtures|testdata|__tests__|e2e)/")
"""Folders whose schemas are no part of what runs."""

_WRITTEN_IN_CODE = {"string": "text", "number": "bigint", "date": "timestamptz", "boolean": "boolean", "bool": "boolean"}
"""Types of the languages that entities are written in, where the ORM chooses the type of SQL: the usual choice."""


class Source(Struct, frozen=True):
    """One schema to load: its name, its SQL in order, the dialect it was written in, and its home where that is known.

    `derived` tells that it was made from what code says, so that an index that only a migration knows is missing from it.
    """

    name: str
    texts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    dialect: str = "postgres"
    home: Home | None = None
    derived: bool = False


def sources(repository: Repository, system: System) -> tuple[Source, ...]:
    """Return the schemas that the SQL files of a repository define, then those that only the entities of its code describe."""
    found = tuple(_of_folder(repository, system, folder, files) for folder, files in schema_files(repository))
    covered = {table.name.lower() for source in found for table in source.tables}
    return (*found, *_of_entities(system, covered))


def schema_files(repository: Repository) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the folders whose SQL defines tables, each with its files in the order of migrations.

    A folder of one file a migration (Prisma: `migrations/2024…_init/migration.sql`) counts as one schema. Tests are left out.
    """
    folders: dict[str, list[str]] = {}
    for name in repository.matching("*.sql"):
        if _ASIDE.search(name):
            continue
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


def dialect_of(texts: Iterable[str]) -> str:
    """Return the dialect whose words the texts use most; `postgres` where none does."""
    joined = without_comments("\n".join(texts))
    counts = {dialect: len(words.findall(joined)) for dialect, words in _DIALECTS}
    best = max(counts, key=lambda dialect: counts[dialect])
    return best if counts[best] else "postgres"


def translated(text: str, dialect: str) -> str:
    """Return a statement of another dialect in PostgreSQL's; as it was where it cannot be read."""
    try:
        return sqlglot.transpile(text, read=dialect, write="postgres")[0]
    except (sqlglot.errors.SqlglotError, RecursionError, IndexError):
        return text


def of_dialect(answer: Answer, dialect: str) -> Answer:
    """Return an answer for a schema of another dialect: plain statements of DDL, and a level that is APPROX at best."""
    if dialect == "postgres":
        return answer
    reason = Text(
        f"the schema is written for {dialect} and was translated; the planner is PostgreSQL's",
        f"o esquema foi escrito para {dialect} e foi traduzido; o planner é o do PostgreSQL",
    )
    return replace(
        answer,
        level=worst([answer.level, Level.APPROX]),
        reasons=(*answer.reasons, reason),
        queries=tuple(replace(each, level=worst([each.level, Level.APPROX])) for each in answer.queries),
        indexes=tuple(
            replace(each, create=common(each.create), drop=_dropped(each, dialect), level=worst([each.level, Level.APPROX]))
            for each in answer.indexes
        ),
        removals=tuple(replace(each, create=common(each.create), drop=_dropped(each, dialect)) for each in answer.removals),
    )


def common(statements: tuple[str, ...]) -> tuple[str, ...]:
    """Return statements of DDL as every dialect writes them: without PostgreSQL's own words and its schema."""
    kept = (each for each in statements if not each.startswith("SET "))
    return tuple(each.replace(" CONCURRENTLY", "").replace(" USING btree", "").replace("public.", "") for each in kept)


def _dropped(index: IndexAdvice | IndexRemoval, dialect: str) -> tuple[str, ...]:
    """Return the statement that drops an index; where names of indexes belong to a table, it names the table too."""
    statements = common(index.drop)
    if dialect not in {"mysql", "tsql"}:
        return statements
    return tuple(f"{each.rstrip(';')} ON {quoted(index.table.rpartition('.')[2])};" for each in statements)


def _of_folder(repository: Repository, system: System, folder: str, files: tuple[str, ...]) -> Source:
    texts = tuple((name, text) for name in files if (text := repository.text(name)))
    folder = files[0] if folder == "." else folder
    tables = tables_of(texts)
    dialect = dialect_of(text for _, text in texts)
    if dialect == "postgres":
        return Source(folder, texts, tables)
    stores = {component.name for component in system.components if component.technology not in POSTGRESQL}
    home = home_of(system, (table.name for table in tables), folder, stores)
    return Source(folder, ((folder, as_postgresql(tables, dialect)),), tables, dialect, home)


def _of_entities(system: System, covered: set[str]) -> Iterator[Source]:
    technology = {component.name: component.technology for component in system.components}
    homes: dict[Home, list[Dataset]] = {}
    for dataset in system.datasets:
        relational = technology.get(dataset.store) in POSTGRESQL - {""}
        if relational and dataset.columns and dataset.table.lower() not in covered:
            homes.setdefault(Home(dataset.store, dataset.database), []).append(dataset)
    for home, datasets in homes.items():
        tables = tuple(
            Table(name=each.table, columns=each.columns, indexes=each.indexes, references=each.references, evidence=each.evidence)
            for each in datasets
        )
        name = "/".join(part for part in (home.store, home.database) if part)
        yield Source(name, ((name, as_postgresql(tables, CODE)),), tables, home=home, derived=True)


def as_postgresql(tables: Iterable[Table], dialect: str) -> str:
    """Return tables of another dialect, or of an ORM, as SQL of PostgreSQL: columns, keys and indexes, nothing else."""
    tables = tuple(tables)
    statements: list[str] = []
    later: list[str] = []
    known = {table.name.lower() for table in tables}
    names = [index.name for table in tables for index in table.indexes]
    for table in tables:
        key = next((index for index in table.indexes if index.primary), None) or next(
            (index for index in table.indexes if index.unique and index.columns), None
        )
        parts = [
            f"{quoted(column.name)} {_type(column, dialect)}{'' if column.nullable else ' NOT NULL'}" for column in table.columns
        ]
        parts += [f"PRIMARY KEY ({_columns(key.columns)})"] if key is not None and _plain(table, key) else []
        statements.append(f"CREATE TABLE {quoted(table.name)} ({', '.join(parts)});")
        later += [
            f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {_named(index, names)}ON {quoted(table.name)} ({_columns(index.columns)});"
            for index in table.indexes
            if index is not key and index.columns and _plain(table, index)
        ]
        later += [
            f"ALTER TABLE {quoted(table.name)} ADD FOREIGN KEY ({_columns(each.columns)}) REFERENCES {quoted(each.table)};"
            for each in table.references
            if each.table.lower() in known
        ]
        if dialect == "mysql":  # InnoDB indexes every foreign key itself (MySQL manual, FOREIGN KEY Constraints)
            served = {index.columns[: len(each.columns)] for index in table.indexes for each in table.references}
            later += [
                f"CREATE INDEX ON {quoted(table.name)} ({_columns(each.columns)});"
                for each in table.references
                if each.columns not in served
            ]
    return "\n".join((*statements, *later)) + "\n"


def _named(index: Index, names: list[str]) -> str:
    """Return the name of an index, where no other table has one of that name: in MySQL that may be, in PostgreSQL not."""
    return f"{quoted(index.name)} " if index.name and names.count(index.name) == 1 else ""


def _plain(table: Table, index: Index) -> bool:
    names = {column.name.lower() for column in table.columns}
    return not index.condition and {name.lower() for name in index.columns} <= names


def _columns(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))


def _type(column: Column, dialect: str) -> str:
    """Return a type of another dialect or of a language in PostgreSQL; text for one that nobody knows."""
    if dialect == CODE:
        dialect, written = "postgres", _WRITTEN_IN_CODE.get(column.type)
        if written is not None:
            return written
    try:
        translated = exp.DataType.build(column.type, dialect=dialect).sql(dialect="postgres") if column.type else "text"
    except (sqlglot.errors.SqlglotError, ValueError):
        return "text"
    plain = re.sub(r"\bSERIAL\b", "INT", re.sub(r"(INT)\(\d+\)", r"\1", translated))  # INT(4) of MySQL is a width of display
    return plain if re.fullmatch(r"[\w ]+(?:\(\d+(?:, ?\d+)?\))?(?:\[\])?", plain) else "text"

"""Read a schema from a file or from a folder of migrations, in the order in which their tool would run them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from backend_expert.lab.planner.embedded import embedded_sql
from backend_expert.lab.planner.errors import InputError
from backend_expert.lab.planner.intake import Rejected, read_text, rejected
from backend_expert.lab.planner.schema import Schema, joined, read_schema, read_statements
from backend_expert.lab.planner.statistics import holds_statistics
from backend_expert.model import Text

MOST_FILES = 2_000

# golang-migrate, Flyway's undo files, plain habits.
_DOWN_FILE = re.compile(r"(?:\.down\.sql$|[._-]down\.sql$|(?:^|/)down\.sql$|(?:^|/)U\d[\w.]*__)", re.IGNORECASE)
# goose, dbmate, sql-migrate: one file, the way back below a mark.
_DOWN_MARK = re.compile(r"^--\s*(?:\+goose\s+Down|migrate:down|\+migrate\s+Down|@UNDO|rollback;)", re.IGNORECASE | re.MULTILINE)
_SOURCES = (".ts", ".js")
_MIGRATION = re.compile(r"\bMigrationInterface\b|\bqueryRunner\b|\bexports\.up\b|\bexport\s+(?:async\s+)?(?:function|const)\s+up\b")
_HEAD = 20_000
_REPEATABLE = re.compile(r"(?:^|/)R__")


def read_schema_at(path: Path) -> tuple[Schema, tuple[str, ...]]:
    """Return the schema in a file or folder, and the texts that hold statistics besides.

    Raises `InputError` when nothing in it defines a table.
    """
    if not path.is_dir():
        text = read_text(path)
        return read_schema(text, path.name), (text,) if holds_statistics(text) else ()
    files = ordered(each.relative_to(path).as_posix() for each in _migrations(path))
    if not files:
        raise InputError(
            Text(
                f"{path} holds no migration with SQL (.sql, or .ts and .js of TypeORM or knex): hand in a schema (pg_dump --schema-only) "
                "or a folder of migrations.",
                f"{path} não contém nenhuma migração com SQL (.sql, ou .ts e .js do TypeORM ou do knex): forneça um esquema (pg_dump "
                "--schema-only) ou uma pasta de migrações.",
            )
        )
    return read_schemas((name, read_text(path / name)) for name in files if (path / name).stat().st_size), ()


def read_schemas(texts: Iterable[tuple[str, str]]) -> Schema:
    """Return the schema that the texts (name, SQL or the source of a migration) make together, in order; what defines nothing is listed.

    Raises `InputError` when none defines a table.
    """
    schemas: list[Schema] = []
    for name, text in texts:
        upwards, built = _DOWN_MARK.split(text, maxsplit=1)[0], tuple[Rejected, ...]()
        if name.endswith(_SOURCES):
            upwards, built = embedded_sql(text, name)
        try:
            schemas += [Schema((), built), read_statements(upwards, name)]
        except InputError as error:
            schemas.append(Schema((), (rejected(name, 0, name, error.text.en, error.text.pt),)))
    found = joined(tuple(schemas))
    if not found.defines:
        raise InputError(_nothing(found))
    return found


def _nothing(found: Schema) -> Text:
    """Return why no table is defined: the first thing that was left out, if anything was."""
    if found.rejected:
        first = found.rejected[0]
        place, lugar = (f"{first.file}, line {first.line}: ", f"{first.file}, linha {first.line}: ") if first.line else ("", "")
        return Text(f"{place}{first.reason.en.rstrip('.')}.", f"{lugar}{first.reason.pt.rstrip('.')}.")
    return Text(
        "No table is defined: hand in a schema (pg_dump --schema-only) or a folder of migrations with --schema.",
        "Nenhuma tabela é definida: forneça um esquema (pg_dump --schema-only) ou uma pasta de migrações com --schema.",
    )


def ordered(names: Iterable[str]) -> list[str]:
    """Return the names of migrations in the order of their numbers or dates, without those that lead back; repeatable ones come last."""
    return sorted(
        (name for name in names if not _DOWN_FILE.search(name)), key=lambda name: (bool(_REPEATABLE.search(name)), _natural(name))
    )


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    pieces = re.split(r"(\d+)", name)
    return tuple((0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces if piece)


def _migrations(folder: Path) -> list[Path]:
    """Return the files of SQL below a folder, and the sources that hand SQL to their tool."""
    root = folder.resolve()
    found = (each for each in sorted(folder.rglob("*")) if each.suffix in (".sql", *_SOURCES) and "node_modules" not in each.parts)
    files = [
        each
        for each in found
        if each.is_file() and each.resolve().is_relative_to(root) and (each.suffix == ".sql" or _is_migration(each))
    ]
    if len(files) > MOST_FILES:
        raise InputError(
            Text(
                f"{folder} holds more than {MOST_FILES} migrations: name the folder of the migrations.",
                f"{folder} contém mais de {MOST_FILES} migrações: indique a pasta das migrações.",
            )
        )
    return files


def _is_migration(source: Path) -> bool:
    return _MIGRATION.search(source.read_text(encoding="utf-8", errors="replace")[:_HEAD]) is not None

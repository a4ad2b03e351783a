"""Read a schema from a file or from a folder of migrations, in the order in which their tool would run them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from backend_expert.lab.planner.errors import InputError
from backend_expert.lab.planner.intake import read_text, rejected
from backend_expert.lab.planner.schema import Schema, joined, read_schema
from backend_expert.lab.planner.statistics import holds_statistics
from backend_expert.model import Text

MOST_FILES = 2_000

# golang-migrate, Flyway's undo files, plain habits.
_DOWN_FILE = re.compile(r"(?:\.down\.sql$|[._-]down\.sql$|(?:^|/)down\.sql$|(?:^|/)U\d[\w.]*__)", re.IGNORECASE)
# goose, dbmate, sql-migrate: one file, the way back below a mark.
_DOWN_MARK = re.compile(r"^--\s*(?:\+goose\s+Down|migrate:down|\+migrate\s+Down|@UNDO|rollback;)", re.IGNORECASE | re.MULTILINE)
_REPEATABLE = re.compile(r"(?:^|/)R__")


def read_schema_at(path: Path) -> tuple[Schema, tuple[str, ...]]:
    """Return the schema in a file or folder, and the texts that hold statistics besides.

    Raises `InputError` when nothing in it defines a table.
    """
    if not path.is_dir():
        text = read_text(path)
        return read_schema(text, path.name), (text,) if holds_statistics(text) else ()
    files = ordered(each.relative_to(path).as_posix() for each in _sql_files(path))
    if not files:
        raise InputError(
            Text(
                f"{path} holds no .sql file: hand in a schema (pg_dump --schema-only) or a folder of SQL migrations.",
                f"{path} não contém nenhum arquivo .sql: forneça um esquema (pg_dump --schema-only) ou uma pasta de migrações SQL.",
            )
        )
    return read_schemas((name, read_text(path / name)) for name in files if (path / name).stat().st_size), ()


def read_schemas(texts: Iterable[tuple[str, str]]) -> Schema:
    """Return the schema that the texts (name, SQL) make together, in their order; a text that defines nothing is listed.

    Raises `InputError` when none defines a table.
    """
    schemas: list[Schema] = []
    failures = []
    for name, text in texts:
        upwards = _DOWN_MARK.split(text, maxsplit=1)[0]
        try:
            schemas.append(read_schema(upwards, name))
        except InputError as error:
            failures.append(rejected(name, 0, name, error.text.en, error.text.pt))
    if not schemas:
        raise InputError(
            failures[0].reason
            if failures
            else Text(
                "No schema was given: name a file or a folder with --schema.",
                "Nenhum esquema foi dado: indique um arquivo ou pasta com --schema.",
            )
        )
    return joined((*schemas, Schema((), tuple(failures))))


def ordered(names: Iterable[str]) -> list[str]:
    """Return the names of migrations in the order of their numbers or dates, without those that lead back; repeatable ones come last."""
    return sorted(
        (name for name in names if not _DOWN_FILE.search(name)), key=lambda name: (bool(_REPEATABLE.search(name)), _natural(name))
    )


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    pieces = re.split(r"(\d+)", name)
    return tuple((0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces if piece)


def _sql_files(folder: Path) -> list[Path]:
    root = folder.resolve()
    files = [each for each in sorted(folder.rglob("*.sql")) if each.is_file() and each.resolve().is_relative_to(root)]
    if len(files) > MOST_FILES:
        raise InputError(
            Text(
                f"{folder} holds more than {MOST_FILES} .sql files: name the folder of the migrations.",
                f"{folder} contém mais de {MOST_FILES} arquivos .sql: indique a pasta das migrações.",
            )
        )
    return files

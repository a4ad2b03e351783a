"""Which statements of a schema dump or a migration are loaded, and which never run."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from backend_expert.lab.planner.errors import InputError
from backend_expert.lab.planner.intake import Rejected, rejected
from backend_expert.lab.planner.scanner import pieces, without_comments
from backend_expert.model import Text

SHIPPED_EXTENSIONS = frozenset(
    {
        "bloom",
        "btree_gin",
        "btree_gist",
        "citext",
        "cube",
        "dict_int",
        "earthdistance",
        "fuzzystrmatch",
        "hstore",
        "intarray",
        "isn",
        "ltree",
        "pg_trgm",
        "seg",
        "tablefunc",
        "tsm_system_rows",
        "unaccent",
        "vector",
    }
)
"""Extensions that define types, operators and functions and touch nothing outside the database (PostgreSQL 18 contrib, pgvector)."""


class Definition(Struct, frozen=True):
    """A statement to load; an extension is created by the administrator from its name alone, never from the text."""

    kind: Literal["statement", "extension", "search_path"]
    text: str
    line: int
    file: str


class Schema(Struct, frozen=True):
    """What is loaded, in order; what was left out with its reason; and how much was left out because no plan depends on it."""

    definitions: tuple[Definition, ...]
    rejected: tuple[Rejected, ...] = ()
    irrelevant: int = 0
    data_rows: int = 0
    data_statements: int = 0

    @property
    def defines(self) -> bool:
        """Tell whether anything is defined."""
        return any(each.kind == "statement" for each in self.definitions)


_NAME = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_QUALIFIED = rf"{_NAME}(?:\.{_NAME})?"
_LOADED = re.compile(
    r"""
      create\s+(?:unlogged\s+|temp(?:orary)?\s+|global\s+|local\s+)*table\b
    | create\s+(?:unique\s+)?index\b
    | create\s+(?:or\s+replace\s+)?(?:recursive\s+)?view\b
    | create\s+materialized\s+view\b
    | create\s+(?:or\s+replace\s+)?(?:function|procedure|aggregate)\b
    | create\s+(?:type|domain|sequence|schema|collation|cast|operator|statistics|text\s+search)\b
    | alter\s+(?:table|index|sequence|type|domain|view|materialized\s+view|function|schema)\b
    | drop\s+(?:table|index|sequence|type|domain|view|materialized\s+view|function|schema|statistics)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_IRRELEVANT = re.compile(
    r"""
      (?:comment\s+on|grant|revoke|reset|begin|commit|rollback|start\s+transaction|end|savepoint|release|analyze|vacuum|cluster|discard
       |lock|notify|listen|security\s+label|reassign|set\b|refresh\s+materialized)\b
    | (?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:constraint\s+)?(?:trigger|policy|rule|event\s+trigger
       |publication|subscription|role|user|group
       |database|server|foreign|language|access\s+method|conversion|tablespace|transform|default\s+privileges|large)\b
    | comment\b
    | alter\s+(?:table|index|sequence|type|domain|view|materialized\s+view|function|schema|aggregate|procedure)\b.*\bowner\s+to\b
    | alter\s+table\b.*\b(?:enable|disable|force|no\s+force)\s+(?:row\s+level\s+security|trigger|replica|always)\b
    | drop\s+(?:extension|owned)\b
    | select\s+pg_catalog\.(?:setval|set_config|pg_restore_(?:relation|attribute)_stats)\b
    | select\s+(?:pg_catalog\.)?setval\b
    | select\s+\*\s+from\s+pg_catalog\.pg_restore_(?:relation|attribute)_stats\b
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_DATA = re.compile(r"(?:insert|update|delete|merge|copy|truncate|with)\b", re.IGNORECASE)
_EXTENSION = re.compile(
    rf"create\s+extension\s+(?:if\s+not\s+exists\s+)?({_NAME})(?:\s+(?:with\s+)?(?:schema\s+({_NAME}))?)?", re.IGNORECASE
)
_SEARCH_PATH = re.compile(
    rf"set\s+(?:session\s+|local\s+)?search_path\s*(?:=|to)\s*((?:{_NAME}|'[^']*')(?:\s*,\s*(?:{_NAME}|'[^']*'))*)\s*\Z",
    re.IGNORECASE,
)
_EMPTY_PATH = re.compile(r"select\s+pg_catalog\.set_config\(\s*'search_path'\s*,\s*''", re.IGNORECASE)
_AS_QUERY = re.compile(
    rf"create\s+(?:\w+\s+)*table\s+(?:if\s+not\s+exists\s+)?{_QUALIFIED}\s*(?:\([^()]*\)\s*)?as\b", re.IGNORECASE
)
_MATERIALIZED = re.compile(r"create\s+materialized\s+view\b", re.IGNORECASE)
_NO_DATA = re.compile(r"\bwith\s+(?:no\s+)?data\s*\Z", re.IGNORECASE)
_CONCURRENTLY = re.compile(r"^((?:create\s+(?:unique\s+)?|drop\s+)index\s+)concurrently\s+", re.IGNORECASE)
_OTHER_DIALECT = re.compile(
    r"^\s*(?:CREATE TABLE\s+`|-- MySQL dump|-- MariaDB dump|PRAGMA\s+foreign_keys|\) ENGINE\s*=)", re.IGNORECASE | re.MULTILINE
)


def read_schema(text: str, file: str) -> Schema:
    """Return what to load from SQL text; raise `InputError` when it is of another dialect or defines nothing."""
    found = read_statements(text, file)
    if not found.defines:
        raise InputError(
            Text(
                f"{file} defines no table: hand in the schema (pg_dump --schema-only) or a folder of migrations.",
                f"{file} não define nenhuma tabela: forneça o esquema (pg_dump --schema-only) ou uma pasta de migrações.",
            )
        )
    return found


def read_statements(text: str, file: str) -> Schema:
    """Return what to load from SQL text, which may be nothing: a migration that only moves data; raise `InputError` for another dialect."""
    if _OTHER_DIALECT.search(text[:4_000_000]):
        raise InputError(
            Text(
                f"{file} is written for another database (MySQL, MariaDB or SQLite): the planner is PostgreSQL's, so index advice needs a "
                "PostgreSQL schema.",
                f"{file} foi escrito para outro banco de dados (MySQL, MariaDB ou SQLite): o planner é o do PostgreSQL, portanto sugestões "
                "de índices precisam de um esquema PostgreSQL.",
            )
        )
    definitions: list[Definition] = []
    left_out: list[Rejected] = []
    irrelevant = data_rows = data_statements = 0
    for piece in pieces(text):
        if piece.kind == "meta":
            if not piece.text.startswith(("\\restrict", "\\unrestrict")):
                left_out.append(
                    rejected(
                        file, piece.line, piece.text, "commands of psql are never run", "comandos do psql nunca são executados"
                    )
                )
            continue
        if piece.kind == "data":
            data_rows += piece.rows
            continue
        statement = without_comments(piece.text)
        path = _search_path(statement)
        if path is not None:
            definitions.append(Definition("search_path", path, piece.line, file))
        elif _EXTENSION.match(statement):
            _extension(statement, piece.line, file, definitions, left_out)
        elif not statement or _IRRELEVANT.match(statement):
            irrelevant += 1
        elif _AS_QUERY.match(statement):
            left_out.append(
                rejected(
                    file,
                    piece.line,
                    statement,
                    "a table made from a query is not filled here",
                    "uma tabela criada de uma consulta não é preenchida aqui",
                )
            )
        elif _LOADED.match(statement):
            definitions.append(Definition("statement", _harmless(statement), piece.line, file))
        elif _DATA.match(statement):
            data_statements += 1
        else:
            left_out.append(
                rejected(
                    file,
                    piece.line,
                    statement,
                    "only statements that define tables, indexes, types and the like are run",
                    "só são executados comandos que definem tabelas, índices, tipos e afins",
                )
            )
    return Schema(tuple(definitions), tuple(left_out), irrelevant, data_rows, data_statements)


def joined(schemas: tuple[Schema, ...]) -> Schema:
    """Return several schemas as one, in order: a folder of migrations."""
    return Schema(
        tuple(definition for each in schemas for definition in each.definitions),
        tuple(item for each in schemas for item in each.rejected),
        sum(each.irrelevant for each in schemas),
        sum(each.data_rows for each in schemas),
        sum(each.data_statements for each in schemas),
    )


def _search_path(statement: str) -> str | None:
    if _EMPTY_PATH.match(statement):
        return "''"
    match = _SEARCH_PATH.match(statement)
    return None if match is None else match[1]


def _harmless(statement: str) -> str:
    """Return the statement without what makes it slow or impossible on an empty database."""
    if _MATERIALIZED.match(statement):
        return _NO_DATA.sub("", statement).rstrip() + "\nWITH NO DATA"
    return _CONCURRENTLY.sub(r"\1", statement)


def _extension(statement: str, line: int, file: str, definitions: list[Definition], left_out: list[Rejected]) -> None:
    match = _EXTENSION.match(statement)
    assert match is not None
    name = match[1].strip('"').lower()
    if name in SHIPPED_EXTENSIONS:
        definitions.append(Definition("extension", f"{name} {(match[2] or '').strip(chr(34))}".strip(), line, file))
    elif name not in ("plpgsql", "pg_stat_statements", "uuid-ossp", "pgcrypto"):
        left_out.append(
            rejected(
                file,
                line,
                statement,
                f"the extension {name} is not shipped with the planner; what depends on it is left out",
                f"a extensão {name} não acompanha o planner; o que depende dela fica de fora",
            )
        )

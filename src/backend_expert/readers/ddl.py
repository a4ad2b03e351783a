"""Read what SQL files declare: tables with their columns, keys and indexes, in the order of their names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import structs

from backend_expert.model import Column, Evidence, Index
from backend_expert.readers.code import Table
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.repository import Repository

READER = "sql"

LENGTH_LIMIT = 2_000_000
"""Longest file that is looked into, in characters: schemas have up to 300,000, dumps of data more than this."""

_NAME = r"(?:[\"`\[]?[\w$]+[\"`\]]?\.)?[\"`\[]?(?P<{0}>[A-Za-z_][\w$]*)[\"`\]]?"
_STATEMENT = re.compile(
    r"^[ \t]*(?:\\connect|\\c|USE)\s+[\"`]?(?P<database>\w+)[\"`]?|"
    rf"\bCREATE\s+(?:UNLOGGED\s+|TEMP\w*\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME.format('table')}\s*\(|"
    rf"\bCREATE\s+(?P<unique>UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?:[\"`]?(?P<index>\w+)[\"`]?\s+)?ON\s+(?:ONLY\s+)?"
    rf"{_NAME.format('indexed')}\s*(?:USING\s+\w+\s*)?\(|"
    rf"\bALTER\s+TABLE\s+(?:ONLY\s+)?(?:IF\s+EXISTS\s+)?{_NAME.format('altered')}\s+ADD\s+",
    re.IGNORECASE | re.MULTILINE,
)
_KEY = re.compile(
    r"^(?:CONSTRAINT\s+[\"`]?(?P<constraint>\w+)[\"`]?\s+)?(?P<kind>PRIMARY\s+KEY|UNIQUE(?:\s+(?:KEY|INDEX))?|KEY|INDEX|FULLTEXT\s+(?:KEY|INDEX))"
    r"\s*[\"`]?(?P<name>\w*)[\"`]?\s*\((?P<columns>[^()]*(?:\([^()]*\)[^()]*)*)\)",
    re.IGNORECASE,
)
_COLUMN = re.compile(
    r"^(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?[\"`\[]?(?P<name>[A-Za-z_]\w*)[\"`\]]?\s+(?P<type>[A-Za-z]\w*(?:\s+(?:precision|varying|with(?:out)?\s+time\s+zone))*"
    r"(?:\([^)]*\))?)(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_NO_COLUMN = re.compile(
    r"^(CONSTRAINT|FOREIGN\s+KEY|CHECK|EXCLUDE|LIKE|PRIMARY\s+KEY|UNIQUE|KEY|INDEX|FULLTEXT|SPATIAL|PERIOD)\b", re.IGNORECASE
)
_KEY_COLUMN = re.compile(
    r"[\"`\[]?(\w+)[\"`\]]?(?:\s*\(\d+\))?(?:\s+(?:ASC|DESC|NULLS|COLLATE|\w+_ops)\b.*)?$", re.IGNORECASE | re.DOTALL
)
_PERSONAL = re.compile(
    r"^(e_?mail(_?address)?|phone(_?number)?|mobile|first_?name|last_?name|full_?name|surname|birth_?(day|date)|date_?of_?birth|dob|ssn|cpf|"
    r"passport(_?number)?|address(_?line\d?)?|street|zip_?code|postal_?code|ip_?address|national_?id|gender|iban|card_?number)$",
    re.IGNORECASE,
)
"""Names of columns that hold data about a person (GDPR, article 4); `name` alone does not say whose."""


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each SQL file that declares tables."""
    for file in repository.matching("*.sql"):
        text = repository.text(file)
        if text is None or len(text) > LENGTH_LIMIT or "create" not in text[:LENGTH_LIMIT].lower():
            continue
        found = tables(file, text)
        if found:
            yield Fragment(reader=READER, tables=found, files=(file,))


def is_personal(column: str) -> bool:
    """Tell whether the name of a column says that it holds data about a person."""
    return bool(_PERSONAL.match(column))


def tables(file: str, text: str) -> tuple[Table, ...]:
    """Return the tables that a text declares, with the keys and indexes that it adds to them later."""
    text = _without_comments(text)
    found: dict[tuple[str, str], Table] = {}
    database = ""
    for match in _STATEMENT.finditer(text):
        if match["database"]:
            database = match["database"]
        elif match["table"]:
            line = text.count("\n", 0, match.start()) + 1
            parts = _parts(_inside(text, match.end()))
            table = _table(match["table"], database, parts, Evidence(file, line, READER))
            found.setdefault((database, table.name.lower()), table)
        elif match["indexed"]:
            index = Index(columns=_columns(_inside(text, match.end())), unique=bool(match["unique"]), name=match["index"] or "")
            _add(found, database, match["indexed"], (), (index,))
        elif match["altered"]:
            end = text.find(";", match.end())
            for part in _parts(text[match.end() : end if end >= 0 else match.end() + 2_000]):
                columns, indexes = _part(re.sub(r"^ADD\s+", "", part, flags=re.IGNORECASE))
                _add(found, database, match["altered"], columns, indexes)
    return tuple(found[key] for key in sorted(found))


def _add(
    found: dict[tuple[str, str], Table], database: str, name: str, columns: tuple[Column, ...], indexes: tuple[Index, ...]
) -> None:
    table = found.get((database, name.lower()))
    if table is not None:
        known = {column.name for column in table.columns}
        added = tuple(column for column in columns if column.name not in known)
        merged = tuple(dict.fromkeys((*table.indexes, *(index for index in indexes if index.columns))))
        found[database, name.lower()] = structs.replace(table, columns=table.columns + added, indexes=merged)


def _table(name: str, database: str, parts: list[str], evidence: Evidence) -> Table:
    columns: list[Column] = []
    indexes: list[Index] = []
    for part in parts:
        more, keys = _part(part)
        columns.extend(more)
        indexes.extend(keys)
    return Table(name=name, database=database, columns=tuple(columns), indexes=tuple(dict.fromkeys(indexes)), evidence=(evidence,))


def _part(part: str) -> tuple[tuple[Column, ...], tuple[Index, ...]]:
    """Return the column or the key that one part of a definition is, with the key that a column carries itself."""
    key = _KEY.match(part)
    if key is not None:
        unique = key["kind"].upper().startswith(("PRIMARY", "UNIQUE"))
        return (), (Index(columns=_columns(key["columns"]), unique=unique, name=key["constraint"] or key["name"] or ""),)
    column = _COLUMN.match(part)
    if column is None or _NO_COLUMN.match(part):
        return (), ()
    name, rest = column["name"], column["rest"].upper()
    primary = "PRIMARY KEY" in rest
    made = Column(
        name=name,
        type=" ".join(column["type"].lower().split()),
        nullable=not primary and "NOT NULL" not in rest and not column["type"].lower().startswith(("serial", "bigserial")),
        personal=is_personal(name),
    )
    return (made,), (Index(columns=(name,), unique=True),) if primary or re.search(r"\bUNIQUE\b", rest) else ()


def _columns(text: str) -> tuple[str, ...]:
    """Return the columns of a key; one over an expression has that expression as a name."""
    found = []
    for part in _parts(text):
        plain = _KEY_COLUMN.match(part)
        found.append(plain[1] if plain else " ".join(part.split()))
    return tuple(found)


def _inside(text: str, start: int) -> str:
    """Return what stands up to the bracket that closes the one before `start`."""
    depth = 1
    for position in range(start, min(len(text), start + 100_000)):
        if text[position] == "(":
            depth += 1
        elif text[position] == ")":
            depth -= 1
            if depth == 0:
                return text[start:position]
    return ""


def _parts(text: str) -> list[str]:
    """Return what commas outside of brackets part."""
    found: list[str] = []
    depth = begin = 0
    for position, sign in enumerate(text):
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        elif sign == "," and depth == 0:
            found.append(text[begin:position].strip())
            begin = position + 1
    return [part for part in (*found, text[begin:].strip()) if part]


def _without_comments(text: str) -> str:
    """Return the text with comments and texts blanked, every line where it was."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0]) if not match[0].startswith("'") else "''" + re.sub(r"[^\n]", " ", match[0][2:])

    return re.sub(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", blank, text, flags=re.DOTALL)

"""Read what SQL files declare: tables with their columns, keys and indexes, in the order of their names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from msgspec import structs

from backend_expert.model import Column, Evidence, Index, Reference
from backend_expert.readers.code import Table
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.repository import Repository

READER = "sql"

LENGTH_LIMIT = 2_000_000
"""Longest file that is looked into, in characters: schemas have up to 300,000, dumps of data more than this."""

PARTS_LIMIT = 1_600
"""Most columns, keys and references of one table: PostgreSQL allows as many columns (manual, appendix K, "PostgreSQL Limits")."""

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
_REFERENCE = re.compile(
    r"(?:^(?:CONSTRAINT\s+[\"`]?\w+[\"`]?\s+)?FOREIGN\s+KEY\s*[\"`]?\w*[\"`]?\s*\((?P<columns>[^()]*)\)\s*|\s)REFERENCES\s+"
    + _NAME.format("parent"),
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
    r"[\"`\[]?(\w+)[\"`\]]?(?:\s*\(\d+\))?(?:\s+(?:ASC\b)?\s*(?P<kind>(?:DESC|NULLS|COLLATE|\w+_ops)\b.*)?)?$",
    re.IGNORECASE | re.DOTALL,
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
    return tables_of(((file, text),))


def tables_of(files: Iterable[tuple[str, str]]) -> tuple[Table, ...]:
    """Return the tables that files (name, text) declare together, in their order: a later one may add to a table of an earlier one."""
    found: dict[tuple[str, str], Table] = {}
    for file, text in files:
        _declare(found, file, _without_comments(text))
    return tuple(found[key] for key in sorted(found))


def index_of(definition: str) -> Index | None:
    """Return the columns, their kinds and the condition of one CREATE INDEX, or nothing for anything else."""
    match = _STATEMENT.search(definition)
    return _index(definition, match, len(definition), ()) if match is not None and match["indexed"] else None


def _declare(found: dict[tuple[str, str], Table], file: str, text: str) -> None:
    database = ""
    ends = [match.start() for match in re.finditer("\n", text)]

    def at(position: int) -> tuple[Evidence, ...]:
        return (Evidence(file, bisect_left(ends, position) + 1, READER),)

    matches = list(_STATEMENT.finditer(text))
    for match, stop in zip(matches, [*(each.start() for each in matches[1:]), len(text)], strict=False):
        if match["database"]:
            database = match["database"]
        elif match["table"]:
            name = match["table"]
            table = Table(name=name, database=database, evidence=at(match.start()))
            for position, part in _parts(_inside(text, match.end(), stop), match.end()):
                table = _with(table, _part(part, at(position)))
            found.setdefault((database, name.lower()), table)
        elif match["indexed"]:
            index = _index(text, match, stop, at(match.start()))
            _add(found, database, match["indexed"], Table(name="", indexes=(index,)))
        elif match["altered"]:
            end = text.find(";", match.end(), stop)
            for position, part in _parts(text[match.end() : end if end >= 0 else min(stop, match.end() + 2_000)], match.end()):
                added = _part(re.sub(r"^ADD\s+", "", part, flags=re.IGNORECASE), at(position))
                _add(found, database, match["altered"], added)


def _index(text: str, match: re.Match[str], stop: int, evidence: tuple[Evidence, ...]) -> Index:
    inside = _inside(text, match.end(), stop)
    rest = text[match.end() + len(inside) : match.end() + len(inside) + 2_000].split(";", 1)[0]
    condition = re.search(r"\sWHERE\s+(.+)$", rest, re.IGNORECASE | re.DOTALL)
    return Index(
        columns=_columns(inside),
        kinds=_kinds(inside),
        unique=bool(match["unique"]),
        name=match["index"] or "",
        condition=" ".join(condition[1].split()) if condition else "",
        evidence=evidence,
    )


def _add(found: dict[tuple[str, str], Table], database: str, name: str, added: Table) -> None:
    table = found.get((database, name.lower()))
    if table is not None:
        found[database, name.lower()] = _with(table, added)


def _with(table: Table, added: Table) -> Table:
    """Return the table with what is not in it yet of another one's columns, keys and references."""
    if len(table.columns) + len(table.indexes) + len(table.references) >= PARTS_LIMIT:
        return table
    known = {column.name for column in table.columns}
    keyed = {(index.columns, index.unique, index.condition, index.name) for index in table.indexes}
    return structs.replace(
        table,
        columns=table.columns + tuple(column for column in added.columns if column.name not in known),
        indexes=table.indexes
        + tuple(
            index
            for index in added.indexes
            if index.columns and (index.columns, index.unique, index.condition, index.name) not in keyed
        ),
        references=table.references + tuple(each for each in added.references if each not in table.references),
    )


def _part(part: str, evidence: tuple[Evidence, ...]) -> Table:
    """Return a table of the column or the key that one part of a definition is, with the keys that a column carries itself."""
    key = _KEY.match(part)
    if key is not None:
        primary = key["kind"].upper().startswith("PRIMARY")
        unique = primary or key["kind"].upper().startswith("UNIQUE")
        name = key["constraint"] or key["name"] or ""
        index = Index(columns=_columns(key["columns"]), unique=unique, primary=primary, name=name, evidence=evidence)
        return Table(name="", indexes=(index,))
    referred = _REFERENCE.search(part)
    column = _COLUMN.match(part)
    if column is None or _NO_COLUMN.match(part):
        if referred is None or not referred["columns"]:
            return Table(name="")
        return Table(
            name="", references=(Reference(columns=_columns(referred["columns"]), table=referred["parent"], evidence=evidence),)
        )
    name, rest = column["name"], column["rest"].upper()
    primary = "PRIMARY KEY" in rest
    made = Column(
        name=name,
        type=" ".join(column["type"].lower().split()),
        nullable=not primary and "NOT NULL" not in rest and not column["type"].lower().startswith(("serial", "bigserial")),
        personal=is_personal(name),
        evidence=evidence,
    )
    unique = Index(columns=(name,), unique=True, primary=primary, evidence=evidence)
    return Table(
        name="",
        columns=(made,),
        indexes=(unique,) if primary or re.search(r"\bUNIQUE\b", rest) else (),
        references=(Reference(columns=(name,), table=referred["parent"], evidence=evidence),) if referred else (),
    )


def _columns(text: str) -> tuple[str, ...]:
    """Return the columns of a key; one over an expression has that expression as a name."""
    found = []
    for _, part in _parts(text):
        plain = _KEY_COLUMN.match(part)
        found.append(plain[1] if plain else " ".join(part.split()))
    return tuple(found)


def _kinds(text: str) -> tuple[str, ...]:
    """Return of each column of a key what is not the default: direction, operator class, collation; nothing where all are."""
    plain = [_KEY_COLUMN.match(part) for _, part in _parts(text)]
    found = tuple(" ".join((each["kind"] or "").lower().split()) if each is not None else "" for each in plain)
    return found if any(found) else ()


def _inside(text: str, start: int, stop: int) -> str:
    """Return what stands up to the bracket that closes the one before `start`; nothing where none closes it before the next statement."""
    depth = 1
    for position in range(start, min(stop, start + 100_000)):
        if text[position] == "(":
            depth += 1
        elif text[position] == ")":
            depth -= 1
            if depth == 0:
                return text[start:position]
    return ""


def _parts(text: str, start: int = 0) -> list[tuple[int, str]]:
    """Return what commas outside of brackets part, each with its position; the text begins at `start`."""
    found: list[tuple[int, str]] = []
    depth = begin = 0
    for position, sign in enumerate(text + ","):
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        elif sign == "," and (depth == 0 or position == len(text)):
            part = text[begin:position]
            found.append((start + begin + len(part) - len(part.lstrip()), part.strip()))
            begin = position + 1
    return [(position, part) for position, part in found if part]


def _without_comments(text: str) -> str:
    """Return the text with comments and texts blanked, every line where it was."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0]) if not match[0].startswith("'") else "''" + re.sub(r"[^\n]", " ", match[0][2:])

    return re.sub(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", blank, text, flags=re.DOTALL)

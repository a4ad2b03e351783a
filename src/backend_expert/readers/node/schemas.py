"""Schemas beside the code: that of Prisma, and tables that SQL files declare."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from backend_expert.model import Column, Evidence, Index
from backend_expert.readers.code import Table
from backend_expert.readers.ddl import is_personal
from backend_expert.readers.node.connections import Connection
from backend_expert.readers.node.values import Constant, Variable, pieces
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from backend_expert.readers.node.project import Project
    from backend_expert.readers.node.unit import Unit

_MODEL = re.compile(r"^(?:model|view)\s+(?P<name>\w+)\s*\{(?P<body>.*?)^\}", re.MULTILINE | re.DOTALL)
_SOURCE = re.compile(r"^datasource\s+\w+\s*\{(?P<body>.*?)^\}", re.MULTILINE | re.DOTALL)
_SCALARS = words("String Int BigInt Float Decimal Boolean DateTime Json Bytes")


def prisma_of(unit: Unit) -> tuple[Connection, dict[str, str]]:
    """Return the connection of the schema of a program and the tables by the name of their model in the client."""
    file = _schema_file(unit.project, unit.directory)
    content = unit.project.repository.text(file) if file is not None else None
    if file is None or content is None:
        return Connection("sql"), {}
    source = _SOURCE.search(content)
    body = source["body"] if source else ""
    provider = re.search(r"provider\s*=\s*\"(\w+)\"", body)
    protocol = {"cockroachdb": "postgresql", "sqlserver": "sqlserver"}.get(provider[1], provider[1]) if provider else "sql"
    variable = re.search(r"url\s*=\s*env\(\"(\w+)\"\)", body)
    text = re.search(r"url\s*=\s*\"([^\"]+)\"", body)
    line = content.count("\n", 0, source.start()) + 1 if source else 1
    address = pieces(Variable(variable[1])) if variable else pieces(Constant(text[1])) if text else ()
    made = Connection(protocol, address, evidence=(Evidence(file, line, "node"),))
    unit.connected(made)
    tables = {}
    for match in _MODEL.finditer(content):
        name = match["name"]
        tables[name[:1].lower() + name[1:]] = _mapped(match["body"]) or name
    return made, tables


def prisma_tables(project: Project, directory: str) -> tuple[Table, ...]:
    """Return the tables that the schema of Prisma in a directory declares."""
    file = _schema_file(project, directory)
    content = project.repository.text(file) if file is not None else None
    if file is None or content is None:
        return ()
    return tuple(_table(match, file, content) for match in _MODEL.finditer(content))


def _schema_file(project: Project, directory: str) -> str | None:
    found = project.repository.matching("*.prisma")
    inside = [path for path in found if directory == "." or path.startswith(f"{directory}/")]
    candidates = inside or (list(found) if len(found) == 1 else [])
    return min(candidates, key=lambda path: (posixpath.basename(path) != "schema.prisma", len(path), path), default=None)


def _mapped(body: str) -> str:
    match = re.search(r"@@map\(\s*(?:name:\s*)?\"([^\"]+)\"", body)
    return match[1] if match else ""


def _table(match: re.Match[str], file: str, content: str) -> Table:
    columns: list[Column] = []
    indexes: list[Index] = []
    names: dict[str, str] = {}
    for row in match["body"].splitlines():
        field = re.match(r"\s*(\w+)\s+(\w+)(\[\])?(\?)?(.*)", row)
        if field is None or field[1].startswith("@") or row.strip().startswith(("//", "@@")):
            continue
        name, kind, many, optional, rest = field.groups()
        if many or (kind not in _SCALARS and "@db." not in rest and "@relation" in rest):
            continue
        if kind not in _SCALARS and not re.search(r"@(default|id|unique|map)", rest) and kind[:1].isupper() and "@relation" in rest:
            continue
        mapped = re.search(r"(?<!@)@map\(\"([^\"]+)\"\)", rest)
        column = mapped[1] if mapped else name
        names[name] = column
        columns.append(Column(name=column, type=kind.lower(), nullable=bool(optional), personal=is_personal(column)))
        if "@id" in rest or "@unique" in rest:
            indexes.append(Index(columns=(column,), unique=True))
    for kind, listed in re.findall(r"@@(id|unique|index)\(\s*(?:fields:\s*)?\[([^\]]+)\]", match["body"]):
        inside = tuple(names.get(each, each) for each in re.findall(r"(\w+)(?:\([^)]*\))?", listed))
        indexes.append(Index(columns=inside, unique=kind != "index"))
    line = content.count("\n", 0, match.start()) + 1
    return Table(
        name=_mapped(match["body"]) or match["name"],
        columns=tuple(columns),
        indexes=tuple(indexes),
        evidence=(Evidence(file, line, "node"),),
    )

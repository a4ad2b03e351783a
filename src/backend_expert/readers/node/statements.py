"""What an SQL statement does, read from its text alone: the table, the action, the columns that pick its rows."""

from __future__ import annotations

import re

from msgspec import Struct

from backend_expert.model import Action
from backend_expert.readers.settings import words

_NAME = r"(?:[\"`\[]?[\w$]+[\"`\]]?\.)?[\"`\[]?(?P<table>[A-Za-z_][\w$]*)[\"`\]]?"
_VERBS = (
    (Action.INSERT, re.compile(rf"\b(?:INSERT\s+(?:IGNORE\s+)?INTO|REPLACE\s+INTO)\s+{_NAME}", re.IGNORECASE)),
    (Action.UPDATE, re.compile(rf"\bUPDATE\s+(?:ONLY\s+)?{_NAME}(?=\s+(?:(?:AS\s+)?\w+\s+)?SET\b)", re.IGNORECASE)),
    (Action.DELETE, re.compile(rf"\bDELETE\s+FROM\s+(?:ONLY\s+)?{_NAME}", re.IGNORECASE)),
    (Action.READ, re.compile(rf"\b(?:FROM|JOIN)\s+{_NAME}", re.IGNORECASE)),
)
_WHERE = re.compile(
    r"\bWHERE\b(?P<rest>.*?)(?=\bORDER\s+BY\b|\bGROUP\s+BY\b|\bLIMIT\b|\bRETURNING\b|\bFOR\s+UPDATE\b|\bON\s+CONFLICT\b|$)",
    re.IGNORECASE | re.DOTALL,
)
_COMPARED = re.compile(
    r"(?:[\"`]?\w+[\"`]?\.)?[\"`]?(?P<column>[A-Za-z_]\w*)[\"`]?\s*(?P<operator>=|<=|>=|<>|!=|<|>|\bIN\b|\bLIKE\b|\bILIKE\b|\bIS\b|\bBETWEEN\b)\s*(?P<value>\S+)",
    re.IGNORECASE,
)
_SET = re.compile(r"\bSET\b(?P<rest>.*?)(?=\bWHERE\b|\bFROM\b|\bRETURNING\b|$)", re.IGNORECASE | re.DOTALL)
_SET_COLUMN = re.compile(r"(?:^|,)\s*[\"`]?(?P<column>[A-Za-z_]\w*)[\"`]?\s*=\s*(?P<value>[^,]*)")
_CONFLICT = re.compile(
    r"\bON\s+(?:CONFLICT\s*(?:\((?P<columns>[^)]*)\))?[^;]*?\bDO\s+UPDATE|DUPLICATE\s+KEY\s+UPDATE)\b", re.IGNORECASE
)
_LIMIT = re.compile(r"\bLIMIT\b|\bFETCH\s+(?:FIRST|NEXT)\b|\bSELECT\s+TOP\b", re.IGNORECASE)
_COUNTED = re.compile(r"\s*SELECT\s+(?:COUNT|SUM|AVG|MIN|MAX|EXISTS)\s*\(", re.IGNORECASE)
_KEY = re.compile(r"_?id|uuid|guid|email|e_mail|username|login|slug|token|sku|isbn|code|key", re.IGNORECASE)
"""Columns that pick one row in most schemas; what picks one for certain, only the keys of the table tell."""
_WORDS = words("select where and or not null true false set values from join case when then else end interval limit offset")
_CONTROL = re.compile(r"\s*(?P<word>BEGIN|START\s+TRANSACTION|COMMIT|ROLLBACK|END)\b", re.IGNORECASE)

LENGTH_LIMIT = 20_000
"""Longest statement that is looked into, in characters."""


class Statement(Struct, frozen=True):
    """One effect of a statement on one table; `guarded` updates change a row only when it is still as expected.

    `limited` tells whether a read states how many rows it gives, by a limit or because it counts; nothing where a key may pick one row.
    """

    action: Action
    table: str
    columns: tuple[str, ...]
    limited: bool | None = None


def control(sql: str) -> str:
    """Return `begin`, `commit` or `rollback` for the statements that bound transactions."""
    match = _CONTROL.match(sql)
    if match is None:
        return ""
    found = match["word"].lower().split()[0]
    return {"start": "begin", "end": "commit"}.get(found, found)


def verb(sql: str) -> Action | None:
    """Return what a statement does whose table is not known: only its first word tells; nothing for one that touches no data."""
    if not sql.strip():
        return Action.READ
    match = re.match(r"\s*(SELECT|WITH|INSERT|REPLACE|UPDATE|DELETE|CALL)\b", sql, re.IGNORECASE)
    if match is None:
        return None
    found = match[1].upper()
    return {"INSERT": Action.INSERT, "REPLACE": Action.INSERT, "UPDATE": Action.UPDATE, "DELETE": Action.DELETE}.get(
        found, Action.READ
    )


def effects(sql: str) -> tuple[Statement, ...]:
    """Return what a statement does, table by table in the order of its text: the writes, or the table that it reads first.

    Columns are those of the conditions that compare with something given. Texts that are no such statement give nothing.
    """
    sql = re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql[:LENGTH_LIMIT], flags=re.DOTALL)
    sql = re.sub(r"'(?:[^']|'')*'", "''", sql)
    made = {match[1].lower() for match in re.finditer(r"(?:\bWITH\s+(?:RECURSIVE\s+)?|,\s*)(\w+)\s+AS\s*\(", sql, re.IGNORECASE)}
    writes: list[tuple[int, Action, str]] = []
    for action, pattern in _VERBS[:3]:
        writes.extend((match.start(), action, match["table"]) for match in pattern.finditer(sql))
    writes = [(place, action, _plain(table)) for place, action, table in sorted(writes) if table.lower() not in made | {"set"}]
    if not writes:
        return _reads(sql, made)
    found = []
    for position, (place, action, table) in enumerate(writes):
        end = writes[position + 1][0] if position + 1 < len(writes) else len(sql)
        found.append(_write(sql[place:end], action, table))
    return tuple(found)


def _reads(sql: str, made: set[str]) -> tuple[Statement, ...]:
    if not re.match(r"\s*(?:\(\s*)*(?:SELECT|WITH)\b", sql, re.IGNORECASE):
        return ()
    tables = [match["table"] for match in _VERBS[3][1].finditer(sql) if match["table"].lower() not in made]
    columns = _columns(sql)
    return (Statement(Action.READ, _plain(tables[0]), columns, _limited(sql, columns)),) if tables else ()


def _limited(sql: str, columns: tuple[str, ...]) -> bool | None:
    if _LIMIT.search(sql) or (_COUNTED.match(sql) and not re.search(r"\bGROUP\s+BY\b", sql, re.IGNORECASE)):
        return True
    return None if any(_KEY.fullmatch(column) for column in columns) else False


def _write(sql: str, action: Action, table: str) -> Statement:
    columns = _columns(sql)
    if action is Action.INSERT and (conflict := _CONFLICT.search(sql)) is not None:
        keys = tuple(re.findall(r"\w+", conflict["columns"] or ""))
        return Statement(Action.UPDATE, table, keys)
    if action is Action.UPDATE:
        where = _WHERE.search(sql)
        given = _SET.search(sql)
        assigned = {match["column"].lower(): match["value"] for match in _SET_COLUMN.finditer(given["rest"] if given else "")}
        relative = any(re.search(rf"\b{re.escape(column)}\b\s*[-+]", value, re.IGNORECASE) for column, value in assigned.items())
        compared = {match["column"].lower() for match in _COMPARED.finditer(where["rest"] if where else "")}
        if relative or compared & set(assigned):
            return Statement(Action.GUARDED_UPDATE, table, columns)
    return Statement(action, table, columns)


def _columns(sql: str) -> tuple[str, ...]:
    """Return the columns that conditions compare with a parameter, a hole or a literal; joins of two columns are none."""
    found: list[str] = []
    for where in _WHERE.finditer(sql):
        for match in _COMPARED.finditer(where["rest"]):
            value = match["value"]
            given = bool(re.match(r"[$:?@'(\d]|%s|null|not|any", value, re.IGNORECASE))
            if given and match["column"].lower() not in _WORDS and match["column"] not in found:
                found.append(match["column"])
    return tuple(found)


def _plain(name: str) -> str:
    return name.strip('"`[]')

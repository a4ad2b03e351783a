"""The SQL that migrations in JavaScript and TypeScript hand to `query` or `raw` (TypeORM, knex): read as text, never run."""

from __future__ import annotations

import re

from backend_expert.lab.planner.intake import Rejected, rejected

_UP = re.compile(r"(?:exports\.up\s*=|\b(?:async\s+)?up\s*(?:=\s*(?:async\s*)?)?\(|\bfunction\s+up\s*\()")
_DOWN = re.compile(r"(?:exports\.down\s*=|\b(?:async\s+)?down\s*(?:=\s*(?:async\s*)?)?\(|\bfunction\s+down\s*\()")
_CALL = re.compile(r"\.(?:query|raw)\s*\(\s*(?=[`'\"])|\.(?P<built>createTable|alterTable|table|addColumn|createIndex)\s*\(")
_LITERAL = re.compile(
    r"`(?P<template>(?:[^`\\]|\\.)*)`|'(?P<single>(?:[^'\\\n]|\\.)*)'|\"(?P<double>(?:[^\"\\\n]|\\.)*)\"", re.DOTALL
)
_JOINED = re.compile(r"\s*\+\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "\n": ""}


def embedded_sql(text: str, file: str) -> tuple[str, tuple[Rejected, ...]]:
    """Return the SQL of the way up, every statement on its line in the file, and what is put together or built in code."""
    up = _UP.search(text)
    start = up.end() if up is not None else 0
    down = _DOWN.search(text, start)
    end = down.start() if down is not None else len(text)
    sql, left_out = "", []
    for call in _CALL.finditer(text, start, end):
        line = text.count("\n", 0, call.start()) + 1
        statement = None if call["built"] else _constant(text, call.end())
        if statement is None:
            shown = text[call.start() : call.start() + 100].lstrip(".")
            left_out.append(
                rejected(
                    file,
                    line,
                    shown,
                    "it is put together in code: hand in the SQL that the tool prints, or a dump of the schema",
                    "é montado em código: forneça o SQL que a ferramenta imprime ou um dump do esquema",
                )
            )
        else:
            at = text.count("\n", 0, call.end()) + 1
            sql += "\n" * (at - 1 - sql.count("\n")) + statement.rstrip().rstrip(";") + ";"
    return sql, tuple(left_out)


def _constant(text: str, position: int) -> str | None:
    """Return the text of the literals joined by plus signs at a position, or nothing where something else takes part."""
    parts = []
    while (match := _LITERAL.match(text, position)) is not None:
        value = next(each for each in (match["template"], match["single"], match["double"]) if each is not None)
        if match["template"] is not None and "${" in value:
            return None
        parts.append(_ESCAPED.sub(lambda escape: _CONTROL.get(escape[1], escape[1]), value))
        joined = _JOINED.match(text, match.end())
        if joined is None:
            return "".join(parts)
        position = joined.end()
    return None

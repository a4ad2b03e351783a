"""Read files of `NAME=value` lines: `.env` and what `env_file` names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from backend_expert.readers.settings import LENGTH_LIMIT

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][\w.-]*)\s*(?:=|:\s)\s*(?P<value>.*)", re.DOTALL)
_REFERENCE = re.compile(r"(?<!\\)\$(?:\{(?P<braced>\w+)(?:(?P<operator>:?-)(?P<default>[^{}]*))?\}|(?P<plain>\w+))")


class Variable(Struct, frozen=True):
    """One variable of a file, with the line it stands on."""

    name: str
    value: str
    line: int


def variables(text: str) -> tuple[Variable, ...]:
    """Return the variables of a file in order, a later one of the same name in the place of the earlier.

    Quotes, `export`, comments and values over several lines are understood as Compose does; `${OTHER}` is filled from earlier lines
    of the same file, except inside single quotes.
    """
    found: dict[str, Variable] = {}
    lines = text.split("\n")
    position = 0
    while position < len(lines):
        line = position
        position += 1
        match = _LINE.fullmatch(lines[line])
        if match is None or lines[line].lstrip().startswith("#"):
            continue
        raw = match["value"].rstrip()
        quote = raw[:1]
        if quote in {'"', "'"}:
            end = _closing(raw, quote)
            while end < 0 and position < len(lines) and position - line < 200:
                raw += "\n" + lines[position]
                position += 1
                end = _closing(raw, quote)
            if end < 0:
                raw, position = match["value"].rstrip(), line + 1
            value = raw[1:end] if end > 0 else raw[1:]
        else:
            value = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].rstrip()
        if quote != "'":
            value = _expanded(value, found)
        found.pop(match["name"], None)
        found[match["name"]] = Variable(match["name"], value, line + 1)
    return tuple(found.values())


def _closing(raw: str, quote: str) -> int:
    """Return the position of the closing quote, or -1."""
    position = 1
    while position < len(raw):
        if raw[position] == "\\" and quote == '"':
            position += 2
            continue
        if raw[position] == quote:
            return position
        position += 1
    return -1


def _expanded(value: str, earlier: Mapping[str, Variable]) -> str:
    def filled(match: re.Match[str]) -> str:
        variable = earlier.get(match["braced"] or match["plain"])
        if variable is not None and (variable.value or match["operator"] != ":-"):
            return variable.value
        return match["default"] if match["default"] is not None else match[0]

    expanded = _REFERENCE.sub(filled, value)
    # Variables that double each other would fill the memory.
    return expanded if len(expanded) <= LENGTH_LIMIT else value

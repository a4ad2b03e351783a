"""Fill `${NAME}` in Compose files as Compose does, from `.env`; what nobody sets stays written as it is."""

from __future__ import annotations

import re

from msgspec import Struct

from backend_expert.model import Evidence
from backend_expert.readers.dotenv import Variable, variables
from backend_expert.readers.repository import Repository, beside
from backend_expert.readers.settings import LENGTH_LIMIT

STAND_INS = (".example", ".sample", ".template", ".dist", ".defaults")
"""Endings of the files that are committed in place of a `.env` that is kept out of the repository."""

_DEPTH_LIMIT = 8
"""Deepest nesting of defaults (`${A:-${B:-c}}`): more than three is not met in practice."""


class Environment(Struct, frozen=True):
    """The variables that are known when a Compose file is filled; `file` is where each one stands."""

    values: dict[str, tuple[Variable, str]]

    def with_over(self, other: Environment) -> Environment:
        """Return the environment with the other one laid over it."""
        return Environment(self.values | other.values)


class Filled(Struct, frozen=True):
    """A text with its references filled, and the lines that the values came from."""

    text: str
    evidence: tuple[Evidence, ...] = ()


EMPTY = Environment({})


def environment(repository: Repository, file: str) -> Environment:
    """Return what a `.env` file says; of a file that is not there, what the example committed in its place says."""
    path = stand_in(repository, file)
    text = repository.text(path) if path is not None else None
    if path is None or text is None:
        return EMPTY
    return Environment({variable.name: (variable, path) for variable in variables(text)})


def stand_in(repository: Repository, file: str) -> str | None:
    """Return the file itself, or the example that is committed in its place, or `None`."""
    if file in repository:
        return file
    return next((file + ending for ending in STAND_INS if file + ending in repository), None)


def project_environment(repository: Repository, file: str) -> Environment:
    """Return the `.env` beside a Compose file."""
    path = beside(file, ".env")
    return environment(repository, path) if path is not None else EMPTY


def fill(text: str, known: Environment) -> Filled:
    """Return the text with `$NAME` and `${NAME}` filled, with `:-` and `-` (default), `:+` and `+` (replacement), `:?` and `?`.

    A reference that nothing sets stays as it is written, so that *unknown* is never taken for *empty*.
    """
    if "$" not in text or len(text) > LENGTH_LIMIT:
        return Filled(text)
    evidence: list[Evidence] = []
    filled = _fill(text, known, evidence, 0)
    # Variables that multiply each other would fill the memory; a text of that length is no address and no port.
    return Filled(filled, tuple(dict.fromkeys(evidence))) if len(filled) <= LENGTH_LIMIT else Filled(text)


_START = re.compile(r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*))")


def _fill(text: str, known: Environment, evidence: list[Evidence], depth: int) -> str:
    parts: list[str] = []
    position = 0
    while match := _START.search(text, position):
        parts.append(text[position : match.start()])
        position = match.end()
        if match["escaped"]:
            parts.append("$")
        elif match["plain"]:
            value = _value(match["plain"], known, evidence)
            parts.append(match[0] if value is None else value)
        else:
            end = _closing(text, position)
            if end < 0 or depth >= _DEPTH_LIMIT:
                parts.append(match[0])
                continue
            parts.append(_braced(match["braced"], text[position:end], known, evidence, depth))
            position = end + 1
    parts.append(text[position:])
    return "".join(parts)


def _braced(name: str, rest: str, known: Environment, evidence: list[Evidence], depth: int) -> str:
    value = _value(name, known, evidence)
    operator = re.match(r":?[-+?]", rest)
    if operator is None:
        return value if value is not None else "${" + name + rest + "}"
    present = bool(value) if operator[0].startswith(":") else value is not None
    word = rest[operator.end() :]
    match operator[0][-1]:
        case "-":
            return value or "" if present else _fill(word, known, evidence, depth + 1)
        case "+":
            return _fill(word, known, evidence, depth + 1) if present else ""
        case _:
            return value or "" if present else "${" + name + "}"


def _value(name: str, known: Environment, evidence: list[Evidence]) -> str | None:
    found = known.values.get(name)
    if found is None:
        return None
    variable, file = found
    evidence.append(Evidence(file, variable.line, "dotenv"))
    return variable.value


def _closing(text: str, position: int) -> int:
    """Return the position of the brace that closes the one before `position`, or -1."""
    depth = 1
    while position < len(text):
        if text.startswith("${", position):
            depth += 1
            position += 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return -1

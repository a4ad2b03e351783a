"""Which operation of a component answers a request: its method and the parts of its path, as far as the caller tells them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from backend_expert.model import Operation

_PARAMETER = re.compile(r"^(:\w+(\(.*\))?\??|\{\w+\}|\[\w+\]|<\w+>)$")


class Answer(Struct, frozen=True):
    """An operation with how well it fits: parts that are equal, then parts that a parameter takes."""

    operation: Operation
    equal: int
    taken: int


def answering(operations: Iterable[Operation], method: str, path: str) -> Operation | None:
    """Return the operation that answers a request; nothing where none does, or where what is unknown leaves several."""
    asked = parts_of(path)
    found = [
        answer
        for operation in operations
        if operation.trigger.kind == "http" and (answer := _answer(operation, method, asked)) is not None
    ]
    if not found:
        return None
    best = max((each.equal, each.taken) for each in found)
    first = [each.operation for each in found if (each.equal, each.taken) == best]
    return first[0] if len(first) == 1 else None


def parts_of(path: str) -> list[str]:
    """Return the parts of a path without its query."""
    return [part for part in re.split(r"[?#]", path, maxsplit=1)[0].split("/") if part]


def _answer(operation: Operation, method: str, asked: list[str]) -> Answer | None:
    verb, _, path = operation.trigger.name.partition(" ")
    if method and verb not in {method, "ALL"}:
        return None
    equal = taken = 0
    served = [part for part in path.split("/") if part]
    for position, part in enumerate(served):
        if part in {"*", "(.*)", "**"} or part.startswith("*"):
            return Answer(operation, equal, taken)
        if position >= len(asked):
            return Answer(operation, equal, taken) if part.endswith("?") and position == len(served) - 1 else None
        given = asked[position]
        if given == part:
            equal += 1
        elif _PARAMETER.match(part):
            taken += 1
        elif "{" in given:
            # What the caller fills in may be this very word, but nothing says so.
            if not _may_be(given, part):
                return None
        else:
            return None
    return Answer(operation, equal, taken) if len(asked) == len(served) else None


def _may_be(given: str, part: str) -> bool:
    pattern = "".join(".*" if piece.startswith("{") else re.escape(piece) for piece in re.split(r"(\{[^}]*\})", given))
    return bool(re.fullmatch(pattern, part)) and given != part and not given.startswith("{")

"""Functions that change the case of names (lodash, change-case): channels are called after classes with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backend_expert.readers.node.values import Constant, Foreign, Value, word

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call

PACKAGES = frozenset(
    {"lodash", "lodash-es", "change-case", "lodash/snakeCase", "lodash/kebabCase", "lodash/camelCase", "param-case", "snake-case"}
)
KINDS: frozenset[str] = frozenset()

_JOINED = {
    **dict.fromkeys(("snakeCase", "snake-case"), "_"),
    **dict.fromkeys(("kebabCase", "paramCase", "param-case"), "-"),
    "dotCase": ".",
    "lowerCase": " ",
    "noCase": " ",
}


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the name in the other case, where it is known."""
    name = callee.name.rpartition("/")[2]
    given = word(call.argument(0))
    if not given:
        return None
    parts = [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", given)]
    if name in _JOINED:
        return Constant(_JOINED[name].join(parts))
    if name == "camelCase":
        return Constant("".join(parts[:1] + [part.capitalize() for part in parts[1:]]))
    if name == "pascalCase":
        return Constant("".join(part.capitalize() for part in parts))
    if name in {"toLower", "toUpper"}:
        return Constant(given.lower() if name == "toLower" else given.upper())
    return None

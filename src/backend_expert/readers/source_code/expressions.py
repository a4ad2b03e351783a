"""Expressions of any of the languages in one small form, and the text they stand for as far as the code says it.

A value is a template: literal text, `${NAME}` or `${NAME:-default}` for a variable of the environment, and `{}` for what only the
running program knows. The join fills the variables from the settings of the component.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Union

from msgspec import Struct
from tree_sitter import Node

HOLE = "{}"
"""Stands in a template for what cannot be told: no host matches it, so it never gives an edge."""

DEPTH_LIMIT = 24
"""Deepest chain of names and calls that is followed; hand-written code in 42 public repositories needs 13."""

LENGTH_LIMIT = 1_000
"""Longest template that is kept, in characters: addresses are shorter."""

_VARIABLE_ONLY = re.compile(r"\$\{[\w.-]+\}")
_FORMAT = re.compile(r"%(?:\d+\$)?[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z]|\{\d*(?::[^{}]*)?\}|%%")
_NAMED_FORMAT = re.compile(r"\{([A-Za-z_]\w*)\}")


class Literal(Struct, frozen=True):
    """A text written as it is."""

    text: str


class Joined(Struct, frozen=True):
    """Texts put one after another."""

    parts: tuple[Part, ...]


class Fallback(Struct, frozen=True):
    """The first of several that is there: `a or b`, `a ?? b`, `a != null ? a : b`."""

    options: tuple[Node | None, ...]


class Name(Struct, frozen=True):
    """A variable, constant or field; `text` is how it is called without `this` and `self`."""

    text: str


class Same(Struct, frozen=True):
    """Parentheses, casts and conversions: the value of what stands inside."""

    inner: Node


class Invoked(Struct, frozen=True):
    """A call or construction. `function` is its dotted name as written; `named` are arguments with a name, options of a literal."""

    function: str
    receiver: Node | None
    arguments: tuple[Node, ...]
    named: Mapping[str, Node]

    @property
    def last(self) -> str:
        """Return the last part of the name of the function."""
        return re.split(r"\.|::|->", self.function)[-1]

    def argument(self, *places: int | str) -> Node | None:
        """Return the first argument there is at one of the places: positions or names."""
        for place in places:
            if isinstance(place, str):
                if place in self.named:
                    return self.named[place]
            elif place < len(self.arguments):
                return self.arguments[place]
        return None


class Unknown(Struct, frozen=True):
    """Anything else."""


Part = Union[str, Node, None]
Expression = Union[Literal, Joined, Fallback, Name, Same, Invoked, Unknown]

ENVIRONMENT_HELPER = re.compile(
    r"(?i)^(must_?)?(map|get|lookup|read|load|require|fetch)?_?(os)?_?env(ironment)?(_?(var|variable|string|str|value|or|or_?default|with_?default|default))*$"
)
"""Functions that people write around the environment: `getEnv`, `mustMapEnv`, `env_or`, `GetEnvOrDefault`."""

_SAME_TEXT = frozenset(
    [
        "str",
        "int",
        "float",
        "parseInt",
        "string",
        "strip",
        "rstrip",
        "lstrip",
        "trim",
        "Trim",
        "TrimSpace",
        "TrimRight",
        "TrimSuffix",
        "TrimEnd",
        "rtrim",
        "ltrim",
        "toString",
        "ToString",
        "to_string",
        "encode",
        "URI",
        "Uri",
        "URL",
        "create",
        "valueOf",
        "format_url",
        "String",
        "Objects.requireNonNull",
        "requireNonNull",
        "parse",
        "Parse",
        "quote",
        "toURI",
        "asText",
        "intern",
    ]
)
_WITH_DEFAULT = frozenset(
    [
        "orElse",
        "getOrDefault",
        "defaultIfEmpty",
        "defaultIfBlank",
        "defaultString",
        "or_default",
        "firstNonNull",
        "requireNonNullElse",
    ]
)
_FORMATTERS = frozenset(["format", "Sprintf", "sprintf", "Format", "formatted", "concat", "Join"])


class Values:
    """Follow names and calls to the text they stand for.

    `shape` gives the form of a node, `assigned` what was assigned to a name where a node stands, `environment` the variable that a call
    reads with its default, or `None`.
    """

    def __init__(
        self,
        shape: Callable[[Node], Expression],
        assigned: Callable[[str, Node], Sequence[Node]],
        environment: Callable[[Invoked], tuple[Node, Node | None] | None],
    ) -> None:
        self._shape = shape
        self._assigned = assigned
        self._environment = environment
        # Names that stand for each other, and names with many values, would take exponential time without these two.
        self._open: set[int] = set()
        self._known: dict[int, str] = {}

    def text(self, node: Node | None, depth: int = 0) -> str:
        """Return the template of a node; `{}` where nothing can be told."""
        if node is None or depth > DEPTH_LIMIT or node.id in self._open:
            return HOLE
        if node.id not in self._known:
            self._open.add(node.id)
            result = self._text(self._shape(node), node, depth + 1)
            self._open.discard(node.id)
            self._known[node.id] = result if len(result) <= LENGTH_LIMIT else HOLE
        return self._known[node.id]

    def call(self, node: Node) -> Invoked | None:
        """Return a node, without what only wraps it, as a call; nothing for anything else."""
        shape = self._shape(node)
        while isinstance(shape, Same):
            shape = self._shape(shape.inner)
        return shape if isinstance(shape, Invoked) else None

    def made(self, node: Node | None) -> Invoked | None:
        """Return the one call that makes what a node stands for: itself, or what is assigned to its name."""
        shape = self._shape(node) if node is not None else None
        if node is None or not isinstance(shape, Name):
            return self.call(node) if node is not None else None
        calls = [self.call(value) for value in self._assigned(shape.text, node)[:4] if value.id != node.id]
        return calls[0] if len(calls) == 1 else None

    def _text(self, expression: Expression, node: Node, depth: int) -> str:
        match expression:
            case Literal(text):
                return text
            case Joined(parts):
                return "".join(part if isinstance(part, str) else self.text(part, depth) for part in parts)
            case Fallback(options):
                return either([self.text(option, depth) for option in options])
            case Same(inner):
                return self.text(inner, depth)
            case Name(text):
                return self.named(text, node, depth)
            case Invoked():
                return self._result(expression, depth)
            case _:
                return HOLE

    def named(self, name: str, node: Node, depth: int = 0) -> str:
        """Return the template of what is assigned to a name where a node stands."""
        return either([self.text(value, depth) for value in self._assigned(name, node)[:4] if value.id != node.id])

    def read(self, call: Invoked, depth: int = 0) -> tuple[str, str] | None:
        """Return the variable of the environment that a call reads, with its default (empty: none); `None` for other calls."""
        found = self._environment(call)
        if found is None:
            return None
        # .NET writes the sections of a key with colons and binds them from variables with two underscores.
        key = self.text(found[0], depth + 1).replace(":", "__")
        if not re.fullmatch(r"[A-Za-z_][\w.-]{1,80}", key):
            return None
        default = self.text(found[1], depth + 1) if found[1] is not None else ""
        return key, "" if HOLE in default else default

    def _result(self, call: Invoked, depth: int) -> str:
        read = self.read(call, depth)
        if read is not None:
            return variable(*read)
        if call.last in _WITH_DEFAULT and call.arguments:
            first = call.receiver if call.receiver is not None and len(call.arguments) == 1 else call.arguments[0]
            return either([self.text(first, depth), self.text(call.arguments[-1], depth)])
        if call.last in {"ofNullable", "of", "Some", "orElseThrow", "get", "join"} and call.receiver is not None and not call.named:
            inner = call.arguments[0] if call.last in {"ofNullable", "of"} and call.arguments else call.receiver
            return self.text(inner, depth) if call.last != "join" else HOLE
        if call.last in _FORMATTERS:
            return self._formatted(call, depth)
        if call.last in _SAME_TEXT:
            # `url.strip("/")` is the text of its receiver, `str(url)` that of its argument.
            receiver = self.text(call.receiver, depth)
            return receiver if receiver != HOLE or not call.arguments else self.text(call.arguments[0], depth)
        return HOLE

    def _formatted(self, call: Invoked, depth: int) -> str:
        """Return the result of `"…%s".format(a)`, `String.format("…%s", a)`, `fmt.Sprintf("…%s", a)`."""
        given = list(call.arguments)
        receiver = self.text(call.receiver, depth) if call.receiver is not None else HOLE
        if receiver != HOLE and (_FORMAT.search(receiver) or _NAMED_FORMAT.search(receiver) or not given):
            pattern = receiver if call.last != "concat" else receiver + HOLE
        elif given:
            pattern = self.text(given.pop(0), depth)
        else:
            return HOLE
        return filled_in(
            pattern, [self.text(value, depth) for value in given], {k: self.text(v, depth) for k, v in call.named.items()}
        )


def variable(name: str, default: str = "") -> str:
    """Return the template for a variable of the environment."""
    return f"${{{name}:-{default}}}" if default and not re.search(r"[{}]", default) else f"${{{name}}}"


def either(options: Iterable[str]) -> str:
    """Return what several possible values come to: a variable takes a literal as its default, two literals are a doubt."""
    known = [option for option in dict.fromkeys(options) if option not in {HOLE, ""}]
    variables = [option for option in known if _VARIABLE_ONLY.fullmatch(option)]
    literals = [option for option in known if not option.startswith("${")]
    if len(known) == 2 and len(variables) == 1 and len(literals) == 1:
        return variable(variables[0][2:-1], literals[0])
    return known[0] if len(known) == 1 else HOLE


def filled_in(pattern: str, values: Sequence[str], named: Mapping[str, str]) -> str:
    """Return a format with its places filled in order, those with a name by their name; what has no value becomes a hole."""
    waiting = list(values)

    def place(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        number = re.fullmatch(r"\{(\d+)\}", match[0])
        if number is not None:
            return values[int(number[1])] if int(number[1]) < len(values) else HOLE
        return waiting.pop(0) if waiting else HOLE

    pattern = (
        _NAMED_FORMAT.sub(
            lambda match: named.get(match[1], HOLE) if not match.string[: match.start()].endswith("$") else match[0], pattern
        )
        if named
        else pattern
    )
    return _FORMAT.sub(place, pattern) if values else pattern

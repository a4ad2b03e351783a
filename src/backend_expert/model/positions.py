"""YAML as a tree that remembers its lines, with scalars kept as text.

YAML 1.1 turns `on` into a truth value and `22:22` into 1342; the field that a scalar stands for decides its type, not the parser.
Aliases and merge keys are resolved; recursive and exploding documents are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Union

import yaml
from msgspec import Struct

NODE_LIMIT = 200_000
"""Most nodes a file may hold after its aliases are resolved: the largest real manifest we read (860 resources) has 95,000."""


class PositionError(Exception):
    """Report YAML that cannot be read: `line` counts from 1, `problem` is a clause without a full stop."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


class Scalar(Struct, frozen=True):
    """A scalar as it is written; `plain` tells that it had no quotes, so `null` or `3` may mean more than text."""

    text: str
    line: int
    plain: bool = True

    def value(self) -> str | int | float | bool | None:
        """Return the value by the rules of YAML 1.2 (core schema): only null, true, false and numbers are special."""
        if not self.plain:
            return self.text
        if self.text in {"", "~", "null", "Null", "NULL"}:
            return None
        if self.text in {"true", "True", "TRUE"}:
            return True
        if self.text in {"false", "False", "FALSE"}:
            return False
        if re.fullmatch(r"[-+]?[0-9]{1,300}", self.text):
            return int(self.text)
        if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", self.text):
            return float(self.text)
        return self.text


class Sequence(Struct, frozen=True):
    """A list of nodes."""

    items: tuple[Node, ...]
    line: int

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)


class Mapping(Struct, frozen=True):
    """Keys (as text, with the line of the key) and nodes, in the order of the file.

    A repeated key keeps its last value; `repeated` holds the earlier ones, whose values are lost.
    """

    pairs: tuple[tuple[Scalar, Node], ...]
    line: int
    repeated: tuple[Scalar, ...] = ()

    def get(self, key: str) -> Node | None:
        """Return the node of a key, or `None`."""
        for name, node in self.pairs:
            if name.text == key:
                return node
        return None

    def key_line(self, key: str) -> int:
        """Return the line of a key, or that of the mapping when it has no such key."""
        for name, _ in self.pairs:
            if name.text == key:
                return name.line
        return self.line

    def at(self, *keys: str) -> Node | None:
        """Return the node at a path of keys, or `None` where the path leaves the tree."""
        node: Node | None = self
        for key in keys:
            if not isinstance(node, Mapping):
                return None
            node = node.get(key)
        return node


Node = Union[Scalar, Sequence, Mapping]


def parse_documents(text: str) -> tuple[Node, ...]:
    """Return the documents of a YAML text, empty ones left out; raise `PositionError` with the line of the first problem."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents: list[Node] = []
    budget = [NODE_LIMIT]
    try:
        documents += [_convert(node, budget, frozenset()) for node in yaml.compose_all(text, Loader=loader) if not _is_empty(node)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = text.count("\n") + (not text.endswith("\n"))  # libyaml may point behind the end
        raise PositionError(min(mark.line + 1, last) if mark else 1, error.problem or "this is not YAML") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PositionError(line, f"the character {error.character!r} is not allowed in YAML") from None
    except RecursionError:
        raise PositionError(1, "it is nested too deeply") from None
    return tuple(documents)


def _is_empty(node: yaml.Node | None) -> bool:
    """Tell whether a document holds nothing: a lone `---` makes one with an empty scalar."""
    return node is None or (isinstance(node, yaml.ScalarNode) and node.style in {None, ""} and not node.value)


def _convert(node: yaml.Node, budget: list[int], above: frozenset[int]) -> Node:
    line = node.start_mark.line + 1
    budget[0] -= 1
    if budget[0] < 0:
        raise PositionError(line, f"it unfolds to more than {NODE_LIMIT:,} nodes")
    if id(node) in above:
        raise PositionError(line, "an alias contains itself")
    if isinstance(node, yaml.ScalarNode):
        return Scalar(node.value, line, node.style in {None, ""})
    above |= {id(node)}
    if isinstance(node, yaml.SequenceNode):
        return Sequence(tuple(_convert(item, budget, above) for item in node.value), line)
    pairs: dict[str, tuple[Scalar, Node]] = {}
    merged: dict[str, tuple[Scalar, Node]] = {}
    repeated: list[Scalar] = []
    for key_node, value_node in node.value:
        value = _convert(value_node, budget, above)
        if key_node.value == "<<" and key_node.style in {None, ""}:
            for source in value.items if isinstance(value, Sequence) else (value,):
                if isinstance(source, Mapping):
                    for name, inner in source.pairs:
                        merged.setdefault(name.text, (name, inner))
            continue
        text = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
        if text in pairs:
            repeated.append(pairs[text][0])
        pairs[text] = (Scalar(text, key_node.start_mark.line + 1), value)
    return Mapping(tuple((merged | pairs).values()), line, tuple(repeated))


def plain(node: Node) -> Any:
    """Return the node as plain lists, dictionaries and values, positions forgotten."""
    if isinstance(node, Scalar):
        return node.value()
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {name.text: plain(inner) for name, inner in node.pairs}

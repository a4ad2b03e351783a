"""The syntax trees of the files of one language, and what is assigned to a name where an expression stands."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from msgspec import Struct
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from backend_expert.readers.source_code.expressions import Expression, Invoked
from backend_expert.readers.source_code.files import Source

SCOPE_LIMIT = 200
"""Most levels of syntax that are climbed from an expression to its function: deeper code is a machine's or an attack."""


class Binding(Struct, frozen=True):
    """A value assigned to a name; `local` where the statement declares the name inside a function, `field` where it cannot."""

    name: str
    value: Node
    local: bool
    field: bool = False


class Grammar(Protocol):
    """What is different between the languages. `query` captures `@call`, `@text` and `@bind`."""

    query: str
    functions: frozenset[str]

    def language(self) -> Any:
        """Return the compiled grammar; it is loaded when the first file of the language is met."""

    def shape(self, node: Node) -> Expression:
        """Return the form of an expression."""

    def bindings(self, node: Node) -> Iterator[Binding]:
        """Yield what a node captured as `@bind` assigns."""

    def environment(self, call: Invoked) -> tuple[Node, Node | None] | None:
        """Return the node that names a variable of the environment and that of its default, where a call reads one."""


class File(Struct, frozen=True):
    """One parsed file with the nodes that matter, in the order of the text."""

    path: str
    text: str
    calls: tuple[Node, ...]
    texts: tuple[Node, ...]
    functions: tuple[Node, ...] = ()

    @property
    def directory(self) -> str:
        """Return the directory of the file; the root is `.`."""
        return posixpath.dirname(self.path) or "."


class Program:
    """All files of one language, with a table of names."""

    def __init__(self, grammar: Grammar, sources: Iterable[Source]) -> None:
        self.files: list[File] = []
        self._grammar = grammar
        self._paths: dict[int, str] = {}
        self._trees: list[object] = []
        self._inside: dict[tuple[int, str], list[Node]] = {}
        self._outside: dict[tuple[str, str], list[Node]] = {}
        self._anywhere: dict[str, list[tuple[str, Node]]] = {}
        parser: Parser | None = None
        query: Query | None = None
        for source in sources:
            if parser is None or query is None:
                language = Language(grammar.language())
                parser, query = Parser(language), Query(language, f"{grammar.query} {_named(grammar.functions)}")
            self._add(source, parser, query)

    def assigned(self, name: str, node: Node) -> Sequence[Node]:
        """Return what is assigned to a name where a node stands: in its function, else in its file, else beside it."""
        root = node
        for _ in range(SCOPE_LIMIT):
            if root.type in self._grammar.functions and (found := self._inside.get((root.id, name))):
                return found
            if root.parent is None:
                break
            root = root.parent
        path = self._paths.get(root.id)
        if path is None:
            return ()
        # A field without an assignment is one of the class: `self.QUEUE` after `QUEUE = …`.
        outside = self._outside.get((path, name)) or self._outside.get((path, name.lstrip("."))) or ()
        return outside or self._beside(name, path)

    def _beside(self, name: str, path: str) -> Sequence[Node]:
        """Return the one value of a name in the other files, those that share the most of the path first."""
        found = self._anywhere.get(name) or self._anywhere.get(name.rpartition(".")[2] if name[:1].isupper() else "") or []
        nearest = [(_shared(path, other), node) for other, node in found]
        most = max((shared for shared, _ in nearest), default=0)
        values = [node for shared, node in nearest if shared == most]
        return values if most > 0 and len({value.text for value in values}) == 1 else ()

    def _add(self, source: Source, parser: Parser, query: Query) -> None:
        tree = parser.parse(source.text.encode("utf-8"))
        self._trees.append(tree)
        self._paths[tree.root_node.id] = source.path
        captured = QueryCursor(query).captures(tree.root_node)
        for node in _in_order(captured.get("bind", [])):
            for binding in self._grammar.bindings(node):
                self._bind(binding, node, source.path)
        calls, texts, functions = (tuple(_in_order(captured.get(name, []))) for name in ("call", "text", "function"))
        self.files.append(File(source.path, source.text, calls, texts, functions))

    def _bind(self, binding: Binding, node: Node, path: str) -> None:
        function = self.function(node)
        if function is not None and not binding.field and (binding.local or (function.id, binding.name) in self._inside):
            self._inside.setdefault((function.id, binding.name), []).append(binding.value)
        else:
            self._outside.setdefault((path, binding.name), []).append(binding.value)
            self._anywhere.setdefault(binding.name, []).append((path, binding.value))

    def function(self, node: Node) -> Node | None:
        """Return the innermost function around a node."""
        parent = node.parent
        for _ in range(SCOPE_LIMIT):
            if parent is None or parent.type in self._grammar.functions:
                return parent
            parent = parent.parent
        return None


def _named(types: Iterable[str]) -> str:
    return " ".join(f"({each}) @function" for each in sorted(types))


def text_of(node: Node | None) -> str:
    """Return the source of a node; empty for no node."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def line_of(node: Node) -> int:
    """Return the line a node begins on, from 1."""
    return node.start_point[0] + 1


def unescaped(text: str) -> str:
    """Return the text of a literal; addresses hold no escapes but those of quotes and slashes."""
    return text.replace('\\"', '"').replace("\\/", "/").replace("\\\\", "\\") if "\\" in text else text


def content_of(node: Node, *types: str) -> str:
    """Return the text inside the quotes of a literal."""
    return unescaped("".join(text_of(child) for child in node.named_children if child.type in types))


def _in_order(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: (node.start_byte, -node.end_byte))


def _shared(path: str, other: str) -> int:
    """Return how many directories two files have in common."""
    count = 0
    for mine, theirs in zip(posixpath.dirname(path).split("/"), posixpath.dirname(other).split("/"), strict=False):
        if mine != theirs:
            break
        count += 1
    return count

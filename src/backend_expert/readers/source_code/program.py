"""The syntax trees of the files of one language, and what is assigned to a name where an expression stands."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from msgspec import Struct
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from backend_expert.model import Text
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.expressions import Expression, Invoked
from backend_expert.readers.source_code.files import Source, sources

DEPTH_LIMIT = 200
"""Deepest syntax that is followed: the deepest of 2,000 files that people wrote for public systems is 45; finding a parent takes time in
proportion to the depth."""


_SETTINGS = re.compile(r"(?i)(settings|config|conf|cfg)\.\w+$")


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
    """One parsed file with the nodes that matter, in the order of the text: calls with their form, literals, functions."""

    path: str
    text: str
    calls: tuple[tuple[Node, Invoked], ...]
    texts: tuple[Node, ...]
    functions: tuple[Node, ...] = ()

    @property
    def directory(self) -> str:
        """Return the directory of the file; the root is `.`."""
        return posixpath.dirname(self.path) or "."


def program_of(grammar: Grammar, repository: Repository, suffix: str, worth: re.Pattern[str]) -> Program:
    """Return the program of the files of a language that hold something `worth` a look; what is too deep is listed as not read."""
    program = Program(grammar, sources(repository, suffix, worth))
    for path in program.deep:
        reason = Text("its syntax is nested too deeply to be read", "a sintaxe está aninhada fundo demais para ser lida")
        repository.leave(path, reason)
    return program


class _Scope(Struct, frozen=True):
    """The file that a node stands in, and the functions around it, the innermost first."""

    path: str
    functions: tuple[Node, ...]


class Program:
    """All files of one language, with a table of names; `deep` are those left out because they are nested too deeply."""

    def __init__(self, grammar: Grammar, sources: Iterable[Source]) -> None:
        self.files: list[File] = []
        self.deep: list[str] = []
        self._grammar = grammar
        self._scopes: dict[int, _Scope] = {}
        self._roots: list[Node] = []
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
        scope = self._scope(node)
        for function in scope.functions:
            if found := self._inside.get((function.id, name)):
                return found
        # A field without an assignment is one of the class: `self.QUEUE` after `QUEUE = …`.
        outside = self._outside.get((scope.path, name)) or self._outside.get((scope.path, name.lstrip("."))) or ()
        return outside or self._beside(name, scope.path)

    def _scope(self, node: Node) -> _Scope:
        """Return where a node stands; each node is climbed from once."""
        passed = []
        current: Node | None = node
        while current is not None and current.id not in self._scopes:
            passed.append(current)
            current = current.parent
        scope = self._scopes[current.id] if current is not None else _Scope("", ())
        for each in reversed(passed):
            if each.type in self._grammar.functions:
                scope = _Scope(scope.path, (each, *scope.functions))
            self._scopes[each.id] = scope
        return scope

    def _beside(self, name: str, path: str) -> Sequence[Node]:
        """Return the one value of a name in the other files, those that share the most of the path first."""
        last = name.rpartition(".")[2]
        # `Queues.ORDERS` and `settings.api_prefix` are constants; the last part of any other name is a field of any class.
        constant = name[:1].isupper() or last.isupper() or _SETTINGS.search(name) is not None
        found = self._anywhere.get(name) or self._anywhere.get(last if constant else "") or []
        nearest = [(_shared(path, other), node) for other, node in found]
        most = max((shared for shared, _ in nearest), default=0)
        values = [node for shared, node in nearest if shared == most]
        return values if most > 0 and len({value.text for value in values}) == 1 else ()

    def _add(self, source: Source, parser: Parser, query: Query) -> None:
        root = parser.parse(source.text.encode("utf-8")).root_node
        if _is_deeper(root, DEPTH_LIMIT):
            self.deep.append(source.path)
            return
        # A node is known by its place in memory, which is its own for as long as something holds the tree.
        self._roots.append(root)
        self._scopes[root.id] = _Scope(source.path, ())
        captured = QueryCursor(query).captures(root)
        for node in _in_order(captured.get("bind", [])):
            for binding in self._grammar.bindings(node):
                self._bind(binding, node, source.path)
        shapes = ((node, self._grammar.shape(node)) for node in _in_order(captured.get("call", [])))
        calls = tuple((node, shape) for node, shape in shapes if isinstance(shape, Invoked))
        texts, functions = (tuple(_in_order(captured.get(name, []))) for name in ("text", "function"))
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
        return next((each for each in self._scope(node).functions if each.id != node.id), None)


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


def _is_deeper(root: Node, limit: int) -> bool:
    """Tell whether a tree is deeper than the limit; every level of it takes a byte, so that small nodes need no look."""
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > limit:
            return True
        waiting.extend((child, depth + 1) for child in node.named_children if child.end_byte - child.start_byte > limit - depth)
    return False


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

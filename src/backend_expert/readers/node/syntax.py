"""Syntax trees of JavaScript and TypeScript, and the few questions that are asked of their nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from tree_sitter import Language, Node, Parser

TYPESCRIPT = (".ts", ".mts", ".cts")
SUFFIXES = (*TYPESCRIPT, ".tsx", ".js", ".mjs", ".cjs", ".jsx")

WRAPPERS = frozenset(
    {
        "parenthesized_expression",
        "as_expression",
        "satisfies_expression",
        "non_null_expression",
        "type_assertion",
        "expression_statement",
        "instantiation_expression",
    }
)
"""Nodes that change nothing of what the expression inside them is."""

FUNCTIONS = frozenset(
    {
        "arrow_function",
        "function_expression",
        "function_declaration",
        "generator_function",
        "generator_function_declaration",
        "method_definition",
    }
)

_ESCAPE = re.compile(r"\\(u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r\n|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}


@cache
def _parser(suffix: str) -> Parser:
    # The grammars are loaded when the first file of their kind is met: each costs about 10 ms.
    if suffix in TYPESCRIPT or suffix == ".tsx":
        import tree_sitter_typescript

        grammar = tree_sitter_typescript.language_tsx() if suffix == ".tsx" else tree_sitter_typescript.language_typescript()
    else:
        import tree_sitter_javascript

        grammar = tree_sitter_javascript.language()
    return Parser(Language(grammar))


def parse(source: bytes, suffix: str) -> Node:
    """Return the root of the tree of a file; what is no valid syntax stands in it as nodes of the type ERROR."""
    return _parser(suffix).parse(source).root_node


def text(node: Node | None) -> str:
    """Return the source of a node; empty for no node."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def line(node: Node) -> int:
    """Return the line a node begins on, from 1."""
    return node.start_point.row + 1


def plain(node: Node) -> Node:
    """Return the expression inside parentheses, casts and assertions."""
    while node.type in WRAPPERS and node.named_children:
        # A type assertion `<T>x` has its type first, every other wrapper its expression.
        node = node.named_children[-1 if node.type == "type_assertion" else 0]
    return node


def children(node: Node) -> Iterator[Node]:
    """Yield the named children of a node without its comments."""
    return iter([child for child in node.named_children if child.type != "comment"])


def child_of(node: Node, *types: str) -> Node | None:
    """Return the first named child of one of the types."""
    return next((child for child in node.named_children if child.type in types), None)


def awaited(node: Node) -> bool:
    """Tell whether an expression is waited for; the grammar puts `await f<T>(x)` the other way round."""
    if node.type == "call_expression":
        called = node.child_by_field_name("function")
        return called is not None and called.type == "await_expression"
    return node.type == "await_expression"


def arguments(call: Node) -> list[Node]:
    """Return the arguments of a call or of `new`; a tagged template has none."""
    given = call.child_by_field_name("arguments")
    return list(children(given)) if given is not None and given.type == "arguments" else []


def string(node: Node) -> str:
    """Return the value of a string literal."""
    return unescaped(text(node)[1:-1])


def unescaped(source: str) -> str:
    """Return the text that the escapes of a literal stand for."""
    if "\\" not in source:
        return source

    def sign(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "ux" and len(code) > 1:
            number = int(code[1:].strip("{}"), 16)
            return chr(number) if number < 0x110000 else ""
        return _ESCAPED.get(code, code)

    return _ESCAPE.sub(sign, source)


def decorators(node: Node) -> list[Node]:
    """Return the decorators of a class, a member or a parameter, in order."""
    own = [child for child in node.named_children if child.type == "decorator"]
    if own:
        return own
    if node.type in {"class_declaration", "abstract_class_declaration"} and node.parent is not None:
        return [child for child in node.parent.named_children if child.type == "decorator"] if _exported(node.parent) else []
    if node.type == "method_definition":
        found: list[Node] = []
        before = node.prev_named_sibling
        while before is not None and before.type in {"decorator", "comment"}:
            if before.type == "decorator":
                found.insert(0, before)
            before = before.prev_named_sibling
        return found
    return []


def _exported(node: Node) -> bool:
    return node.type == "export_statement"


def walk(node: Node, *types: str) -> Iterator[Node]:
    """Yield the nodes of the given types below a node, itself included, in the order of the source."""
    wanted = frozenset(types)
    stack = [node]
    while stack:
        current = stack.pop()
        if current.type in wanted:
            yield current
        stack.extend(reversed(current.named_children))


def label(node: Node | None) -> str:
    """Return the last name in an expression: `id` of `order.id` and of `encodeURIComponent(order.id)`."""
    node = plain(node) if node is not None else None
    while node is not None:
        match node.type:
            case "identifier" | "property_identifier":
                return text(node)
            case "member_expression":
                node = node.child_by_field_name("property")
            case "subscript_expression":
                node = node.child_by_field_name("object")
            case "call_expression":
                given = node.child_by_field_name("arguments")
                inner = next(children(given), None) if given is not None else None
                node = plain(inner) if inner is not None else None
            case "await_expression" | "unary_expression":
                node = node.named_children[0] if node.named_children else None
            case _:
                return ""
    return ""

"""Files as modules: what each imports, declares and exports, worked out once and shared by every program that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from tree_sitter import Node

from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.syntax import arguments, child_of, children, plain, string, text
from backend_expert.readers.node.values import Value

if TYPE_CHECKING:
    from backend_expert.readers.node.unit import Unit

CLASSES = frozenset({"class_declaration", "abstract_class_declaration", "class"})
_VARIABLES = frozenset({"lexical_declaration", "variable_declaration"})
_NAMED = CLASSES | {"function_declaration", "generator_function_declaration", "enum_declaration", "internal_module"}


class Import(Struct, frozen=True):
    """A name that stands for something of another module; `*` is the module as a whole."""

    specifier: str
    name: str


class Source(Struct):
    """The index of one file: its top level, without looking into functions."""

    path: str
    root: Node
    statements: list[Node] = field(default_factory=list)
    imports: dict[str, Import] = field(default_factory=dict)
    declarations: dict[str, Node] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    passed_on: dict[str, Import] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    default: Node | None = None


def index(path: str, root: Node) -> Source:
    """Return the index of a file."""
    source = Source(path, root)
    for statement in children(root):
        _statement(source, statement)
    return source


def _statement(source: Source, node: Node) -> None:
    match node.type:
        case "import_statement":
            _import(source, node)
        case "export_statement":
            _export(source, node)
        case _:
            _declare(source, node)
            source.statements.append(node)


def _import(source: Source, node: Node) -> None:
    if text(node).startswith("import type "):
        _names(source, node, types_only=True)
        return
    _names(source, node)


def _names(source: Source, node: Node, types_only: bool = False) -> None:
    required = child_of(node, "import_require_clause")
    if required is not None:
        name, given = child_of(required, "identifier"), child_of(required, "string")
        if name is not None and given is not None:
            source.imports[text(name)] = Import(string(given), "*")
            source.loads.append(string(given))
        return
    given = node.child_by_field_name("source")
    if given is None:
        return
    specifier = string(given)
    if not types_only:
        source.loads.append(specifier)
    clause = child_of(node, "import_clause")
    for part in children(clause) if clause is not None else ():
        match part.type:
            case "identifier":
                source.imports[text(part)] = Import(specifier, "default")
            case "namespace_import":
                name = child_of(part, "identifier")
                source.imports[text(name)] = Import(specifier, "*")
            case "named_imports":
                for each in children(part):
                    original, alias = each.child_by_field_name("name"), each.child_by_field_name("alias")
                    if original is not None:
                        source.imports[text(alias or original)] = Import(specifier, text(original).strip("\"'"))
            case _:
                pass


def _export(source: Source, node: Node) -> None:
    given = node.child_by_field_name("source")
    specifier = string(given) if given is not None else ""
    declaration = node.child_by_field_name("declaration")
    clause = child_of(node, "export_clause")
    if declaration is not None:
        names = _declare(source, declaration)
        if any(child.type == "default" for child in node.children):
            source.default = declaration
            names.append("default")
            if len(names) > 1:
                source.exports["default"] = names[0]
        else:
            source.exports.update({name: name for name in names})
        source.statements.append(declaration)
    elif clause is not None:
        for each in children(clause):
            original, alias = each.child_by_field_name("name"), each.child_by_field_name("alias")
            name, public = text(original).strip("\"'"), text(alias or original).strip("\"'")
            if specifier:
                source.passed_on[public] = Import(specifier, name)
            else:
                source.exports[public] = name
    elif specifier:
        namespace = child_of(node, "namespace_export")
        if namespace is not None:
            source.passed_on[text(child_of(namespace, "identifier"))] = Import(specifier, "*")
        else:
            source.stars.append(specifier)
    else:
        source.default = node.child_by_field_name("value") or next(children(node), None)
        if source.default is not None:
            source.statements.append(source.default)
    if specifier:
        source.loads.append(specifier)


def _declare(source: Source, node: Node) -> list[str]:
    """Keep what a statement declares; return the names."""
    if node.type in _NAMED:
        name = text(node.child_by_field_name("name"))
        if name:
            source.declarations[name] = node
        return [name] if name else []
    if node.type not in _VARIABLES:
        return []
    names = []
    for declarator in children(node):
        pattern = declarator.child_by_field_name("name")
        if declarator.type != "variable_declarator" or pattern is None:
            continue
        required = _required(declarator.child_by_field_name("value"))
        if required is not None:
            source.loads.append(required)
        for name in bound(pattern):
            source.declarations[name] = declarator
            names.append(name)
    return names


def _required(node: Node | None) -> str | None:
    """Return the specifier of `require('x')`, also where it is used at once (`require('x').y`, `require('x')()`)."""
    while node is not None:
        node = plain(node)
        if node.type == "member_expression":
            node = node.child_by_field_name("object")
        elif node.type == "call_expression":
            called = node.child_by_field_name("function")
            given = arguments(node)
            if called is not None and called.type == "identifier" and text(called) == "require":
                return string(given[0]) if given and given[0].type == "string" else None
            node = called
        else:
            return None
    return None


def bound(pattern: Node) -> list[str]:
    """Return the names that a pattern binds."""
    match pattern.type:
        case "identifier" | "shorthand_property_identifier_pattern":
            return [text(pattern)]
        case "pair_pattern":
            value = pattern.child_by_field_name("value")
            return bound(value) if value is not None else []
        case "assignment_pattern" | "object_assignment_pattern":
            left = pattern.child_by_field_name("left")
            return bound(left) if left is not None else []
        case "object_pattern" | "array_pattern" | "rest_pattern":
            return [name for child in children(pattern) for name in bound(child)]
        case _:
            return []


class Module:
    """One file in one program: its index, its frame, and what `module.exports` was set to."""

    __slots__ = ("exported", "frame", "path", "ran", "source", "working")

    def __init__(self, source: Source, unit: Unit) -> None:
        self.source = source
        self.path = source.path
        self.ran = False
        self.working: set[str] = set()
        self.exported: Value | None = None
        self.frame = Frame(unit, self)

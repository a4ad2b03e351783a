"""What names stand for: variables, imports, fields of objects, and how patterns bind them."""

from __future__ import annotations

from tree_sitter import Node

from backend_expert.readers.node import classes, expressions, libraries
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.modules import CLASSES, Import, Module
from backend_expert.readers.node.syntax import FUNCTIONS, children, plain, string, text
from backend_expert.readers.node.values import (
    NOTHING,
    UNKNOWN,
    Blueprint,
    Constant,
    Environment,
    Foreign,
    Input,
    Instance,
    Listing,
    Made,
    Namespace,
    Outcome,
    Record,
    Resource,
    Unknown,
    Value,
    Variable,
    either,
    is_open,
)
from backend_expert.readers.settings import words

GLOBALS = words(
    "fetch process Promise Object Array JSON Math Number String Boolean Date Symbol Map Set WeakMap Buffer console "
    "setTimeout setInterval setImmediate queueMicrotask AbortSignal AbortController URL URLSearchParams Error "
    "encodeURIComponent encodeURI parseInt parseFloat globalThis Bun Deno WebSocket structuredClone Intl"
)

_ITSELF = frozenset({"value", "data", "parsed", "env", "output"})
"""What validators of the environment call their result."""


def lookup(name: str, frame: Frame) -> Value:
    """Return what a name stands for where the frame is."""
    current: Frame | None = frame
    while current is not None:
        if name in current.names:
            return current.names[name]
        if current.parent is None:
            found = of_module(current.module, name)
            if found is not None:
                return found
        current = current.parent
    if name == "undefined":
        return NOTHING
    return Foreign("global", (name,)) if name in GLOBALS else Unknown(name)


def of_module(module: Module, name: str) -> Value | None:
    """Return what a name at the top level of a module stands for; nothing when there is no such name."""
    frame = module.frame
    if name in frame.names:
        return frame.names[name]
    node = module.source.declarations.get(name)
    if node is not None:
        if name in module.working:
            return UNKNOWN
        module.working.add(name)
        try:
            declare(node, frame)
        finally:
            module.working.discard(name)
        return frame.names.get(name, UNKNOWN)
    imported = module.source.imports.get(name)
    if imported is not None:
        frame.names[name] = of_import(module, imported)
        return frame.names[name]
    return None


def declare(node: Node, frame: Frame) -> None:
    """Bind what a declaration declares."""
    name = text(node.child_by_field_name("name"))
    if node.type == "variable_declarator":
        pattern, given = node.child_by_field_name("name"), node.child_by_field_name("value")
        if pattern is not None:
            value = expressions.evaluate(given, frame) if given is not None else UNKNOWN
            if is_open(value):
                value = classes.typed(node.child_by_field_name("type"), frame) or value
            bind(pattern, value, frame)
    elif node.type in CLASSES:
        frame.names[name] = Blueprint(node, frame, name)
    elif node.type in FUNCTIONS:
        frame.names[name] = expressions.function(node, frame)
    elif node.type == "enum_declaration":
        frame.names[name] = _enum(node, frame)
    elif node.type == "internal_module":
        body = node.child_by_field_name("body")
        space = Frame(frame.unit, frame.module, frame)
        for statement in children(body) if body is not None else ():
            inner = statement.child_by_field_name("declaration") if statement.type == "export_statement" else statement
            for each in (
                children(inner)
                if inner is not None and inner.type.endswith("declaration") and inner.type.startswith(("lex", "var"))
                else (inner,)
            ):
                if each is not None:
                    declare(each, space)
        frame.names[name] = Record(space.names)


def _enum(node: Node, frame: Frame) -> Record:
    fields: dict[str, Value] = {}
    body = node.child_by_field_name("body")
    position = 0.0
    for child in children(body) if body is not None else ():
        if child.type == "enum_assignment":
            key = child.child_by_field_name("name")
            value = expressions.evaluate(child.child_by_field_name("value"), frame)
        else:
            key, value = child, Constant(position)
        if key is not None:
            fields[string(key) if key.type == "string" else text(key)] = value
        position += 1
    return Record(fields)


def of_import(module: Module, imported: Import) -> Value:
    """Return what an import of a module stands for."""
    unit = module.frame.unit
    path = unit.project.resolve(module.path, imported.specifier)
    if path is None:
        if imported.specifier.startswith("."):
            return unit.data(module.path, imported.specifier)
        package = Foreign(imported.specifier.removeprefix("node:"))
        return package if imported.name in {"*", "default"} else foreign(package, imported.name)
    target = unit.module(path)
    if target is None:
        return UNKNOWN
    if imported.name == "*":
        return target.exported if target.exported is not None else Namespace(target)
    return export(target, imported.name)


def export(module: Module, name: str, depth: int = 0) -> Value:
    """Return what a module exports under a name."""
    unit = module.frame.unit
    source = module.source
    if name in source.exports:
        return of_module(module, source.exports[name]) or UNKNOWN
    if name == "default" and source.default is not None:
        if "default" not in module.frame.names:
            module.frame.names["default"] = UNKNOWN
            module.frame.names["default"] = expressions.evaluate(source.default, module.frame)
        return module.frame.names["default"]
    if name in source.passed_on:
        return of_import(module, source.passed_on[name])
    unit.run(module)
    if module.exported is not None:
        return module.exported if name == "default" else member(module.exported, name, module.frame)
    if depth < 8:
        for specifier in source.stars:
            path = unit.project.resolve(module.path, specifier)
            target = unit.module(path) if path is not None else None
            found = export(target, name, depth + 1) if target is not None else UNKNOWN
            if not isinstance(found, Unknown):
                return found
    return UNKNOWN


def foreign(owner: Foreign, name: str) -> Value:
    """Return a member of something of a library."""
    if owner.package in {"process", "global"} and (*owner.path, name)[-2:] in {("env",), ("process", "env"), ("Bun", "env")}:
        return Environment()
    if name == "default":
        return owner
    return Foreign(owner.package, (*owner.path, name))


def member(owner: Value, name: str, frame: Frame) -> Value:
    """Return a field of a value."""
    match owner:
        case Environment():
            return owner if name in _ITSELF else Variable(name)
        case Record():
            return owner.fields.get(name, NOTHING if owner.complete and not owner.fields else Unknown(name))
        case Instance() if name == "constructor":
            return owner.blueprint
        case Instance():
            return classes.field(owner, name, frame)
        case Blueprint():
            return classes.static(owner, name, frame)
        case Namespace():
            return export(owner.module, name)
        case Foreign():
            return foreign(owner, name)
        case Input():
            return Input(name)
        case Outcome():
            whole = name in {"rows", "items", "data", "results"}
            return Outcome(owner.draft, owner.items or whole, "" if whole else name)
        case Listing() if name == "length":
            return Constant(float(len(owner.items)))
        case Resource() | Made():
            return libraries.member(owner, name, frame)
        case _:
            return Unknown(name)


def assign(left: Node, value: Value, frame: Frame) -> None:
    """Give a name, a field or a pattern a new value."""
    left = plain(left)
    match left.type:
        case "identifier":
            _assign_name(text(left), value, frame)
        case "member_expression" | "subscript_expression":
            _assign_member(left, value, frame)
        case "object_pattern" | "array_pattern":
            bind(left, value, frame)
        case _:
            pass


def _assign_name(name: str, value: Value, frame: Frame) -> None:
    current: Frame | None = frame
    while current is not None:
        if name in current.names or (current.parent is None and name in current.module.source.declarations):
            before = current.names.get(name, UNKNOWN)
            current.names[name] = _changed(before, value, frame)
            return
        current = current.parent
    frame.names[name] = value


def _changed(before: Value, value: Value, frame: Frame) -> Value:
    """Return the value of a variable after an assignment; one that may not have happened leaves both possible."""
    if not frame.unit.doubtful:
        return value
    if value == NOTHING:
        return before  # that it may be nothing, too, says nothing of what it is else
    if isinstance(before, Constant) or isinstance(value, Constant):
        return value if before == value else UNKNOWN if not is_open(before) or before == NOTHING else value
    return either(before, value)


def _assign_member(left: Node, value: Value, frame: Frame) -> None:
    owner_node = left.child_by_field_name("object")
    if left.type == "member_expression":
        name: str | None = text(left.child_by_field_name("property"))
    else:
        index = expressions.evaluate(left.child_by_field_name("index"), frame)
        name = index.value if isinstance(index, Constant) and isinstance(index.value, str) else None
    if owner_node is None or name is None:
        return
    if owner_node.type == "identifier" and text(owner_node) == "module" and name == "exports":
        frame.module.exported = value
        return
    owner = _exports(owner_node, frame) or expressions.evaluate(owner_node, frame)
    match owner:
        case Record() | Instance():
            before = owner.fields.get(name, UNKNOWN)
            owner.fields[name] = _changed(before, value, frame)
        case Resource():
            owner.facts[f".{name}"] = value
        case Outcome():
            frame.unit.seen.assigned(owner, value)
        case _:
            pass


def _exports(node: Node, frame: Frame) -> Value | None:
    """Return the object that `exports` or `module.exports` stands for, when the node is one of them."""
    if text(node) not in {"exports", "module.exports"}:
        return None
    module = frame.module
    if module.exported is None:
        module.exported = Record({})
    return module.exported


def bind(pattern: Node, value: Value, frame: Frame) -> None:
    """Bind the names of a pattern to the parts of a value."""
    match pattern.type:
        case "identifier" | "shorthand_property_identifier_pattern":
            frame.names[text(pattern)] = value
        case "assignment_pattern" | "object_assignment_pattern":
            left, right = pattern.child_by_field_name("left"), pattern.child_by_field_name("right")
            if left is not None:
                bind(left, expressions.evaluate(right, frame) if is_open(value) else value, frame)
        case "object_pattern":
            _bind_object(pattern, value, frame)
        case "array_pattern":
            for position, child in enumerate(children(pattern)):
                bind(child, item(value, position), frame)
        case "rest_pattern":
            for child in children(pattern):
                bind(child, UNKNOWN if not isinstance(value, Input | Record) else value, frame)
        case _:
            pass


def _bind_object(pattern: Node, value: Value, frame: Frame) -> None:
    for child in children(pattern):
        match child.type:
            case "shorthand_property_identifier_pattern":
                frame.names[text(child)] = member(value, text(child), frame)
            case "object_assignment_pattern":
                left = child.child_by_field_name("left")
                bind(child, member(value, text(left), frame), frame)
            case "pair_pattern":
                key = expressions.property_name(child.child_by_field_name("key"), frame)
                inner = child.child_by_field_name("value")
                if inner is not None:
                    bind(inner, member(value, key, frame) if key else UNKNOWN, frame)
            case _:
                bind(child, value, frame)


def item(value: Value, position: int) -> Value:
    """Return an item of a list."""
    match value:
        case Listing():
            return value.items[position] if position < len(value.items) else NOTHING
        case Outcome():
            return Outcome(value.draft)
        case Input():
            return Input()
        case _:
            return UNKNOWN

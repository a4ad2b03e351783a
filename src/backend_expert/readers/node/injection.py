"""What a container puts into the constructors and fields of classes: by type, by token, by the decorator of a library."""

from __future__ import annotations

from tree_sitter import Node

from backend_expert.readers.node import calls, classes, libraries
from backend_expert.readers.node.libraries import mongo, typeorm
from backend_expert.readers.node.syntax import child_of, children, text
from backend_expert.readers.node.values import (
    Blueprint,
    Foreign,
    Function,
    Instance,
    Listing,
    Made,
    Record,
    Resource,
    Unknown,
    Value,
    is_open,
    literal,
    member,
    word,
)

_TYPES = frozenset({"type_identifier", "generic_type", "nested_type_identifier"})


def parameter(made: Instance, owner: Blueprint, name: str) -> Value | None:
    """Return what the constructor of a class is given for the field of that name."""
    constructor = classes.method_node(owner, "constructor")
    listed = constructor.child_by_field_name("parameters") if constructor is not None else None
    for position, each in enumerate(children(listed) if listed is not None else ()):
        pattern = each.child_by_field_name("pattern")
        if pattern is None or text(pattern) != name:
            continue
        if child_of(each, "accessibility_modifier") is None and not any(child.type == "readonly" for child in each.children):
            return None
        if made.arguments is not None and position < len(made.arguments) and not is_open(made.arguments[position]):
            return made.arguments[position]
        return of_member(each, owner)
    return None


def of_member(node: Node, owner: Blueprint) -> Value | None:
    """Return what a container gives for a parameter or field with a type or a decorator."""
    frame = owner.frame
    unit = frame.unit
    kind, generics = _type(node, owner)
    for decoration in unit.container.decorations(node, frame):
        found = _decorated(decoration, kind, generics, owner, node)
        if found is not None:
            return found
    if isinstance(kind, Blueprint):
        return unit.container.provided(kind)
    if isinstance(kind, Foreign):
        return libraries.of_type(kind, generics, frame, node)
    if isinstance(kind, Unknown) and kind.name:
        implementation = unit.container.implementation(kind.name)
        return unit.container.single(implementation) if implementation is not None else None
    return None


def _type(node: Node, owner: Blueprint) -> tuple[Value, tuple[Value, ...]]:
    annotation = node.child_by_field_name("type")
    inside = next(children(annotation), None) if annotation is not None else None
    if inside is None or inside.type not in _TYPES:
        return Unknown(), ()
    return classes.type_of(inside, owner.frame)


def _decorated(decoration: Made, kind: Value, generics: tuple[Value, ...], owner: Blueprint, node: Node) -> Value | None:
    frame = owner.frame
    unit = frame.unit
    first = decoration.arguments[0] if decoration.arguments else Unknown()
    match decoration.maker.name:
        case "InjectRepository":
            found = unit.container.provided(kind) if isinstance(kind, Blueprint) else None
            if isinstance(found, Instance) and "*" in found.fields:
                return found
            return typeorm.repository(first if not is_open(first) else generics[0] if generics else first, frame, node)
        case "InjectModel":
            if isinstance(first, Blueprint) and classes.foreign_base(first) is not None:
                from backend_expert.readers.node.libraries import knex

                return knex.model_of(first, frame)
            entity = first if not is_open(first) else generics[0] if generics else first
            return mongo.model(entity, frame, node)
        case "InjectQueue":
            facts: dict[str, object] = {"connection": unit.connection("redis"), "name": literal(first) or "default"}
            return Resource("queue", facts, frame.evidence(node))
        case "InjectDataSource" | "InjectEntityManager" | "InjectConnection":
            return libraries.of_type(kind, generics, frame, node) if isinstance(kind, Foreign) else None
        case "InjectRedis":
            return Resource("redis", {"connection": unit.connection("redis")}, frame.evidence(node))
        case "Inject" | "inject" | "Client":
            return _token(first, kind, generics, owner, node)
        case _:
            return None


def _token(token: Value, kind: Value, generics: tuple[Value, ...], owner: Blueprint, node: Node) -> Value | None:
    unit = owner.frame.unit
    if isinstance(token, Function):
        token = calls.inline(token, [], owner.frame, node)
    if isinstance(token, Record):
        return unit.container.client_of(token, node)
    if isinstance(token, Blueprint):
        return unit.container.provided(token)
    found = unit.container.by_token(key_of(token))
    if found is not None:
        return found
    if isinstance(kind, Foreign):
        return libraries.of_type(kind, generics, owner.frame, node)
    if isinstance(kind, Blueprint):
        return unit.container.provided(kind)
    name = kind.name if isinstance(kind, Unknown) else ""
    implementation = unit.container.implementation(name) if name else None
    return unit.container.single(implementation) if implementation is not None else None


def key_of(token: Value) -> str:
    """Return the key under which a provider is known: the text, the class, or the name of a symbol."""
    match token:
        case Blueprint():
            return f"class {token.frame.module.path}:{token.node.start_byte}"
        case Made() if token.arguments:
            return f"symbol {word(token.arguments[0])}"
        case Made():
            return f"symbol {token.node.id if token.node is not None else ''}"
        case Foreign():
            return f"library {token.package} {'.'.join(token.path)}"
        case Unknown():
            return f"name {token.name}"
        case _:
            return f"text {literal(token)}"


def providers(definition: Record) -> list[Record]:
    """Return the custom providers of a module: those that say what to use for a token."""
    listed = member(definition, "providers")
    return (
        [each for each in listed.items if isinstance(each, Record) and "provide" in each.fields]
        if isinstance(listed, Listing)
        else []
    )

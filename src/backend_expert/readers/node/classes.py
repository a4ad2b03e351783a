"""Classes of the reviewed code: their objects, fields, methods and bases, and what frameworks put into their constructors."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from backend_expert.readers.node import calls, expressions, flow, injection, libraries, names, waiting
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.libraries import grpc
from backend_expert.readers.node.syntax import child_of, children, text, walk
from backend_expert.readers.node.values import (
    UNKNOWN,
    Blueprint,
    Constant,
    Foreign,
    Function,
    Instance,
    Listing,
    Resource,
    Unknown,
    Value,
    is_open,
)

_FIELDS = frozenset({"public_field_definition", "field_definition"})
_TYPES = frozenset({"type_identifier", "generic_type", "nested_type_identifier"})
_BASES_LIMIT = 8


def new(node: Node, frame: Frame) -> Value:
    """Return what `new X(...)` makes."""
    maker = expressions.evaluate(node.child_by_field_name("constructor"), frame)
    call = calls.Call(node, frame, calls.arguments_of(node, frame))
    if isinstance(maker, Blueprint):
        return instance(maker, call.arguments, frame)
    if isinstance(maker, Resource):
        return libraries.method(maker, "", call) or UNKNOWN
    if isinstance(maker, Foreign):
        if maker == Foreign("global", ("Promise",)):
            return waiting.promise(call)
        if (
            maker.package == "global"
            and maker.name in {"Map", "Set"}
            and isinstance(given := call.argument(0), Listing)
            and given.items
        ):
            return Listing(list(given.items))
        return libraries.construct(maker, call)
    return grpc.client(call) or UNKNOWN


def instance(blueprint: Blueprint, arguments: list[Value], frame: Frame) -> Value:
    """Return an object of a class with its constructor run."""
    made = Instance(blueprint, arguments=arguments)
    if special := libraries.extended(made, frame):
        made.fields["*"] = special
    for owner in lineage(blueprint):
        constructor = method_node(owner, "constructor")
        if constructor is not None:
            calls.inline(Function(constructor, owner.frame, made, "constructor"), arguments, frame, constructor)
            break
    return made


def construct(made: Instance) -> None:
    """Run the constructor of an object that a container makes, with what the container gives for its parameters."""
    for owner in lineage(made.blueprint):
        constructor = method_node(owner, "constructor")
        body = constructor.child_by_field_name("body") if constructor is not None else None
        if constructor is None:
            continue
        if body is not None and body.named_children:
            inside = Frame(owner.frame.unit, owner.frame.module, owner.frame, this=made)
            calls.bind_parameters(Function(constructor, owner.frame, made), [], inside)
            _inject(constructor, owner, inside)
            flow.body(body, inside)
        return


def base(blueprint: Blueprint) -> Value | None:
    """Return the class that a class extends."""
    heritage = child_of(blueprint.node, "class_heritage")
    if heritage is None:
        return None
    clause = child_of(heritage, "extends_clause")
    value = clause.child_by_field_name("value") if clause is not None else next(children(heritage), None)
    if value is None or value.type == "implements_clause":
        return None
    return expressions.evaluate(value, blueprint.frame)


def base_generics(blueprint: Blueprint) -> tuple[Value, ...]:
    """Return the types between the brackets of the class that a class extends."""
    heritage = child_of(blueprint.node, "class_heritage")
    clause = child_of(heritage, "extends_clause") if heritage is not None else None
    given = child_of(clause, "type_arguments") if clause is not None else None
    return tuple(type_value(each, blueprint.frame) for each in children(given)) if given is not None else ()


def lineage(blueprint: Blueprint) -> Iterator[Blueprint]:
    """Yield a class and the classes of the reviewed code that it extends."""
    current: Value | None = blueprint
    for _ in range(_BASES_LIMIT):
        if not isinstance(current, Blueprint):
            return
        yield current
        current = base(current)


def foreign_base(blueprint: Blueprint) -> tuple[Foreign, tuple[Value, ...]] | None:
    """Return the class of a library that a class extends in the end, with the types it is given."""
    for each in lineage(blueprint):
        found = base(each)
        if isinstance(found, Foreign):
            return found, base_generics(each)
    return None


def members(blueprint: Blueprint) -> Iterator[Node]:
    """Yield the members of a class."""
    body = blueprint.node.child_by_field_name("body")
    yield from children(body) if body is not None else ()


def method_node(blueprint: Blueprint, name: str) -> Node | None:
    """Return the definition of a method in the class itself; the last one where a name stands more than once."""
    methods = blueprint.frame.unit.methods
    found = methods.get(blueprint.node.id)
    if found is None:
        found = {text(each.child_by_field_name("name")): each for each in members(blueprint) if each.type == "method_definition"}
        methods[blueprint.node.id] = found
    return found.get(name)


def method(made: Instance, name: str) -> Function | None:
    """Return a method of an object, from its class or the classes above."""
    for owner in lineage(made.blueprint):
        node = method_node(owner, name)
        if node is not None:
            return Function(node, owner.frame, made, name)
    return None


def static(blueprint: Blueprint, name: str, frame: Frame) -> Value:
    """Return a static member of a class."""
    for owner in lineage(blueprint):
        for each in members(owner):
            key = each.child_by_field_name("name") or each.child_by_field_name("property")
            if text(key) != name or not any(child.type == "static" for child in each.children):
                continue
            if each.type == "method_definition":
                return Function(each, owner.frame, owner, name)
            return expressions.evaluate(each.child_by_field_name("value"), owner.frame)
    if name == "name":
        return Constant(blueprint.name)
    found = base(blueprint)
    return names.member(found, name, frame) if isinstance(found, Foreign) else Unknown(name)


def field(made: Instance, name: str, frame: Frame) -> Value:
    """Return a field of an object: set, declared, injected, or assigned in any of its methods."""
    if name in made.fields:
        return made.fields[name]
    found = method(made, name)
    if found is not None:
        getter = any(child.type == "get" for child in found.node.children)
        return calls.inline(found, [], frame, found.node) if getter else found
    made.fields[name] = UNKNOWN
    made.fields[name] = _field(made, name, frame)
    return made.fields[name]


def _field(made: Instance, name: str, frame: Frame) -> Value:
    for owner in lineage(made.blueprint):
        value = _declared(made, owner, name)
        if is_open(value):
            value = injection.parameter(made, owner, name) or value
        if is_open(value):
            value = _assigned(made, owner, name)
        if not is_open(value):
            return value
    special = made.fields.get("*")
    return libraries.member(special, name, frame) if special is not None else Unknown(name)


def _declared(made: Instance, owner: Blueprint, name: str) -> Value:
    for each in members(owner):
        if each.type not in _FIELDS:
            continue
        key = each.child_by_field_name("name") or each.child_by_field_name("property")
        if text(key) != name:
            continue
        given = each.child_by_field_name("value")
        inside = Frame(owner.frame.unit, owner.frame.module, owner.frame, this=made)
        value = expressions.evaluate(given, inside) if given is not None else UNKNOWN
        if is_open(value):
            value = injection.of_member(each, owner) or UNKNOWN
        if is_open(value):
            value = typed(each.child_by_field_name("type"), owner.frame) or UNKNOWN
        return value
    return UNKNOWN


def _assigned(made: Instance, owner: Blueprint, name: str) -> Value:
    """Return the first known value that a method assigns to `this.name`."""
    for each, assignment in _assignments(owner).get(name, ()):
        inside = Frame(owner.frame.unit, owner.frame.module, owner.frame, this=made)
        calls.bind_parameters(Function(each, owner.frame, made), [], inside)
        if text(each.child_by_field_name("name")) == "constructor":
            _inject(each, owner, inside)
        value = expressions.evaluate(assignment.child_by_field_name("right"), inside)
        if not is_open(value):
            return value
    return UNKNOWN


def _assignments(owner: Blueprint) -> dict[str, list[tuple[Node, Node]]]:
    """Return the assignments to fields in the methods of a class, by field, each with its method."""
    known = owner.frame.unit.assignments
    if owner.node.id not in known:
        found: dict[str, list[tuple[Node, Node]]] = {}
        for each in members(owner):
            for assignment in walk(each, "assignment_expression") if each.type == "method_definition" else ():
                left = text(assignment.child_by_field_name("left"))
                if left.startswith("this."):
                    found.setdefault(left.removeprefix("this."), []).append((each, assignment))
        known[owner.node.id] = found
    return known[owner.node.id]


def _inject(constructor: Node, owner: Blueprint, inside: Frame) -> None:
    """Bind the parameters of a constructor to what a container gives for them, where nothing else is known."""
    listed = constructor.child_by_field_name("parameters")
    for each in children(listed) if listed is not None else ():
        name = text(each.child_by_field_name("pattern"))
        if is_open(inside.names.get(name, UNKNOWN)):
            inside.names[name] = injection.of_member(each, owner) or UNKNOWN


def typed(annotation: Node | None, frame: Frame) -> Value | None:
    """Return what a value is by its type alone: a client of a library, or an object of a class that a container makes."""
    if annotation is None:
        return None
    inside = next(children(annotation), None) if annotation.type == "type_annotation" else annotation
    if inside is None:
        return None
    if inside.type == "union_type":
        found = [typed(child, frame) for child in children(inside)]
        return next((each for each in found if each is not None), None)
    if inside.type not in _TYPES:
        return None
    kind, generics = type_of(inside, frame)
    if isinstance(kind, Foreign):
        return libraries.of_type(kind, generics, frame, inside)
    return None


def type_of(node: Node, frame: Frame) -> tuple[Value, tuple[Value, ...]]:
    """Return what the name of a type stands for, and the types between its brackets."""
    if node.type == "generic_type":
        name = node.child_by_field_name("name")
        given = child_of(node, "type_arguments")
        generics = tuple(type_value(each, frame) for each in children(given)) if given is not None else ()
        return (type_value(name, frame) if name is not None else UNKNOWN), generics
    return type_value(node, frame), ()


def type_value(node: Node, frame: Frame) -> Value:
    """Return what the name of a type stands for."""
    match node.type:
        case "type_identifier" | "identifier":
            return names.lookup(text(node), frame)
        case "nested_type_identifier":
            owner, name = node.child_by_field_name("module"), node.child_by_field_name("name")
            return names.member(names.lookup(text(owner), frame), text(name), frame)
        case "generic_type":
            name = node.child_by_field_name("name")
            return type_value(name, frame) if name is not None else UNKNOWN
        case "type_query":
            return type_value(next(children(node)), frame) if node.named_children else UNKNOWN
        case _:
            return Unknown(text(node)[:80])


def superclass(node: Node, frame: Frame) -> Value:
    """Run the constructor of the class above, as `super(...)` does."""
    if not isinstance(frame.this, Instance):
        return UNKNOWN
    given = calls.arguments_of(node, frame)
    owner = next((each for each in lineage(frame.this.blueprint) if each.node.id == _class_of(node)), None)
    above = base(owner) if owner is not None else None
    if isinstance(above, Blueprint):
        constructor = method_node(above, "constructor")
        if constructor is not None:
            calls.inline(Function(constructor, above.frame, frame.this), given, frame, node)
    elif isinstance(above, Foreign):
        special = libraries.extended(frame.this, frame, given)
        if special is not None:
            frame.this.fields["*"] = special
    return UNKNOWN


def _class_of(node: Node) -> int:
    current = node.parent
    while current is not None and current.type not in {"class_declaration", "class", "abstract_class_declaration"}:
        current = current.parent
    return current.id if current is not None else 0

"""Work out what an expression is, without running it, and add the steps that its calls take to the frame."""

from __future__ import annotations

from collections.abc import Callable

from tree_sitter import Node

from backend_expert.readers.node import calls, classes, names, waiting
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.modules import CLASSES
from backend_expert.readers.node.syntax import FUNCTIONS, WRAPPERS, children, label, plain, string, text, unescaped
from backend_expert.readers.node.values import (
    ITEMS_LIMIT,
    NOTHING,
    UNKNOWN,
    Blueprint,
    Constant,
    Function,
    Input,
    Instance,
    Listing,
    Outcome,
    Pending,
    Record,
    Template,
    Unknown,
    Value,
    constant,
    either,
    is_open,
    joined,
)


def evaluate(node: Node | None, frame: Frame) -> Value:
    """Return what an expression is as far as its source tells."""
    if node is None:
        return NOTHING
    kind = node.type
    leaf = _LEAVES.get(kind)
    if leaf is not None:
        return leaf(node, frame)
    handler = _EXPRESSIONS.get(kind)
    if handler is None:
        return _other(node, kind, frame)
    unit = frame.unit
    if not unit.spend():
        return UNKNOWN
    unit.nested += 1
    try:
        return handler(node, frame)
    finally:
        unit.nested -= 1


def _other(node: Node, kind: str, frame: Frame) -> Value:
    if kind in WRAPPERS:
        return evaluate(plain(node), frame)
    if kind in FUNCTIONS:
        return function(node, frame)
    if kind in CLASSES:
        return Blueprint(node, frame, text(node.child_by_field_name("name")))
    return UNKNOWN


def function(node: Node, frame: Frame) -> Function:
    """Return the function that a node makes; an arrow keeps the object it stands in."""
    this = frame.this if node.type == "arrow_function" else None
    return Function(node, frame, this, text(node.child_by_field_name("name")))


def _identifier(node: Node, frame: Frame) -> Value:
    found = names.lookup(text(node), frame)
    return waiting.settled(found, frame) if isinstance(found, Pending) else found


def _this(_: Node, frame: Frame) -> Value:
    return frame.this if frame.this is not None else UNKNOWN


def _string(node: Node, _: Frame) -> Value:
    return Constant(string(node))


def _number(node: Node, _: Frame) -> Value:
    source = text(node).replace("_", "").rstrip("n").lower()
    try:
        return Constant(float(int(source, 0)) if source[:2] in {"0x", "0b", "0o"} else float(source))
    except ValueError:
        return UNKNOWN


def _template(node: Node, frame: Frame) -> Value:
    parts: list[Value] = []
    for child in children(node):
        if child.type == "string_fragment" or child.type == "escape_sequence":
            parts.append(Constant(unescaped(text(child))))
        elif child.type == "template_substitution":
            inside = next(children(child), None)
            parts.append(_named(evaluate(inside, frame), inside))
    return joined(*parts) if parts else Constant("")


def _named(value: Value, node: Node | None) -> Value:
    """Return the value; one that is not known gets the name that the source gives it."""
    if isinstance(value, Unknown | Outcome) or value == NOTHING:
        return Unknown(label(node))
    return value


def _object(node: Node, frame: Frame) -> Value:
    fields: dict[str, Value] = {}
    complete = True
    for child in children(node):
        match child.type:
            case "pair":
                key = child.child_by_field_name("key")
                name = property_name(key, frame)
                value = evaluate(child.child_by_field_name("value"), frame)
                if name is None:
                    complete = False
                else:
                    fields[name] = value
            case "shorthand_property_identifier":
                fields[text(child)] = _identifier(child, frame)
            case "method_definition":
                fields[text(child.child_by_field_name("name"))] = function(child, frame)
            case "spread_element":
                spread = evaluate(next(children(child), None), frame)
                if isinstance(spread, Record):
                    fields.update(spread.fields)
                    complete = complete and spread.complete
                elif not is_open(spread) or not isinstance(spread, Constant):
                    complete = False
            case _:
                complete = False
    if len(fields) > ITEMS_LIMIT:
        return Record({}, complete=False)
    record = Record(fields, complete, node)
    for name, value in fields.items():
        if isinstance(value, Function) and value.this is None:
            fields[name] = Function(value.node, value.frame, record, value.name or name)
    return record


def property_name(key: Node | None, frame: Frame) -> str | None:
    """Return the name of a field in an object; nothing for one that is computed from what is not known."""
    if key is None:
        return None
    if key.type == "string":
        return string(key)
    if key.type == "computed_property_name":
        found = constant(evaluate(next(children(key), None), frame))
        return str(found) if found is not None else None
    return text(key)


def _array(node: Node, frame: Frame) -> Value:
    items: list[Value] = []
    for child in children(node):
        if child.type == "spread_element":
            spread = evaluate(next(children(child), None), frame)
            if not isinstance(spread, Listing):
                return UNKNOWN
            items.extend(spread.items)
        else:
            items.append(evaluate(child, frame))
    return Listing(items) if len(items) <= ITEMS_LIMIT else UNKNOWN


def _member(node: Node, frame: Frame) -> Value:
    owner = evaluate(node.child_by_field_name("object"), frame)
    return names.member(owner, text(node.child_by_field_name("property")), frame)


def _subscript(node: Node, frame: Frame) -> Value:
    owner = evaluate(node.child_by_field_name("object"), frame)
    index = evaluate(node.child_by_field_name("index"), frame)
    found = constant(index)
    if isinstance(found, str):
        return names.member(owner, found, frame)
    if isinstance(owner, Listing) and isinstance(found, float):
        return owner.items[int(found)] if 0 <= found < len(owner.items) else NOTHING
    if isinstance(owner, Outcome):
        return Outcome(owner.draft)
    return Input() if isinstance(owner, Input) else UNKNOWN


def _await(node: Node, frame: Frame) -> Value:
    value = evaluate(next(children(node), None), frame)
    return waiting.settled(value, frame) if isinstance(value, Pending) else value


def _binary(node: Node, frame: Frame) -> Value:
    operator = text(node.child_by_field_name("operator"))
    left_node, right_node = node.child_by_field_name("left"), node.child_by_field_name("right")
    left = evaluate(left_node, frame)
    if operator in {"||", "??"}:
        return _fallback(operator, left, right_node, frame)
    if operator == "&&":
        return NOTHING if left == NOTHING else _after(evaluate(right_node, frame), left)
    right = evaluate(right_node, frame)
    if operator == "+":
        if (
            isinstance(left, Constant)
            and isinstance(right, Constant)
            and isinstance(left.value, float)
            and isinstance(right.value, float)
        ):
            return Constant(left.value + right.value)
        texts = any(
            isinstance(each, Template) or (isinstance(each, Constant) and isinstance(each.value, str)) for each in (left, right)
        )
        return joined(_named(left, left_node), _named(right, right_node)) if texts else _calculated(operator, left, right)
    if operator in {"===", "==", "!==", "!="}:
        return _compared(operator, left, right)
    return _calculated(operator, left, right)


def _fallback(operator: str, left: Value, right: Node | None, frame: Frame) -> Value:
    if isinstance(left, Constant) and left.value is not None and (operator == "??" or left.value):
        return left
    if isinstance(left, Record | Listing | Function | Blueprint | Instance):
        return left
    return either(left, evaluate(right, frame)) if not isinstance(left, Input) else left


def _after(value: Value, condition: Value) -> Value:
    """Return `condition && value`: the value, where nothing says that the condition fails."""
    return condition if isinstance(condition, Constant) and not condition.value else value


def _compared(operator: str, left: Value, right: Value) -> Value:
    negative = operator.startswith("!")
    if NOTHING in (left, right) and Input("message") in (left, right):
        # A broker gives no message only to say that it took the consumer away.
        return Constant(negative)
    if isinstance(left, Constant) and isinstance(right, Constant):
        return Constant((left.value == right.value) != negative)
    known = (Record, Listing, Function, Blueprint, Instance)
    if (left == NOTHING and isinstance(right, known)) or (right == NOTHING and isinstance(left, known)):
        return Constant(negative)
    return UNKNOWN


def _calculated(operator: str, left: Value, right: Value) -> Value:
    one, other = constant(left), constant(right)
    if isinstance(left, Outcome) or isinstance(right, Outcome):
        # What is worked out of a row still comes from it.
        of = left if isinstance(left, Outcome) else right
        return Outcome(of.draft, field=of.field or operator) if isinstance(of, Outcome) else UNKNOWN
    if not isinstance(one, float) or not isinstance(other, float):
        return UNKNOWN
    match operator:
        case "-":
            return Constant(one - other)
        case "*":
            return Constant(one * other)
        case "/" if other:
            return Constant(one / other)
        case _:
            return UNKNOWN


def _ternary(node: Node, frame: Frame) -> Value:
    condition = evaluate(node.child_by_field_name("condition"), frame)
    yes, no = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
    if isinstance(condition, Constant):
        return evaluate(yes if condition.value else no, frame)
    return calls.one_of(node, [yes, no], frame)


def _unary(node: Node, frame: Frame) -> Value:
    operator = text(node.child_by_field_name("operator"))
    argument = node.child_by_field_name("argument")
    if operator == "void":
        _void(argument, frame)
        return NOTHING
    value = evaluate(argument, frame)
    if operator == "!" and isinstance(value, Constant):
        return Constant(not value.value)
    if operator == "!" and isinstance(value, Function | Record | Listing | Blueprint | Instance):
        return Constant(False)
    if operator == "+":
        return value
    found = constant(value)
    return Constant(-found) if operator == "-" and isinstance(found, float) else UNKNOWN


def _void(argument: Node | None, frame: Frame) -> None:
    if argument is not None and plain(argument).type == "call_expression":
        waiting.unawaited(plain(argument), frame, meant=True)
    else:
        evaluate(argument, frame)


def _assignment(node: Node, frame: Frame) -> Value:
    value = evaluate(node.child_by_field_name("right"), frame)
    left = node.child_by_field_name("left")
    if left is not None:
        names.assign(left, value, frame)
    return value


def _augmented(node: Node, frame: Frame) -> Value:
    value = evaluate(node.child_by_field_name("right"), frame)
    left = node.child_by_field_name("left")
    if left is None:
        return UNKNOWN
    if text(node.child_by_field_name("operator")) in {"??=", "||="}:
        value = either(evaluate(left, frame), value)
        names.assign(left, value, frame)
        return value
    if left.type == "member_expression":
        frame.unit.seen.assigned(evaluate(left.child_by_field_name("object"), frame), value, augmented=True)
    names.assign(left, UNKNOWN, frame)
    return UNKNOWN


def _update(node: Node, frame: Frame) -> Value:
    argument = node.child_by_field_name("argument")
    if argument is not None:
        names.assign(argument, UNKNOWN, frame)
    return UNKNOWN


def _sequence(node: Node, frame: Frame) -> Value:
    value: Value = UNKNOWN
    for child in children(node):
        value = evaluate(child, frame)
    return value


def _yield(node: Node, frame: Frame) -> Value:
    return evaluate(next(children(node), None), frame)


_LEAVES: dict[str, Callable[[Node, Frame], Value]] = {
    "identifier": _identifier,
    "shorthand_property_identifier": _identifier,
    "this": _this,
    "string": _string,
    "number": _number,
    "true": lambda _, __: Constant(True),
    "false": lambda _, __: Constant(False),
    "null": lambda _, __: NOTHING,
    "undefined": lambda _, __: NOTHING,
}
"""Expressions without others inside: they cost next to nothing and are not counted."""

_EXPRESSIONS: dict[str, Callable[[Node, Frame], Value]] = {
    "template_string": _template,
    "object": _object,
    "array": _array,
    "member_expression": _member,
    "subscript_expression": _subscript,
    "call_expression": lambda node, frame: calls.call(node, frame),
    "new_expression": lambda node, frame: classes.new(node, frame),
    "await_expression": _await,
    "binary_expression": _binary,
    "ternary_expression": _ternary,
    "unary_expression": _unary,
    "assignment_expression": _assignment,
    "augmented_assignment_expression": _augmented,
    "update_expression": _update,
    "sequence_expression": _sequence,
    "yield_expression": _yield,
}

"""What an expression is known to be without running it: constants, texts with holes, objects, functions, clients of libraries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct, field
from tree_sitter import Node

from backend_expert.model import Evidence
from backend_expert.readers.code import Piece

if TYPE_CHECKING:
    from backend_expert.readers.node.drafts import Draft
    from backend_expert.readers.node.frames import Frame
    from backend_expert.readers.node.modules import Module


class Unknown(Struct, frozen=True):
    """Nothing is known; `name` is what the source calls it, for the names of holes."""

    name: str = ""


class Constant(Struct, frozen=True):
    """A text, number, truth value, or `None` for null and undefined."""

    value: str | float | bool | None


class Template(Struct, frozen=True):
    """A text of several values one after another."""

    parts: tuple[Value, ...]


class Environment(Struct, frozen=True):
    """All variables of the environment: `process.env`, or what a validator of it returns."""


class Variable(Struct, frozen=True):
    """One variable of the environment, with the value that the code takes where it is not set."""

    name: str
    default: Value | None = None


class Input(Struct, frozen=True):
    """Something that came with the request or message, and by which name."""

    name: str = ""


class Listing(Struct):
    """A list of which every item is known; `perhaps` are those that a loop or a condition may have added."""

    items: list[Value]
    perhaps: list[Value] = field(default_factory=list)


class Record(Struct):
    """An object; `complete` when it can have no other fields than those known."""

    fields: dict[str, Value]
    complete: bool = True
    node: Node | None = None


class Function(Struct):
    """A function of the reviewed code, with the frame it was made in, the object it belongs to, and what `bind` gave it first."""

    node: Node
    frame: Frame
    this: Value | None = None
    name: str = ""
    given: tuple[Value, ...] = ()


class Blueprint(Struct):
    """A class of the reviewed code."""

    node: Node
    frame: Frame
    name: str


class Instance(Struct):
    """An object of a class of the reviewed code; its fields are worked out when they are asked for."""

    blueprint: Blueprint
    fields: dict[str, Value] = field(default_factory=dict)
    arguments: list[Value] | None = None
    generics: tuple[Value, ...] = ()


class Namespace(Struct):
    """Everything that a module of the reviewed code exports."""

    module: Module


class Foreign(Struct, frozen=True):
    """Something of a library: the package and the names that lead to it."""

    package: str
    path: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the last name, or that of the package for what it exports as a whole."""
        return self.path[-1] if self.path else self.package


class Made(Struct):
    """What a call of a library gave back; what that is, only the reader of that library knows."""

    maker: Foreign
    arguments: list[Value]
    node: Node | None = None


class Resource(Struct):
    """A client, server or handle of a library whose use means something: `kind` says what, `facts` what is known of it."""

    kind: str
    facts: dict[str, object] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()


class Outcome(Struct):
    """What a step gave back. `items` tells that it is a list of unknown length; `draft` is the step; `field` is set for a part of it."""

    draft: Draft
    items: bool = False
    field: str = ""


class Pending(Struct):
    """A promise that nobody waits for yet: the steps it takes, and its value."""

    drafts: list[Draft]
    holder: Draft
    value: Value


Value = (
    Unknown
    | Constant
    | Template
    | Environment
    | Variable
    | Input
    | Listing
    | Record
    | Function
    | Blueprint
    | Instance
    | Namespace
    | Foreign
    | Made
    | Resource
    | Outcome
    | Pending
)

TEXT_LIMIT = 20_000
"""Longest text that is put together, in characters: SQL statements have up to 5,000."""

PARTS_LIMIT = 64
ITEMS_LIMIT = 1_000
"""Most parts of a text and items of a list: code that doubles them would fill the memory."""

UNKNOWN = Unknown()
NOTHING = Constant(None)


def is_open(value: Value | None) -> bool:
    """Tell whether nothing useful is known of a value."""
    return value is None or isinstance(value, Unknown) or value == NOTHING


def has(value: Value | None, *names: str) -> bool:
    """Tell whether a record sets one of the fields, whatever to."""
    return isinstance(value, Record) and any(name in value.fields for name in names)


def known(value: Value | None) -> bool:
    """Tell whether every field of some options is known: there are none, or the record is complete."""
    return value == NOTHING or (isinstance(value, Record) and value.complete)


def limited(options: Value | None, *names: str) -> bool | None:
    """Tell whether options of a search state how many rows it gives; nothing where they are not known, or name the rows one by one."""
    where = member(options, "where")
    if has(options, *names):
        return True
    if isinstance(where, Record) and any(name in where.fields for name in ("id", "_id", "uuid")):
        return None
    return False if known(options) and (known(where) or isinstance(where, Listing) or not has(options, "where")) else None


def either(one: Value, other: Value) -> Value:
    """Return what a value is that is one or the other: the known one, or the setting rather than the literal."""
    if is_open(one):
        return other
    if is_open(other) or one == other:
        return one
    if isinstance(one, Variable):
        return one if one.default is not None else Variable(one.name, other)
    if isinstance(other, Variable):
        return other if other.default is not None else Variable(other.name, one)
    if isinstance(one, Constant) and isinstance(other, Constant):
        return UNKNOWN
    return one


def constant(value: Value | None) -> str | float | bool | None:
    """Return what a value certainly is, or `None`."""
    return value.value if isinstance(value, Constant) else None


def word(value: Value | None) -> str:
    """Return the text that a value certainly is, or the empty string."""
    found = constant(value)
    return found if isinstance(found, str) else ""


def number(value: Value | None) -> float | None:
    """Return the number that a value is, or is unless the environment says otherwise."""
    if isinstance(value, Variable):
        return number(value.default)
    found = constant(value)
    if isinstance(found, str):
        try:
            return float(found)
        except ValueError:
            return None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def truth(value: Value | None) -> bool | None:
    """Return the truth value that a value certainly is, or `None`."""
    found = constant(value)
    return found if isinstance(found, bool) else None


def member(value: Value | None, *names: str) -> Value:
    """Return the first of the named fields that a record is known to have."""
    if isinstance(value, Record):
        for name in names:
            if name in value.fields:
                return value.fields[name]
    return UNKNOWN


def pieces(value: Value | None) -> tuple[Piece, ...]:
    """Return the parts of the text that a value stands for, literal neighbours joined."""
    found: list[Piece] = []
    for piece in _pieces(value, 0):
        last = found[-1] if found else None
        if last is not None and not (last.hole or last.variable or piece.hole or piece.variable):
            found[-1] = Piece(last.text + piece.text)
        else:
            found.append(piece)
    return tuple(found)


def _pieces(value: Value | None, depth: int) -> Iterator[Piece]:
    match value:
        case Constant(None):
            yield Piece(hole="value")
        case Constant(bool()):
            yield Piece("true" if value.value else "false")
        case Constant(float() as found) if found.is_integer():
            yield Piece(str(int(found)))
        case Constant():
            yield Piece(str(value.value))
        case Template() if depth < 8:
            for part in value.parts[:64]:
                yield from _pieces(part, depth + 1)
        case Variable():
            yield Piece(variable=value.name, default=pieces(value.default) if value.default is not None and depth < 8 else None)
        case Input() | Unknown():
            yield Piece(hole=value.name or "value")
        case _:
            yield Piece(hole="value")


def literal(value: Value | None) -> str:
    """Return the text of a value when it has no hole and depends on no setting, else the empty string."""
    parts = pieces(value)
    return "".join(part.text for part in parts) if parts and not any(part.hole or part.variable for part in parts) else ""


def joined(*values: Value) -> Value:
    """Return the text of values one after another."""
    parts: list[Value] = []
    for value in values:
        parts.extend(value.parts if isinstance(value, Template) else (value,))
    if all(isinstance(part, Constant) and isinstance(part.value, str) for part in parts):
        whole = "".join(str(part.value) for part in parts if isinstance(part, Constant))
        return Constant(whole) if len(whole) <= TEXT_LIMIT else UNKNOWN
    return Template(tuple(parts)) if len(parts) <= PARTS_LIMIT else UNKNOWN

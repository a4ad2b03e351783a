"""Entities: classes that stand for tables, with their columns and indexes as decorators declare them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from tree_sitter import Node

from backend_expert.model import Column, Evidence, Index
from backend_expert.readers.ddl import is_personal
from backend_expert.readers.node.syntax import children, decorators, text
from backend_expert.readers.node.values import Blueprint, Listing, Unknown, Value, literal, member, truth, word
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from backend_expert.readers.node.unit import Unit

_COLUMNS = words(
    "Column PrimaryColumn PrimaryGeneratedColumn CreateDateColumn UpdateDateColumn DeleteDateColumn VersionColumn "
    "ObjectIdColumn Prop Property PrimaryKey JoinColumn"
)
_KEYS = frozenset({"PrimaryColumn", "PrimaryGeneratedColumn", "ObjectIdColumn", "PrimaryKey"})


class Entity(Struct, frozen=True):
    """A class that stands for a table: which column each field is, and which are its key."""

    name: str
    table: str
    fields: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    def column(self, field: str) -> str:
        """Return the column behind a field; the name itself where the entity does not say."""
        return dict(self.fields).get(field, field)


def entity_of(value: Value, unit: Unit) -> Entity | None:
    """Return the entity that a class or the name of one is; nothing for what is no entity of the reviewed code."""
    if isinstance(value, Blueprint):
        key = value.node.id
        if key not in unit.entities:
            unit.entities[key] = _entity(value, unit)
        return unit.entities[key]
    name = word(value) or (value.name if isinstance(value, Unknown) else "")
    if not name:
        return None
    table = snake(name)
    return Entity(name, table, (), ("id",))


def _entity(blueprint: Blueprint, unit: Unit) -> Entity | None:
    from backend_expert.readers.node import classes

    frame = blueprint.frame
    table = snake(blueprint.name)
    declared = False
    indexes: list[Index] = []
    for made in unit.container.decorations(blueprint.node, frame):
        if made.maker.package == "typeorm" and made.maker.name in {"Entity", "ViewEntity"}:
            declared = True
            first = made.arguments[0] if made.arguments else None
            table = literal(first) if word(first) else literal(member(first, "name")) or table
        elif made.maker.package == "typeorm" and made.maker.name in {"Index", "Unique"}:
            names = next((each for each in made.arguments if isinstance(each, Listing)), None)
            columns = tuple(word(each) for each in names.items if word(each)) if names is not None else ()
            unique = made.maker.name == "Unique" or any(truth(member(each, "unique")) for each in made.arguments)
            if columns:
                indexes.append(Index(columns=columns, unique=unique))
    fields: list[tuple[str, str]] = []
    keys: list[str] = []
    columns_found: list[Column] = []
    for owner in classes.lineage(blueprint):
        for each in classes.members(owner):
            if each.type in {"public_field_definition", "field_definition"}:
                _field(each, owner, unit, fields, keys, columns_found, indexes)
    if not declared and not columns_found:
        return Entity(blueprint.name, table, (), ("id",))
    mapped = dict(fields)
    renamed = [Index(columns=tuple(mapped.get(name, name) for name in index.columns), unique=index.unique) for index in indexes]
    if keys:
        renamed.insert(0, Index(columns=tuple(keys), unique=True))
    return Entity(
        blueprint.name,
        table,
        tuple(fields),
        tuple(keys) or ("id",),
        tuple(columns_found),
        tuple(dict.fromkeys(renamed)),
        (frame.place(blueprint.node),),
    )


def _field(
    node: Node,
    owner: Blueprint,
    unit: Unit,
    fields: list[tuple[str, str]],
    keys: list[str],
    columns: list[Column],
    indexes: list[Index],
) -> None:
    name = text(node.child_by_field_name("name") or node.child_by_field_name("property"))
    if not decorators(node):
        return
    column, kind, found, nullable = name, "", False, False
    for made in unit.container.decorations(node, owner.frame):
        if made.maker.package not in {"typeorm", "@mikro-orm/core"}:
            continue
        if made.maker.name in {"Index", "Unique"}:
            unique = made.maker.name == "Unique" or any(truth(member(each, "unique")) for each in made.arguments)
            indexes.append(Index(columns=(name,), unique=unique))
        if made.maker.name not in _COLUMNS or (made.maker.name == "JoinColumn" and not made.arguments):
            continue
        found = True
        for each in made.arguments:
            kind = word(each) or literal(member(each, "type")) or kind
            column = literal(member(each, "name", "fieldName")) or column
            nullable = truth(member(each, "nullable")) is True or nullable
            if truth(member(each, "unique")):
                indexes.append(Index(columns=(name,), unique=True))
        if made.maker.name in _KEYS:
            keys.append(column)
    if not found or name in {each for each, _ in fields}:
        return
    fields.append((name, column))
    kind = kind or _type(node)
    columns.append(Column(name=column, type=kind, nullable=nullable, personal=is_personal(column)))


def _type(node: Node) -> str:
    annotation = node.child_by_field_name("type")
    inside = next(children(annotation), None) if annotation is not None else None
    return text(inside)[:40].lower() if inside is not None and inside.type in {"predefined_type", "type_identifier"} else ""


def snake(name: str) -> str:
    """Return the name of a table as TypeORM makes it of the name of a class: `OrderLine` becomes `order_line`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()

"""Prisma: the client and its models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.model import Action
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.libraries import sql
from backend_expert.readers.node.values import (
    UNKNOWN,
    Foreign,
    Function,
    Instance,
    Listing,
    Record,
    Resource,
    Unknown,
    Value,
    limited,
    word,
)
from backend_expert.readers.node.values import member as field_of
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"@prisma/client", "nestjs-prisma"})
KINDS = frozenset({"prisma.client", "prisma.model"})

_ACTIONS = {
    **dict.fromkeys(
        ["findUnique", "findUniqueOrThrow", "findFirst", "findFirstOrThrow", "findMany", "count", "aggregate", "groupBy"],
        Action.READ,
    ),
    **dict.fromkeys(sorted(words("create createMany createManyAndReturn")), Action.INSERT),
    **dict.fromkeys(sorted(words("update updateMany upsert updateManyAndReturn")), Action.UPDATE),
    **dict.fromkeys(sorted(words("delete deleteMany")), Action.DELETE),
}
_RAW = frozenset({"$queryRaw", "$queryRawUnsafe", "$executeRaw", "$executeRawUnsafe"})


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the client that `new PrismaClient()` makes."""
    if maker.name == "PrismaClient":
        return _client(call.frame, call.node)
    return None


def of_type(kind: Foreign, _: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the client that a parameter of such a type is."""
    if kind.name in {"PrismaClient", "PrismaService", "TransactionClient"}:
        return _client(frame, node)
    return None


def extended(base: Foreign, _: tuple[Value, ...], made: Instance, frame: Frame, __: list[Value]) -> Resource | None:
    """Return the client that a service is which extends PrismaClient."""
    return _client(frame, made.blueprint.node) if base.name == "PrismaClient" else None


def _client(frame: Frame, node: Node) -> Resource:
    return Resource("prisma.client", {"connection": frame.unit.prisma()}, frame.evidence(node))


def member(owner: Resource, name: str, _: Frame) -> Value:
    """Return a model of the client."""
    if owner.kind == "prisma.client" and not name.startswith("$") and name.isidentifier():
        return Resource("prisma.model", {**owner.facts, "name": name}, owner.evidence)
    return Unknown(name)


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of the client or of a model gives back."""
    if owner.kind == "prisma.client":
        return _of_client(owner, name, call)
    action = _ACTIONS.get(name)
    if action is None:
        return None
    options = call.argument(0)
    where = field_of(options, "where")
    columns = tuple(key for key in where.fields if key not in {"AND", "OR", "NOT"}) if isinstance(where, Record) else ()
    data = field_of(options, "data")
    if action is Action.UPDATE and isinstance(data, Record) and set(data.fields) & set(columns) - {"id"}:
        action = Action.GUARDED_UPDATE
    model = call.frame.unit.prisma_table(str(owner.facts.get("name")))
    limit = limited(options, "take") if name == "findMany" else None if name == "groupBy" else action is Action.READ or None
    outcome = sql.queried(owner, model, action, columns, call, limit)
    outcome.items = name == "findMany"
    return outcome


def _of_client(owner: Resource, name: str, call: Call) -> Value | None:
    if name == "$transaction":
        first = call.argument(0)
        if isinstance(first, Function):
            target = sql.table_target(owner, "", call)
            isolation = word(field_of(call.argument(1), "isolationLevel")).lower()
            call.emit(Draft(Kind.TRANSACTION, target=target, blocks=[call.into(first, owner)], isolation=isolation))
        elif isinstance(first, Listing):
            _batched(owner, call)
        return UNKNOWN
    if name in _RAW:
        return sql.run(owner, _raw(call), call)
    if name == "$extends":
        return owner
    return UNKNOWN if name.startswith("$") else None


def _batched(owner: Resource, call: Call) -> None:
    """Put the steps of the list into one transaction: they stand just before this call, in order."""
    block = call.frame.block
    inside = block[call.asked :]
    if inside:
        del block[call.asked :]
        call.emit(Draft(Kind.TRANSACTION, target=sql.table_target(owner, "", call), blocks=[inside]))


def _raw(call: Call) -> Value:
    """Return the text of a statement: the first argument, or the template that stands where arguments do."""
    from backend_expert.readers.node import expressions

    if call.arguments:
        return call.argument(0)
    template = call.node.child_by_field_name("arguments")
    return expressions.evaluate(template, call.frame) if template is not None and template.type == "template_string" else UNKNOWN

"""What the libraries of Node.js mean: which of their objects are clients and servers, and what their methods do.

Each module of this package answers for the packages it names. `construct` is asked about `new X()`, `function` about `x()`, `method`
about the methods of a resource, `member` about its fields, and `of_type` about a parameter that only its type tells of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from tree_sitter import Node

from backend_expert.readers.node.libraries import (
    amqp,
    axios,
    bus,
    grpc,
    http,
    kafka,
    knex,
    middleware,
    mongo,
    nest,
    prisma,
    promises,
    queues,
    redis,
    retries,
    servers,
    services,
    sql,
    texts,
    typeorm,
)
from backend_expert.readers.node.values import Environment, Foreign, Instance, Made, Resource, Unknown, Value

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame


class Library(Protocol):
    """The questions a module may answer; what it does not define, it has nothing to say about."""

    PACKAGES: frozenset[str]
    KINDS: frozenset[str]


_LIBRARIES = cast(
    "tuple[Library, ...]",
    (
        amqp,
        axios,
        bus,
        grpc,
        http,
        kafka,
        knex,
        middleware,
        mongo,
        nest,
        prisma,
        promises,
        queues,
        redis,
        retries,
        servers,
        services,
        sql,
        texts,
        typeorm,
    ),
)
_BY_PACKAGE: dict[str, list[Library]] = {}
_BY_KIND: dict[str, Library] = {}
for _library in _LIBRARIES:
    for _package in sorted(_library.PACKAGES):
        _BY_PACKAGE.setdefault(_package, []).append(_library)
    for _kind in sorted(_library.KINDS):
        _BY_KIND[_kind] = _library


def _asked(package: str, question: str) -> list[object]:
    return [answer for library in _BY_PACKAGE.get(package, ()) if (answer := getattr(library, question, None)) is not None]


def construct(maker: Foreign, call: Call) -> Value:
    """Return what `new X(...)` of a library makes."""
    for answer in _asked(maker.package, "construct"):
        found = answer(maker, call)  # type: ignore[operator]
        if found is not None:
            return cast(Value, found)
    if any(isinstance(each, Environment) for each in call.arguments):
        return Environment()
    return Made(maker, call.arguments, call.node)


def function(callee: Foreign, call: Call) -> Value | None:
    """Return what a call of a library gives back; nothing when it means nothing to us."""
    for answer in _asked(callee.package, "function"):
        found = answer(callee, call)  # type: ignore[operator]
        if found is not None:
            return cast(Value, found)
    return None


def method(owner: Value | None, name: str, call: Call) -> Value | None:
    """Return what a method of a resource gives back; nothing when it means nothing to us."""
    if isinstance(owner, Made):
        for answer in _asked(owner.maker.package, "of_made"):
            found = answer(owner, name, call)  # type: ignore[operator]
            if found is not None:
                return cast(Value, found)
        return None
    if not isinstance(owner, Resource):
        return None
    library = _BY_KIND.get(owner.kind)
    answer = getattr(library, "method", None)
    return cast("Value | None", answer(owner, name, call)) if answer is not None else None


def member(owner: Value, name: str, frame: Frame) -> Value:
    """Return a field of a resource."""
    if isinstance(owner, Resource):
        set_by_code = owner.facts.get(f".{name}")
        if set_by_code is not None:
            return cast(Value, set_by_code)
        answer = getattr(_BY_KIND.get(owner.kind), "member", None)
        if answer is not None:
            return cast(Value, answer(owner, name, frame))
    return Unknown(name)


def of_type(kind: Foreign, generics: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return what a parameter of a type of a library is."""
    for answer in _asked(kind.package, "of_type"):
        found = answer(kind, generics, frame, node)  # type: ignore[operator]
        if found is not None:
            return cast(Value, found)
    return None


def extended(made: Instance, frame: Frame, given: list[Value] | None = None) -> Resource | None:
    """Return the resource that an object of a class is because its class extends one of a library."""
    from backend_expert.readers.node import classes

    found = classes.foreign_base(made.blueprint)
    if found is None:
        return None
    base, generics = found
    for answer in _asked(base.package, "extended"):
        resource = answer(base, generics, made, frame, given or [])  # type: ignore[operator]
        if resource is not None:
            return cast(Resource, resource)
    return None

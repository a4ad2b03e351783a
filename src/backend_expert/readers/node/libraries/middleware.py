"""What NestJS puts before handlers: middleware that modules bind to routes, and the marks of handlers that guards look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.readers.node.routing import Bound, Passed
from backend_expert.readers.node.values import NOTHING, UNKNOWN, Foreign, Listing, Resource, Value, word

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"@nestjs/core", "@nestjs/common"})
KINDS = frozenset({"nest.consumer", "nest.reflector"})


def construct(maker: Foreign, _: Call) -> Value | None:
    """Return the reader of marks that `new Reflector()` makes."""
    return Resource("nest.reflector") if maker == Foreign("@nestjs/core", ("Reflector",)) else None


def of_type(kind: Foreign, _: tuple[Value, ...], _frame: Frame, _node: Node) -> Value | None:
    """Return the reader of marks, or what binds middleware, that a parameter of such a type is."""
    if kind.name == "MiddlewareConsumer":
        return Resource("nest.consumer")
    return Resource("nest.reflector") if kind == Foreign("@nestjs/core", ("Reflector",)) else None


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of either gives back."""
    return _metadata(name, call) if owner.kind == "nest.reflector" else _of_consumer(owner, name, call)


def _of_consumer(owner: Resource, name: str, call: Call) -> Value | None:
    """Bind middleware to routes, as `configure(consumer)` of a module says it."""
    given = [item for each in call.arguments for item in (each.items if isinstance(each, Listing) else [each])]
    if name == "apply":
        place = call.frame.evidence(call.node)[:1]
        return Resource("nest.consumer", {"bound": Bound([Passed(each, "", place) for each in given], [], [])})
    bound = owner.facts.get("bound")
    if not isinstance(bound, Bound):
        return None
    if name == "exclude":
        bound.excluded.extend(given)
    elif name == "forRoutes":
        bound.routes.extend(given)
        call.frame.unit.container.bound.append(bound)
        return Resource("nest.consumer")
    return owner


def _metadata(name: str, call: Call) -> Value:
    """Return what decorators of the handler or its class set under a key; unknown where not all of them are."""
    call.frame.unit.marks_read = True
    known, key = call.frame.unit.metadata, word(call.argument(0))
    if known is None or not key or name not in {"get", "getAll", "getAllAndOverride", "getAllAndMerge"}:
        return UNKNOWN
    return known.fields.get(key, NOTHING if known.complete else UNKNOWN)

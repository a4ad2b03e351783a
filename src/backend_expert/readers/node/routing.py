"""Routes, what is mounted where, and what a request passes before it reaches a handler, in the order in which a program says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from backend_expert.model import Evidence
from backend_expert.readers.node.values import Blueprint, Foreign, Listing, Made, Record, Resource, Value, is_open, literal, member

_ANYTHING = re.compile(r"\*")

ENTRIES_LIMIT = 5_000
"""Most routes, mounts and middlewares that are gone through for one application: the largest of the systems tried has 150."""

_NESTED = 12
"""Most routers inside one another that are followed: the deepest of the systems tried has 4."""


class Passed(Struct):
    """A middleware, hook or guard, and the place that puts it before the routes below a path."""

    value: Value
    name: str
    evidence: tuple[Evidence, ...] = ()
    prefix: str = ""


class Route(Struct):
    """A route as it was registered: its method in upper case (`ALL` for any), its path below its router, its handlers.

    The last handler answers; the others, and what its options name, stand before it.
    """

    method: str
    path: str
    handlers: list[Value]
    evidence: tuple[Evidence, ...]
    passed: list[Passed]


class Mount(Struct):
    """A router below a path of another."""

    prefix: str
    child: Resource


class Bound(Struct):
    """What a module of NestJS puts before some routes: those of controllers, or those whose path and method fit a pattern."""

    passed: list[Passed]
    routes: list[Value]
    excluded: list[Value]


class Reached(Struct):
    """A route with its whole path and everything that a request passes on the way to it."""

    route: Route
    path: str
    passed: list[Passed]


def bound_to(bound: Iterable[Bound], method: str, path: str, controller: Blueprint) -> Iterator[Passed]:
    """Yield the middleware that modules bind to a route, asked by its path without the prefix of the application."""
    for each in bound:
        meant = any(_means(route, method, path, controller) for route in each.routes)
        if meant and not any(_means(route, method, path, controller) for route in each.excluded):
            yield from each.passed


def _means(route: Value, method: str, path: str, controller: Blueprint) -> bool:
    if isinstance(route, Blueprint):
        return route.node.id == controller.node.id
    verb = member(route, "method")
    if isinstance(verb, Foreign) and verb.name not in {method, "ALL", "RequestMethod"}:
        return False
    parts = [part for part in literal(member(route, "path") if isinstance(route, Record) else route).split("/") if part]
    shown = "".join("(/.*)?" if _ANYTHING.search(part) else "/[^/]+" if ":" in part else f"/{re.escape(part)}" for part in parts)
    return bool(re.fullmatch(f"{shown}(/.*)?" if not isinstance(route, Record) or is_open(verb) else shown, path))


def flattened(app: Resource) -> Iterator[Reached]:
    """Yield the routes of an application and of everything mounted below it.

    What is put before routes holds for those that come after it in the order of the source.
    """
    yield from _flattened(app, "", (), (), [ENTRIES_LIMIT])


def _flattened(
    app: Resource, prefix: str, passed: tuple[tuple[str, Passed], ...], above: tuple[int, ...], budget: list[int]
) -> Iterator[Reached]:
    base = joined_path(prefix, str(app.facts.get("prefix") or ""))
    entries = app.facts.get("entries")
    before = list(passed)
    for entry in entries if isinstance(entries, list) and id(app) not in above and len(above) <= _NESTED else ():
        budget[0] -= 1
        if budget[0] < 0:
            return
        match entry:
            case Passed():
                before.append((joined_path(base, entry.prefix), entry))
            case Route():
                path = joined_path(base, entry.path)
                passing = (each for place, each in before if _below(path, place) and not _excepts(each.value, path))
                yield Reached(entry, path, [*passing, *entry.passed])
            case Mount():
                yield from _flattened(entry.child, joined_path(base, entry.prefix), tuple(before), (*above, id(app)), budget)


def _excepts(value: Value, path: str) -> bool:
    """Tell whether a middleware lets a path through unasked: `expressjwt({...}).unless({ path: ['/token'] })`."""
    options = value.arguments[0] if isinstance(value, Made) and value.arguments else None
    if not isinstance(options, Record) or "path" not in options.fields or "secret" in options.fields:
        return False
    paths = options.fields["path"]
    listed = paths.items if isinstance(paths, Listing) else [paths]
    return any(literal(member(each, "url") if isinstance(each, Record) else each).rstrip("/") == path for each in listed)


def _below(path: str, place: str) -> bool:
    return place == "/" or path == place or path.startswith(f"{place}/")


def joined_path(prefix: str, path: str) -> str:
    """Return one path below another: one slash between them, none at the end."""
    parts = [part for part in (*prefix.split("/"), *path.split("/")) if part]
    return "/" + "/".join(parts)

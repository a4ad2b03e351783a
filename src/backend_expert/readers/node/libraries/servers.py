"""Servers: Express, Fastify, Koa routers, Hono, Restify, Polka and the http module; their routes, mounts and replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from tree_sitter import Node

from backend_expert.model import Evidence
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.values import (
    UNKNOWN,
    Constant,
    Foreign,
    Function,
    Input,
    Listing,
    Made,
    Record,
    Resource,
    Unknown,
    Value,
    is_open,
    number,
    pieces,
    word,
)
from backend_expert.readers.node.values import member as field_of
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = words(
    "express express-promise-router router restify polka fastify koa koa-router @koa/router hono find-my-way http "
    "https @hapi/hapi express-ws @types/express restana"
)
KINDS = frozenset({"app", "app.route", "response", "context"})

VERBS = frozenset({"get", "post", "put", "patch", "delete", "del", "head", "options", "query", "all"})
_REPLIES = frozenset(
    {
        "json",
        "send",
        "end",
        "render",
        "redirect",
        "sendFile",
        "sendStatus",
        "download",
        "jsonp",
        "text",
        "html",
        "body",
        "notFound",
        "format",
    }
)
_ROUTERS = frozenset({"Router", "express-promise-router", "koa-router", "router", "Hono"})
_APPS = frozenset({"express", "fastify", "Fastify", "polka", "createServer", "restana", "koa", "server"})


class Route(Struct):
    """A route as it was registered: its method in upper case (`ALL` for any), its path below its router, its handlers."""

    method: str
    path: str
    handlers: list[Value]
    evidence: tuple[Evidence, ...]


class Mount(Struct):
    """A router below a path of another."""

    prefix: str
    child: Resource


def application(call: Call, prefix: str = "", family: str = "express") -> Resource:
    """Return a new application or router without routes."""
    facts: dict[str, object] = {"routes": [], "mounts": [], "prefix": prefix, "family": family, "mounted": False, "shared": []}
    made = Resource("app", facts, call.frame.evidence(call.node))
    call.frame.unit.apps.append(made)
    return made


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the application or router that a function of the packages makes."""
    name = callee.name
    if callee.package in {"http", "https"}:
        if name != "createServer":
            return None
        handler = call.callback
        if handler is not None:
            call.frame.unit.raw.append((handler, call.frame.evidence(call.node)))
        return call.argument(0) if isinstance(call.argument(0), Resource) else UNKNOWN
    if name in _APPS | _ROUTERS or (callee.package == "fastify" and name in {"default", "fastify"}):
        return application(call, family="fastify" if callee.package == "fastify" else "express")
    return None


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the application or router that `new X(...)` makes."""
    if maker.package in {"koa", "koa-router", "@koa/router", "hono", "express", "router"}:
        options = call.argument(0)
        prefix = word(field_of(options, "prefix"))
        return application(call, prefix, "koa" if maker.package != "express" else "express")
    return None


def of_type(kind: Foreign, _: tuple[Value, ...], _frame: Frame, _node: Node) -> Value | None:
    """Return the reply that a parameter of such a type is."""
    if kind.name in {"Response", "FastifyReply", "ServerResponse"}:
        return Resource("response", {"status": 200})
    if kind.name in {"Request", "FastifyRequest", "IncomingMessage"}:
        return Input("request")
    return None


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of an application, a route or a reply gives back."""
    match owner.kind:
        case "app":
            return _of_app(owner, name, call)
        case "app.route":
            if name in VERBS:
                _add(owner.facts["app"], name, str(owner.facts["path"]), call.arguments, call)  # type: ignore[arg-type]
            return owner
        case "response":
            return _of_response(owner, name, call)
        case _:
            return _of_response(owner, name, call) if name in _REPLIES | {"status"} else Input(name)


def member(owner: Resource, name: str, _: Frame) -> Value:
    """Return a field: what a context holds of the request is input."""
    if owner.kind == "context":
        return owner if name in {"res", "response", "reply"} else Input(name)
    if owner.kind == "response" and name in {"locals", "req"}:
        return Input(name)
    if owner.kind == "app" and name in {"router", "server"}:
        return owner
    return Unknown(name)


def path_of(value: Value) -> list[str]:
    """Return the paths that the first argument of a route names; a setting stands with its default."""
    if isinstance(value, Listing):
        return [path for each in value.items for path in path_of(each)]
    if not isinstance(value, Constant) or not isinstance(value.value, str):
        parts = pieces(value)
        if is_open(value) or not any(part.text or part.variable for part in parts):
            return []
        shown = []
        for part in parts:
            default = "".join(each.text for each in part.default) if part.default else ""
            shown.append(part.text or default or f":{part.variable or part.hole}")
        return ["".join(shown)]
    return [value.value]


def _of_app(owner: Resource, name: str, call: Call) -> Value | None:
    if name in VERBS:
        paths = path_of(call.argument(0))
        given = call.arguments[1:]
        if given and isinstance(given[0], Constant) and isinstance(given[0].value, str):
            paths, given = path_of(given[0]), given[1:]  # router.get('name', '/path', handler) of Koa
        if not paths and isinstance(call.argument(0), Function | Listing) and call.arguments:
            paths, given = ["/"], call.arguments
        if given:
            for path in paths:
                _add(owner, name, path, given, call)
        return owner
    match name:
        case "use":
            return _use(owner, call)
        case "route":
            first = call.argument(0)
            if isinstance(first, Record):
                _described(owner, first, call)
                return owner
            paths = path_of(first)
            return Resource("app.route", {"app": owner, "path": paths[0] if paths else "/"})
        case "register":
            return _register(owner, call)
        case "listen":
            place = call.argument(0)
            call.frame.unit.ports.append(pieces(field_of(place, "port") if isinstance(place, Record) else place))
            for each in call.arguments:
                call.run(each)
            return UNKNOWN
        case "routes" | "middleware" | "callback" | "fetch" | "ready" | "withTypeProvider" | "basePath" | "prefix":
            if name in {"basePath", "prefix"}:
                owner.facts["prefix"] = word(call.argument(0))
            return owner
        case _:
            return (
                owner
                if name
                in {
                    "set",
                    "disable",
                    "enable",
                    "engine",
                    "param",
                    "addHook",
                    "decorate",
                    "setErrorHandler",
                    "on",
                    "onError",
                    "pre",
                    "after",
                }
                else UNKNOWN
            )


def _add(owner: Resource, verb: str, path: str, given: list[Value], call: Call) -> None:
    routes = owner.facts["routes"]
    handlers: list[Value] = []
    for each in given:
        handlers.extend(each.items if isinstance(each, Listing) else [each])
        if isinstance(each, Record) and isinstance(each.fields.get("handler"), Function):
            handlers.append(each.fields["handler"])
    if isinstance(routes, list):
        shown = {"del": "DELETE", "all": "ALL"}.get(verb, verb.upper())
        routes.append(Route(shown, path, handlers, call.frame.evidence(call.node)))


def _described(owner: Resource, options: Record, call: Call) -> None:
    """Add a route that an object describes, as Fastify and Hapi take them."""
    verbs = field_of(options, "method")
    listed = [word(each) for each in verbs.items] if isinstance(verbs, Listing) else [word(verbs)]
    for verb in listed:
        for path in path_of(field_of(options, "url", "path")):
            if verb.lower() in VERBS | {"*"}:
                _add(owner, "all" if verb == "*" else verb.lower(), path, [field_of(options, "handler")], call)


def _use(owner: Resource, call: Call) -> Value:
    first = call.argument(0)
    prefixes = (
        path_of(first)
        if isinstance(first, Constant | Listing) or (not isinstance(first, Function | Resource) and len(call.arguments) > 1)
        else []
    )
    mounts = owner.facts["mounts"]
    flat: list[Value] = []
    for each in call.arguments:
        flat.extend(each.items if isinstance(each, Listing) else [each])
    shared = owner.facts["shared"]
    if isinstance(shared, list):
        shared.extend((prefix, each) for each in flat if isinstance(each, Function) for prefix in prefixes or [""])
    for each in flat:
        if isinstance(each, Resource) and each.kind == "app" and each is not owner and isinstance(mounts, list):
            each.facts["mounted"] = True
            mounts.extend(Mount(prefix, each) for prefix in prefixes or [""])
    return owner


def _register(owner: Resource, call: Call) -> Value:
    """Run a plugin of Fastify with an application of its own below its prefix."""
    plugin = call.argument(0)
    if isinstance(plugin, Made) and plugin.maker.package == "fastify-plugin" and plugin.arguments:
        plugin = plugin.arguments[0]
    prefix = word(field_of(call.argument(1), "prefix"))
    mounts = owner.facts["mounts"]
    if isinstance(plugin, Function) and isinstance(mounts, list):
        child = application(call, family="fastify")
        child.facts["mounted"] = True
        mounts.append(Mount(prefix, child))
        call.run(plugin, child, call.argument(1), UNKNOWN)
    return owner


def _of_response(owner: Resource, name: str, call: Call) -> Value | None:
    if name in {"status", "code", "writeHead"}:
        found = number(call.argument(0))
        owner.facts["status"] = int(found) if found is not None else 200
        return owner
    if name in _REPLIES:
        status = owner.facts.get("status", 200)
        found = number(call.argument(0)) if name == "sendStatus" else number(call.argument(1)) if owner.kind == "context" else None
        if name == "redirect":
            status = 302
        call.emit(Draft(Kind.REPLY, status=int(found) if found is not None else int(status) if isinstance(status, int) else 200))
        owner.facts["status"] = 200
        return owner
    return owner


def flattened(app: Resource, prefix: str = "", seen: tuple[int, ...] = ()) -> list[tuple[Route, str, list[Function]]]:
    """Return the routes of an application and of everything mounted below it, each with its whole path and what runs before it."""
    if id(app) in seen or len(seen) > 12:
        return []
    base = joined_path(prefix, str(app.facts.get("prefix") or ""))
    routes, mounts, shared = app.facts.get("routes"), app.facts.get("mounts"), app.facts.get("shared")
    before = [(joined_path(base, place), each) for place, each in (shared if isinstance(shared, list) else ())]

    def running(path: str) -> list[Function]:
        return [each for place, each in before if place == "/" or path == place or path.startswith(f"{place}/")]

    found = []
    for route in routes if isinstance(routes, list) else ():
        path = joined_path(base, route.path)
        found.append((route, path, running(path)))
    for mount in mounts if isinstance(mounts, list) else ():
        for route, path, inner in flattened(mount.child, joined_path(base, mount.prefix), (*seen, id(app))):
            found.append((route, path, [*running(path), *inner]))
    return found


def joined_path(prefix: str, path: str) -> str:
    """Return one path below another: one slash between them, none at the end."""
    parts = [part for part in (*prefix.split("/"), *path.split("/")) if part]
    return "/" + "/".join(parts)

"""Servers: Express, Fastify, Koa routers, Hono, Restify, Polka and the http module; their routes, mounts and replies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.routing import Mount, Passed, Route
from backend_expert.readers.node.syntax import arguments, label, plain, text
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
_WRAPPER = re.compile(r"async|wrap|catch|promise", re.IGNORECASE)
HOOKS = ("onRequest", "preParsing", "preValidation", "preHandler")
"""Hooks of Fastify that run before the handler."""

_FOUR = 4

_ROUTERS = frozenset({"Router", "express-promise-router", "koa-router", "router", "Hono"})
_APPS = frozenset({"express", "fastify", "Fastify", "polka", "createServer", "restana", "koa", "server"})


def application(call: Call, prefix: str = "", family: str = "express", whole: bool = True) -> Resource:
    """Return a new application, or a router: that is no `whole`, and what a request passes before it stands where it is mounted."""
    facts: dict[str, object] = {"entries": [], "prefix": prefix, "family": family, "mounted": False, "whole": whole}
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
        return application(call, family="fastify" if callee.package == "fastify" else "express", whole=name not in _ROUTERS)
    return None


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the application or router that `new X(...)` makes."""
    if maker.package in {"koa", "koa-router", "@koa/router", "hono", "express", "router"}:
        options = call.argument(0)
        prefix = word(field_of(options, "prefix"))
        whole = maker.package in {"koa", "hono"}
        return application(call, prefix, "koa" if maker.package != "express" else "express", whole)
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


def member(owner: Resource, name: str, frame: Frame) -> Value:
    """Return a field: what a context holds of the request is input."""
    if owner.kind == "context":
        return owner if name in {"res", "response", "reply"} else Input(name)
    if owner.kind == "response" and name in {"locals", "req"}:
        return Input(name)
    if owner.kind == "app" and name in {"router", "server"}:
        return owner
    if owner.kind == "app" and isinstance(parent := owner.facts.get("parent"), Resource):
        return parent.facts.get(f".{name}") or member(parent, name, frame)  # type: ignore[return-value]
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
        paths = path_of(call.argument(0)) or _pattern(call)
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
        case "addHook":
            return _hook(owner, call)
        case "decorate":
            own, made = word(call.argument(0)), call.argument(1)
            owner.facts[f".{own}"] = Function(made.node, made.frame, made.this, own) if isinstance(made, Function) else made
            return owner
        case "auth":
            return call.argument(0)  # fastify.auth([...]) of @fastify/auth
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
                    "setErrorHandler",
                    "on",
                    "onError",
                    "pre",
                    "after",
                }
                else UNKNOWN
            )


def _pattern(call: Call) -> list[str]:
    """Return the regular expression that a route has in the place of a path, as the source writes it."""
    return [text(call.nodes[0])] if call.nodes and call.nodes[0].type == "regex" else []


def _add(owner: Resource, verb: str, path: str, given: list[Value], call: Call) -> None:
    shown = {"del": "DELETE", "all": "ALL"}.get(verb, verb.upper())
    handlers: list[Value] = []
    passed: list[Passed] = []
    for each in _flat(given):
        if isinstance(each, Record) and is_open(field_of(each, "handler")):
            passed.extend(_of_options(each, call))
        elif isinstance(each, Record):
            passed.extend(_of_options(each, call))
            handlers.append(each.fields["handler"])
        else:
            handlers.append(each)
    passed[:0] = [_passed(each, call) for each in handlers[:-1]]
    if verb == "all" and "*" in path and isinstance(handlers[-1] if handlers else None, Function):
        # A handler for everything below a path mostly lets requests through.
        _entries(owner).append(_passed(handlers[-1], call, path.partition("*")[0].rstrip("/")))
    _entries(owner).append(Route(shown, path, handlers, call.frame.evidence(call.node), passed))


def _flat(given: list[Value]) -> list[Value]:
    return [item for each in given for item in (each.items if isinstance(each, Listing) else [each])]


def _entries(owner: object) -> list[Route | Mount | Passed]:
    entries = owner.facts["entries"] if isinstance(owner, Resource) else []
    return entries if isinstance(entries, list) else []


def _passed(value: Value, call: Call, prefix: str = "") -> Passed:
    """Return what a route or an application is given to run before handlers, under the name that the source gives it."""
    names = [_called(node) for given, node in zip(call.arguments, call.nodes, strict=False) if given is value]
    return Passed(value, names[0] if names else "", call.frame.evidence(call.node)[:1], prefix)


def _called(node: Node) -> str:
    """Return the name of a middleware, of the function that makes it, or of the one that a wrapper is put around."""
    node = plain(node)
    while node.type == "call_expression" and (called := node.child_by_field_name("function")) is not None:
        given = arguments(node)
        wraps = len(given) == 1 and given[0].type in {"identifier", "member_expression"} and _WRAPPER.search(label(plain(called)))
        node = plain(given[0] if wraps else called)
        chained = node.child_by_field_name("object") if node.type == "member_expression" else None
        if chained is not None and chained.type == "call_expression":
            node = chained
    return "" if text(node) == "require" else label(node)


def _of_options(options: Record, call: Call) -> list[Passed]:
    """Return what the options of a route of Fastify put before its handler."""
    found = [_passed(each, call) for name in HOOKS for each in _flat([field_of(options, name)]) if name in options.fields]
    if isinstance(schema := field_of(options, "schema"), Record):
        found.append(Passed(schema, "schema", call.frame.evidence(call.node)[:1]))
    if not is_open(field_of(field_of(options, "config"), "rateLimit")):
        found.append(Passed(Foreign("@fastify/rate-limit"), "rateLimit", call.frame.evidence(call.node)[:1]))
    return found


def _described(owner: Resource, options: Record, call: Call) -> None:
    """Add a route that an object describes, as Fastify and Hapi take them."""
    verbs = field_of(options, "method")
    listed = [word(each) for each in verbs.items] if isinstance(verbs, Listing) else [word(verbs)]
    for verb in listed:
        for path in path_of(field_of(options, "url", "path")):
            if verb.lower() in VERBS | {"*"}:
                _add(owner, "all" if verb == "*" else verb.lower(), path, [options], call)


def _use(owner: Resource, call: Call) -> Value:
    first = call.argument(0)
    prefixes = (
        path_of(first)
        if isinstance(first, Constant | Listing) or (not isinstance(first, Function | Resource) and len(call.arguments) > 1)
        else []
    )
    entries = _entries(owner)
    for each in _flat(call.arguments[1:] if prefixes else call.arguments):
        if isinstance(each, Resource):
            if each.kind == "app" and each is not owner:
                each.facts["mounted"] = True
                entries.extend(Mount(prefix, each) for prefix in prefixes or [""])
        elif not isinstance(each, Constant) and not handles_errors(each):
            entries.extend(_passed(each, call, prefix) for prefix in prefixes or [""])
    return owner


def handles_errors(value: Value) -> bool:
    """Tell whether a middleware is one for errors: it takes (error, request, response, next)."""
    listed = value.node.child_by_field_name("parameters") if isinstance(value, Function) else None
    return listed is not None and len([each for each in listed.named_children if each.type != "comment"]) >= _FOUR


def _hook(owner: Resource, call: Call) -> Value:
    """Put a hook of Fastify before the routes of its application, wherever it stands."""
    if word(call.argument(0)) in HOOKS and len(call.arguments) > 1:
        _entries(owner).insert(0, _passed(call.argument(1), call))
    return owner


def _register(owner: Resource, call: Call) -> Value:
    """Run a plugin of Fastify with an application of its own below its prefix; one in `fastify-plugin` shares that of its parent."""
    plugin = call.argument(0)
    shares = isinstance(plugin, Made) and plugin.maker.package == "fastify-plugin"
    if isinstance(plugin, Made) and shares and plugin.arguments:
        plugin = plugin.arguments[0]
    if isinstance(plugin, Function):
        child = owner
        if not shares:
            child = application(call, family="fastify")
            child.facts |= {"mounted": True, "parent": owner}
            _entries(owner).append(Mount(word(field_of(call.argument(1), "prefix")), child))
        call.run(plugin, child, call.argument(1), UNKNOWN)
    elif isinstance(plugin, Foreign):
        _entries(owner).insert(0, _passed(plugin, call))
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

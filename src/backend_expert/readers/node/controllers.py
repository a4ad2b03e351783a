"""Handlers that decorators declare: controllers, resolvers, message patterns, subscriptions, jobs and schedules of NestJS."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec import Struct
from tree_sitter import Node

from backend_expert.readers.node import classes, routing
from backend_expert.readers.node.connections import Connection
from backend_expert.readers.node.libraries import amqp, nest, servers
from backend_expert.readers.node.routing import Passed, joined_path
from backend_expert.readers.node.syntax import text
from backend_expert.readers.node.unit import Consumer, Unit
from backend_expert.readers.node.values import (
    UNKNOWN,
    Blueprint,
    Foreign,
    Function,
    Input,
    Instance,
    Listing,
    Made,
    Record,
    Resource,
    Value,
    is_open,
    member,
    number,
    word,
)

_VERBS = {
    "Get": "GET",
    "Post": "POST",
    "Put": "PUT",
    "Patch": "PATCH",
    "Delete": "DELETE",
    "Head": "HEAD",
    "Options": "OPTIONS",
    "QueryMethod": "QUERY",
    "All": "ALL",
    "Sse": "GET",
}
_GRAPHQL = {"Query": "Query", "Mutation": "Mutation", "Subscription": "Subscription"}
_PLAIN = ("@nestjs/", "class-", "@golevelup/", "typeorm", "nestjs-swagger", "rxjs")
"""Packages whose decorators set no marks of the application."""

_SCHEDULES = frozenset({"Cron", "Interval", "Timeout"})


class Declared(Struct, frozen=True):
    """A handler with its trigger: `kind` and `name` as the model has them, the status it answers with.

    `passed` is what a request passes before it, `None` for what no request starts; `metadata` are the marks that guards may look at.
    """

    kind: str
    name: str
    handler: Function
    given: tuple[Value, ...] = ()
    status: int = 200
    passed: tuple[Passed, ...] | None = None
    metadata: Record | None = None


def declared(unit: Unit) -> Iterator[Declared]:
    """Yield the handlers of all controllers and resolvers of a program, in order of their files."""
    below = _placed(unit)
    for blueprint in unit.container.blueprints():
        decorations = unit.container.decorations(blueprint.node, blueprint.frame)
        names = {(made.maker.package, made.maker.name) for made in decorations}
        if not any(package.startswith(("@nestjs/", "nestjs-", "@golevelup/")) for package, _ in names):
            continue
        controller = next((made for made in decorations if made.maker == Foreign("@nestjs/common", ("Controller",))), None)
        passed = (*unit.container.passed, *_global(unit), *_guards(decorations, blueprint, blueprint.node))
        for owner in classes.lineage(blueprint):
            for each in classes.members(owner):
                if each.type == "method_definition":
                    yield from _method(unit, blueprint, text(each.child_by_field_name("name")), owner, controller, passed, below)


def _method(
    unit: Unit,
    blueprint: Blueprint,
    name: str,
    owner: Blueprint,
    controller: Made | None,
    passed: tuple[Passed, ...],
    below: dict[int, str],
) -> Iterator[Declared]:
    node = classes.method_node(owner, name)
    if node is None:
        return
    decorations = unit.container.decorations(node, owner.frame)
    if not decorations:
        return
    single = unit.container.single(blueprint)
    handler = classes.method(single, name) if isinstance(single, Instance) else None
    if handler is None or handler.node.id != node.id:
        return
    status = next(
        (int(found) for made in decorations if made.maker.name == "HttpCode" and (found := number(_first(made))) is not None), None
    )
    passed = (*passed, *_guards(decorations, owner, node))
    marks = _metadata([*unit.container.decorations(blueprint.node, blueprint.frame), *decorations])
    for made in decorations:
        package, kind = made.maker.package, made.maker.name
        if package == "@nestjs/common" and kind in _VERBS and controller is not None:
            usual = 201 if kind == "Post" else 200
            for path, inside in _paths(unit, controller, made, decorations, below.get(blueprint.node.id, "")):
                bound = routing.bound_to(unit.container.bound, _VERBS[kind], inside, blueprint)
                name = f"{_VERBS[kind]} {path}"
                yield Declared("http", name, handler, _inputs(handler), status or usual, (*bound, *passed), marks)
        elif package == "@nestjs/graphql" and kind in _GRAPHQL:
            field = word(_first(made)) or word(member(_last(made), "name")) or name
            yield Declared("graphql", f"{_GRAPHQL[kind]} {field}", handler, _inputs(handler), 200, passed, marks)
        elif package == "@nestjs/microservices" and kind == "GrpcMethod":
            service = word(_first(made)) or blueprint.name
            called = word(made.arguments[1]) if len(made.arguments) > 1 else name[:1].upper() + name[1:]
            yield Declared("rpc", f"{service}/{called}", handler, _inputs(handler), 200, passed, marks)
        elif package == "@nestjs/microservices" and kind == "MessagePattern":
            yield Declared("rpc", nest.pattern_of(_first(made)), handler, _inputs(handler), 200, passed, marks)
        elif package == "@nestjs/schedule" and kind in _SCHEDULES:
            yield Declared("schedule", f"{name} of {blueprint.name}", handler, (), 200)
        else:
            _consumes(unit, blueprint, made, handler)


def _consumes(unit: Unit, blueprint: Blueprint, made: Made, handler: Function) -> None:
    """Keep a handler that a decorator subscribes to messages."""
    package, kind = made.maker.package, made.maker.name
    evidence = (handler.frame.place(handler.node),)
    if package == "@nestjs/microservices" and kind == "EventPattern":
        pattern = nest.pattern_of(_first(made))
        for transport in unit.container.transports or ():
            known = transport.facts.get("connection")
            queue = str(transport.facts.get("queue") or "")
            target = unit.channel_target(
                known if isinstance(known, Connection) else Connection(""),
                channel=pattern,
                exchange=f"queue:{queue}" if queue else "",
                evidence=evidence,
            )
            consumer = Consumer(target, pattern, handler, evidence)
            consumer.after = True
            consumer.group = queue
            unit.consumers.append(consumer)
    elif package == "@golevelup/nestjs-rabbitmq" and kind in {"RabbitSubscribe", "RabbitRPC"}:
        queue, exchange, patterns = amqp.subscription(_first(made))
        queue = queue or f"queue of {evidence[0]}"
        for pattern in patterns:
            unit.bind(queue, exchange, pattern, evidence)
        target = unit.channel_target(unit.connection("amqp"), channel=queue, evidence=evidence)
        consumer = Consumer(target, queue, handler, evidence)
        consumer.after = True
        unit.consumers.append(consumer)
    elif package == "@nestjs/bull" and kind == "Process":
        _job(unit, blueprint, handler, made)


def jobs(unit: Unit) -> None:
    """Keep the workers of BullMQ: classes with a queue in their decorator and a method that processes its jobs."""
    for blueprint in unit.container.blueprints():
        for made in unit.container.decorations(blueprint.node, blueprint.frame):
            if made.maker.package == "@nestjs/bullmq" and made.maker.name == "Processor":
                owner = unit.container.single(blueprint)
                handler = classes.method(owner, "process") if isinstance(owner, Instance) else None
                if handler is not None:
                    _job(unit, blueprint, handler, made)


def _job(unit: Unit, blueprint: Blueprint, handler: Function, made: Made) -> None:
    processor = next(
        (each for each in unit.container.decorations(blueprint.node, blueprint.frame) if each.maker.name == "Processor"), made
    )
    first = _first(processor)
    name = word(first) or word(member(first, "name")) or "default"
    evidence = (handler.frame.place(handler.node),)
    target = unit.channel_target(unit.connection("redis"), channel=name, evidence=evidence)
    consumer = Consumer(target, name, handler, evidence)
    consumer.after = True
    options = made.arguments[1] if len(made.arguments) > 1 else first
    consumer.concurrency = number(member(options, "concurrency")) or 1.0
    if not any(each.handler.node.id == handler.node.id for each in unit.consumers):
        unit.consumers.append(consumer)


def _paths(unit: Unit, controller: Made, made: Made, decorations: list[Made], below: str) -> Iterator[tuple[str, str]]:
    """Yield the whole paths of a handler (prefix, version, module, controller, method), each with what stands behind the version."""
    first = _first(controller)
    options = first if isinstance(first, Record) else Record({})
    roots = servers.path_of(member(options, "path") if isinstance(first, Record) else first) or [""]
    versions: list[str] = []
    # A program whose start was not seen is taken to turn on what its controllers state.
    if unit.container.versioned or not unit.container.applications:
        own = next((_first(each) for each in decorations if each.maker.name == "Version"), None)
        given = own if own is not None else member(options, "version")
        listed = given.items if isinstance(given, Listing) else [given]
        neutral = any(_is_neutral(each) for each in listed)
        versions = [f"{unit.container.version_prefix}{word(each)}" for each in listed if word(each) and not _is_neutral(each)]
        if not versions and not neutral and is_open(given) and unit.container.default_version:
            versions = [f"{unit.container.version_prefix}{unit.container.default_version}"]
    for root in roots:
        for path in servers.path_of(_first(made)) or [""]:
            inside = joined_path(joined_path(below, root), path)
            prefix = "" if any(inside == joined_path("", each) for each in unit.container.unprefixed) else unit.container.prefix
            for version in versions or [""]:
                yield joined_path(joined_path(prefix, version), inside), inside


def _is_neutral(version: Value) -> bool:
    return word(version) == "VERSION_NEUTRAL" or (isinstance(version, Foreign) and version.name == "VERSION_NEUTRAL")


def _placed(unit: Unit) -> dict[int, str]:
    """Return the path that RouterModule puts before a controller, by its class."""
    found: dict[int, str] = {}
    modules = {}
    for blueprint in unit.container.blueprints():
        for made in unit.container.decorations(blueprint.node, blueprint.frame):
            if made.maker == Foreign("@nestjs/common", ("Module",)) and isinstance(_first(made), Record):
                modules[blueprint.node.id] = _first(made)

    def place(routes: Value, prefix: str, depth: int) -> None:
        for route in routes.items if isinstance(routes, Listing) and depth < 8 else ():
            path = posixpath.join(prefix, word(member(route, "path")).strip("/"))
            module = member(route, "module") if isinstance(route, Record) else route
            definition = modules.get(module.node.id) if isinstance(module, Blueprint) else None
            controllers = member(definition, "controllers")
            for each in controllers.items if isinstance(controllers, Listing) else ():
                if isinstance(each, Blueprint):
                    found[each.node.id] = path
            place(member(route, "children"), path, depth + 1)

    for definition in modules.values():
        imports = member(definition, "imports")
        for each in imports.items if isinstance(imports, Listing) else ():
            if isinstance(each, Made) and each.maker.path == ("RouterModule", "register"):
                place(_first(each), "", 0)
    return found


def _inputs(handler: Function) -> tuple[Value, ...]:
    """Return what a handler is given: everything comes with the request, except the reply of the platform."""
    listed = handler.node.child_by_field_name("parameters")
    given: list[Value] = []
    for each in listed.named_children if listed is not None else ():
        if each.type == "comment":
            continue
        decorated = [text(child) for child in each.named_children if child.type == "decorator"]
        reply = any(child.startswith(("@Res(", "@Response(")) for child in decorated)
        given.append(Resource("response", {"status": 200}) if reply else Input(text(each.child_by_field_name("pattern"))))
    return tuple(given)


def _guards(decorations: list[Made], owner: Blueprint, node: Node) -> Iterator[Passed]:
    """Yield the guards and checking pipes that decorators of a class or method name."""
    for made in decorations:
        if made.maker.name in {"UseGuards", "UsePipes"}:
            for each in made.arguments:
                yield Passed(each, "", (owner.frame.place(node),))


def _global(unit: Unit) -> Iterator[Passed]:
    """Yield the guards of every handler that modules provide."""
    for provider in unit.container.guarding():
        used = member(provider, "useClass", "useExisting", "useValue")
        place = (used.frame.place(used.node),) if isinstance(used, Blueprint) else ()
        if not is_open(used):
            yield Passed(used, "", place)
        elif isinstance(factory := member(provider, "useFactory"), Function):
            yield Passed(unit.container.made_by(factory, member(provider, "inject")), "", (factory.frame.place(factory.node),))


def _metadata(decorations: list[Made]) -> Record:
    """Return the marks that decorators set; not complete where one of them is of a library that may set any."""
    fields = {
        word(_first(made)): made.arguments[1]
        for made in decorations
        if made.maker.name == "SetMetadata" and len(made.arguments) > 1
    }
    return Record(fields, all(made.maker.package.startswith(_PLAIN) for made in decorations))


def _first(made: Made) -> Value:
    return made.arguments[0] if made.arguments else UNKNOWN


def _last(made: Made) -> Value:
    return made.arguments[-1] if made.arguments else UNKNOWN

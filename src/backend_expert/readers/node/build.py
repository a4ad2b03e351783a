"""Run a program on paper and write down what it is: its handlers as operations, and whom their steps are for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from msgspec import structs

from backend_expert.model import Certainty, Estimate, Evidence, Guard, Operation, Trigger
from backend_expert.readers.code import Code, Handler, Table
from backend_expert.readers.node import (
    calls,
    classes,
    controllers,
    expressions,
    finish,
    guards,
    names,
    routing,
    schemas,
    strategies,
)
from backend_expert.readers.node.drafts import Draft, Kind, inner, leaves
from backend_expert.readers.node.entities import Entity, entity_of
from backend_expert.readers.node.frames import READER
from backend_expert.readers.node.libraries import servers
from backend_expert.readers.node.modules import Module
from backend_expert.readers.node.project import Project
from backend_expert.readers.node.routing import Passed
from backend_expert.readers.node.syntax import FUNCTIONS, children, text
from backend_expert.readers.node.unit import Consumer, Unit
from backend_expert.readers.node.values import Blueprint, Constant, Function, Input, Instance, Resource, Value

_SERVES = re.compile(
    r"(?:from|require\s*\(|import)\s*[\"'](?:express|express-promise-router|fastify|fastify-plugin|koa-router|@koa/router|hono|restify"
    r"|@nestjs/(?:common|microservices|graphql|schedule|bullmq?)|amqplib|kafkajs|bullmq?)[\"']"
)
"""A file that may register something by itself."""

_APPLICATION = re.compile(r"(app|application|router|server|fastify|api|route)\b")
"""What a parameter is called that takes an application."""

_EXPORTS = re.compile(r"(module\.)?exports\b")

_READ = re.compile(r"process\.env(?:\.|\[[\"'`])(\w+)|\.get(?:OrThrow)?\s*(?:<[^()]*>)?\(\s*[\"']([A-Z][A-Z0-9_]+)[\"']")
"""How a variable of the environment is read: from the process, or by name from a service of settings."""


def code_of(project: Project, directory: str, entries: tuple[str, ...]) -> Code | None:
    """Return what the sources of one program tell; nothing when none of its files can be read."""
    unit = Unit(project, directory, entries)
    modules = [module for path in entries if (module := unit.module(path)) is not None]
    if not modules:
        return None
    for module in modules:
        unit.run(module)
    for module in modules:
        _registered(unit, module)
    _rest(unit)
    _hooks(unit)
    controllers.jobs(unit)
    declared = list(controllers.declared(unit))
    unit.starting = False
    handlers = [*_routes(unit), *(_declared(unit, each) for each in declared)]
    taken = [_consumer(unit, each) for each in list(unit.consumers)]
    package = project.packages.get(directory) or project.package(entries[0])
    return Code(
        directory=directory,
        language="node",
        name=package.name.rpartition("/")[2] if package is not None and package.directory == directory else "",
        technology=_technology(unit),
        handlers=tuple(_distinct([*handlers, *taken])),
        targets=tuple(unit.targets.values()),
        queues=tuple(unit.queues[name] for name in sorted(unit.queues)),
        exchanges=tuple(unit.exchanges[name] for name in sorted(unit.exchanges)),
        bindings=tuple(unit.bindings),
        tables=(*_tables(unit), *schemas.prisma_tables(project, directory)),
        ports=tuple(dict.fromkeys(unit.ports)),
        reads=tuple(_reads(unit)),
        complete=unit.complete,
        evidence=(Evidence(entries[0], 1, "node"),),
    )


def _rest(unit: Unit) -> None:
    """Run the modules of the program that no import leads to: frameworks load routes and jobs by the names of their files."""
    inside = f"{unit.directory}/" if unit.directory != "." else ""
    for path in unit.project.paths:
        if path in unit.modules or not path.startswith(inside) or unit.project.home(path) != unit.directory:
            continue
        content = unit.project.content(path)
        if content is not None and _SERVES.search(content):
            module = unit.module(path)
            if module is not None:
                unit.run(module)
                _registered(unit, module)


def _registered(unit: Unit, module: Module) -> None:
    """Give the one application, or one of its own, to the functions of it that a module exports and nothing calls."""
    for function in _exported(module):
        roots = [app for app in unit.apps if not app.facts.get("mounted") and app.facts["whole"]]
        listed = function.node.child_by_field_name("parameters")
        first = text(next(children(listed), None)) if listed is not None else ""
        if function.node.id in unit.called or len(roots) > 1 or not _APPLICATION.match(first):
            continue
        app = roots[0] if roots else servers.application(calls.Call(function.node, module.frame, []))
        calls.inline(function, [app], module.frame, function.node)


def _exported(module: Module) -> Iterator[Function]:
    """Yield the functions that a module exports, those first that stand in the source and are replaced later."""
    found = [
        expressions.evaluate(right, module.frame)
        for statement in module.source.statements
        for assignment in children(statement)
        if assignment.type == "assignment_expression"
        and _EXPORTS.match(text(assignment.child_by_field_name("left")))
        and (right := assignment.child_by_field_name("right")) is not None
        and right.type in FUNCTIONS
    ]
    found.append(module.exported if module.exported is not None else names.export(module, "default"))
    found.extend(names.export(module, name) for name in sorted(module.source.exports))
    seen = set()
    for each in found:
        if isinstance(each, Function) and each.node.id not in seen:
            seen.add(each.node.id)
            yield each


def _reads(unit: Unit) -> Iterator[tuple[str, Evidence]]:
    """Yield the variables of the environment that the loaded modules name, each with its first place."""
    found: dict[str, Evidence] = {}
    for path in sorted(unit.modules):
        module = unit.modules[path]
        content = text(module.source.root) if module is not None else ""
        for match in _READ.finditer(content):
            name = match[1] or match[2]
            if name not in found:
                found[name] = Evidence(path, content.count("\n", 0, match.start()) + 1, READER)
    yield from sorted(found.items())


def _hooks(unit: Unit) -> None:
    """Run what a framework runs when it starts: the hooks of every class that a container holds."""
    for blueprint in unit.container.blueprints():
        if not unit.container.decorations(blueprint.node, blueprint.frame):
            continue
        made = unit.container.single(blueprint)
        if not isinstance(made, Instance):
            continue
        for name in ("onModuleInit", "onApplicationBootstrap", "configure"):
            function = classes.method(made, name)
            if function is not None:
                unit.enter(function, [])


def _technology(unit: Unit) -> str:
    if unit.container.applications:
        return "nestjs"
    families = {str(app.facts.get("family")) for app in unit.apps}
    return "fastify" if "fastify" in families else "express" if "express" in families else "node"


def _distinct(handlers: list[Handler]) -> Iterator[Handler]:
    """Yield each trigger once: of two routes with one path the first answers, and two consumers of one queue are one."""
    seen: set[tuple[str, str, str]] = set()
    for each in handlers:
        identity = (each.trigger.kind, each.trigger.name, each.target)
        if identity not in seen:
            seen.add(identity)
            yield each


def _routes(unit: Unit) -> Iterator[Handler]:
    roots = [app for app in unit.apps if not app.facts.get("mounted")]
    for app in roots:
        for reached in routing.flattened(app):
            functions = [each for each in reached.route.handlers if isinstance(each, Function)]
            before = [each.value for each in reached.passed if isinstance(each.value, Function)]
            drafts: list[Draft] = []
            for function in before:
                drafts.extend(_ahead(unit, function, partial(_entered, unit, app)) or ())
            places = list(reached.route.evidence[:1])
            for function in functions:
                if function is functions[-1]:
                    drafts.extend(_entered(unit, app, function))
                places.append(function.frame.place(function.node))
            trigger = Trigger(kind="http", name=f"{reached.route.method} {reached.path}")
            known = None if not app.facts["whole"] else (*guards.guards_of(reached.passed), *_own(functions))
            yield _handler(trigger, drafts, 200, tuple(places), known)
    for service, implementation, evidence in unit.procedures:
        for name, procedure in implementation.fields.items():
            if isinstance(procedure, Function):
                drafts, _ = unit.enter(procedure, [Input("call"), Resource("response", {"status": 200})])
                place = procedure.frame.place(procedure.node)
                yield _handler(Trigger(kind="rpc", name=f"{service}/{name}"), drafts, 200, (*evidence[:1], place))
    for function, evidence_of in unit.raw:
        drafts, _ = unit.enter(function, [Input("request"), Resource("response", {"status": 200})])
        yield _handler(Trigger(kind="http", name=""), drafts, 200, evidence_of[:1])


def _own(functions: list[Function]) -> tuple[Guard, ...]:
    return guards.within(functions[-1]) if functions else ()


def _passing(drafts: list[Draft]) -> list[Draft]:
    """Return the steps of a middleware without its answers."""
    kept = [
        structs.replace(draft, blocks=[_passing(block) for block in draft.blocks])
        for draft in drafts
        if draft.kind is not Kind.REPLY
    ]
    return [draft for draft in kept if not draft.blocks or leaves([draft])]


def _entered(unit: Unit, app: Resource, function: Function) -> list[Draft]:
    if app.facts.get("family") == "koa":
        given: list[Value] = [Resource("context", {"status": 200})]
    elif servers.handles_errors(function):
        return []
    else:
        given = [Input("request"), Resource("response", {"status": 200}), Input("next")]
    drafts, _ = unit.enter(function, given)
    return drafts


def _declared(unit: Unit, each: controllers.Declared) -> Handler:
    drafts: list[Draft] = []
    active: list[Passed] = []
    unit.metadata = each.metadata
    for passed in each.passed or ():
        function = _activation(unit, passed.value)
        entered = _ahead(unit, function, partial(_asked, unit)) if function is not None else []
        if entered is not None:
            drafts.extend(entered)
            for validate in strategies.validating(unit, passed.value):
                drafts.extend(_ahead(unit, validate, partial(_asked, unit)) or ())
            active.append(passed)
    unit.metadata = None
    handled, _ = unit.enter(each.handler, list(each.given))
    drafts.extend(handled)
    evidence = (each.handler.frame.place(each.handler.node),)
    trigger = Trigger(kind=each.kind, name=each.name)  # type: ignore[arg-type]
    known = None if each.passed is None else (*guards.guards_of(active), *guards.within(each.handler))
    return _handler(trigger, drafts, None if each.kind == "schedule" else each.status, evidence, known)


def _ahead(unit: Unit, function: Function, entered: Callable[[Function], list[Draft] | None]) -> list[Draft] | None:
    """Return the steps of what stands before a handler, worked out once for all handlers with the same marks.

    It either lets the request through or answers it with an error, so its answers are left out. Nothing means that it is switched off.
    """
    marks = unit.metadata
    place = function.node.id, id(function.frame), id(function.this)
    shown = repr(sorted(marks.fields.items())) if marks is not None else ""
    for key in ((*place, ""), (*place, shown)):
        if key in unit.before:
            return unit.before[key]
    unit.marks_read = False
    found = entered(function)
    key = (*place, shown if unit.marks_read else "")
    unit.before[key] = _passing(found) if found is not None else None
    return unit.before[key]


def _asked(unit: Unit, guard: Function) -> list[Draft] | None:
    """Return the steps of a guard; nothing when the marks of the handler switch it off."""
    drafts, frame = unit.enter(guard, [Input("context")])
    return None if frame.cut_short and frame.returns == [Constant(True)] else drafts


def _activation(unit: Unit, guard: Value) -> Function | None:
    """Return the function of a guard or middleware that decides."""
    blueprint = guard.blueprint if isinstance(guard, Instance) else guard
    owner = unit.container.single(blueprint) if isinstance(blueprint, Blueprint) else None
    if not isinstance(owner, Instance):
        return guard if isinstance(guard, Function) else None
    return classes.method(owner, "canActivate") or classes.method(owner, "use")


def _consumer(unit: Unit, consumer: Consumer) -> Handler:
    message = Input("message")
    drafts, _ = unit.enter(consumer.handler, [message])
    queue = unit.queues.get(consumer.name)
    acknowledge = "auto" if consumer.automatic else "after" if consumer.after else _acknowledged(drafts)
    deliveries = queue.maximum_deliveries if queue is not None else None
    trigger = Trigger(
        kind="message",
        name=consumer.name,
        group=consumer.group or consumer.name,
        concurrency=Estimate(consumer.concurrency, certainty=Certainty.RECOVERED, evidence=consumer.evidence[:1])
        if consumer.concurrency
        else None,
        acknowledge=acknowledge,  # type: ignore[arg-type]
        maximum_deliveries=deliveries,
        dead_letter=queue.dead_letter if queue is not None else None,
    )
    handler = _handler(trigger, _one_ack(drafts), None, (*consumer.evidence, consumer.handler.frame.place(consumer.handler.node)))
    return structs.replace(handler, target=consumer.target)


def _acknowledged(drafts: list[Draft]) -> str | None:
    """Tell whether a message is acknowledged before or after what it causes."""
    for draft in inner(drafts):
        if draft.kind is Kind.ACK:
            return "before" if leaves(_after(drafts, draft)) and not leaves(_before(drafts, draft)) else "after"
    return None


def _before(drafts: list[Draft], ack: Draft) -> list[Draft]:
    flat = list(inner(drafts))
    return [structs.replace(each, blocks=[]) for each in flat[: next(place for place, each in enumerate(flat) if each is ack)]]


def _after(drafts: list[Draft], ack: Draft) -> list[Draft]:
    flat = list(inner(drafts))
    return [structs.replace(each, blocks=[]) for each in flat[next(place for place, each in enumerate(flat) if each is ack) + 1 :]]


def _one_ack(drafts: list[Draft]) -> list[Draft]:
    """Return the drafts with the first acknowledgement only: the others stand on other paths."""
    seen: list[Draft] = []

    def kept(block: list[Draft]) -> list[Draft]:
        result = []
        for draft in block:
            if draft.kind is Kind.ACK:
                if seen:
                    continue
                seen.append(draft)
            result.append(structs.replace(draft, blocks=[kept(each) for each in draft.blocks]))
        return result

    return kept(drafts)


def _handler(
    trigger: Trigger,
    drafts: list[Draft],
    status: int | None,
    evidence: tuple[Evidence, ...],
    passed: tuple[Guard, ...] | None = None,
) -> Handler:
    steps = finish.program(drafts, status)
    operation = Operation(
        name=trigger.name,
        component="",
        trigger=trigger,
        steps=steps,
        guards=passed,
        certainty=Certainty.RECOVERED,
        evidence=tuple(dict.fromkeys(evidence)),
    )
    return Handler(operation=operation)


def _tables(unit: Unit) -> Iterator[Table]:
    """Yield the tables that entities declare."""
    for blueprint in unit.container.blueprints():
        if not any(made.maker.name == "Entity" for made in unit.container.decorations(blueprint.node, blueprint.frame)):
            continue
        entity = entity_of(blueprint, unit)
        if isinstance(entity, Entity) and entity.columns:
            yield Table(name=entity.table, columns=entity.columns, indexes=entity.indexes, evidence=entity.evidence)

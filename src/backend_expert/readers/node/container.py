"""What the container of NestJS holds for an application: providers, the one object of each class, what `main` sets for all handlers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.readers.node import calls, classes, expressions, injection, libraries
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.modules import CLASSES
from backend_expert.readers.node.routing import Bound, Passed
from backend_expert.readers.node.syntax import child_of, children, decorators, text
from backend_expert.readers.node.values import (
    UNKNOWN,
    Blueprint,
    Foreign,
    Function,
    Instance,
    Listing,
    Made,
    Record,
    Resource,
    Unknown,
    Value,
    is_open,
    member,
    word,
)

if TYPE_CHECKING:
    from backend_expert.readers.node.unit import Unit


_GUARDING = (Foreign("@nestjs/core", ("APP_GUARD",)), Foreign("@nestjs/core", ("APP_PIPE",)))


class Container:
    """Everything that NestJS would make and inject, worked out when it is asked for."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.applications: list[Resource] = []
        self.transports: list[Resource] = []
        self.clients: dict[str, Resource] = {}
        self.http_options: list[Record] = []
        self.settings: dict[str, Value] = {}
        self.prefix = ""
        self.unprefixed: tuple[str, ...] = ()
        self.versioned = False
        self.version_prefix = "v"
        self.default_version = ""
        self.passed: list[Passed] = []
        self.bound: list[Bound] = []
        self._singles: dict[int, Value] = {}
        self._complete = False
        self._app_guards: list[Record] = []
        self._tokens: dict[str, Value | None] = {}
        self._decorations: dict[int, list[Made]] = {}
        self._providers: dict[str, Record] | None = None
        self._blueprints: list[Blueprint] | None = None
        self._implementations: dict[str, list[Blueprint]] | None = None

    def application(self, app: Resource) -> None:
        """Keep an application of NestJS; what its modules register is there before the lines behind its creation run."""
        self.applications.append(app)
        for path in sorted(self.unit.modules):
            module = self.unit.modules[path]
            for node in module.source.declarations.values() if module is not None else ():
                if module is not None and node.type in CLASSES:
                    self.decorations(node, module.frame)

    def listen(self, transport: Resource) -> None:
        """Keep a transport that the application takes messages from."""
        self.transports.append(transport)

    def http_defaults(self) -> Record:
        """Return the options of HttpModule: those of its one registration, none where it is only imported, else unknown."""
        if not self.http_options:
            return Record({})
        return self.http_options[0] if len(self.http_options) == 1 else Record({}, complete=False)

    def blueprints(self) -> list[Blueprint]:
        """Return the classes at the top level of the modules that were loaded, in order of their files."""
        if self._blueprints is None:
            self._blueprints = [
                Blueprint(node, module.frame, name)
                for path in sorted(self.unit.modules)
                if (module := self.unit.modules[path]) is not None
                for name, node in module.source.declarations.items()
                if node.type in CLASSES
            ]
        return self._blueprints

    def decorations(self, node: Node, frame: Frame) -> list[Made]:
        """Return the decorators of a node as calls of libraries, those that own decorators combine one by one."""
        if node.id not in self._decorations:
            self._decorations[node.id] = []
            before, self.unit.starting = self.unit.starting, True
            try:
                found: list[Made] = []
                for each in decorators(node):
                    given = next(children(each), None)
                    value = expressions.evaluate(given, frame)
                    found.extend(_flat(value) if not isinstance(value, Unknown) else _named(given, frame))
                self._decorations[node.id] = found
            finally:
                self.unit.starting = before
        return self._decorations[node.id]

    def single(self, blueprint: Blueprint) -> Value:
        """Return the one object that a container makes of a class."""
        if blueprint.node.id not in self._singles:
            made = Instance(blueprint)
            self._singles[blueprint.node.id] = made
            special = libraries.extended(made, blueprint.frame)
            if special is not None:
                made.fields["*"] = special
            classes.construct(made)
        return self._singles[blueprint.node.id]

    def provided(self, kind: Blueprint) -> Value:
        """Return what a container gives for a class: what a module says to use, the one class below an abstract one, or itself."""
        found = self.by_token(injection.key_of(kind))
        if found is not None:
            return found
        if kind.node.type == "abstract_class_declaration":
            below = [
                each
                for each in self.blueprints()
                if each.node.id != kind.node.id and kind.node.id in [up.node.id for up in classes.lineage(each)]
            ]
            concrete = [each for each in below if each.node.type != "abstract_class_declaration"]
            if len(concrete) == 1:
                return self.single(concrete[0])
        return self.single(kind)

    def by_token(self, key: str) -> Value | None:
        """Return what the modules provide for a token; nothing where no module names it."""
        if key not in self._tokens:
            self._provided()
            self._tokens[key] = None  # what a factory asks for while it makes the very thing
            found = self._by_token(key)
            if not self._complete:
                del self._tokens[key]
                return found
            self._tokens[key] = found
        return self._tokens[key]

    def _by_token(self, key: str) -> Value | None:
        provider = self._provided().get(key)
        if provider is None:
            return self.clients.get(key.removeprefix("text ")) if key.startswith("text ") else self.clients.get(key)
        used = member(provider, "useClass", "useExisting")
        if isinstance(used, Blueprint):
            return self.single(used)
        if not is_open(value := member(provider, "useValue")):
            return value
        factory = member(provider, "useFactory")
        if isinstance(factory, Function):
            return self.made_by(factory, member(provider, "inject"))
        return None

    def made_by(self, factory: Value, injected: Value) -> Value:
        """Return what a factory makes of what a container injects into it."""
        if not isinstance(factory, Function):
            return UNKNOWN
        given = [self._injected(each) for each in injected.items] if isinstance(injected, Listing) else []
        return calls.inline(factory, given, factory.frame, factory.node)

    def namespace(self, token: Resource) -> Value:
        """Return the settings of a namespace that `registerAs` made."""
        factory = token.facts.get("factory")
        return self.made_by(factory, UNKNOWN) if isinstance(factory, Function) else UNKNOWN

    def _injected(self, token: Value) -> Value:
        if isinstance(token, Blueprint):
            return self.provided(token)
        if isinstance(token, Resource):
            return self.namespace(token)
        if isinstance(token, Foreign):
            from backend_expert.readers.node import libraries

            return libraries.of_type(token, (), self._some_frame(), self._some_frame().module.source.root) or UNKNOWN
        return self.by_token(injection.key_of(token)) or UNKNOWN

    def _some_frame(self) -> Frame:
        return next(module.frame for module in self.unit.modules.values() if module is not None)

    def _provided(self) -> dict[str, Record]:
        if self._providers is None:
            self._providers = {}
            for blueprint in self.blueprints():
                for made in self.decorations(blueprint.node, blueprint.frame):
                    if made.maker.name in {"Module", "Global"} and made.arguments and isinstance(made.arguments[0], Record):
                        for provider in injection.providers(made.arguments[0]):
                            if provider.fields["provide"] in _GUARDING:
                                self._app_guards.append(provider)
                            self._providers.setdefault(injection.key_of(provider.fields["provide"]), provider)
            self._complete = True
        return self._providers

    def guarding(self) -> list[Record]:
        """Return the providers of guards that hold for the whole application, in order."""
        self._provided()
        return self._app_guards

    def implementation(self, interface: str) -> Blueprint | None:
        """Return the one class that says it implements an interface; nothing when there are none or several."""
        if self._implementations is None:
            self._implementations = {}
            for blueprint in self.blueprints():
                heritage = child_of(blueprint.node, "class_heritage")
                clause = child_of(heritage, "implements_clause") if heritage is not None else None
                for each in children(clause) if clause is not None else ():
                    name = text(each.child_by_field_name("name") or each) if each.type == "generic_type" else text(each)
                    self._implementations.setdefault(name, []).append(blueprint)
        found = self._implementations.get(interface, [])
        return found[0] if len(found) == 1 else None

    def client_of(self, options: Record, node: Node) -> Value | None:
        """Return the client that `@Client({...})` describes."""
        from backend_expert.readers.node.libraries import nest

        return nest.transport(options, calls.Call(node, self._some_frame(), []))

    def handlers_of(self, message: Blueprint) -> Iterator[Function]:
        """Yield the handlers of a command, query or event of @nestjs/cqrs."""
        for blueprint in self.blueprints():
            for made in self.decorations(blueprint.node, blueprint.frame):
                if made.maker.package != "@nestjs/cqrs" or made.maker.name not in {
                    "CommandHandler",
                    "QueryHandler",
                    "EventsHandler",
                }:
                    continue
                if any(isinstance(each, Blueprint) and each.node.id == message.node.id for each in made.arguments):
                    owner = self.single(blueprint)
                    name = "handle" if made.maker.name == "EventsHandler" else "execute"
                    found = classes.method(owner, name) if isinstance(owner, Instance) else None
                    if found is not None:
                        yield found

    def listeners(self, event: str) -> Iterator[Function]:
        """Yield the methods that listen to an event of an emitter."""
        for blueprint in self.blueprints() if event else ():
            for each in classes.members(blueprint):
                if each.type != "method_definition":
                    continue
                for made in self.decorations(each, blueprint.frame):
                    if made.maker.name == "OnEvent" and made.arguments and word(made.arguments[0]) == event:
                        owner = self.single(blueprint)
                        found = (
                            classes.method(owner, text(each.child_by_field_name("name"))) if isinstance(owner, Instance) else None
                        )
                        if found is not None:
                            yield found


def _named(node: Node | None, frame: Frame) -> Iterator[Made]:
    """Yield a decorator that nothing in the sources or imports explains, under the name that it has."""
    called = node.child_by_field_name("function") if node is not None and node.type == "call_expression" else node
    if node is not None and called is not None and called.type == "identifier":
        yield Made(Foreign("", (text(called),)), calls.arguments_of(node, frame) if node is not called else [], node)


def _flat(value: Value) -> Iterator[Made]:
    if isinstance(value, Foreign):
        yield Made(value, [])
    elif isinstance(value, Made):
        if value.maker.name == "applyDecorators":
            for each in value.arguments:
                yield from _flat(each)
        else:
            yield value
    elif isinstance(value, Listing):
        for each in value.items:
            yield from _flat(each)

"""What the packages of NestJS put into constructors: settings, clients of other services, the application itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.readers.code import Piece
from backend_expert.readers.node.connections import Connection, connection
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.libraries import grpc, kafka, servers
from backend_expert.readers.node.libraries.amqp import _channel_name as channel_name
from backend_expert.readers.node.routing import Passed
from backend_expert.readers.node.values import (
    UNKNOWN,
    Blueprint,
    Constant,
    Foreign,
    Function,
    Listing,
    Record,
    Resource,
    Unknown,
    Value,
    Variable,
    is_open,
    literal,
    pieces,
    truth,
    word,
)
from backend_expert.readers.node.values import member as field_of

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"@nestjs/core", "@nestjs/config", "@nestjs/microservices", "@nestjs/common", "@nestjs/axios"})
KINDS = frozenset({"nest.app", "nest.config", "nest.client", "nest.grpc", "nest.microservice", "nest.namespace"})

TRANSPORTS = {"TCP": "tcp", "REDIS": "redis", "NATS": "nats", "MQTT": "mqtt", "GRPC": "grpc", "RMQ": "amqp", "KAFKA": "kafka"}


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the application that NestFactory makes, and keep what modules register."""
    unit = call.frame.unit
    match callee.path:
        case ("NestFactory", "create"):
            app = Resource("nest.app", {"root": call.argument(0)}, call.frame.evidence(call.node))
            unit.container.application(app)
            return app
        case ("NestFactory", "createMicroservice"):
            app = Resource("nest.microservice", {"root": call.argument(0)}, call.frame.evidence(call.node))
            unit.container.application(app)
            _listen(transport(call.argument(1), call), call)
            return app
        case ("NestFactory", "createApplicationContext"):
            app = Resource("nest.app", {"root": call.argument(0)}, call.frame.evidence(call.node))
            unit.container.application(app)
            return app
        case ("HttpModule", "register"):
            options = call.argument(0)
            unit.container.http_options.append(options if isinstance(options, Record) else Record({}, complete=False))
        case ("HttpModule", "registerAsync"):
            unit.container.http_options.append(Record({}, complete=False))
        case ("ConfigModule", "forRoot"):
            loaded = field_of(call.argument(0), "load")
            for each in loaded.items if isinstance(loaded, Listing) else ():
                _load(each, call)
        case ("registerAs",):
            return Resource("nest.namespace", {"name": word(call.argument(0)), "factory": call.argument(1)})
        case ("ClientsModule", "register"):
            given = call.argument(0)
            listed = given if isinstance(given, Listing) else field_of(given, "clients")
            for each in listed.items if isinstance(listed, Listing) else ():
                unit.container.clients[literal(field_of(each, "name")) or str(field_of(each, "name"))] = transport(each, call)
        case ("ClientsModule", "registerAsync"):
            given = call.argument(0)
            listed = given if isinstance(given, Listing) else field_of(given, "clients")
            for each in listed.items if isinstance(listed, Listing) else ():
                made = unit.container.made_by(field_of(each, "useFactory"), field_of(each, "inject"))
                unit.container.clients[literal(field_of(each, "name")) or str(field_of(each, "name"))] = transport(made, call)
        case ("ClientProxyFactory", "create"):
            return transport(call.argument(0), call)
        case _:
            return None
    return None


def _load(loaded: Value, call: Call) -> None:
    unit = call.frame.unit
    if isinstance(loaded, Resource):
        unit.container.settings[str(loaded.facts.get("name"))] = unit.container.namespace(loaded)
    elif isinstance(loaded, Function):
        made = call.run(loaded)
        if isinstance(made, Record):
            unit.container.settings.update(made.fields)


def _listen(server: Resource, call: Call) -> None:
    """Keep a transport that the application takes messages from, and the port it listens on."""
    unit = call.frame.unit
    unit.container.listen(server)
    made = server.facts.get("connection")
    if isinstance(made, Connection) and server.facts.get("transport") in {"tcp", "grpc"}:
        # The address of gRPC is `0.0.0.0:50051`: what stands behind the host is the port.
        behind = tuple(Piece(piece.text.rpartition(":")[2]) if ":" in piece.text else piece for piece in made.address)
        unit.ports.append(made.port or behind[-1:])


def transport(options: Value, call: Call) -> Resource:
    """Return the client or server that the options of a microservice describe."""
    kind = field_of(options, "transport")
    name = TRANSPORTS.get(kind.name, "") if isinstance(kind, Foreign) else ""
    inner = field_of(options, "options")
    evidence = call.frame.evidence(call.node)
    if name == "amqp":
        made = connection("amqp", field_of(inner, "urls"), evidence)
    elif name == "kafka":
        made = kafka.connection_of(field_of(inner, "client"), call)
    elif name == "nats":
        made = connection("nats", field_of(inner, "servers", "url"), evidence)
    else:
        made = connection(name or "tcp", inner, evidence)
        if name == "grpc":
            made.address = pieces(field_of(inner, "url")) if not is_open(field_of(inner, "url")) else ()
    call.frame.unit.connected(made)
    queue = channel_name(field_of(inner, "queue"))
    if name == "amqp" and truth(field_of(inner, "noAssert")) is not True:
        # NestJS asserts the queue on both sides, durable unless told otherwise (ClientRMQ, ServerRMQ).
        durable = truth(field_of(field_of(inner, "queueOptions"), "durable"))
        call.frame.unit.declare_queue(queue, durable is not False, None, None, evidence)
    return Resource("nest.client", {"connection": made, "transport": name, "queue": queue}, evidence)


def of_type(kind: Foreign, _: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the settings or the client that a parameter of such a type is."""
    if kind.package == "@nestjs/config" and kind.name == "ConfigService":
        return Resource("nest.config", {}, frame.evidence(node))
    if kind.package == "@nestjs/microservices" and kind.name in {
        "ClientProxy",
        "ClientKafka",
        "ClientRMQ",
        "ClientGrpc",
        "ClientRedis",
        "ClientNats",
    }:
        return Resource("nest.client", {"connection": Connection(""), "transport": "", "queue": ""}, frame.evidence(node))
    return None


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of the application, the settings or a client gives back."""
    match owner.kind:
        case "nest.config":
            return _setting(name, call)
        case "nest.namespace":
            return call.frame.unit.container.namespace(owner) if name == "" else None
        case "nest.client":
            return _of_client(owner, name, call)
        case "nest.grpc":
            return grpc.send(owner, name, call)
        case _:
            return _of_application(name, call)


def member(owner: Resource, name: str, _: Frame) -> Value:
    """Return a field; the key of a namespace of settings stands for it."""
    return owner if owner.kind == "nest.namespace" and name == "KEY" else Unknown(name)


def _of_application(name: str, call: Call) -> Value | None:
    unit = call.frame.unit
    match name:
        case "setGlobalPrefix":
            unit.container.prefix = next(iter(servers.path_of(call.argument(0))), "")
            excluded = field_of(call.argument(1), "exclude")
            unit.container.unprefixed = (
                tuple(word(each) or word(field_of(each, "path")) for each in excluded.items)
                if isinstance(excluded, Listing)
                else ()
            )
        case "enableVersioning":
            options = call.argument(0)
            kind = field_of(options, "type")
            unit.container.versioned = is_open(options) or not isinstance(kind, Foreign) or kind.name == "URI"
            prefix = field_of(options, "prefix")
            unit.container.version_prefix = (
                literal(prefix) if isinstance(prefix, Constant) and isinstance(prefix.value, str) else "v"
            )
            unit.container.default_version = channel_name(field_of(options, "defaultVersion"))
        case "connectMicroservice":
            _listen(transport(call.argument(0), call), call)
        case "listen":
            if call.arguments:
                unit.ports.append(pieces(call.argument(0)))
        case "useGlobalGuards" | "useGlobalPipes":
            unit.container.passed.extend(Passed(each, "", call.frame.evidence(call.node)[:1]) for each in call.arguments)
        case "get" | "select" | "resolve":
            first = call.argument(0)
            if isinstance(first, Blueprint):
                return unit.container.single(first)
            return Resource("nest.config", {}) if isinstance(first, Foreign) and first.name == "ConfigService" else UNKNOWN
        case "use":
            unit.container.passed.extend(
                Passed(each, "", call.frame.evidence(call.node)[:1])
                for each in call.arguments
                if not isinstance(each, Constant) and not servers.handles_errors(each)
            )
        case _:
            pass
    return UNKNOWN


def _setting(name: str, call: Call) -> Value | None:
    """Return what a key of the settings stands for: a variable, or what a loaded file says, or the default."""
    if name not in {"get", "getOrThrow"}:
        return UNKNOWN
    key = word(call.argument(0))
    fallback = call.argument(1)
    if not key:
        return UNKNOWN
    current: Value = Record(dict(call.frame.unit.container.settings), complete=False)
    for part in key.split("."):
        current = field_of(current, part)
    if not is_open(current):
        return current
    if key.replace("_", "").isupper() or (key.replace("_", "").isalnum() and key.upper() == key):
        return Variable(key, fallback if not is_open(fallback) and not isinstance(fallback, Record) else None)
    return fallback if isinstance(fallback, Constant) else Unknown(key)


def _of_client(owner: Resource, name: str, call: Call) -> Value | None:
    if name in {"getService", "getClientByServiceName"}:
        return Resource("nest.grpc", {**owner.facts, "service": channel_name(call.argument(0))}, owner.evidence)
    if name not in {"emit", "send"}:
        return UNKNOWN if name in {"connect", "close", "subscribeToResponseOf"} else None
    known = owner.facts.get("connection")
    made = known if isinstance(known, Connection) else Connection("")
    pattern = pattern_of(call.argument(0))
    transport_name = str(owner.facts.get("transport") or made.protocol)
    unit = call.frame.unit
    evidence = call.frame.evidence(call.node)
    if transport_name in {"amqp", "kafka", "nats", "redis", "mqtt"} and name == "emit":
        queue = str(owner.facts.get("queue") or "")
        target = unit.channel_target(made, channel=pattern, exchange=f"queue:{queue}" if queue else "", evidence=evidence)
        return call.emit(Draft(Kind.PUBLISH, target=target, immediate=True))  # it sends without a subscriber
    if transport_name in {"amqp", "kafka", "nats", "redis", "mqtt"}:
        queue = str(owner.facts.get("queue") or "")
        target = unit.message_call(made, pattern, queue, evidence)
        return call.emit(Draft(Kind.CALL, target=target))
    target = unit.target(
        protocol="tcp", address=made.address, port=made.port, method="", path=pieces(Constant(pattern)), evidence=evidence
    )
    return call.emit(Draft(Kind.CALL, target=target))


def pattern_of(value: Value) -> str:
    """Return the name of a message pattern; an object is written as its pairs, in the order of their names."""
    if isinstance(value, Record):
        found = sorted((key, literal(each)) for key, each in value.fields.items())
        if len(found) == 1:
            return found[0][1]
        return ", ".join(f"{key}: {each}" for key, each in found)
    return channel_name(value)

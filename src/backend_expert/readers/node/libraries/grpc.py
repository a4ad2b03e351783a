"""gRPC without a framework: servers that add services, clients that are made of a service and an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_expert.model import Mechanism
from backend_expert.readers.node.connections import Connection
from backend_expert.readers.node.drafts import Draft, Kind, Protection
from backend_expert.readers.node.syntax import text
from backend_expert.readers.node.values import (
    NOTHING,
    UNKNOWN,
    Constant,
    Foreign,
    Made,
    Record,
    Resource,
    Unknown,
    Value,
    is_open,
    pieces,
)

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"@grpc/grpc-js", "grpc"})
KINDS = frozenset({"grpc.server", "grpc.client"})


def construct(maker: Foreign, _: Call) -> Value | None:
    """Return the server that `new grpc.Server()` makes."""
    return Resource("grpc.server") if maker.name == "Server" else None


def client(call: Call) -> Value | None:
    """Return the client that `new proto.Orders(address, credentials)` makes: what is given second comes from gRPC."""
    second = call.argument(1)
    maker = second.maker if isinstance(second, Made) else second
    if not isinstance(maker, Foreign) or maker.package not in PACKAGES:
        return None
    name = text(call.node.child_by_field_name("constructor")).rpartition(".")[2]
    address = call.argument(0)
    made = Connection("grpc", pieces(address) if not is_open(address) else (), evidence=call.frame.evidence(call.node))
    return Resource("grpc.client", {"connection": made, "service": name}, made.evidence)


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of a server or client gives back."""
    if owner.kind == "grpc.server":
        if name == "addService" and call.nodes:
            service = text(call.nodes[0]).removesuffix(".service").rpartition(".")[2]
            implementation = call.argument(1)
            if isinstance(implementation, Record):
                call.frame.unit.procedures.append((service, implementation, call.frame.evidence(call.node)))
        return UNKNOWN
    if name in {"close", "waitForReady", "getChannel"}:
        return UNKNOWN
    return send(owner, name, call)


def send(owner: Resource, name: str, call: Call) -> Value:
    """Add a call of a procedure; the callback runs when the answer is there."""
    known = owner.facts.get("connection")
    made = known if isinstance(known, Connection) else Connection("grpc")
    service = str(owner.facts.get("service") or "")
    target = call.frame.unit.target(
        protocol="grpc",
        address=made.address,
        port=made.port,
        path=pieces(Constant(f"{service}/{name}")),
        evidence=call.frame.evidence(call.node),
    )
    found = Protection(evidence=(call.frame.place(call.node),))
    options = [each for each in call.arguments if isinstance(each, Record) and "deadline" in each.fields]
    if not options and len(call.arguments) <= 1:
        found.absent.update({Mechanism.TIMEOUT, Mechanism.DEADLINE})
    outcome = call.emit(Draft(Kind.CALL, target=target, protection=found))
    if call.callback is not None:
        call.run(call.callback, NOTHING, outcome)
    return outcome


def member(_: Resource, name: str, __: Frame) -> Value:
    """Return a field of a client; none of them matters."""
    return Unknown(name)

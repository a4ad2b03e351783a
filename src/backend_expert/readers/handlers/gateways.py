"""What a proxy answers: for each of its locations, the routes of the component behind it under the paths that clients see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from backend_expert.model import (
    UNKNOWN_POLICY,
    Call,
    Certainty,
    Component,
    Kind,
    Operation,
    Reply,
    Trigger,
    Work,
    walk,
)
from backend_expert.readers.addresses import filled, peers
from backend_expert.readers.directory import Directory
from backend_expert.readers.fragment import Address

PASSES = frozenset({"proxy_pass"})


def passed_on(
    addresses: Iterable[Address],
    components: Mapping[str, Component],
    served: Mapping[str, list[Operation]],
    assumed: Mapping[str, Operation],
) -> Iterator[Operation]:
    """Yield one operation for each route that a proxy passes on to a component whose routes code tells.

    The longest location wins, as in nginx. What rewrites a path in any other way is not followed: such routes stay assumed.
    """
    directory = Directory(components)
    found: dict[str, tuple[int, Operation]] = {}
    for address in addresses:
        owner = components.get(address.owner)
        if owner is None or owner.kind is not Kind.GATEWAY or address.key not in PASSES:
            continue
        settings = {setting.name: setting.value for setting in owner.settings}
        text = filled(address.text, settings.get)
        rest = text.partition("://")[2]
        slash = rest.find("/")
        inside = rest[slash:] if slash >= 0 else ""
        if "$" in inside.replace("$request_uri", ""):
            continue
        for peer in peers(address.key, text):
            for target in directory.find(peer, address.key, owner, settings):
                pattern = _policy_of(owner.name, target.name, assumed)
                for operation in served.get(target.name, ()):
                    path = public(address.path or "/", inside.replace("$request_uri", ""), operation)
                    if path is None:
                        continue
                    verb = operation.trigger.name.partition(" ")[0]
                    made = _operation(owner, f"{verb} {path}", operation, address, pattern)
                    before = found.get(made.name)
                    if before is None or before[0] < len(address.path):
                        found[made.name] = (len(address.path), made)
    for name in sorted(found):
        yield found[name][1]


def public(location: str, inside: str, operation: Operation) -> str | None:
    """Return the path under which clients reach a route; nothing where the location does not lead to it."""
    if operation.trigger.kind != "http" or not operation.trigger.name:
        return None
    route = operation.trigger.name.partition(" ")[2]
    prefix = inside or location
    plain = prefix.rstrip("/")
    if not (route == plain or route.startswith(prefix if prefix.endswith("/") else f"{prefix}/") or plain == ""):
        return None
    joined = location + route[len(prefix) :] if inside else route
    return re.sub(r"/{2,}", "/", joined).rstrip("/") or "/"


def _policy_of(owner: str, target: str, assumed: Mapping[str, Operation]) -> Call | None:
    """Return the call from the proxy to the component that deployment files alone gave: it knows timeouts and protocol."""
    for operation in assumed.values():
        if operation.component == owner:
            for step in walk(operation.steps):
                if isinstance(step, Call) and step.operation in assumed and assumed[step.operation].component == target:
                    return step
    return None


def _operation(owner: Component, trigger: str, behind: Operation, address: Address, known: Call | None) -> Operation:
    reply = next((step for step in walk(behind.steps) if isinstance(step, Reply)), Reply(certainty=Certainty.RECOVERED))
    call = Call(
        operation=behind.name,
        protocol=known.protocol if known is not None else "http",
        certainty=known.certainty if known is not None else Certainty.DECLARED,
        evidence=address.evidence,
        policy=known.policy if known is not None else UNKNOWN_POLICY,
    )
    return Operation(
        name=f"{owner.name} {trigger}",
        component=owner.name,
        trigger=Trigger(kind="http", name=trigger),
        steps=(Work(certainty=Certainty.ASSUMED), call, Reply(status=reply.status, certainty=Certainty.RECOVERED)),
        certainty=Certainty.RECOVERED,
        evidence=address.evidence[:1],
    )

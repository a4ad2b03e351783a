"""Which operations somebody outside can ask for, and what stands in front of them."""

from __future__ import annotations

from functools import lru_cache

from msgspec import structs

from backend_expert.model import Call, GuardKind, Kind, Operation, System, call_sites, entries

ASKED_BY_PEOPLE = frozenset({"http", "rpc", "graphql"})


@lru_cache(maxsize=16)
def exposed(system: System) -> frozenset[str]:
    """Return the components that answer requests from outside: those of the entries, and those that a gateway passes requests to."""
    doors = {operation.component for operation in entries(structs.replace(system, workloads=()))}
    gateways = {component.name for component in system.components if component.kind is Kind.GATEWAY}
    behind = {site.callee for site in call_sites(system) if site.caller in gateways and isinstance(site.step, Call)}
    return frozenset(doors | gateways | behind)


@lru_cache(maxsize=16)
def checked_at_the_gateway(system: System) -> frozenset[str]:
    """Return the components of which every caller that is a gateway is known to authenticate."""
    checks = {
        operation.component
        for operation in system.operations
        if any(guard.kind is GuardKind.AUTHENTICATION for guard in operation.guards or ())
    }
    gateways = {component.name for component in system.components if component.kind is Kind.GATEWAY}
    callers: dict[str, set[str]] = {}
    for site in call_sites(system):
        if site.caller in gateways:
            callers.setdefault(site.callee, set()).add(site.caller)
    return frozenset(name for name, above in callers.items() if above <= checks)


def lacks(operation: Operation, kind: GuardKind) -> bool:
    """Tell whether a guard of a kind was looked for and none is there; one whose kind is not known may be it."""
    return operation.guards is not None and not any(guard.kind in {kind, None} for guard in operation.guards)


def has(operation: Operation, kind: GuardKind) -> bool:
    """Tell whether a guard of a kind stands in front of an operation."""
    return any(guard.kind is kind for guard in operation.guards or ())


def path_words(operation: Operation) -> frozenset[str]:
    """Return the words of an operation's route, in lower case."""
    text = "".join(letter if letter.isalnum() else " " for letter in operation.trigger.name or operation.name)
    return frozenset(text.lower().split())

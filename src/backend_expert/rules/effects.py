"""What a step leaves behind, and which steps can happen in one run of an operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from backend_expert.model import (
    Action,
    Branch,
    CacheGet,
    CachePut,
    Call,
    CallSite,
    Compensate,
    Evidence,
    Kind,
    Lock,
    Operation,
    Parallel,
    Publish,
    Query,
    Repeat,
    Step,
    System,
    Transaction,
    policy_of,
    walk,
)

Choice = tuple[tuple[int, int], ...]
"""The sides of the branches that lead to a step: which branch, which side."""


def in_order(steps: tuple[Step, ...], choice: Choice = ()) -> Iterator[tuple[Step, Choice]]:
    """Yield every step in the order of the program, outer before inner, with the sides of the branches that lead to it."""
    for step in steps:
        yield step, choice
        match step:
            case Transaction() | Lock() | Repeat():
                yield from in_order(step.steps, choice)
            case Parallel():
                for branch in step.branches:
                    yield from in_order(branch, choice)
            case Branch():
                yield from in_order(step.then, (*choice, (id(step), 0)))
                yield from in_order(step.otherwise, (*choice, (id(step), 1)))
            case Compensate():
                yield from in_order(step.steps, (*choice, (id(step), 0)))
                yield from in_order(step.undo, (*choice, (id(step), 1)))
            case CacheGet():
                yield from in_order(step.on_miss, choice)
            case _:
                pass


def together(one: Choice, other: Choice) -> bool:
    """Tell whether two steps can both happen in one run: they do not stand on different sides of one branch."""
    sides = dict(one)
    return all(sides.get(branch, side) == side for branch, side in other)


def best_effort(operation: Operation) -> frozenset[int]:
    """Return the ids of the steps that nobody waits for on purpose: the code marks them so or handles their failure apart."""
    marked = (step for step in walk(operation.steps) if isinstance(step, Parallel) and step.detached == "handled")
    return frozenset(id(inner) for step in marked for inner in walk((step,)))


def writes(step: Step) -> bool:
    """Tell whether a step changes what a store holds."""
    return isinstance(step, CachePut) or (isinstance(step, Query) and step.action is not Action.READ)


def leaves_effects(step: Step) -> bool:
    """Tell whether a step changes something outside its own process, or asks another component that may."""
    return writes(step) or isinstance(step, Call | Publish)


def places(step: Step) -> tuple[Evidence, ...]:
    """Return where a step stands."""
    return step.evidence[:1]


def common_places(steps: Iterable[Step]) -> tuple[Evidence, ...]:
    """Return where several steps of one program stand together, then where each one stands itself.

    A step's own line is often in a helper that knows nothing of the others; what has to change is the function that calls them all.
    """
    chains = [step.evidence for step in steps]
    users = Counter(file for chain in chains for file in {place.file for place in chain})
    most = max(users.values(), default=0)
    shared = [next((place for place in chain if users[place.file] == most), None) for chain in chains] if most > 1 else []
    own = [chain[0] for chain in chains if chain]
    return tuple(dict.fromkeys([*(place for place in shared if place is not None), *own]))


def by_cause(sites: Iterable[CallSite]) -> tuple[tuple[CallSite, ...], ...]:
    """Return call sites in groups, those to one peer together whose callers share the line that makes the call, else by caller."""
    groups: dict[tuple[str, str], list[CallSite]] = {}
    for site in sites:
        groups.setdefault((site.callee, site.caller), []).append(site)
    lines = {key: {site.step.evidence[0] for site in several if site.step.evidence} for key, several in groups.items()}
    merged: list[tuple[str, set[Evidence], list[CallSite]]] = []
    for (callee, caller), several in sorted(groups.items()):
        twin = next((each for each in merged if each[0] == callee and each[1] & lines[callee, caller]), None)
        if twin is None:
            merged.append((callee, set(lines[callee, caller]), list(several)))
        else:
            twin[1].update(lines[callee, caller])
            twin[2].extend(several)
    return tuple(tuple(several) for _, _, several in merged)


def places_apart(steps: Iterable[Step]) -> tuple[Evidence, ...]:
    """Return one place for each step: the innermost that no other of the steps has, for a line in a shared helper tells none apart."""
    chains = tuple(dict.fromkeys(step.evidence for step in steps if step.evidence))
    common = {place for place, number in Counter(place for chain in chains for place in set(chain)).items() if number > 1}
    return tuple(dict.fromkeys(next((place for place in chain if place not in common), chain[0]) for chain in chains))


METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def methods(operation: Operation) -> frozenset[str]:
    """Return the HTTP methods that an operation answers, as far as its trigger or its name says so."""
    return METHODS & frozenset(f"{operation.name} {operation.trigger.name}".split())


def policy_places(step: Step) -> tuple[Evidence, ...]:
    """Return where the protection of a step stands, or else the step itself."""
    return policy_of(step).evidence or step.evidence


def effects_behind(system: System, name: str) -> tuple[tuple[Operation, Step], ...]:
    """Return the writes, publishes and calls to external parties that one run of an operation can cause, its callees included."""
    operations = {operation.name: operation for operation in system.operations}
    kinds = {component.name: component.kind for component in system.components}
    found: list[tuple[Operation, Step]] = []
    waiting, seen = [name], {name}
    while waiting:
        operation = operations.get(waiting.pop(0))
        if operation is None:
            continue
        for step in walk(operation.steps):
            callee = operations.get(step.operation) if isinstance(step, Call) else None
            if callee is not None and kinds.get(callee.component) is Kind.EXTERNAL:
                found.append((operation, step))
            elif callee is not None and callee.name not in seen:
                seen.add(callee.name)
                waiting.append(callee.name)
            elif writes(step) or isinstance(step, Publish):
                found.append((operation, step))
    return tuple(found)

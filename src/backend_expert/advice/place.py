"""Find the places of a finding in a system, and change them there and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

from msgspec import structs

from backend_expert.advice.demand import chosen
from backend_expert.model import (
    CacheGet,
    CachePut,
    Call,
    CallSite,
    Component,
    Dataset,
    Deployment,
    Finding,
    Kind,
    Operation,
    Policy,
    Publish,
    Query,
    Step,
    System,
    Topic,
    call_sites,
    replace_component,
    rewrite_system,
)

RUN_IN_COPIES = frozenset({Kind.SERVICE, Kind.GATEWAY, Kind.WORKER})
"""The kinds of which a second instance is only more of the same: they keep no data for others."""

Remote = Call | Query | CacheGet | CachePut | Publish
Named = TypeVar("Named", bound=Component | Dataset | Operation | Topic)
NewPolicy = Callable[[CallSite], Policy]


def synchronous_sites(system: System, finding: Finding) -> tuple[CallSite, ...]:
    """Return the calls of a finding that somebody waits for: those of its links or, without links, those its components make."""
    links = set(finding.links)
    return tuple(
        site
        for site in call_sites(system)
        if site.synchronous and (site.link in links or (not links and site.caller in finding.components))
    )


def with_policies(system: System, sites: tuple[CallSite, ...], change: NewPolicy) -> System:
    """Return the system with the policy of the given call sites replaced; the very same object when that changes nothing."""
    wanted = {(site.operation, site.step): site for site in sites}

    def changed(operation: Operation, step: Step) -> Step:
        if not isinstance(step, Remote):
            return step
        # a cache look-up comes here with its misses already rewritten, so it is found by what identifies it
        site = wanted.get((operation.name, step)) or _same_look_up(wanted, operation, step)
        return step if site is None else structs.replace(step, policy=change(site))

    return _unless_equal(system, rewrite_system(system, changed))


def _same_look_up(wanted: dict[tuple[str, Remote], CallSite], operation: Operation, step: Remote) -> CallSite | None:
    if not isinstance(step, CacheGet):
        return None
    for (name, other), site in wanted.items():
        if name == operation.name and isinstance(other, CacheGet) and structs.replace(other, on_miss=step.on_miss) == step:
            return site
    return None


def with_deployment(system: System, name: str, change: Callable[[Deployment], Deployment]) -> System:
    """Return the system with the deployment of one component replaced; the very same object when that changes nothing."""
    component = component_of(system, name)
    if component is None or component.deployment is None:
        return system
    return _unless_equal(system, replace_component(system, structs.replace(component, deployment=change(component.deployment))))


def with_steps(system: System, change: Callable[[Operation, Step], Step | tuple[Step, ...]]) -> System:
    """Return the system with `change` applied to every step, inner before outer; the very same object when nothing changes."""
    return _unless_equal(system, rewrite_system(system, change))


def with_operations(system: System, names: Collection[str], change: Callable[[Operation], Operation]) -> System:
    """Return the system with some operations replaced; the very same object when nothing changes."""
    operations = tuple(change(each) if each.name in names else each for each in system.operations)
    return _unless_equal(system, structs.replace(system, operations=operations))


def with_dataset(system: System, name: str, change: Callable[[Dataset], Dataset]) -> System:
    """Return the system with one dataset replaced; the very same object when nothing changes."""
    datasets = tuple(change(each) if each.name == name else each for each in system.datasets)
    return _unless_equal(system, structs.replace(system, datasets=datasets))


def consumers(system: System, finding: Finding) -> tuple[Operation, ...]:
    """Return the operations that a component of a finding runs for the messages of a broker of the finding."""
    links = {(link.caller, link.callee) for link in finding.links}
    brokers = {topic.name: topic.broker for topic in system.topics}
    return tuple(
        operation
        for operation in system.operations
        if operation.trigger.kind == "message" and (operation.component, brokers.get(operation.trigger.name, "")) in links
    )


def component_of(system: System, name: str) -> Component | None:
    """Return the component of that name, or `None`."""
    return next((component for component in system.components if component.name == name), None)


def concerned(system: System, finding: Finding) -> Iterator[Component]:
    """Yield the components of a finding that are deployed by the files of the system, in the order of the finding."""
    for name in finding.components:
        component = component_of(system, name)
        if component is not None and component.deployment is not None:
            yield component


def replicas_of(component: Component | None) -> float:
    """Return how many instances of a component run; at least one."""
    known = component.deployment.replicas if component is not None and component.deployment is not None else None
    return max(1.0, known.value) if known is not None else 1.0


def in_copies(copies: float) -> Callable[[Deployment], Deployment]:
    """Return the change that runs so many instances; an autoscaler keeps at least as many, or it would take them away again."""

    def copied(deployment: Deployment) -> Deployment:
        scaling = deployment.autoscaling
        if scaling is not None:
            least = max(scaling.minimum, math.ceil(copies))
            scaling = structs.replace(scaling, minimum=least, maximum=max(scaling.maximum, least))
        return structs.replace(deployment, replicas=chosen(copies), autoscaling=scaling)

    return copied


def added(items: tuple[Named, ...], item: Named) -> tuple[Named, ...]:
    """Return the items with one more, in the order of names that the model keeps; an item of that name already there stays."""
    if any(each.name == item.name for each in items):
        return items
    return tuple(sorted((*items, item), key=lambda each: each.name))


def free_name(system: System, wanted: str) -> str:
    """Return `wanted`, or `wanted-2`, `wanted-3` … when components already bear it."""
    taken = {component.name for component in system.components}
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _unless_equal(before: System, after: System) -> System:
    return before if after == before else after

"""Workers, pools and processors that the stated traffic keeps busier than they are many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct, structs

from backend_expert.model import (
    CacheGet,
    CachePut,
    Call,
    Component,
    Deployment,
    Estimate,
    Finding,
    Link,
    Operation,
    Query,
    Severity,
    System,
    Text,
    Transaction,
    Work,
    call_sites,
    walk,
)
from backend_expert.model.demand import STATED, executions, rates_per_s
from backend_expert.rules.catalogue import rule
from backend_expert.rules.demand import block_ms, granted, instances, residence_ms, stated, step_ms
from backend_expert.rules.paths import place_of
from backend_expert.rules.wording import figure, listed


class Busy(Struct, frozen=True):
    """What keeps places busy: how often a second, and for how long each time."""

    operation: str
    rate_per_s: float
    held_ms: float

    @property
    def places(self) -> float:
        """Return the mean number of places held (Little 1961: L = λ W)."""
        return self.rate_per_s * self.held_ms / 1000


class Limit(Struct, frozen=True):
    """A number of places in each instance, and what holds them."""

    words: Text
    size: Estimate
    busy: tuple[Busy, ...]
    callee: str = ""

    @property
    def needed(self) -> float:
        """Return the mean number of places held in all instances together."""
        return sum(each.places for each in self.busy)


Mode = Literal["certain", "if"]


@rule(
    "pool-smaller-than-demand",
    code="BE-RES-012",
    family="resilience",
    severity=Severity.HIGH,
    en="Pool or workers smaller than the demand",
    pt="Pool ou workers menores que a demanda",
)
def pool_smaller_than_demand(system: System) -> Iterator[Finding]:
    """Yield each limit that the workloads exceed: for certain by the stated numbers, or else *if* the assumed ones hold."""
    certain = tuple(_overloaded(system, "certain"))
    yield from certain
    told = {finding.subject for finding in certain}
    yield from (finding for finding in _overloaded(granted(system), "if") if finding.subject not in told)


def _overloaded(system: System, mode: Mode) -> Iterator[Finding]:
    for component in system.components:
        deployment = component.deployment
        number = most_instances(component)
        if deployment is None or number is None:
            continue
        for limit in _limits(system, component, deployment):
            if limit.needed > limit.size.value * number:
                yield _finding(component, number, limit, mode)


def _limits(system: System, component: Component, deployment: Deployment) -> Iterator[Limit]:
    """Yield what bounds one instance of a component: workers, processors, pools."""
    name = component.name
    if deployment.workers is not None and stated(deployment.workers):
        yield Limit(Text("workers", "workers"), deployment.workers, _requests(system, name))
    if deployment.cpu_cores is not None and stated(deployment.cpu_cores):
        cores = deployment.cpu_cores
        if deployment.event_loop:
            cores = structs.replace(cores, value=min(1.0, cores.value))
        yield Limit(Text("processors", "processadores"), cores, _processors(system, name))
    for callee, size in pools(system, name).items():
        yield Limit(Text(f"connections to {callee}", f"conexões com {callee}"), size, _connections(system, name, callee), callee)


def most_instances(component: Component) -> int | None:
    """Return how many instances may run at most, or `None` when nobody stated it."""
    deployment = component.deployment
    if deployment is None:
        return None
    number = instances(deployment.replicas)
    if deployment.autoscaling is not None:
        return max(deployment.autoscaling.maximum, number or 1)
    return number


def pools(system: System, caller: str) -> dict[str, Estimate]:
    """Return the stated size of the pool that each instance of a component keeps to a callee; the smallest where they differ."""
    found: dict[str, Estimate] = {}
    for site in call_sites(system):
        pool = site.step.policy.pool
        if site.caller == caller and site.synchronous and pool is not None and stated(pool.size):
            before = found.get(site.callee)
            if before is None or pool.size.value < before.value:
                places = pool.size.evidence or site.step.policy.evidence or site.step.evidence
                found[site.callee] = Estimate(pool.size.value, pool.size.spread, pool.size.certainty, places)
    return dict(sorted(found.items()))


def _requests(system: System, name: str) -> tuple[Busy, ...]:
    rates, times = rates_per_s(system, counting=STATED), residence_ms(system)
    return tuple(Busy(each.name, rates[each.name], times[each.name]) for each in system.operations if each.component == name)


def _processors(system: System, name: str) -> tuple[Busy, ...]:
    rates = rates_per_s(system, counting=STATED)
    return tuple(
        Busy(
            each.name,
            rates[each.name],
            sum(times * stated(step.cpu_ms) for step, times in executions(each.steps, counting=STATED) if isinstance(step, Work)),
        )
        for each in system.operations
        if each.component == name
    )


def _connections(system: System, name: str, callee: str) -> tuple[Busy, ...]:
    rates = rates_per_s(system, counting=STATED)
    return tuple(
        Busy(each.name, rates[each.name], _held_ms(system, each, callee)) for each in system.operations if each.component == name
    )


def _held_ms(system: System, operation: Operation, callee: str) -> float:
    """Return how long one run holds connections to a callee, in ms: whole transactions, and single calls outside them."""
    targets = {id(site.step): site.callee for site in call_sites(system) if site.operation == operation.name}
    total = 0.0
    covered: set[int] = set()
    for step, times in executions(operation.steps, counting=STATED):
        if isinstance(step, Transaction) and step.store == callee:
            covered |= {id(inner) for inner in walk(step.steps)}
            total += times * block_ms(system, operation, step.steps)
        elif isinstance(step, Call | Query | CacheGet | CachePut) and id(step) not in covered and targets.get(id(step)) == callee:
            total += times * step_ms(system, step)
    return total


def _finding(component: Component, number: int, limit: Limit, mode: Mode) -> Finding:
    busy = [each for each in limit.busy if each.places]
    rate = sum(each.rate_per_s for each in busy)
    mean_ms = 1000 * limit.needed / rate
    there = limit.size.value * number
    most = there * 1000 / mean_ms
    operations = [each.operation for each in sorted(busy, key=lambda each: -each.places)]
    name, words, callee = component.name, limit.words, limit.callee
    premise = Text("", "")
    if mode == "if":
        premise = Text(" This holds if the assumed rates and times do.", " Isso vale se as taxas e os tempos supostos valerem.")
    en, pt = (
        {
            key: figure(value, language)
            for key, value in [("rate", rate), ("mean", mean_ms), ("needed", limit.needed), ("most", most)]
        }
        | {"number": figure(number, language), "size": figure(limit.size.value, language), "there": figure(there, language)}
        for language in ("en", "pt")
    )
    return Finding(
        rule="pool-smaller-than-demand",
        severity=Severity.HIGH if mode == "certain" else Severity.MEDIUM,
        subject=f"{name} → {callee} pool" if callee else f"{name} {words.en}",
        components=(name, callee) if callee else (name,),
        links=(Link(name, callee),) if callee else (),
        title=Text(
            f"`{name}` needs {en['needed']} {words.en} at {en['rate']}/s and has {en['there']}",
            f"`{name}` precisa de {pt['needed']} {words.pt} com {pt['rate']}/s e tem {pt['there']}",
        ),
        why=Text(
            f"Little's law: {en['rate']}/s × {en['mean']} ms = {en['needed']} {words.en} busy on average, without any queue, "
            f"against {en['number']} × {en['size']} = {en['there']}. Above {en['most']}/s the queue grows for as long as the "
            f"traffic lasts, whatever its length. They are held by {listed(operations, 'en', most=4)}.{premise.en}",
            f"Lei de Little: {pt['rate']}/s × {pt['mean']} ms = {pt['needed']} {words.pt} em uso na média, sem fila nenhuma, "
            f"contra {pt['number']} × {pt['size']} = {pt['there']}. Acima de {pt['most']}/s a fila cresce enquanto o tráfego "
            f"durar, qualquer que seja o tamanho dela. Quem ocupa é {listed(operations, 'pt', most=4)}.{premise.pt}",
        ),
        evidence=limit.size.evidence or place_of(component),
        confidence=0.95 if mode == "certain" else 0.5,
        asked=mode == "if",
    )

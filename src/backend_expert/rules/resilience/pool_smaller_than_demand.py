"""Workers, pools and processors that the stated traffic keeps busier than they are many."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import (
    CacheGet,
    CachePut,
    Call,
    Component,
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
from backend_expert.rules.catalogue import rule
from backend_expert.rules.demand import block_ms, executions, instances, rates_per_s, residence_ms, stated, step_ms
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


@rule(
    "pool-smaller-than-demand",
    code="BE-RES-012",
    family="resilience",
    severity=Severity.HIGH,
    en="Pool or workers smaller than the demand",
    pt="Pool ou workers menores que a demanda",
)
def pool_smaller_than_demand(system: System) -> Iterator[Finding]:
    """Yield each limit that the stated workloads, with stated times, need more of than there is."""
    for component in system.components:
        deployment = component.deployment
        number = None if deployment is None else most_instances(component)
        if deployment is None or number is None:
            continue
        if stated(deployment.workers):
            busy = _requests(system, component.name)
            yield from _finding(component, number, deployment.workers, busy, Text("workers", "workers"))
        if stated(deployment.cpu_cores):
            cores = deployment.cpu_cores
            if deployment.event_loop and cores is not None:
                cores = Estimate(min(1.0, cores.value), cores.spread, cores.certainty, cores.evidence)
            yield from _finding(component, number, cores, _processors(system, component.name), Text("processors", "processadores"))
        for callee, size in pools(system, component.name).items():
            busy = _connections(system, component.name, callee)
            words = Text(f"connections to {callee}", f"conexões com {callee}")
            yield from _finding(component, number, size, busy, words, callee)


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
    rates, times = rates_per_s(system), residence_ms(system)
    return tuple(Busy(each.name, rates[each.name], times[each.name]) for each in system.operations if each.component == name)


def _processors(system: System, name: str) -> tuple[Busy, ...]:
    rates = rates_per_s(system)
    return tuple(
        Busy(
            each.name,
            rates[each.name],
            sum(times * stated(step.cpu_ms) for step, times in executions(each.steps) if isinstance(step, Work)),
        )
        for each in system.operations
        if each.component == name
    )


def _connections(system: System, name: str, callee: str) -> tuple[Busy, ...]:
    rates = rates_per_s(system)
    return tuple(
        Busy(each.name, rates[each.name], _held_ms(system, each, callee)) for each in system.operations if each.component == name
    )


def _held_ms(system: System, operation: Operation, callee: str) -> float:
    """Return how long one run holds connections to a callee, in ms: whole transactions, and single calls outside them."""
    targets = {id(site.step): site.callee for site in call_sites(system) if site.operation == operation.name}
    total = 0.0
    covered: set[int] = set()
    for step, times in executions(operation.steps):
        if isinstance(step, Transaction) and step.store == callee:
            covered |= {id(inner) for inner in walk(step.steps)}
            total += times * block_ms(system, operation, step.steps)
        elif isinstance(step, Call | Query | CacheGet | CachePut) and id(step) not in covered and targets.get(id(step)) == callee:
            total += times * step_ms(system, step)
    return total


def _finding(
    component: Component, number: int, size: Estimate | None, busy: tuple[Busy, ...], words: Text, callee: str = ""
) -> Iterator[Finding]:
    needed = sum(each.places for each in busy)
    if size is None or needed <= size.value * number:
        return
    rate = sum(each.rate_per_s for each in busy if each.held_ms)
    mean_ms = 1000 * needed / rate
    there = size.value * number
    name = component.name
    operations = [each.operation for each in sorted(busy, key=lambda each: -each.places) if each.places]
    arithmetic_en = f"{figure(rate, 'en')}/s × {figure(mean_ms, 'en')} ms = {figure(needed, 'en')}"
    arithmetic_pt = f"{figure(rate, 'pt')}/s × {figure(mean_ms, 'pt')} ms = {figure(needed, 'pt')}"
    most = there * 1000 / mean_ms
    yield Finding(
        rule="pool-smaller-than-demand",
        severity=Severity.HIGH,
        subject=f"{name} → {callee} pool" if callee else f"{name} {words.en}",
        components=(name, callee) if callee else (name,),
        links=(Link(name, callee),) if callee else (),
        title=Text(
            f"`{name}` needs {figure(needed, 'en')} {words.en} at the stated traffic and has {figure(there, 'en')}",
            f"`{name}` precisa de {figure(needed, 'pt')} {words.pt} no tráfego declarado e tem {figure(there, 'pt')}",
        ),
        why=Text(
            f"Little's law: {arithmetic_en} {words.en} busy on average, without any queue, against {figure(number, 'en')} × "
            f"{figure(size.value, 'en')} = {figure(there, 'en')}. Above {figure(most, 'en')}/s the queue grows for as long as the "
            f"traffic lasts, whatever its length. It is held by {listed(operations, 'en', most=4)}.",
            f"Lei de Little: {arithmetic_pt} {words.pt} em uso na média, sem fila nenhuma, contra {figure(number, 'pt')} × "
            f"{figure(size.value, 'pt')} = {figure(there, 'pt')}. Acima de {figure(most, 'pt')}/s a fila cresce enquanto o "
            f"tráfego durar, qualquer que seja o tamanho dela. Quem ocupa é {listed(operations, 'pt', most=4)}.",
        ),
        evidence=size.evidence or place_of(component),
        confidence=0.95,
    )

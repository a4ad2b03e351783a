"""How much load a system holds, what breaks first, and how that moves as replicas grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial

import numpy as np
from msgspec import Struct, structs

from backend_expert.lab.load.experiment import Progress, replication_seed, run, simulate, spread
from backend_expert.lab.load.measure import outcome, pooled
from backend_expert.lab.load.outcome import Capacity, Load, Outcome, Scalability, Scaling
from backend_expert.lab.load.program import check_all, compile_program, entry_rates
from backend_expert.lab.load.scenario import ModelError, Scenario, constant
from backend_expert.model import Component, Kind, Objective, System, replace_component
from backend_expert.model.assume import complete

REQUESTS = 20_000
"""Requests of one trial: 200 of them are slower than the 99th percentile, which is then known within about 10 %."""

SHORTEST_S, LONGEST_S = 10.0, 600.0
REPLICATIONS = 2
PRECISION = 0.03
"""Relative width of the bracket at which the search stops."""

HIGHEST_FACTOR = 4096.0

IDLE = 0.02
"""Use of the busiest place below which nobody waits for another (M/M/1: 2 % of the service time). A promise that is broken there is not
broken by load, and less of it will not mend it; it would only leave too few requests to tell."""
SCALED = frozenset({Kind.SERVICE, Kind.GATEWAY, Kind.WORKER})


def capacity(
    system: System,
    objective: Objective | None = None,
    *,
    replicas: Sequence[int] = (1, 2, 4, 8),
    seed: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Capacity:
    """Search the highest load that holds the objective, and how it grows when every service has `replicas` times its instances.

    Without an `objective` those of the system count, all of them together. Loads are multiples of the base rates. Raises `ModelError`
    when the system cannot be simulated.
    """
    whole = complete(system)
    objectives = (objective,) if objective is not None else whole.objectives
    check_all(whole, Scenario(SHORTEST_S))
    base = base_rate(whole)
    wanted = sorted({1, *replicas})
    scalings = []
    limits = []
    tried: list[Load] = []
    for step, count in enumerate(wanted):
        search = _Search(multiplied(whole, count), objectives, seed, executor)
        limit = search.limit()
        limits.append(limit)
        tried = tried or list(search.loads.values())
        scalings.append(
            Scaling(
                replicas=count,
                factor=limit.factor,
                rate_per_s=limit.factor * base,
                bottleneck=limit.bottleneck,
                utilisation=limit.utilisation,
            )
        )
        if progress is not None:
            progress(step + 1, len(wanted))
    first = limits[0]
    broken = [load for load in tried if not load.held and load.factor > first.factor]
    return Capacity(
        objectives=objectives,
        factor=first.factor,
        rate_per_s=first.factor * base,
        bottleneck=first.bottleneck,
        utilisation=first.utilisation,
        first_to_break=min(broken, key=lambda load: load.factor).broken if broken else "",
        loads=tuple(sorted(tried, key=lambda load: load.factor)),
        scalings=tuple(scalings),
        scalability=fitted([scaling.replicas for scaling in scalings], [scaling.rate_per_s for scaling in scalings]),
        seed=seed,
    )


def base_rate(system: System) -> float:
    """Return the requests a second of all entries together, before any factor."""
    rate = sum(rate for _, rate in entry_rates(system, Scenario(1.0)))
    if rate <= 0:
        raise ModelError("No traffic: the rates of the workloads add up to 0, so no multiple of them is a load.")
    return rate


def multiplied(system: System, times: int) -> System:
    """Return the system with `times` as many instances of everything that keeps no data."""

    def more(component: Component) -> Component:
        deployment = component.deployment
        if component.kind not in SCALED or deployment is None or deployment.replicas is None:
            return component
        count = structs.replace(deployment.replicas, value=deployment.replicas.value * times)
        return structs.replace(component, deployment=structs.replace(deployment, replicas=count, autoscaling=None))

    for component in system.components:
        system = replace_component(system, more(component))
    return system


def broken_objective(result: Outcome, objectives: Sequence[Objective]) -> str:
    """Return which promise a run breaks, in a few words with its number; empty when all hold."""
    for objective in objectives:
        for entry in result.entries:
            if objective.operation not in {"", entry.operation}:
                continue
            if objective.success_ratio is not None and entry.success_ratio < objective.success_ratio:
                return f"success of {entry.operation} {entry.success_ratio:.3f} < {objective.success_ratio:g}"
            slow = entry.p99_ms if entry.p99_ms is not None else (math.inf if entry.offered else 0.0)
            if objective.latency_p99_ms is not None and slow > objective.latency_p99_ms:
                return f"p99 of {entry.operation} {slow:.0f} ms > {objective.latency_p99_ms:g} ms"
    return ""


class _Search(Struct):
    """The loads that were tried on one system."""

    system: System
    objectives: tuple[Objective, ...]
    seed: int
    executor: Executor | None
    loads: dict[float, Load] = {}

    def limit(self) -> Load:
        """Return the highest load that holds, found by doubling and then by halving the bracket; factor 0 when none does."""
        low, high = 0.0, math.inf
        factor = 1.0
        while high == math.inf and factor <= HIGHEST_FACTOR:
            if self.load(factor).held:
                low, factor = factor, factor * 2
            else:
                high = factor
        while low == 0.0 and high > 1.0 / HIGHEST_FACTOR and self.load(high).utilisation > IDLE:
            if self.load(high / 2).held:
                low = high / 2
            else:
                high /= 2
        while low > 0.0 and high < math.inf and high / low > 1 + PRECISION:
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self.load(middle).held else (low, middle)
        return self.load(low) if low > 0.0 else structs.replace(self.load(high), factor=0.0)

    def load(self, factor: float) -> Load:
        """Try one load."""
        if factor not in self.loads:
            self.loads[factor] = _tried(self.system, self.objectives, factor, self.seed, self.executor)
        return self.loads[factor]


def _tried(system: System, objectives: Sequence[Objective], factor: float, seed: int, executor: Executor | None) -> Load:
    rate = factor * base_rate(system)
    duration = min(max(REQUESTS / rate, SHORTEST_S), LONGEST_S)
    scenario = Scenario(duration, warmup_s=duration / 5, arrivals=constant(factor), slice_s=duration / 10)
    program = compile_program(system, scenario, checked=True)
    tallies = spread(
        partial(simulate, program), [(replication_seed(seed, at),) for at in range(REPLICATIONS)], executor, None, 0, REPLICATIONS
    )
    result = outcome(pooled(tallies), program, seed)
    broken = broken_objective(result, objectives)
    return Load(
        factor=factor,
        rate_per_s=rate,
        held=not broken,
        broken=broken,
        success_ratio=result.success_ratio,
        goodput_per_s=result.goodput_per_s,
        p50_ms=result.p50_ms,
        p99_ms=result.p99_ms,
        bottleneck=result.busiest[0],
        utilisation=result.busiest[1],
    )


def smallest(
    system: System,
    change: Callable[[System, int], System],
    scenario: Scenario,
    objective: Objective | None = None,
    *,
    highest: int = 64,
    seed: int = 1,
) -> int | None:
    """Return the smallest size, from 1 to `highest`, with which a system holds its objectives under a scenario; `None` if none does.

    `change` gives the system a size: replicas of a service, connections of a pool, places of a queue. The search doubles and then halves,
    so it supposes that a size which holds is not followed by one which does not.
    """
    objectives = (objective,) if objective is not None else complete(system).objectives

    def holds(size: int) -> bool:
        return not broken_objective(run(change(system, size), scenario, seed), objectives)

    low, high = 0, 1
    while not holds(high):
        if high >= highest:
            return None
        low, high = high, min(2 * high, highest)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def fitted(replicas: Sequence[int], rates: Sequence[float]) -> Scalability | None:
    """Fit the universal scalability law X(N) = λN / (1 + σ(N-1) + κN(N-1)) (Gunther, Guerrilla Capacity Planning, 2007).

    N/X is linear in N-1 and N(N-1) with coefficients that cannot be negative, so the best of the eight subsets of them that has none is
    the least-squares fit; each point counts by its relative error. Returns `None` with fewer than three points or without any load.
    """
    if len(replicas) < 3 or min(rates) <= 0:
        return None
    n, x = np.array(replicas, float), np.array(rates, float)
    columns = np.stack([np.ones_like(n), n - 1, n * (n - 1)], axis=1) * (x / n)[:, None]
    best, best_error = np.zeros(3), math.inf
    for chosen in ([0], [0, 1], [0, 2], [0, 1, 2]):
        solution = np.zeros(3)
        solution[chosen] = np.linalg.lstsq(columns[:, chosen], np.ones_like(n), rcond=None)[0]
        error = float(((columns @ solution - 1) ** 2).sum())
        if (solution >= 0).all() and solution[0] > 0 and error < best_error - 1e-12:
            best, best_error = solution, error
    if not best[0]:
        return None
    sigma, kappa = float(best[1] / best[0]), float(best[2] / best[0])
    peak = math.sqrt((1 - sigma) / kappa) if kappa > 1e-9 and sigma < 1 else None
    # The columns are N/X of the law times X/N as measured: their sum is the measured capacity over that of the law.
    error = float(np.abs(1 / (columns @ best) - 1).max())
    return Scalability(rate_per_s=float(1 / best[0]), contention=sigma, coherency=kappa, best_replicas=peak, largest_error=error)

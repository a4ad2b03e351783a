"""How often each key of a cache is asked for, how many keys there are, and which of them are there when a run starts."""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from backend_expert.lab.load import layout
from backend_expert.lab.load.places import value
from backend_expert.lab.load.scenario import Scenario
from backend_expert.model import CacheGet, CachePut, Estimate, System, Workload, walk
from backend_expert.model.assume import POPULARITY
from backend_expert.model.demand import executions, rates_per_s

KEY_LIMIT = 1 << 14
"""Keys with a row of their own, the most popular ones: 400 kB, which stay in a processor's second cache. The rest are counted only."""

GROUPS = 512
"""Groups that stand for the keys without a row: each spans 1.4 % of the ranks at 16 million keys, over which a Zipf law hardly bends."""

SINGLE = 64
MOST_KEYS = 1e12

CACHE_KEYS = 1000.0
"""Puts after which an emptied cache is at 63 % of its hit ratio, where neither the expiry nor the number of its keys is known."""


class KeySpace(NamedTuple):
    """The keys of one cache at the start of a run; times in milliseconds, rates a millisecond.

    `others` are the keys without a row of their own: their number, and the share of their look-ups that hit in a warm cache.
    """

    shares: NDArray[np.float64]
    rate: float
    life: float
    others: float
    others_hit: float

    def table(self) -> NDArray[np.void]:
        """Return the rows of the keys, of which none is there."""
        rows = np.zeros(len(self.shares), layout.KEY)
        rows["cumulated"] = np.cumsum(self.shares)
        if not self.others:
            rows["cumulated"][-1] = 1.0
        rows["flight"] = -1
        return rows

    def expiries(self, random: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return when the keys that are there at time 0 expire, and 0 for the others, from two random numbers for each.

        Look-ups of a key are Poisson: it is away for 1/rate and then there for its life, so it is there in the share rate·life / (1 +
        rate·life) of the time (renewal reward), and what is left of its life is uniform.
        """
        there = random[0] < _hits(self.shares * self.rate * self.life)
        return np.where(there, random[1] * self.life, 0.0)


@lru_cache(maxsize=256)
def of_rows(rows: float, popularity: float, rate: float, life: float) -> KeySpace:
    """Return the key space of so many keys, asked for at a rate and living for `life`."""
    shares, multiplicity = zipf(rows, popularity)
    rest = slice(KEY_LIMIT, None)
    asked = shares[rest] * multiplicity[rest]
    mass = float(asked.sum())
    hit = float((asked * _hits(shares[rest] * rate * life)).sum()) / mass if mass > 0 else 0.0
    return KeySpace(shares[:KEY_LIMIT], rate, life, float(multiplicity[rest].sum()), hit)


@lru_cache(maxsize=256)
def of_hit_ratio(hit_ratio: float, popularity: float, rate: float, life: float) -> KeySpace:
    """Return the key space whose warm cache has a hit ratio, or that of one key when even this is asked for too rarely.

    The more keys there are, the rarer each is asked for before it expires: the number is found by halving its logarithm, over groups of
    keys beyond the first few.
    """
    low, high = 0.0, math.log(MOST_KEYS)
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        shares, multiplicity = zipf(math.exp(middle), popularity, SINGLE)
        found = float((shares * multiplicity * _hits(shares * rate * life)).sum())
        low, high = (middle, high) if found > hit_ratio else (low, middle)
    return of_rows(math.exp(low), popularity, rate, life)


def zipf(rows: float, popularity: float, single: int = KEY_LIMIT) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of one key and the number of keys for each row: `single` rows of one key, then groups of growing size."""
    count = max(1.0, round(rows))
    ranks = np.arange(1.0, min(count, single) + 1.0)
    multiplicity = np.ones(len(ranks))
    if count > single:
        edges = np.geomspace(single + 0.5, count + 0.5, GROUPS + 1)
        ranks = np.concatenate([ranks, np.sqrt(edges[:-1] * edges[1:])])
        multiplicity = np.concatenate([multiplicity, np.diff(edges)])
    weights = ranks**-popularity
    return weights / float((weights * multiplicity).sum()), multiplicity


def _hits(asked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the hit ratios of keys that are asked for so many times in a life."""
    hits: NDArray[np.float64] = asked / (1.0 + asked)
    return hits


def look_ups(system: System) -> dict[str, tuple[float, float]]:
    """Return, for each cached dataset of a complete system, the look-ups a second at its base rates and their mean hit ratio."""
    rates = rates_per_s(system)
    found: dict[str, tuple[float, float]] = {}
    for operation in system.operations:
        if not any(isinstance(step, CacheGet) for step in walk(operation.steps)):
            continue
        for step, times in executions(operation.steps):
            if isinstance(step, CacheGet):
                rate = rates[operation.name] * times
                before, hits = found.get(step.dataset, (0.0, 0.0))
                found[step.dataset] = before + rate, hits + rate * (step.hit_ratio.value if step.hit_ratio is not None else 0.0)
    return {name: (rate, hits / rate if rate > 0 else 0.0) for name, (rate, hits) in found.items()}


class Caches:
    """The caches that steps of a complete system refer to, as the rows of the kernel's tables.

    A cache whose keys expire is simulated key by key; of the others only the share that is there is known. What was written to a
    replicated dataset and is not on its replicas yet is a cache too: a key of it lives as long as the lag, and who hits it reads the past.
    """

    def __init__(self, system: System, scenario: Scenario) -> None:
        self.system = system
        self.scenario = scenario
        self.datasets = {dataset.name: dataset for dataset in system.datasets}
        self.row_of: dict[str, int] = {}
        self.lives_ms: dict[str, float] = {}
        for operation in system.operations:
            for step in walk(operation.steps):
                if isinstance(step, CachePut) and step.expiry_s is not None:
                    life = 1000.0 * step.expiry_s.value
                    self.lives_ms[step.dataset] = min(life, self.lives_ms.get(step.dataset, math.inf))
        lags = {
            component.name: component.deployment.replication_lag_ms
            for component in system.components
            if component.deployment is not None and component.deployment.reads == "replicas"
        }
        self.lags_ms = {each.name: value(lags[each.store], 0.0) for each in system.datasets if each.store in lags}

    @cached_property
    def spaces_of(self) -> dict[str, KeySpace]:
        """Return the key space of each dataset whose keys are simulated."""
        spaces = {
            name: of_rows(value(self.datasets[name].rows, 1.0), value(self.datasets[name].popularity, 0.0), 0.0, lag)
            for name, lag in self.lags_ms.items()
        }
        rates = look_ups(with_rates(self.system, self.scenario)) if self.lives_ms else {}
        for name, life in sorted(self.lives_ms.items()):
            dataset = self.datasets.get(name)
            if dataset is None or name not in rates:
                continue
            rate, hit_ratio = rates[name][0] / 1000.0, rates[name][1]
            popularity = (dataset.popularity or POPULARITY).value
            if dataset.rows is not None:
                spaces[name] = of_rows(dataset.rows.value, popularity, rate, life)
            else:
                spaces[name] = of_hit_ratio(hit_ratio, popularity, rate, life)
        return spaces

    def row(self, dataset: str) -> int:
        """Return the row of the cache that a dataset is kept in."""
        return self.row_of.setdefault(dataset, len(self.row_of))

    def hit_ratio(self, step: CacheGet) -> float:
        """Return the hit ratio of a warm cache, of the keys without a row of their own where some have one."""
        space = self.spaces_of.get(step.dataset)
        return space.others_hit if space is not None else value(step.hit_ratio, 0.0)

    def life_ms(self, dataset: str) -> float:
        """Return how long a key lives that is put where no step says it."""
        return self.lags_ms.get(dataset, self.lives_ms.get(dataset, math.inf))

    def spaces(self) -> tuple[tuple[int, KeySpace], ...]:
        """Return the key spaces in the order of their caches, each with the first of its rows."""
        found = []
        first = 0
        for name in self.row_of:
            if name in self.spaces_of:
                found.append((first, self.spaces_of[name]))
                first += len(self.spaces_of[name].shares)
        return tuple(found)

    def tables(self) -> tuple[list[tuple[float, ...]], NDArray[np.void]]:
        """Return the rows of the caches and those of their keys."""
        rows: list[tuple[float, ...]] = []
        keys = []
        first = 0
        for name in self.row_of:
            space = self.spaces_of.get(name)
            if space is None:
                dataset = self.datasets.get(name)
                rows.append((1.0, value(dataset.rows if dataset is not None else None, CACHE_KEYS) or 1.0, 0, 0, 0, 0))
                continue
            rows.append((1.0, max(space.others, 1.0), first, len(space.shares), 0, 0))
            keys.append(space.table())
            first += len(space.shares)
        return rows, np.concatenate(keys) if keys else np.empty(0, layout.KEY)


def with_rates(system: System, scenario: Scenario) -> System:
    """Return the system with the base rates of a scenario as its workloads, where the scenario names any."""
    rates = scenario.arrivals.rates_per_s
    if not rates:
        return system
    workloads = tuple(Workload(name=name, operation=name, rate_per_s=Estimate(rate)) for name, rate in rates)
    return structs.replace(system, workloads=workloads)

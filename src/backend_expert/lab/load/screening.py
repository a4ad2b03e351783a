"""Find the assumed quantities that matter most: a system is run with groups of them at either end of their ranges.

A group is split where the two ends differ most, so that hundreds of quantities cost some dozens of runs (sequential bifurcation:
Bettonvil and Kleijnen, European Journal of Operational Research 96, 1997). A larger load, a longer time and fewer places never help, so
a group at its bad end does no better than any part of it, and a quantity that is found first is the one that matters most. Interactions
are left out: all other numbers stay at their middle.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import pairwise

from backend_expert.lab.load.experiment import simulate, spread
from backend_expert.lab.load.measure import Figures, figures
from backend_expert.lab.load.outcome import Effect, Swing
from backend_expert.lab.load.program import check_all, compile_program
from backend_expert.lab.load.quantity import Quantity, quantities
from backend_expert.lab.load.scenario import Scenario
from backend_expert.lab.load.worlds import bounded, individual, replaced
from backend_expert.model import Estimate, System
from backend_expert.model.assume import complete, estimates

FIRST_GROUPS = 8
"""Groups at the start: a few answers stand in as many groups, so that larger ones would only be split again."""

MOST_SPLITS = 32
"""After so many splits what is found is returned: three of a thousand quantities take 3 x log2(1000 / 8) = 21."""

NEGLIGIBLE = 0.05
"""A quantity whose ends differ by less than this share of the cost in the middle changes nobody's mind (the margin of a latency)."""

BETTER_WHEN_LARGE = frozenset({"replicas", "workers", "cpu_cores", "memory_mb", "size", "concurrency", "hit_ratio", "partitions"})

Number = tuple[str, Estimate]


def screen(
    system: System, scenario: Scenario, *, most: int = 3, seed: int = 1, executor: Executor | None = None
) -> tuple[Swing, ...]:
    """Return at most so many assumed quantities, the one first whose range moves the outcome most; none that hardly moves it.

    Raises `ModelError` as `run` does.
    """
    whole = individual(complete(system))
    check_all(whole, scenario)
    assumed = _assumed(whole)
    names = sorted(assumed)
    ends = {name: _ends(name, assumed[name]) for name in names}

    def tried(groups: Sequence[Sequence[Quantity]]) -> list[tuple[Effect, Effect]]:
        tasks = [
            (replaced(whole, {number: value for name in group for number, value in ends[name][side].items()}), scenario, seed)
            for group in groups
            for side in (0, 1)
        ]
        found = spread(effect, tasks, executor, None, 0, len(tasks))
        return list(zip(found[::2], found[1::2], strict=True))

    least = NEGLIGIBLE * effect(whole, scenario, seed).cost_ms
    heap: list[tuple[float, int, int, tuple[Effect, Effect]]] = []
    fresh = _parts(0, len(names), FIRST_GROUPS)
    swings: list[Swing] = []
    for _ in range(MOST_SPLITS):
        for (first, last), pair in zip(fresh, tried([names[first:last] for first, last in fresh]), strict=True):
            heapq.heappush(heap, (-abs(pair[0].cost_ms - pair[1].cost_ms), first, last, pair))
        while heap and len(swings) < most and -heap[0][0] > least and heap[0][2] - heap[0][1] == 1:
            _, first, _, pair = heapq.heappop(heap)
            swings.append(_swing(names[first], assumed[names[first]], pair))
        if not heap or len(swings) == most or -heap[0][0] <= least:
            break
        _, first, last, _ = heapq.heappop(heap)
        fresh = _parts(first, last, 2)
    return tuple(swings)


def effect(system: System, scenario: Scenario, seed: int) -> Effect:
    """Run one complete and checked system; a request without a good answer costs the patience of its user."""
    found: Figures = figures(simulate(compile_program(system, scenario, checked=True), seed), scenario)
    patience_ms = 1000.0 * (scenario.patience_s if scenario.patience_s is not None else scenario.duration_s)
    cost = found.success_ratio * (found.latency_mean_ms or 0.0) + (1.0 - found.success_ratio) * patience_ms
    return Effect(success_ratio=found.success_ratio, p99_ms=found.latency_p99_ms, cost_ms=cost)


def _assumed(system: System) -> dict[Quantity, list[Number]]:
    known = quantities(system)
    found: dict[Quantity, list[Number]] = {}
    for path, estimate in estimates(system):
        if estimate.assumed and estimate.spread > 1 and id(estimate) in known:
            found.setdefault(known[id(estimate)], []).append((path, estimate))
    return found


def _ends(quantity: Quantity, numbers: Sequence[Number]) -> tuple[dict[int, float], dict[int, float]]:
    """Return the numbers of a quantity at the good and at the bad end of their ranges, by identity."""
    low = {id(estimate): estimate.value / estimate.spread for _, estimate in numbers}
    high = {id(estimate): bounded(quantity, estimate.value * estimate.spread) for _, estimate in numbers}
    return (high, low) if quantity.kind in BETTER_WHEN_LARGE else (low, high)


def _parts(first: int, last: int, count: int) -> list[tuple[int, int]]:
    """Return a range in so many parts of about the same length, the empty ones left out."""
    marks = [first + (last - first) * at // count for at in range(count + 1)]
    return [(start, end) for start, end in pairwise(marks) if start < end]


def _swing(quantity: Quantity, numbers: Sequence[Number], pair: tuple[Effect, Effect]) -> Swing:
    good, bad = pair
    turned = quantity.kind in BETTER_WHEN_LARGE
    return Swing(
        quantity=quantity,
        numbers=tuple(path for path, _ in numbers),
        at_low=bad if turned else good,
        at_high=good if turned else bad,
    )

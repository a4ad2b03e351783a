"""Judge pairs of runs: what a change did, by how much, and in how many worlds."""

from __future__ import annotations

from collections.abc import Sequence

from backend_expert.lab.load.measure import Figures
from backend_expert.lab.load.outcome import DECIDING, Difference, MonteCarlo, Sensitivity, matters
from backend_expert.lab.load.quantity import Quantity
from backend_expert.lab.load.scenario import Scenario
from backend_expert.lab.load.statistics import mean_interval, p_value, spearman, spread_interval, wilson

LOWER_IS_BETTER = {
    "success_ratio": False,
    "goodput_per_s": False,
    "latency_p50_ms": True,
    "latency_p95_ms": True,
    "latency_p99_ms": True,
    "message_p95_ms": True,
    "wasted_share": True,
    "recovery_s": True,
}

PRECISION = 0.05
"""Half-width of an interval, relative to the value before, at which more runs would tell nobody anything."""

Pair = tuple[Figures, Figures]


def number(figures: Figures, measure: str, scenario: Scenario) -> float:
    """Return a figure as a number: no success is as slow as the longest patience, no recovery takes the rest of the scenario."""
    value = getattr(figures, measure)
    if value is not None:
        return float(value)
    if measure == "recovery_s":
        disturbed = scenario.disturbed_s()
        return scenario.duration_s - (disturbed[1] if disturbed is not None else 0.0)
    return 1000.0 * (scenario.patience_s if scenario.patience_s is not None else scenario.duration_s)


def _numbers(pair: Pair, measure: str, scenario: Scenario) -> tuple[float, float]:
    """Return a figure before and after; messages that only one side has are compared with nothing."""
    if measure == "message_p95_ms" and None in (pair[0].message_p95_ms, pair[1].message_p95_ms):
        return 0.0, 0.0
    return number(pair[0], measure, scenario), number(pair[1], measure, scenario)


def differences(pairs: Sequence[Pair], scenario: Scenario) -> tuple[Difference, ...]:
    """Return every measure with its intervals before, after, and of the paired differences."""
    measures = []
    for measure, lower in LOWER_IS_BETTER.items():
        before, after = zip(*(_numbers(pair, measure, scenario) for pair in pairs), strict=True)
        change = [b - a for a, b in zip(before, after, strict=True)]
        better = sum((each < 0) if lower else (each > 0) for each in change) + 0.5 * sum(each == 0 for each in change)
        measures.append(
            Difference(
                id=measure,
                lower_is_better=lower,
                before=mean_interval(before),
                after=mean_interval(after),
                difference=mean_interval(change),
                p_value=p_value(change),
                share_better=better / len(change),
            )
        )
    return tuple(measures)


def precise(measures: Sequence[Difference]) -> bool:
    """Tell whether the deciding differences are known well enough to stop."""
    deciding = {measure for measure, _ in DECIDING}
    return all(
        each.difference.high - each.difference.low <= 2 * PRECISION * max(abs(each.before.value), abs(each.after.value))
        for each in measures
        if each.id in deciding
    )


def better(pair: Pair, scenario: Scenario) -> float:
    """Return 1 when the change is better in a world, 0 when it is worse, ½ when nobody would notice."""
    for measure, margin in DECIDING:
        before, after = _numbers(pair, measure, scenario)
        if matters(measure, before, after, margin):
            return float((after < before) == LOWER_IS_BETTER[measure])
    return 0.5


def gain(pair: Pair, measure: str, scenario: Scenario) -> float:
    """Return by how much the change is better in a world, in the unit of the measure."""
    before, after = _numbers(pair, measure, scenario)
    return before - after if LOWER_IS_BETTER[measure] else after - before


def judged(
    pairs: Sequence[Pair], drawn: Sequence[dict[Quantity, float]], scenario: Scenario, measure: str, seed: int
) -> MonteCarlo:
    """Return what many plausible worlds say about a change."""
    if measure == "auto":
        margin = dict(DECIDING)["success_ratio"]
        moved = sum(abs(gain(pair, "success_ratio", scenario)) > margin for pair in pairs)
        measure = "success_ratio" if moved * 10 >= len(pairs) else "latency_p99_ms"
    gains = [gain(pair, measure, scenario) for pair in pairs]
    names = sorted(drawn[0]) if drawn else []
    correlations = [Sensitivity(name, spearman([values[name] for values in drawn], gains)) for name in names]
    return MonteCarlo(
        draws=len(pairs),
        seed=seed,
        measure=measure,
        share_better=wilson(sum(better(pair, scenario) for pair in pairs), len(pairs)),
        differences=tuple(
            (each, spread_interval([after - before for before, after in (_numbers(pair, each, scenario) for pair in pairs)]))
            for each in LOWER_IS_BETTER
        ),
        sensitivity=tuple(sorted(correlations, key=lambda each: (-abs(each.correlation), each.quantity))),
        gains=tuple(gains),
    )

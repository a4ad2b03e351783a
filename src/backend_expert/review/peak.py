"""The peak study: what happens at the stated peak, before and after everything that is recommended."""

from __future__ import annotations

import math
from concurrent.futures import Executor

from backend_expert.lab import load
from backend_expert.model import Objective, System
from backend_expert.model.wording import milliseconds, percent, sentence
from backend_expert.review.result import Band, Measure, PeakStudy
from backend_expert.review.series import AFTER, BEFORE, MEASURES, PEAK, interval_of, series_of

AT_S, LASTS_S, RUN_S = 20.0, 30.0, 80.0
REPLICATIONS = 4


def peak_study(before: System, after: System, factor: float, seed: int, executor: Executor) -> PeakStudy:
    """Compare both systems under a peak of the given factor; raise `load.ModelError` when one cannot be simulated."""
    scenario = load.Scenario(RUN_S, arrivals=load.spike(factor, AT_S, LASTS_S))
    comparison = load.compare(before, after, scenario, replications=REPLICATIONS, seed=seed, executor=executor)
    objective = next((each.latency_p99_ms for each in before.objectives if each.latency_p99_ms is not None), None)
    changed = before != after
    first, second = comparison.before, comparison.after
    # The table below the sentence has the means of all pairs: the two must say the same.
    means = {each.id: (each.before.value, each.after.value) for each in comparison.measures}
    success = means.get("success_ratio", (first.success_ratio, second.success_ratio))
    p99 = means.get("latency_p99_ms", (first.p99_ms, second.p99_ms))
    summary = sentence(
        "At {factor}x for {seconds} s: {success} of requests succeed, p99 {p99}.",
        "Com {factor}x por {seconds} s: {success} das requisições têm sucesso, p99 {p99}.",
        factor=factor,
        seconds=LASTS_S,
        success=percent(success[0]),
        p99=milliseconds(p99[0]),
    )
    if changed:
        summary = sentence(
            "{summary} With every proved recommendation together: {success}, p99 {p99}.",
            "{summary} Com todas as recomendações provadas juntas: {success}, p99 {p99}.",
            summary=summary,
            success=percent(success[1]),
            p99=milliseconds(p99[1]),
        )
    series = (series_of(first, "before", BEFORE), *((series_of(second, "after", AFTER),) if changed else ()))
    return PeakStudy(
        factor=factor,
        summary=summary,
        first_to_break="" if _held(before.objectives, success[0], p99[0]) else first.bottleneck,
        objective_ms=objective,
        series=series,
        bands=(Band(AT_S, AT_S + LASTS_S, PEAK),),
        measures=tuple(_measure(each) for each in comparison.measures if each.id in MEASURES) if changed else (),
    )


def _held(objectives: tuple[Objective, ...], success: float, p99_ms: float | None) -> bool:
    """Tell whether the whole traffic keeps every promise; without a promise nothing is known to break."""
    worst_ms = math.inf if p99_ms is None else p99_ms
    return all(
        success >= (each.success_ratio or 0.0) and worst_ms <= (math.inf if each.latency_p99_ms is None else each.latency_p99_ms)
        for each in objectives
    )


def _measure(difference: load.Difference) -> Measure:
    return Measure(
        id=difference.id,
        title=MEASURES[difference.id],
        lower_is_better=difference.lower_is_better,
        before=interval_of(difference.before),
        after=interval_of(difference.after),
        difference=interval_of(difference.difference),
    )

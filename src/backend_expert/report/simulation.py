"""The numbers of one simulation, for a terminal or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Literal

import msgspec

from backend_expert.report.hostile import one_line
from backend_expert.report.numbers import interval, number, percent, quantity
from backend_expert.report.words_of_simulation import WORDS
from backend_expert.review.result import Interval
from backend_expert.review.simulation import Simulation

_ROWS = 24
"""Most rows of the table over time: a screen."""

_PLACES = 16
_OPERATIONS = 8
_LEAST_QUEUE = 0.01
"""Requests that wait on the mean; a pool where fewer do costs nobody time."""

Row = tuple[str, float, float | None, float | None, float, Sequence[float]]
"""Name, waiting, working and calling in ms a request, busy share, and how many wait in each slice."""


def render_simulation(simulation: Simulation, format_: Literal["text", "json"], language: Literal["en", "pt-BR"]) -> str:
    """Return the numbers of a simulation as text of at most 80 columns (names of components cut) or as JSON."""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(simulation), indent=2).decode() + "\n"
    word = WORDS[language]
    parts = (
        word["title"].format(system=one_line(simulation.system)),
        "",
        *_interrupted(simulation, language),
        _verdict(simulation, language),
        *_numbers(simulation, language),
        "",
        *_over_time(simulation, language),
        "",
        *_operations(simulation, language),
        "",
        *_messages(simulation, language),
        *_stores(simulation, language),
        word["busiest"],
        *_places(simulation, language),
        "",
        *([word["assumed"].format(count=number(simulation.assumed, language))] if simulation.assumed else []),
        word["again"].format(command=simulation.command),
    )
    return "\n".join(line for part in parts for line in wrapped(part)) + "\n"


def certainty(success: Interval, slowest: Interval | None, language: str) -> str:
    """Return the two figures that decide when a scenario is known, with their 95 % intervals."""
    word = WORDS[language]
    told = f"{word['success']} {interval('success_ratio', success, language)}"
    return told if slowest is None else f"{told}, p99 {interval('latency_ms', slowest, language)}"


def _interrupted(simulation: Simulation, language: str) -> Iterable[str]:
    outcome = simulation.outcome
    if not outcome.partial:
        return
    word = WORDS[language]
    if outcome.scenario.duration_s < simulation.asked_s:
        yield word["partial.time"].format(
            seconds=number(round(outcome.scenario.duration_s), language), asked=number(simulation.asked_s, language)
        )
    else:
        yield word["partial.runs"].format(runs=number(outcome.replications, language))


def _verdict(simulation: Simulation, language: str) -> str:
    word, outcome, found = WORDS[language], simulation.outcome, simulation.recoveries
    disturbed = outcome.scenario.disturbed_s()
    if disturbed is None:
        return word["verdict.undisturbed"]
    if outcome.partial and disturbed[1] >= outcome.scenario.duration_s:
        return word["verdict.too-early"]
    if all(each.verdict == "unhurt" for each in found):
        return word["verdict.unhurt"]
    times = sorted(each.after_s for each in found if each.after_s is not None)
    never = [each for each in found if each.verdict == "never"]
    worst = max(found, key=lambda each: (each.verdict == "never", each.after_s or 0.0))
    last = word["last"].format(operation=one_line(worst.operation)) if worst.operation else ""
    lost = "metastable" if any(each.metastable for each in never) else "never"
    names = {
        "after": number(median(times), language) if times else "",
        "low": number(times[0], language) if times else "",
        "high": number(times[-1], language) if times else "",
        "came": number(len(times), language),
        "runs": number(len(found), language),
        "rest": number(outcome.scenario.duration_s - disturbed[1], language),
    }
    if not times:
        return word[f"verdict.{lost}"].format_map(names) + last
    if never:
        return word[f"verdict.sometimes-{lost}"].format_map(names) + last
    return word["verdict.recovers" if times[0] == times[-1] else "verdict.recovers-between"].format_map(names) + last


def _numbers(simulation: Simulation, language: str) -> Iterable[str]:
    word, outcome = WORDS[language], simulation.outcome
    if outcome.replications > 1:
        known = certainty(simulation.success_ratio, simulation.latency_p99_ms, language)
        yield word["known"].format(known=known, runs=number(outcome.replications, language))
    yield word["requests"].format(
        offered=number(outcome.offered, language),
        success=percent(outcome.success_ratio, language),
        failed=number(outcome.failed, language),
        shed=number(outcome.shed, language),
        late=number(outcome.late, language),
        flight=number(outcome.in_flight, language),
    )
    yield word["latency"].format(
        **{name: _latency(getattr(outcome, f"{name}_ms"), language) for name in ("p50", "p95", "p99")},
    )
    yield word["extra"].format(
        good=number(outcome.goodput_per_s, language),
        retries=number(outcome.retries, language),
        timeouts=number(outcome.timeouts, language),
        wasted=percent(outcome.wasted_s / outcome.work_s if outcome.work_s else 0.0, language),
    )


def _over_time(simulation: Simulation, language: str) -> Iterable[str]:
    word = WORDS[language]
    series = simulation.outcome.series
    yield (f"{word['time']:>7} {word['offered']:>10} {word['good']:>9} {word['success']:>9} {'p50':>12} {'p95':>12} {'p99':>12}")
    step = -(-len(series.time_s) // _ROWS) or 1
    for index in range(0, len(series.time_s), step):
        success = series.success_ratio[index]
        yield (
            f"{number(round(series.time_s[index], 1), language):>5} s {number(series.offered_per_s[index], language):>10} "
            f"{number(series.goodput_per_s[index], language):>9} "
            f"{'–' if success is None else percent(success, language):>9} "
            f"{_latency(series.latency_p50_ms[index], language):>12} {_latency(series.latency_p95_ms[index], language):>12} "
            f"{_latency(series.latency_p99_ms[index], language):>12}"
        )


def _operations(simulation: Simulation, language: str) -> Iterable[str]:
    """Yield the operations at which requests arrive, those with the fewest successes and then the slowest first."""
    word = WORDS[language]
    yield f"{word['operation']:<42} {word['success']:>9} {'p50':>12} {'p99':>12}"
    worst_first = sorted(simulation.outcome.entries, key=lambda each: (each.success_ratio, -(each.p99_ms or 0.0), each.operation))
    for each in worst_first[:_OPERATIONS]:
        yield (
            f"{_cut(each.operation, 42):<42} {percent(each.success_ratio, language):>9} "
            f"{_latency(each.p50_ms, language):>12} {_latency(each.p99_ms, language):>12}"
        )
    yield from _more(len(worst_first) - _OPERATIONS, language)


def _messages(simulation: Simulation, language: str) -> Iterable[str]:
    """Yield how long messages took from their publication to the end of their handling, and how many of a run were left at its end."""
    word, deliveries = WORDS[language], [each for each in simulation.outcome.deliveries if each.published]
    if not deliveries:
        return
    yield f"{word['messages']:<42} {'p50':>12} {'p95':>12} {word['unfinished']:>11}"
    slowest_first = sorted(deliveries, key=lambda each: (-each.unfinished, -(each.p95_ms or 0.0), each.topic, each.subscriber))
    for each in slowest_first[:_OPERATIONS]:
        yield (
            f"{_cut(f'{each.topic} → {each.subscriber}', 42):<42} {_latency(each.p50_ms, language):>12} "
            f"{_latency(each.p95_ms, language):>12} {number(round(each.unfinished / simulation.outcome.replications), language):>11}"
        )
    yield from _more(len(slowest_first) - _OPERATIONS, language)
    yield ""


def _stores(simulation: Simulation, language: str) -> Iterable[str]:
    """Yield how often caches answered, and how often copies of a store answered with the past."""
    word, outcome = WORDS[language], simulation.outcome
    lines = [
        word["cache"].format(dataset=one_line(each.dataset), share=percent(each.hit_ratio, language))
        for each in outcome.caches
        if each.lookups
    ]
    lines += [
        word["copies"].format(dataset=one_line(each.dataset), share=percent(each.stale_share, language))
        for each in outcome.replicas
        if each.reads
    ]
    if lines:
        yield from (*lines, "")


def _places(simulation: Simulation, language: str) -> Iterable[str]:
    """Yield where the time goes: components, and the pools, locks and consumers where somebody waits."""
    word = WORDS[language]
    rows = _rows(simulation)
    yield (
        f"{word['component']:<28} {word['waiting']:>8} {word['working']:>9} {word['calling']:>8} {word['busy']:>7} "
        f"{word['longest']:>7} {word['at-end']:>7}"
    )
    for name, waiting, working, calling, busy, queue in rows[:_PLACES]:
        longest, end = max(queue, default=0.0), queue[-1] if queue else 0.0
        yield (
            f"{_cut(name, 28):<28} {_brief(waiting, language):>8} {_brief(working, language):>9} {_brief(calling, language):>8} "
            f"{percent(busy, language):>7} {_brief(longest, language):>7} {_brief(end, language):>7}"
        )
    yield from _more(len(rows) - _PLACES, language)


def _rows(simulation: Simulation) -> list[Row]:
    outcome = simulation.outcome
    each_ms = 1000.0 / max(1, outcome.offered)
    observed_s = outcome.scenario.duration_s * outcome.replications
    rows: list[Row] = [
        (
            each.component,
            each.waiting_s * each_ms,
            # What lies outside the model has no processor of ours to work on: its time is its own.
            (each.workload_s or each.calling_s) * each_ms,
            (each.calling_s if each.workload_s else 0.0) * each_ms,
            each.utilisation,
            each.queue_series,
        )
        for each in outcome.components
    ]
    rows += [
        (each.name, each.queue * observed_s * each_ms, None, None, each.utilisation, each.queue_series)
        for each in outcome.pools
        if each.queue >= _LEAST_QUEUE
    ]
    used = [row for row in rows if any(row[1:4])]
    return sorted(used, key=lambda row: (-(row[1] + (row[2] or 0.0)), row[0]))


def _more(left: int, language: str) -> Iterable[str]:
    if left > 0:
        yield WORDS[language]["more"].format(count=number(left, language))


def _cut(name: str, width: int) -> str:
    shown = one_line(name)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def _brief(value: float | None, language: str) -> str:
    """Return a number of at most seven columns: two digits are enough below ten, and what rounds to nothing is nothing."""
    if value is None:
        return "–"
    return number(round(value, 2 if value < 10 else 1 if value < 100 else 0), language)


def _latency(value: float | None, language: str) -> str:
    return WORDS[language]["none"] if value is None else quantity("latency_ms", value, language)


def wrapped(line: str, width: int = 80) -> list[str]:
    """Return a line as lines of at most `width` columns; words longer than that stay whole."""
    if len(line) <= width:
        return [line]
    import textwrap

    return textwrap.wrap(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)

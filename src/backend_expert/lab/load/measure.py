"""Turn what the kernel counted into an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.load.histogram import quantiles
from backend_expert.lab.load.outcome import (
    CacheOutcome,
    CallOutcome,
    ComponentOutcome,
    DeliveryOutcome,
    EntryOutcome,
    Outcome,
    PoolOutcome,
    Recovery,
    ReplicaOutcome,
    SliceSeries,
)
from backend_expert.lab.load.program import Program
from backend_expert.lab.load.recovery import recovery
from backend_expert.lab.load.scenario import Scenario
from backend_expert.lab.load.vocabulary import Counter
from backend_expert.lab.load.workspace import Run, slice_count

SHARES = (0.5, 0.95, 0.99)


class Tally(NamedTuple):
    """The counts of one run, or the sum of several of the same program; time integrals in milliseconds."""

    runs: int
    counts: NDArray[np.int64]  # entry × Counter
    in_flight: NDArray[np.int64]  # entry
    waiting: NDArray[np.int64]  # entry: of those in flight, how many were not late yet
    slice_counts: NDArray[np.int64]  # entry × slice × Counter
    slice_waiting: NDArray[np.int64]  # entry × slice
    entry_histogram: NDArray[np.int64]
    slice_histogram: NDArray[np.int64]
    entry_sums: NDArray[np.float64]
    busy: NDArray[np.float64]  # slice × gate
    queued: NDArray[np.float64]
    refused: NDArray[np.int64]
    work: NDArray[np.float64]  # component
    held: NDArray[np.float64]  # component: time of all requests there, waiting for a slot included
    shed: NDArray[np.int64]
    calls: NDArray[np.int64]  # pair × (attempts, retries, timeouts, failures, rejected)
    lookups: NDArray[np.int64]  # cache × (look-ups, hits)
    messages: NDArray[np.int64]  # delivery × Counter
    message_histogram: NDArray[np.int64]
    message_sums: NDArray[np.float64]
    useful: float
    unfinished: float
    orphans: int
    dead_letters: int
    events: int


def pooled(tallies: Sequence[Tally]) -> Tally:
    """Return the sum of several tallies of one program."""
    return Tally(*(reduce(add, field) for field in zip(*tallies, strict=True)))


def tally(run: Run) -> Tally:
    """Read the counts of a finished run."""
    state = run.state[0]
    frames, gates, instances = run.table("frames"), run.table("gates"), run.table("instances")
    groups, calls, caches, histograms = run.table("groups"), run.table("calls"), run.table("caches"), run.table("slices")["bins"]
    live = frames[np.flatnonzero(frames["live"])]
    asked = live[(live["entry"] >= 0) & (live["slice"] >= 0) & (live["start"] >= state["warm"])]
    young = asked[state["now"] - asked["start"] <= state["patience"]]
    entries, slices = run.entries, len(histograms)
    outside, messages = run.table("entries")[:entries], run.table("entries")[entries:]
    integrals = run.table("integrals").reshape(slices + 1, len(gates))
    return Tally(
        runs=1,
        counts=outside["counts"],
        in_flight=np.bincount(asked["entry"], minlength=entries),
        waiting=np.bincount(young["entry"], minlength=entries),
        slice_counts=run.table("cells")["counts"].reshape(entries, slices, -1),
        slice_waiting=np.bincount(young["entry"] * slices + young["slice"], minlength=entries * slices).reshape(entries, slices),
        entry_histogram=outside["bins"].astype(np.int64),
        slice_histogram=histograms,
        entry_sums=outside["total"],
        busy=integrals["busy"][1:] - integrals["busy"][:-1],
        queued=integrals["waiting"][1:] - integrals["waiting"][:-1],
        refused=gates["refused"].copy(),
        work=groups["work"].copy(),
        held=np.bincount(instances["group"], instances["held"] + instances["load"] * state["now"], len(groups)).astype(float),
        shed=groups["shed"].copy(),
        calls=np.array([calls[name] for name in ("attempts", "retries", "timeouts", "failures", "rejected")]).T,
        lookups=np.array([caches["lookups"], caches["hits"]]).T,
        messages=messages["counts"],
        message_histogram=messages["bins"].astype(np.int64),
        message_sums=messages["total"],
        useful=float(state["useful"]),
        unfinished=float(live["work"].sum()),
        orphans=int(state["orphans"]),
        dead_letters=int(state["dead_letters"]),
        events=int(state["events"]),
    )


class Figures(NamedTuple):
    """The figures of one run that experiments compare; `None` without any successful answer.

    `message_p95_ms` is how long after their publication 95 % of the messages were handled, the length of the run where fewer were, and
    `None` without messages: what users see of a queue that grows.
    """

    success_ratio: float
    goodput_per_s: float
    latency_mean_ms: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    message_p95_ms: float | None
    wasted_share: float
    recovery_s: float | None


def figures(t: Tally, scenario: Scenario) -> Figures:
    """Return the figures of a tally without building a whole outcome."""
    counts = t.counts.sum(axis=0)
    p50, p95, p99 = quantiles(t.entry_histogram.sum(axis=0), SHARES)
    work = float(t.work.sum())
    found = recovery(t.slice_counts, t.slice_waiting, t.slice_histogram, scenario, ())
    after = {"unhurt": 0.0, "undisturbed": 0.0}.get(found.verdict, found.after_s)
    return Figures(
        success_ratio=_success_ratio(counts, int(t.waiting.sum())),
        goodput_per_s=float(counts[Counter.SUCCEEDED]) / (scenario.duration_s * t.runs),
        latency_mean_ms=float(t.entry_sums.sum()) / int(counts[Counter.SUCCEEDED]) if counts[Counter.SUCCEEDED] else None,
        latency_p50_ms=p50,
        latency_p95_ms=p95,
        latency_p99_ms=p99,
        message_p95_ms=_message_p95_ms(t, scenario),
        wasted_share=_wasted(t) / work if work > 0 else 0.0,
        recovery_s=after,
    )


def _message_p95_ms(t: Tally, scenario: Scenario) -> float | None:
    counts = t.messages.sum(axis=0)
    published, handled = int(counts[Counter.OFFERED]), int(counts[Counter.SUCCEEDED])
    if not published:
        return None
    share = SHARES[1] * published / max(handled, 1)
    found = quantiles(t.message_histogram.sum(axis=0), (share,))[0] if share <= 1 else None
    return 1000.0 * scenario.duration_s if found is None else found


def _wasted(t: Tally) -> float:
    return max(0.0, float(t.work.sum()) - t.useful - t.unfinished)


def _success_ratio(counts: NDArray[np.int64], waiting: int) -> float:
    decided = int(counts[Counter.OFFERED]) - waiting
    return float(counts[Counter.SUCCEEDED]) / decided if decided > 0 else 1.0


def outcome(t: Tally, program: Program, seed: int) -> Outcome:
    """Return the outcome of a tally: pooled over its runs, rates and queues as means of the runs."""
    scenario = program.scenario
    counts = t.counts.sum(axis=0)
    observed_s = scenario.duration_s * t.runs
    answers = int(counts[Counter.SUCCEEDED] + counts[Counter.LATE] + counts[Counter.FAILED])
    p50, p95, p99 = quantiles(t.entry_histogram.sum(axis=0), SHARES)
    succeeded = int(counts[Counter.SUCCEEDED])
    return Outcome(
        seed=seed,
        replications=t.runs,
        scenario=scenario,
        offered=int(counts[Counter.OFFERED]),
        succeeded=succeeded,
        late=int(counts[Counter.LATE]),
        failed=int(counts[Counter.FAILED]),
        shed=int(counts[Counter.SHED]),
        in_flight=int(t.in_flight.sum()),
        success_ratio=_success_ratio(counts, int(t.waiting.sum())),
        goodput_per_s=succeeded / observed_s,
        throughput_per_s=answers / observed_s,
        mean_ms=float(t.entry_sums.sum()) / succeeded if succeeded else None,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        timeouts=int(t.calls[:, 2].sum()),
        retries=int(t.calls[:, 1].sum()),
        wasted_executions=t.orphans,
        wasted_s=_wasted(t) / 1000.0,
        work_s=float(t.work.sum()) / 1000.0,
        dead_letters=t.dead_letters,
        entries=tuple(_entry(t, row, name, observed_s) for row, name in enumerate(program.entries)),
        series=_series(t, scenario),
        components=tuple(_component(t, program, row) for row in range(len(program.components))),
        pools=tuple(_pool(t, program, name, gates) for name, gates in program.pools),
        calls=tuple(
            CallOutcome(
                caller=caller,
                callee=callee,
                attempts=int(row[0]),
                retries=int(row[1]),
                timeouts=int(row[2]),
                failures=int(row[3]),
                rejected_by_breaker=int(row[4]),
            )
            for (caller, callee), row in zip(program.calls, t.calls, strict=True)
        ),
        recovery=recovery(t.slice_counts, t.slice_waiting, t.slice_histogram, scenario, program.entries),
        events=t.events,
        caches=tuple(
            CacheOutcome(dataset=name, lookups=int(asked), hit_ratio=int(hit) / int(asked) if asked else 1.0)
            for name, (asked, hit) in zip(program.caches, t.lookups, strict=True)
            if name not in program.replicated
        ),
        replicas=tuple(
            ReplicaOutcome(dataset=name, reads=int(asked), stale_share=int(stale) / int(asked) if asked else 0.0)
            for name, (asked, stale) in zip(program.caches, t.lookups, strict=True)
            if name in program.replicated
        ),
        deliveries=tuple(_delivery(t, row, *names) for row, names in enumerate(program.deliveries)),
    )


def _entry(t: Tally, row: int, name: str, observed_s: float) -> EntryOutcome:
    counts = t.counts[row]
    succeeded = int(counts[Counter.SUCCEEDED])
    p50, p95, p99 = quantiles(t.entry_histogram[row], SHARES)
    return EntryOutcome(
        operation=name,
        offered=int(counts[Counter.OFFERED]),
        succeeded=succeeded,
        late=int(counts[Counter.LATE]),
        failed=int(counts[Counter.FAILED]),
        shed=int(counts[Counter.SHED]),
        in_flight=int(t.in_flight[row]),
        success_ratio=_success_ratio(counts, int(t.waiting[row])),
        goodput_per_s=succeeded / observed_s,
        mean_ms=float(t.entry_sums[row]) / succeeded if succeeded else None,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
    )


def _delivery(t: Tally, row: int, topic: str, subscriber: str) -> DeliveryOutcome:
    counts = t.messages[row]
    handled, failed, published = (int(counts[each]) for each in (Counter.SUCCEEDED, Counter.FAILED, Counter.OFFERED))
    p50, p95, p99 = quantiles(t.message_histogram[row], SHARES)
    return DeliveryOutcome(
        topic=topic,
        subscriber=subscriber,
        published=published,
        handled=handled,
        failed=failed,
        unfinished=published - handled - failed,
        mean_ms=float(t.message_sums[row]) / handled if handled else None,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
    )


def widths_s(scenario: Scenario) -> NDArray[np.float64]:
    """Return the length of each slice; the last one may be shorter."""
    edges = np.arange(slice_count(scenario) + 1) * scenario.slice_s
    return np.diff(np.minimum(edges, scenario.duration_s))


def _series(t: Tally, scenario: Scenario) -> SliceSeries:
    width = widths_s(scenario) * t.runs
    counts = t.slice_counts.sum(axis=0)
    offered, succeeded = counts[:, Counter.OFFERED], counts[:, Counter.SUCCEEDED]
    decided = offered - t.slice_waiting.sum(axis=0)
    marks = [quantiles(row, SHARES) for row in t.slice_histogram]
    return SliceSeries(
        time_s=tuple(at * scenario.slice_s for at in range(len(offered))),
        offered_per_s=tuple((offered / width).tolist()),
        goodput_per_s=tuple((succeeded / width).tolist()),
        success_ratio=tuple(good / of if of > 0 else None for good, of in zip(succeeded.tolist(), decided.tolist(), strict=True)),
        latency_p50_ms=tuple(mark[0] for mark in marks),
        latency_p95_ms=tuple(mark[1] for mark in marks),
        latency_p99_ms=tuple(mark[2] for mark in marks),
    )


def _component(t: Tally, program: Program, row: int) -> ComponentOutcome:
    scenario, gates = program.scenario, program.table("gates")
    slots, cores = program.places[row]
    width = widths_s(scenario) * 1000.0 * t.runs
    slot_use, core_use = _use(t, gates, slots, width), _use(t, gates, cores, width)
    use = core_use if core_use.sum() >= slot_use.sum() else slot_use
    queue = t.queued[:, [*slots, *cores]].sum(axis=1) / width
    waiting = float((queue * width).sum())
    return ComponentOutcome(
        component=program.components[row],
        utilisation=float((use * width).sum() / width.sum()),
        queue=waiting / float(width.sum()),
        shed=int(t.shed[row]),
        workload_s=float(t.work[row]) / 1000.0,
        waiting_s=waiting / 1000.0,
        calling_s=max(0.0, float(t.held[row]) - waiting - float(t.work[row])) / 1000.0,
        utilisation_series=tuple(use.tolist()),
        queue_series=tuple(queue.tolist()),
    )


def _use(t: Tally, gates: NDArray[Any], rows: tuple[int, ...], width: NDArray[np.float64]) -> NDArray[np.float64]:
    if not rows:
        return np.zeros(len(t.busy))
    use: NDArray[np.float64] = t.busy[:, list(rows)].sum(axis=1) / (width * float(gates["capacity"][list(rows)].sum()))
    return use


def _pool(t: Tally, program: Program, name: str, rows: tuple[int, ...]) -> PoolOutcome:
    gates = program.table("gates")
    width = widths_s(program.scenario) * 1000.0 * t.runs
    queue = t.queued[:, list(rows)].sum(axis=1) / width
    return PoolOutcome(
        name=name,
        size=int(gates["capacity"][list(rows)].sum()),
        utilisation=float((_use(t, gates, rows, width) * width).sum() / width.sum()),
        queue=float((queue * width).sum() / width.sum()),
        refused=int(t.refused[list(rows)].sum()),
        queue_series=tuple(queue.tolist()),
    )


__all__ = ["Figures", "Recovery", "Tally", "figures", "outcome", "tally"]

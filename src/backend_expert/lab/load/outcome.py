"""What the lab measured: frozen values with units in their names, ready for JSON."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from backend_expert.lab.load.quantity import Quantity
from backend_expert.lab.load.scenario import Scenario
from backend_expert.model import Objective


class Recovery(Struct, frozen=True, kw_only=True):
    """What became of the system after the last fault or peak ended.

    `recovers` with the seconds it took; `never` when it was still bad at the horizon (`metastable` when the trigger had been gone for at
    least as long as it had lasted); `undisturbed` when nothing was done to it; `unhurt` when no slice was bad. `operation` is the entry
    that came back last, or did not; empty when that is the traffic as a whole.
    """

    verdict: Literal["undisturbed", "unhurt", "recovers", "never"]
    after_s: float | None = None
    metastable: bool = False
    operation: str = ""


class EntryOutcome(Struct, frozen=True, kw_only=True):
    """The requests of one entry operation. Latencies are of successful answers, `None` without any."""

    operation: str
    offered: int
    succeeded: int
    late: int
    failed: int
    shed: int
    in_flight: int
    success_ratio: float
    goodput_per_s: float
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class SliceSeries(Struct, frozen=True, kw_only=True):
    """One value for each slice of time, by the moment a request arrived; `None` where there is nothing to measure."""

    time_s: tuple[float, ...]
    offered_per_s: tuple[float, ...]
    goodput_per_s: tuple[float, ...]
    success_ratio: tuple[float | None, ...]
    latency_p50_ms: tuple[float | None, ...]
    latency_p95_ms: tuple[float | None, ...]
    latency_p99_ms: tuple[float | None, ...]


class ComponentOutcome(Struct, frozen=True, kw_only=True):
    """What one component did. Utilisation is busy places over places (cores where they are scarcer), from 0 to 1.

    The time of all requests there is `waiting_s` for a place or a core, `workload_s` of work, and `calling_s` of waiting for others and
    for connections to them. `queue` is the mean number of waiting requests; the series hold one value a slice.
    """

    component: str
    utilisation: float
    queue: float
    shed: int
    workload_s: float
    waiting_s: float
    calling_s: float
    utilisation_series: tuple[float, ...]
    queue_series: tuple[float, ...]


class PoolOutcome(Struct, frozen=True, kw_only=True):
    """What one connection pool, lock or set of consumers did: places in use over places, and the mean number waiting."""

    name: str
    size: int
    utilisation: float
    queue: float
    refused: int
    queue_series: tuple[float, ...]


class CallOutcome(Struct, frozen=True, kw_only=True):
    """What happened at the calls of one component to another."""

    caller: str
    callee: str
    attempts: int
    retries: int
    timeouts: int
    failures: int
    rejected_by_breaker: int


class CacheOutcome(Struct, frozen=True, kw_only=True):
    """How often a key was looked up in a cached dataset, and in what share of the cases it was there; 1 where none was."""

    dataset: str
    lookups: int
    hit_ratio: float


class ReplicaOutcome(Struct, frozen=True, kw_only=True):
    """How often a dataset was read from replicas, and in what share of the cases a write to the same row was not there yet."""

    dataset: str
    reads: int
    stale_share: float


class DeliveryOutcome(Struct, frozen=True, kw_only=True):
    """What became of the messages of a topic at one group of subscribers: each is handled, failed (a dead letter) or unfinished.

    Times are from the publication to the end of the handling, the waiting and every redelivery included.
    """

    topic: str
    subscriber: str
    published: int
    handled: int
    failed: int
    unfinished: int
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Outcome(Struct, frozen=True, kw_only=True):
    """One run, or several pooled.

    Every request ends in exactly one way: `offered == succeeded + late + failed + shed + in_flight`. `success_ratio` leaves out the
    requests that were still in flight, and not late yet, at the end. A `partial` outcome is of a run that was interrupted: its scenario
    ends where the run did. `throughput_per_s` counts every answer, `goodput_per_s` the
    successful ones. `wasted_executions` are executions whose caller had given up; `wasted_s` is all the service time that served no
    successful request, out of `work_s`. Latencies are of successful answers, in milliseconds.
    """

    seed: int
    replications: int
    scenario: Scenario
    offered: int
    succeeded: int
    late: int
    failed: int
    shed: int
    in_flight: int
    success_ratio: float
    goodput_per_s: float
    throughput_per_s: float
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    timeouts: int
    retries: int
    wasted_executions: int
    wasted_s: float
    work_s: float
    dead_letters: int
    entries: tuple[EntryOutcome, ...]
    series: SliceSeries
    components: tuple[ComponentOutcome, ...]
    pools: tuple[PoolOutcome, ...]
    calls: tuple[CallOutcome, ...]
    recovery: Recovery
    events: int
    partial: bool = False
    caches: tuple[CacheOutcome, ...] = ()
    replicas: tuple[ReplicaOutcome, ...] = ()
    deliveries: tuple[DeliveryOutcome, ...] = ()

    @property
    def busiest(self) -> tuple[str, float]:
        """Return the component, pool, lock or set of consumers with the highest utilisation, and that; the first among equals."""
        places = [(each.component, each.utilisation) for each in self.components]
        places += [(each.name, each.utilisation) for each in self.pools]
        return max(places, key=lambda place: place[1], default=("", 0.0))

    @property
    def bottleneck(self) -> str:
        """Return the name of the busiest place; empty without components."""
        return self.busiest[0]


class Interval(Struct, frozen=True):
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


class Repetition(Struct, frozen=True, kw_only=True):
    """A scenario run with several seeds: the outcome of all runs together, the intervals over them, and what became of each.

    `latency_p99_ms` is `None` when a run had no successful answer. The outcome is `partial` when a person ended the runs early.
    """

    outcome: Outcome
    success_ratio: Interval
    latency_p99_ms: Interval | None
    recoveries: tuple[Recovery, ...]


class Difference(Struct, frozen=True, kw_only=True):
    """One measure before and after a change, paired by seed: `difference` is after minus before.

    `id` carries the unit. `p_value` is that of no difference. `share_better` is the share of pairs in which the change was better, ties
    counting half.
    """

    id: str
    lower_is_better: bool
    before: Interval
    after: Interval
    difference: Interval
    p_value: float
    share_better: float

    @property
    def verdict(self) -> Literal["helps", "hurts", "no-difference", "undecided"]:
        """Tell what the interval of the difference says, whatever its size."""
        low, high = self.difference.low, self.difference.high
        if low == high == 0.0:
            return "no-difference"
        if low <= 0.0 <= high:
            return "undecided"
        return "helps" if (high < 0.0) == self.lower_is_better else "hurts"


class Comparison(Struct, frozen=True, kw_only=True):
    """Paired runs of two systems under one scenario with common random numbers; the outcomes are pooled over the replications."""

    replications: int
    seed: int
    measures: tuple[Difference, ...]
    before: Outcome
    after: Outcome

    def measure(self, id: str) -> Difference:  # noqa: A002 - the word of the field
        """Return the measure of that id; raise `KeyError` when there is none."""
        for each in self.measures:
            if each.id == id:
                return each
        raise KeyError(id)

    @property
    def decided_by(self) -> str:
        """Return the id of the measure that decides: successes first, then goodput, then the slowest answers; empty for none."""
        for id_, margin in DECIDING:
            each = self.measure(id_)
            if each.verdict in {"helps", "hurts"} and matters(id_, each.before.value, each.after.value, margin):
                return id_
        return ""

    @property
    def verdict(self) -> Literal["helps", "hurts", "no-difference", "undecided"]:
        """Return the verdict of the measure that decides."""
        if self.decided_by:
            return self.measure(self.decided_by).verdict
        unchanged = all(each.verdict == "no-difference" for each in self.measures)
        return "no-difference" if unchanged else "undecided"


DECIDING = (
    ("success_ratio", 0.005),
    ("goodput_per_s", 0.01),
    ("latency_p99_ms", 0.05),
    ("message_p95_ms", 0.05),
    ("latency_p50_ms", 0.05),
)
"""The order in which measures decide, each with the smallest change that anyone would act on: points of a share, else relative."""


def matters(measure: str, before: float, after: float, margin: float) -> bool:
    """Tell whether two values of a measure differ by more than the margin: of the whole for a share, else of the value before."""
    return abs(after - before) > margin * (1.0 if measure.endswith("_ratio") else max(abs(before), 1e-12))


class Sensitivity(Struct, frozen=True):
    """How strongly an assumed quantity moves the gain: Spearman's rank correlation over the draws, from -1 to 1."""

    quantity: Quantity
    correlation: float


class Effect(Struct, frozen=True, kw_only=True):
    """What users get: the mean time until a good answer is the cost, and a request without one costs the patience of its user."""

    success_ratio: float
    p99_ms: float | None
    cost_ms: float


class Swing(Struct, frozen=True, kw_only=True):
    """What one assumed quantity does between the ends of its range, all others at their middle; `numbers` are its paths."""

    quantity: Quantity
    numbers: tuple[str, ...]
    at_low: Effect
    at_high: Effect


class MonteCarlo(Struct, frozen=True, kw_only=True):
    """A change tried in many plausible worlds: every assumed quantity drawn from its spread, the same draw before and after.

    `share_better` is the share of draws in which the change is better by the measure `measure`, with its Wilson interval; draws that
    differ by less than anyone would act on count half. `differences` holds the median and the 5 % and 95 % points of
    after minus before. `sensitivity` is sorted by strength: the first is the one to measure next.
    """

    draws: int
    seed: int
    measure: str
    share_better: Interval
    differences: tuple[tuple[str, Interval], ...]
    sensitivity: tuple[Sensitivity, ...]
    gains: tuple[float, ...]


class Load(Struct, frozen=True, kw_only=True):
    """One load that was tried: a multiple of the base rates, whether the objectives held, and what was busiest."""

    factor: float
    rate_per_s: float
    held: bool
    broken: str
    success_ratio: float
    goodput_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    bottleneck: str
    utilisation: float


class Scaling(Struct, frozen=True, kw_only=True):
    """The highest load that holds when every service has `replicas` times its instances."""

    replicas: int
    factor: float
    rate_per_s: float
    bottleneck: str
    utilisation: float


class Scalability(Struct, frozen=True, kw_only=True):
    """The universal scalability law X(N) = λN / (1 + σ(N-1) + κN(N-1)), fitted to the capacities.

    `rate_per_s` is λ, the capacity of one; `contention` σ is the share that does not scale (Amdahl); `coherency` κ is what each pair costs.
    `best_replicas` is where the law has its top, `None` when it has none. `largest_error` is the part by which the law misses the capacity
    that it misses most: what runs into a hard limit bends more sharply than the law can.
    """

    rate_per_s: float
    contention: float
    coherency: float
    best_replicas: float | None
    largest_error: float


class Capacity(Struct, frozen=True, kw_only=True):
    """The highest load that holds the objectives: `factor` times the base rates, 0 when even a tiny one breaks them.

    `first_to_break` is the promise that breaks just above it; `loads` are all that were tried; `bottleneck` is busiest at the limit.
    """

    objectives: tuple[Objective, ...]
    factor: float
    rate_per_s: float
    bottleneck: str
    utilisation: float
    first_to_break: str
    loads: tuple[Load, ...]
    scalings: tuple[Scaling, ...]
    scalability: Scalability | None
    seed: int

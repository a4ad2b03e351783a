"""What is done to a system: how traffic arrives, what breaks and when.

Times count from the end of the warm-up: at `0` the system has already run for `warmup_s` seconds of undisturbed traffic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, Union

from msgspec import Struct, structs


class Segment(Struct, frozen=True):
    """A stretch of traffic from `start_s` to the start of the next one.

    The factor over the base rate goes in a straight line from `factor` to `end_factor`; `None` keeps it constant.
    """

    start_s: float
    factor: float
    end_factor: float | None = None


class Bursts(Struct, frozen=True):
    """Traffic that switches at random between a calm and a busy state (a two-state Markov-modulated Poisson process).

    Both stays are exponential with the given means; the rate is multiplied by `calm_factor` or `busy_factor`.
    """

    busy_factor: float
    mean_busy_s: float
    mean_calm_s: float
    calm_factor: float = 1.0


class Users(Struct, frozen=True):
    """`count` users that each send a request to an operation, wait for its end, and think for `think_s` on average (exponential)."""

    operation: str
    count: int
    think_s: float


class Arrivals(Struct, frozen=True):
    """How requests arrive from outside, whether or not earlier ones are answered (open loop, Poisson).

    The base rates are those of the workloads of the system unless `rates_per_s` names operations with rates of their own. With `users`
    the loop is closed, for batches and for comparison with theory: only they send, and no factor changes how often.
    """

    segments: tuple[Segment, ...] = (Segment(0.0, 1.0),)
    rates_per_s: tuple[tuple[str, float], ...] = ()
    bursts: Bursts | None = None
    users: tuple[Users, ...] = ()


def constant(factor: float = 1.0) -> Arrivals:
    """Return traffic that stays at `factor` times the base rates."""
    return Arrivals((Segment(0.0, factor),))


def spike(factor: float, at_s: float, lasting_s: float) -> Arrivals:
    """Return traffic that jumps to `factor` times the base rates at `at_s` and falls back `lasting_s` seconds later."""
    return Arrivals((Segment(0.0, 1.0), Segment(at_s, factor), Segment(at_s + lasting_s, 1.0)))


def ramp(factor: float, at_s: float, lasting_s: float) -> Arrivals:
    """Return traffic that climbs in a straight line from the base rates to `factor` times them, and stays there."""
    return Arrivals((Segment(0.0, 1.0), Segment(at_s, 1.0, factor), Segment(at_s + lasting_s, factor)))


def diurnal(amplitude: float, period_s: float, duration_s: float) -> Arrivals:
    """Return traffic that swings like a day: `1 + amplitude * sin(2πt / period)`, in 48 straight pieces a period."""
    pieces = max(1, math.ceil(duration_s / period_s * 48))
    width = period_s / 48

    def factor(piece: int) -> float:
        return max(0.0, 1.0 + amplitude * math.sin(2 * math.pi * piece / 48))

    return Arrivals(tuple(Segment(piece * width, factor(piece), factor(piece + 1)) for piece in range(pieces)))


def trace(factors: Sequence[float], slice_s: float) -> Arrivals:
    """Return traffic that replays recorded factors, one every `slice_s` seconds."""
    return Arrivals(tuple(Segment(index * slice_s, factor) for index, factor in enumerate(factors)))


def bursty(busy_factor: float, mean_busy_s: float, mean_calm_s: float, calm_factor: float = 1.0) -> Arrivals:
    """Return traffic that switches at random between calm and busy; each seed has switching times of its own."""
    return Arrivals(bursts=Bursts(busy_factor, mean_busy_s, mean_calm_s, calm_factor))


def at_rates(rates_per_s: Mapping[str, float], profile: Arrivals | None = None) -> Arrivals:
    """Return a profile over absolute base rates, in requests per second for each named operation."""
    return structs.replace(profile or constant(), rates_per_s=tuple(sorted(rates_per_s.items())))


def closed(users: Mapping[str, tuple[int, float]]) -> Arrivals:
    """Return the traffic of so many users of each named operation, with the seconds for which each thinks after an answer."""
    return Arrivals(users=tuple(Users(name, count, think_s) for name, (count, think_s) in sorted(users.items())))


class Slow(Struct, frozen=True, tag="slow", tag_field="fault"):
    """Everything that a component does takes `by` times as long; `instances` of them are hit, `None` means all."""

    component: str
    by: float
    at_s: float
    lasting_s: float
    instances: int | None = None


class Steal(Struct, frozen=True, tag="steal", tag_field="fault"):
    """Others take the share `share` of the processors of a component; waiting takes as long as before; `instances` as for `Slow`."""

    component: str
    share: float
    at_s: float
    lasting_s: float
    instances: int | None = None


class Crash(Struct, frozen=True, tag="crash", tag_field="fault"):
    """Instances are gone and come back empty after `lasting_s`; `instances` of them are hit, `None` means all.

    Work in flight there is answered with an error, or never when `silent`: then only the caller's timeout ends the wait.
    """

    component: str
    at_s: float
    lasting_s: float
    silent: bool = False
    instances: int | None = 1


class Partition(Struct, frozen=True, tag="partition", tag_field="fault"):
    """No message passes between two components, and neither is told."""

    component: str
    other: str
    at_s: float
    lasting_s: float


class Loss(Struct, frozen=True, tag="loss", tag_field="fault"):
    """Each call between two components is lost with probability `ratio`, and neither is told."""

    component: str
    other: str
    ratio: float
    at_s: float
    lasting_s: float


class Errors(Struct, frozen=True, tag="errors", tag_field="fault"):
    """A component answers the share `ratio` of its requests with an error at once."""

    component: str
    ratio: float
    at_s: float
    lasting_s: float


class Flush(Struct, frozen=True, tag="flush", tag_field="fault"):
    """A cache forgets everything at `at_s` and fills again with what is put."""

    component: str
    at_s: float

    @property
    def lasting_s(self) -> float:
        """Return 0: a flush has no duration of its own."""
        return 0.0


Fault = Union[Slow, Steal, Crash, Partition, Loss, Errors, Flush]


def slow(component: str, by: float, at_s: float, lasting_s: float, instances: int | None = None) -> Slow:
    """Return the fault of a component that takes `by` times as long for everything."""
    return Slow(component, by, at_s, lasting_s, instances)


def steal(component: str, share: float, at_s: float, lasting_s: float, instances: int | None = None) -> Steal:
    """Return the fault of processors of which others take a share."""
    return Steal(component, share, at_s, lasting_s, instances)


def crash(component: str, at_s: float, lasting_s: float, silent: bool = False, instances: int | None = 1) -> Crash:
    """Return the fault of instances that are gone for a while."""
    return Crash(component, at_s, lasting_s, silent, instances)


def partition(component: str, other: str, at_s: float, lasting_s: float) -> Partition:
    """Return the fault of two components that cannot reach each other."""
    return Partition(component, other, at_s, lasting_s)


def loss(component: str, other: str, ratio: float, at_s: float, lasting_s: float) -> Loss:
    """Return the fault of a connection that loses a share of the calls."""
    return Loss(component, other, ratio, at_s, lasting_s)


def errors(component: str, ratio: float, at_s: float, lasting_s: float) -> Errors:
    """Return the fault of a component that fails a share of its requests."""
    return Errors(component, ratio, at_s, lasting_s)


def flush(component: str, at_s: float) -> Flush:
    """Return the fault of a cache that forgets everything."""
    return Flush(component, at_s)


class Law(Struct, frozen=True):
    """The law of a service time whose mean is known; `variation` is the coefficient of variation (exponential: 1, constant: 0)."""

    name: Literal["exponential", "constant", "gamma", "lognormal", "pareto"] = "exponential"
    variation: float = 1.0


class Scenario(Struct, frozen=True):
    """An experiment on a system, without its seed.

    `duration_s` is measured after `warmup_s` of undisturbed traffic. A good answer that takes longer than `patience_s` is late and is
    no success (10 s is the limit of a user's attention in Nielsen, Usability Engineering, 1993); `None` waits for ever. With
    `leaving`, whoever sent a request gives up after `patience_s`, or after an exponential time of that mean: it leaves the queue in which
    it waits for its first place, or is worked on for nobody; it counts as late. `law` is the law of all service times, `laws` those of
    single components: an exponential has the largest entropy of all laws with a known mean.
    """

    duration_s: float
    warmup_s: float = 5.0
    arrivals: Arrivals = Arrivals()
    faults: tuple[Fault, ...] = ()
    slice_s: float = 1.0
    patience_s: float | None = 10.0
    leaving: Literal["never", "constant", "exponential"] = "never"
    law: Law = Law()
    laws: tuple[tuple[str, Law], ...] = ()

    def disturbed_s(self) -> tuple[float, float] | None:
        """Return when the first fault or change of traffic starts and when the last one ends; `None` in undisturbed traffic."""
        starts = [fault.at_s for fault in self.faults]
        ends = [fault.at_s + fault.lasting_s for fault in self.faults]
        segments = self.arrivals.segments
        base = segments[0].factor if segments else 1.0
        for segment, after in zip(segments, (*segments[1:], None), strict=True):
            last = segment.end_factor if segment.end_factor is not None else segment.factor
            if segment.factor != base or last != base:
                starts.append(segment.start_s)
                ends.append(after.start_s if after is not None else self.duration_s)
        if not starts:
            return None
        return min(starts), min(max(ends), self.duration_s)


class ModelError(ValueError):
    """Say in one sentence why a system or a scenario cannot be simulated, naming the operation, step or component."""

"""One scenario on the recovered system: what `backend-expert simulate` runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Executor

from msgspec import Struct

from backend_expert.lab import load
from backend_expert.model import System
from backend_expert.model.assume import assumptions
from backend_expert.review.result import Interval
from backend_expert.review.series import interval_of

Report = Callable[[int, int, Interval, Interval | None], None]
"""Hear after each run how many there are, how many there may be, and what is known of the successes and of the p99."""

SCHEMA = "backend-expert/simulation/1"

_TIME = r"(?P<at>\d+(?:\.\d+)?)s?(?:\+(?P<lasting>\d+(?:\.\d+)?)s?)?"
_FAULT = re.compile(rf"(?P<kind>[a-z]+):(?P<target>[^:@]+)(?::(?P<more>[^@]*))?@{_TIME}")
_EXAMPLES = (
    "slow:payment:10x@60s+30s, steal:payment:50%@60s+30s, crash:redis@60s+10s, errors:payment:50%@60s+30s, loss:orders:payment:5%@60s+30s, "
    "partition:orders:payment@60s+30s, flush:redis@60s"
)


class Simulation(Struct, frozen=True, kw_only=True):
    """The numbers of one scenario, run until they are known well enough, with what it takes to repeat it."""

    schema: str = SCHEMA
    system: str
    command: str
    objective_ms: float | None
    assumed: int
    asked_s: float
    outcome: load.Outcome
    success_ratio: Interval
    latency_p99_ms: Interval | None
    recoveries: tuple[load.Recovery, ...]


def simulate(
    system: System, scenario: load.Scenario, seed: int, command: str, executor: Executor, report: Report | None = None
) -> Simulation:
    """Run a completed system under a scenario; raise `load.ModelError` when it cannot be simulated.

    Ctrl-C keeps what was measured.
    """

    def heard(done: int, most: int, known: load.Repetition) -> None:
        if report is not None:
            report(done, most, *_intervals(known))

    found = load.repeat(system, scenario, seed=seed, executor=executor, report=heard)
    success, slowest = _intervals(found)
    return Simulation(
        system=system.name,
        command=command,
        objective_ms=next((each.latency_p99_ms for each in system.objectives if each.latency_p99_ms is not None), None),
        assumed=len(assumptions(system)),
        asked_s=scenario.duration_s,
        outcome=found.outcome,
        success_ratio=success,
        latency_p99_ms=slowest,
        recoveries=found.recoveries,
    )


def _intervals(known: load.Repetition) -> tuple[Interval, Interval | None]:
    slowest = known.latency_p99_ms
    return interval_of(known.success_ratio), interval_of(slowest) if slowest is not None else None


def peak_scenario(factor: float, duration_s: float, faults: tuple[load.Fault, ...] = ()) -> load.Scenario:
    """Return a peak of the given factor in the middle third of the run; none when the factor is 1."""
    third = round(duration_s / 3)
    arrivals = load.spike(factor, at_s=third, lasting_s=third) if factor != 1 else load.constant()
    return load.Scenario(duration_s, arrivals=arrivals, faults=faults, slice_s=max(1.0, duration_s / 300))


def parse_duration(text: str) -> float:
    """Return the seconds in `300s`, `5m` or `300`; raise `ValueError` outside one second to one day."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)?", text.strip())
    seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600, None: 1}[match[2]] if match else 0.0
    if not 1 <= seconds <= 86_400:
        raise ValueError(f"a duration is from 1s to 24h, for example 300s or 5m; '{text}' is not one")
    return seconds


def parse_fault(text: str, system: System) -> load.Fault:
    """Return the fault in `kind:component[:size]@start+duration`; raise `ValueError` with one sentence when it is none."""
    match = _FAULT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a fault; write it like one of: {_EXAMPLES}")
    kind, target, more = match["kind"], match["target"], match["more"] or ""
    at_s, lasting_s = float(match["at"]), float(match["lasting"] or 0)
    _known(target, system)
    if lasting_s <= 0 and kind != "flush":
        raise ValueError(f"'{text}' lacks how long it lasts; write it like one of: {_EXAMPLES}")
    makers: dict[str, Callable[[], load.Fault]] = {
        "slow": lambda: load.slow(target, _factor(more, text), at_s, lasting_s),
        "steal": lambda: load.steal(target, _ratio(more, text), at_s, lasting_s),
        "crash": lambda: load.crash(target, at_s, lasting_s, silent=more == "silent"),
        "errors": lambda: load.errors(target, _ratio(more, text), at_s, lasting_s),
        "partition": lambda: load.partition(target, _known(more, system), at_s, lasting_s),
        "loss": lambda: _loss(target, more, text, system, at_s, lasting_s),
        "flush": lambda: load.flush(target, at_s),
    }
    if kind not in makers:
        raise ValueError(f"there is no fault '{kind}'; write one of: {_EXAMPLES}")
    return makers[kind]()


def _loss(target: str, more: str, text: str, system: System, at_s: float, lasting_s: float) -> load.Fault:
    other, _, share = more.rpartition(":")
    return load.loss(target, _known(other, system), _ratio(share, text), at_s, lasting_s)


def _known(name: str, system: System) -> str:
    names = tuple(component.name for component in system.components)
    if name not in names:
        raise ValueError(f"there is no component '{name}' in this system; it has {', '.join(names)}")
    return name


def _factor(text: str, fault: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)x", text)
    if match is None or float(match[1]) < 1:
        raise ValueError(f"'{fault}' lacks how slow it gets, for example 10x; write it like one of: {_EXAMPLES}")
    return float(match[1])


def _ratio(text: str, fault: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%", text)
    if match is None or float(match[1]) > 100:
        raise ValueError(f"'{fault}' lacks a share from 0% to 100%; write it like one of: {_EXAMPLES}")
    return float(match[1]) / 100

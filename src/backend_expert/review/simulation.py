"""One scenario on the recovered system: what `backend-expert simulate` runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Executor

from msgspec import Struct

from backend_expert.lab import load
from backend_expert.model import System

SCHEMA = "backend-expert/simulation/1"

_TIME = r"(?P<at>\d+(?:\.\d+)?)s?(?:\+(?P<lasting>\d+(?:\.\d+)?)s?)?"
_FAULT = re.compile(rf"(?P<kind>[a-z]+):(?P<target>[^:@]+)(?::(?P<more>[^@]*))?@{_TIME}")
_EXAMPLES = (
    "slow:payment:10x@60s+30s, crash:redis@60s+10s, errors:payment:50%@60s+30s, loss:orders:payment:5%@60s+30s, "
    "partition:orders:payment@60s+30s, flush:redis@60s"
)


class Simulation(Struct, frozen=True, kw_only=True):
    """The numbers of one run, with what it takes to repeat it."""

    schema: str = SCHEMA
    system: str
    command: str
    objective_ms: float | None
    assumed: int
    outcome: load.Outcome


def simulate(system: System, scenario: load.Scenario, seed: int, command: str, executor: Executor | None = None) -> Simulation:
    """Run a completed system under a scenario, here or on an executor; raise `load.ModelError` when it cannot be simulated."""
    from backend_expert.model.assume import assumptions

    return Simulation(
        system=system.name,
        command=command,
        objective_ms=next((each.latency_p99_ms for each in system.objectives if each.latency_p99_ms is not None), None),
        assumed=len(assumptions(system)),
        outcome=executor.submit(load.run, system, scenario, seed).result() if executor else load.run(system, scenario, seed=seed),
    )


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

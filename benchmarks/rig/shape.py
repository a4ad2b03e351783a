"""The system of the rig: as options of the services that run, and as the value of the model that the lab simulates."""

from __future__ import annotations

from typing import Any, NamedTuple

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import Branch, Call, Estimate, Kind, Operation, Policy, System, Trigger, Wait, Work
from backend_expert.model import Component as Part

Tiers = dict[str, dict[str, Any]]

BASE: Tiers = {
    "gateway": {"workers": 32, "work_ms": 3.0, "timeout_ms": 2000, "attempts": 1},
    "service": {"workers": 16, "work_ms": 12.0, "timeout_ms": 250, "attempts": 2},
    "db": {"workers": 8, "work_ms": 30.0},
}
"""Three tiers; the last one has 8 places of 30 ms, so that 267 requests a second are the most that the system can do."""

MOST_PER_S = 1000 * BASE["db"]["workers"] / BASE["db"]["work_ms"]
LOW, LEVELS = 0.15, (0.3, 0.6, 0.8)
"""Shares of the most: where the model is calibrated, and where its predictions are compared."""

RUNS = 100
"""Simulated runs of each load and change."""


class Change(NamedTuple):
    """One thing done differently: where, at which load, and the figure that is compared. All were fixed before the first measurement."""

    name: str
    tier: str
    options: dict[str, Any]
    level: float
    figure: str


CHANGES = (
    Change("12 database workers instead of 8", "db", {"workers": 12}, 0.8, "p95"),
    Change("7 database workers instead of 8", "db", {"workers": 7}, 0.8, "p95"),
    Change("a second replica of the database", "db", {"replicas": 2}, 0.8, "p95"),
    Change("queries of 24 ms instead of 30", "db", {"work_ms": 24.0}, 0.8, "p95"),
    Change("a cache that answers half of the queries", "service", {"hit_ratio": 0.5}, 0.8, "p50"),
    Change("a queue of at most 4 at the database", "db", {"queue_limit": 4}, 0.8, "p95"),
    Change("10 service workers instead of 16", "service", {"workers": 10}, 0.6, "p95"),
    Change("a pool of 6 connections to the database", "service", {"pool": 6}, 0.6, "p95"),
    Change("a timeout of 60 ms instead of 250", "service", {"timeout_ms": 60}, 0.6, "success"),
    Change("a timeout of 60 ms and no retry", "service", {"timeout_ms": 60, "attempts": 1}, 0.6, "success"),
)


class Fit(NamedTuple):
    """What was measured at the low load, in milliseconds.

    The work of each tier, the processor time of a request in it, and a hop there and back without that.
    """

    work_ms: dict[str, float]
    cpu_ms: dict[str, float]
    hop_ms: float


def changed(tier: str, options: dict[str, Any]) -> Tiers:
    """Return the base with some options of one tier replaced."""
    return {name: {**each, **(options if name == tier else {})} for name, each in BASE.items()}


def fitted(tiers: Tiers, measured: dict[str, dict[str, Any]], driver: dict[str, float]) -> Fit:
    """Return the numbers that the model takes from one run.

    A sleep ends later than asked, by the grain of the event loop: its mean delay is added to the work. A hop is what an answered call
    took beyond what the callee says; the processor time of a tier is a part of it, and what a process did beside that is on nobody's way.
    """
    work = {name: tiers[name]["work_ms"] + _each(at["worked_ms"] - at["asked_ms"], at["works"]) for name, at in measured.items()}
    sides = [driver, *measured.values()]
    hop = _each(sum(each["beyond_ms"] for each in sides), sum(each["calls"] for each in sides))
    cpu = {name: min(hop, _each(1000 * at["cpu_s"], at["requests"])) for name, at in measured.items()}
    return Fit(work, cpu, max(0.0, hop - sum(cpu.values()) / len(cpu)))


def model(tiers: Tiers, rate_per_s: float, fit: Fit) -> System:
    """Return the system as a value of the model.

    A worker holds its place while it sleeps and while it waits for the next tier; each process has one core. Work that the options
    change is scaled, what it takes beyond that stays.
    """
    gateway, service = tiers["gateway"], tiers["service"]
    cached = Branch(probability=Estimate(1.0 - service.get("hit_ratio", 0.0)), then=(_call("query", service),))
    body = {"gateway": (_call("serve", gateway),), "service": (cached,), "db": ()}
    names = {"gateway": "GET /", "service": "serve", "db": "query"}
    return sketch.system(
        [sketch.component("client", kind=Kind.CLIENT), *(_part(name, tiers[name]) for name in tiers)],
        [
            sketch.operation("request", "client", sketch.call("GET /")),
            *(_operation(names[name], name, _work(name, tiers, fit), fit.cpu_ms[name], body[name]) for name in tiers),
        ],
        {"request": rate_per_s},
        network_ms=fit.hop_ms / 2,
    )


def predicted(tiers: Tiers, rate_per_s: float, seconds: float, fit: Fit) -> list[dict[str, float]]:
    """Return what the lab says of `RUNS` runs as long as the measured one, the same requests before and after a change.

    Each has p50, p95 and p99 of the successful answers in milliseconds, and the share of successes. Near saturation one such run
    differs much from the next, so the length is a part of what is predicted.
    """
    scenario = load.Scenario(seconds, warmup_s=4.0, slice_s=seconds / 10, patience_s=None)
    runs = [load.run(model(tiers, rate_per_s, fit), scenario, seed) for seed in range(1, RUNS + 1)]
    return [
        {"p50": each.p50_ms or 0.0, "p95": each.p95_ms or 0.0, "p99": each.p99_ms or 0.0, "success": each.success_ratio}
        for each in runs
    ]


def _each(total: float, count: float) -> float:
    return total / count if count else 0.0


def _work(name: str, tiers: Tiers, fit: Fit) -> float:
    return fit.work_ms[name] + tiers[name]["work_ms"] - BASE[name]["work_ms"]


def _part(name: str, options: dict[str, Any]) -> Part:
    return sketch.component(
        name, workers=options["workers"], replicas=options.get("replicas", 1), cores=1, queue_limit=options.get("queue_limit")
    )


def _operation(name: str, home: str, work_ms: float, cpu_ms: float, rest: tuple[Any, ...]) -> Operation:
    steps = (Work(cpu_ms=Estimate(cpu_ms)), Wait(time_ms=Estimate(work_ms)), *rest)
    return Operation(name=name, component=home, trigger=Trigger(kind="rpc", name=name), steps=steps)


def _call(target: str, options: dict[str, Any]) -> Call:
    policy: Policy = sketch.policy(timeout_ms=options["timeout_ms"], attempts=options["attempts"], pool=options.get("pool"))
    return Call(operation=target, policy=policy)

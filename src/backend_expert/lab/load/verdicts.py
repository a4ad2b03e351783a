"""Statements over replications: how sure it is that a system recovers, and how long it needs until it is warm."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from msgspec import structs

from backend_expert.lab.load.experiment import Progress, replication_seed, simulate, spread
from backend_expert.lab.load.measure import figures
from backend_expert.lab.load.outcome import Interval
from backend_expert.lab.load.program import compile_each, compile_program
from backend_expert.lab.load.scenario import ModelError, Scenario
from backend_expert.lab.load.statistics import mser_5, wilson
from backend_expert.lab.load.vocabulary import Counter
from backend_expert.model import System
from backend_expert.model.assume import complete

PILOT_SLICES = 120


def recovery_share(
    system: System,
    scenario: Scenario,
    *,
    within_s: float | None = None,
    replications: int = 20,
    seed: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Interval:
    """Return the share of replications in which the system comes back after the last fault or peak, with its Wilson interval.

    `within_s` bounds how long that may take; `None` allows the rest of the scenario. Raises `ModelError` for a scenario in which nothing
    is done to the system.
    """
    if scenario.disturbed_s() is None:
        raise ModelError(
            "Nothing is done to the system in this scenario, so there is nothing to recover from; add a fault or a peak."
        )
    program = compile_program(complete(system), scenario)
    seeds = [(program, replication_seed(seed, at)) for at in range(replications)]
    after = [figures(tally, scenario).recovery_s for tally in spread(simulate, seeds, executor, progress, 0, replications)]
    recovered = sum(each is not None and (within_s is None or each <= within_s) for each in after)
    return wilson(recovered, replications)


def success_shares(
    system: System, scenarios: Sequence[Scenario], start_s: float, end_s: float, *, seed: int = 1
) -> tuple[float, ...]:
    """Return, for scenarios that differ in their faults alone, the share of the requests of a stretch of time that succeed.

    A request belongs to the slice in which it arrives; 1 where none arrives. Raises `ModelError` as `run` does.
    """
    shares = []
    for program in compile_each(complete(system), scenarios):
        counted = simulate(program, seed)
        first, last = (round(second / program.scenario.slice_s) for second in (start_s, end_s))
        counts = counted.slice_counts[:, first:last].sum(axis=(0, 1))
        decided = int(counts[Counter.OFFERED] - counted.slice_waiting[:, first:last].sum())
        shares.append(float(counts[Counter.SUCCEEDED]) / decided if decided > 0 else 1.0)
    return tuple(shares)


def settling_s(system: System, scenario: Scenario, *, seed: int = 1) -> float:
    """Return after how many seconds of undisturbed traffic the number of requests in the system is steady (MSER-5).

    The answer is for `Scenario.warmup_s`; a system that is not steady in the length of the scenario gives half of that length.
    """
    width = scenario.duration_s / PILOT_SLICES
    calm = structs.replace(
        scenario,
        warmup_s=0.0,
        slice_s=width,
        faults=(),
        arrivals=structs.replace(scenario.arrivals, segments=scenario.arrivals.segments[:1]),
    )
    program = compile_program(complete(system), calm)
    tally = simulate(program, seed)
    owned = [gate for slots, cores in program.places for gate in (slots or cores)]
    inside = np.asarray(tally.busy[:, owned].sum(axis=1) + tally.queued[:, owned].sum(axis=1)) / (1000.0 * width)
    return mser_5(inside.tolist()) * width

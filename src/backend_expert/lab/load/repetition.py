"""Run a scenario again and again until what it says is known well enough, or until a person ends it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor

from msgspec import structs

from backend_expert.lab.load.experiment import AUTO_SIZES, replication_seed, simulate
from backend_expert.lab.load.interruption import interruptible
from backend_expert.lab.load.measure import Tally, outcome, pooled
from backend_expert.lab.load.outcome import DECIDING, Interval, Outcome, Repetition
from backend_expert.lab.load.pairs import PRECISION
from backend_expert.lab.load.program import Program, compile_program
from backend_expert.lab.load.scenario import Scenario
from backend_expert.lab.load.statistics import mean_interval
from backend_expert.model import System
from backend_expert.model.assume import complete

Report = Callable[[int, int, Repetition], None]


def repeat(
    system: System,
    scenario: Scenario,
    *,
    sizes: Sequence[int] = AUTO_SIZES,
    seed: int = 1,
    executor: Executor | None = None,
    report: Report | None = None,
) -> Repetition:
    """Run a scenario with 5, 10 or 20 seeds: until the share of successes is known within half a point and the p99 within 5 %.

    `report` hears after each run how many there are, how many there may be, and what is known. Ctrl-C ends the runs, in the middle of the
    first one too, and what was measured is returned, marked as partial. The result is the same with any executor. Raises `ModelError` as
    `run` does.
    """
    program = compile_program(complete(system), scenario)
    first, ran = interruptible(program, seed)
    ended = [(first, outcome(first, ran, seed))]
    known = _known(ended, ran, seed, partial=ran is not program)
    try:
        for size in sizes if ran is program else ():
            seeds = [replication_seed(seed, at) for at in range(len(ended), size)]
            for each in _runs(program, seeds, executor):
                ended.append((each, outcome(each, program, seed)))
                known = _known(ended, program, seed)
                if report is not None:
                    report(len(ended), sizes[-1], known)
            if enough(known):
                break
    except KeyboardInterrupt:
        known = _known(ended, program, seed, partial=True)
    return known


def enough(known: Repetition) -> bool:
    """Tell whether more runs would tell nobody anything: the intervals are narrower than what anyone would act on."""
    success, slowest = known.success_ratio, known.latency_p99_ms
    within = success.high - success.low <= 2 * dict(DECIDING)["success_ratio"]
    return within and (slowest is None or slowest.high - slowest.low <= 2 * PRECISION * slowest.value)


def _runs(program: Program, seeds: Sequence[int], executor: Executor | None) -> Iterator[Tally]:
    """Yield the counts of each seed in their order; those that are not wanted any more are not begun."""
    if executor is None:
        for seed in seeds:
            yield simulate(program, seed)
        return
    futures = [executor.submit(simulate, program, seed) for seed in seeds]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _known(ended: Sequence[tuple[Tally, Outcome]], program: Program, seed: int, *, partial: bool = False) -> Repetition:
    tallies, each = zip(*ended, strict=True)
    slowest = [one.p99_ms for one in each if one.p99_ms is not None]
    return Repetition(
        outcome=structs.replace(outcome(pooled(tallies), program, seed), partial=partial),
        success_ratio=_within(mean_interval([one.success_ratio for one in each]), 1.0),
        latency_p99_ms=_within(mean_interval(slowest), math.inf) if len(slowest) == len(each) else None,
        recoveries=tuple(one.recovery for one in each),
    )


def _within(interval: Interval, most: float) -> Interval:
    """Return the interval without the values that the figure cannot have: those below 0 or above `most`."""
    return Interval(interval.value, max(0.0, interval.low), min(most, interval.high))

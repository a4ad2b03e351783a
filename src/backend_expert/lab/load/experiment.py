"""Experiments: one run, a paired comparison, a comparison over everything that is not known."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Literal, TypeVar

from backend_expert.lab.load import workspace
from backend_expert.lab.load.compiled import kernel
from backend_expert.lab.load.labels import hashed
from backend_expert.lab.load.measure import Figures, Tally, figures, outcome, pooled, tally
from backend_expert.lab.load.memory import Memory, program_digest, system_digest
from backend_expert.lab.load.outcome import Comparison, Difference, MonteCarlo, Outcome
from backend_expert.lab.load.pairs import differences, judged, precise
from backend_expert.lab.load.program import Program, check_all, compile_program
from backend_expert.lab.load.quantity import Quantity
from backend_expert.lab.load.scenario import ModelError, Scenario
from backend_expert.lab.load.vocabulary import Status
from backend_expert.lab.load.workspace import Run
from backend_expert.lab.load.worlds import changed, replaced
from backend_expert.model import System
from backend_expert.model.assume import complete

Result = TypeVar("Result")
Progress = Callable[[int, int], None]

PAUSE_EVENTS = 2_000_000
"""Events between two looks at the outside world: about 0.2 s, so that an interrupt is heard."""

AUTO_SIZES = (5, 10, 20)

HALF = 0.5
"""A change that is better in half of the worlds is a coin."""

EVENT_LIMIT = 5_000_000_000


def run(system: System, scenario: Scenario, seed: int = 1, memory: Memory | None = None) -> Outcome:
    """Simulate the system under the scenario once; raise `ModelError` when it cannot be simulated.

    Unknown numbers are filled from the table of defaults first. A run that the `memory` holds is not made again.
    """
    return run_all(system, (scenario,), seed=seed, memory=memory)[0]


def run_all(
    system: System, scenarios: Sequence[Scenario], *, seed: int = 1, executor: Executor | None = None, memory: Memory | None = None
) -> tuple[Outcome, ...]:
    """Simulate the system under each scenario once, side by side on an executor; otherwise as `run`."""
    whole, kept = complete(system), memory or Memory()
    programs = [compile_program(whole, scenario) for scenario in scenarios]
    keys = [(program_digest(program), seed) for program in programs]
    missing = {key: program for key, program in zip(keys, programs, strict=True) if kept.get(key) is None}
    tallies = spread(simulate, [(program, seed) for program in missing.values()], executor, None, 0, len(missing))
    for key, counted in zip(missing, tallies, strict=True):
        kept.keep(key, counted)
    return tuple(outcome(kept.get(key), program, seed) for key, program in zip(keys, programs, strict=True))


def simulate(program: Program, seed: int) -> Tally:
    """Run a compiled program to its end and return its counts."""
    run, done = workspace.make(program, seed), False
    while not done:
        run, done = proceed(run)
    return tally(run)


def proceed(run: Run) -> tuple[Run, bool]:
    """Run on for a while, and tell whether the end was reached."""
    status = kernel()(run.state, PAUSE_EVENTS)
    if status == Status.GROW:
        return workspace.grow(run), False
    if status == Status.BROKEN:
        raise ModelError("The clock of the simulation ran backwards: a time of the system is not a number.")
    if run.state["events"][0] > EVENT_LIMIT:
        raise ModelError(f"More than {EVENT_LIMIT:,} events: make the scenario shorter or its rates lower.")
    return run, status == Status.DONE


def replication_seed(seed: int, replication: int) -> int:
    """Return the seed of one replication; replication 0 is the run with the seed itself."""
    return seed if replication == 0 else hashed(f"{seed}/{replication}")


def compare(
    before: System,
    after: System,
    scenario: Scenario,
    *,
    replications: int | Sequence[int] | Literal["auto"] = "auto",
    seed: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
    enough: Callable[[Sequence[Difference]], bool] = precise,
    memory: Memory | None = None,
) -> Comparison:
    """Run both systems with the same requests and the same draws, and measure the differences pair by pair.

    With a sequence of sizes the run ends after the first of them at which what was measured is `enough`. `auto` runs 5 pairs and then
    doubles them, up to 20, until the intervals of the deciding differences are narrower than 5 % of the value before on either side.
    Runs of `before` that the `memory` holds are not made again. The result is the same with any executor and any memory. Raises
    `ModelError` as `run` does.
    """
    programs = compile_program(complete(before), scenario), compile_program(complete(after), scenario)
    sizes = AUTO_SIZES if replications == "auto" else (max(1, replications),) if isinstance(replications, int) else replications
    pairs: list[tuple[Tally, Tally]] = []
    for size in sizes:
        seeds = [replication_seed(seed, at) for at in range(len(pairs), size)]
        pairs += _pairs(programs, seeds, executor, progress, (len(pairs), sizes[-1]), memory or Memory())
        measures = differences([(figures(one, scenario), figures(other, scenario)) for one, other in pairs], scenario)
        if enough(measures):
            break
    first, second = (pooled([pair[side] for pair in pairs]) for side in (0, 1))
    return Comparison(
        replications=len(pairs),
        seed=seed,
        measures=measures,
        before=outcome(first, programs[0], seed),
        after=outcome(second, programs[1], seed),
    )


def _pairs(
    programs: tuple[Program, Program],
    seeds: Sequence[int],
    executor: Executor | None,
    progress: Progress | None,
    counted: tuple[int, int],
    memory: Memory,
) -> list[tuple[Tally, Tally]]:
    """Return the tallies of both programs for each seed; those before the change come from the memory where it has them."""
    origin = program_digest(programs[0])
    tasks = [(programs[0] if memory.get((origin, each)) is None else None, programs[1], each) for each in seeds]
    found = spread(simulate_pair, tasks, executor, progress, *counted)
    for each, (first, _) in zip(seeds, found, strict=True):
        if first is not None:
            memory.keep((origin, each), first)
    return [(memory.get((origin, each)), second) for each, (_, second) in zip(seeds, found, strict=True)]


def simulate_pair(before: Program | None, after: Program, seed: int) -> tuple[Tally | None, Tally]:
    """Run two programs with the same seed, or only the second when the first is known."""
    return simulate(before, seed) if before is not None else None, simulate(after, seed)


def monte_carlo(
    system: System,
    change: Callable[[System], System],
    scenario: Scenario,
    *,
    draws: int | Sequence[int] = 40,
    seed: int = 1,
    measure: str = "auto",
    executor: Executor | None = None,
    progress: Progress | None = None,
    memory: Memory | None = None,
) -> MonteCarlo:
    """Try a change in `draws` plausible worlds: every assumed number is drawn from its spread, before and after alike.

    With a sequence of draws the run ends after the first of them at which the share of better worlds is settled: its interval leaves
    one half out. `measure` is the figure whose gain the sensitivity explains: `success_ratio` where the change moves it in one draw of
    ten, else `latency_p99_ms`. A draw is better by the first figure of `DECIDING` that differs by more than its margin. Worlds of
    `system` that the `memory` holds are not run again.
    """
    both = changed(system, change)
    check_all(both.before, scenario)
    check_all(both.after, scenario)
    kept = memory or Memory()
    origin = system_digest(both.before)
    sizes = (draws,) if isinstance(draws, int) else draws
    pairs: list[tuple[Figures, Figures]] = []
    drawn: list[dict[Quantity, float]] = []
    for size in sizes:
        tasks, keys = [], []
        for number in range(len(pairs), size):
            values, named = both.values(seed, number)
            known = kept.get((origin, scenario, seed, number))
            drawn.append(named)
            keys.append((origin, scenario, seed, number))
            before = known if known is not None else replaced(both.before, values)
            tasks.append((before, replaced(both.after, values), scenario, replication_seed(seed, number)))
        found = spread(world_figures, tasks, executor, progress, len(pairs), sizes[-1])
        for key, pair in zip(keys, found, strict=True):
            kept.keep(key, pair[0])
        pairs += found
        result = judged(pairs, drawn, scenario, measure, seed)
        if not result.share_better.low <= HALF <= result.share_better.high:
            break
    return result


def world_figures(before: System | Figures, after: System, scenario: Scenario, seed: int) -> tuple[Figures, Figures]:
    """Compile and run one world before and after the change, and return only the figures; those before may be known."""
    second = compile_program(after, scenario, checked=True)
    if isinstance(before, System):
        before = figures(simulate(compile_program(before, scenario, checked=True), seed), scenario)
    return before, figures(simulate(second, seed), scenario)


def spread(
    work: Callable[..., Result],
    tasks: Sequence[tuple[Any, ...]],
    executor: Executor | None,
    progress: Progress | None,
    done: int,
    of: int,
) -> list[Result]:
    """Run tasks on an executor, threads where none is given, and return their results in the order of the tasks."""
    own = ThreadPoolExecutor(max_workers=min(len(tasks), os.cpu_count() or 1)) if executor is None and len(tasks) > 1 else None
    pool = executor or own
    results = []
    try:
        futures = [pool.submit(work, *task) for task in tasks] if pool is not None else None
        for at, task in enumerate(tasks):
            results.append(futures[at].result() if futures is not None else work(*task))
            if progress is not None:
                progress(done + at + 1, of)
    finally:
        if own is not None:
            own.shutdown(wait=True, cancel_futures=True)
    return results

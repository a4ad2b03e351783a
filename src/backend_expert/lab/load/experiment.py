"""Experiments: one run, a paired comparison, a comparison over everything that is not known."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Literal

from backend_expert.lab.load import workspace
from backend_expert.lab.load.compiled import kernel
from backend_expert.lab.load.layout import Status
from backend_expert.lab.load.measure import Tally, outcome, tally
from backend_expert.lab.load.outcome import Comparison, MonteCarlo, Outcome
from backend_expert.lab.load.program import Program, compile_program
from backend_expert.lab.load.scenario import ModelError, Scenario
from backend_expert.model import System
from backend_expert.model.assume import complete

Progress = Callable[[int, int], None]

PAUSE_EVENTS = 2_000_000
"""Events between two looks at the outside world: about 0.2 s, so that an interrupt is heard."""

EVENT_LIMIT = 5_000_000_000


def run(system: System, scenario: Scenario, seed: int = 1) -> Outcome:
    """Simulate the system under the scenario once; raise `ModelError` when it cannot be simulated.

    Unknown numbers are filled from the table of defaults first.
    """
    program = compile_program(complete(system), scenario)
    return outcome(simulate(program, seed), program, seed)


def simulate(program: Program, seed: int) -> Tally:
    """Run a compiled program to its end and return its counts."""
    advance, prepare = kernel()
    run = workspace.make(program, seed)
    prepare(run.state)
    while True:
        status = advance(run.state, PAUSE_EVENTS)
        if status == Status.DONE:
            return tally(run)
        if status == Status.GROW:
            run = workspace.grow(run)
        elif status == Status.BROKEN:
            raise ModelError("The clock of the simulation ran backwards: a time of the system is not a number.")
        elif run.state["events"][0] > EVENT_LIMIT:
            raise ModelError(f"More than {EVENT_LIMIT:,} events: make the scenario shorter or its rates lower.")


def compare(
    before: System,
    after: System,
    scenario: Scenario,
    *,
    replications: int | Literal["auto"] = "auto",
    seed: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Run both systems with the same requests and the same draws, and measure the differences pair by pair."""
    raise NotImplementedError


def monte_carlo(
    system: System,
    change: Callable[[System], System],
    scenario: Scenario,
    *,
    draws: int = 40,
    seed: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> MonteCarlo:
    """Try a change in `draws` plausible worlds: every assumed number is drawn from its spread, before and after alike."""
    raise NotImplementedError

"""A run that a person may end early without losing what was measured."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.load import workspace
from backend_expert.lab.load.experiment import proceed
from backend_expert.lab.load.measure import Tally, outcome, tally
from backend_expert.lab.load.outcome import Outcome
from backend_expert.lab.load.program import Program, compile_program
from backend_expert.lab.load.scenario import Scenario
from backend_expert.lab.load.workspace import Run, slice_count
from backend_expert.model import System
from backend_expert.model.assume import complete


def run_until_interrupted(system: System, scenario: Scenario, seed: int = 1) -> Outcome:
    """Simulate like `run`; when Ctrl-C ends it early, return what was measured until then, marked as partial.

    Raises `KeyboardInterrupt` when nothing was measured yet: during the warm-up, and while the kernel compiles.
    """
    program = compile_program(complete(system), scenario)
    counted, ran = interruptible(program, seed)
    return structs.replace(outcome(counted, ran, seed), partial=ran is not program)


def interruptible(program: Program, seed: int) -> tuple[Tally, Program]:
    """Run a program to its end or to Ctrl-C; return its counts and the program, or the shorter one that these are counts of."""
    run, done = workspace.make(program, seed), False
    try:
        while not done:
            run, done = proceed(run)
    except KeyboardInterrupt:
        measured_s = (run.state["now"][0] - run.state["warm"][0]) / 1000.0
        if measured_s <= 0:
            raise
        shorter = structs.replace(program.scenario, duration_s=measured_s)
        return _cut(_stopped(run), slice_count(shorter)), program._replace(scenario=shorter)
    return tally(run), program


def _stopped(run: Run) -> Tally:
    """Let the run end now, and return its counts."""
    run.state["end"] = run.state["now"]
    done = False
    while not done:
        run, done = proceed(run)
    return tally(run)


def _cut(counted: Tally, slices: int) -> Tally:
    """Return the counts without the slices that were never reached."""
    return counted._replace(
        slice_counts=counted.slice_counts[:, :slices],
        slice_waiting=counted.slice_waiting[:, :slices],
        slice_histogram=counted.slice_histogram[:slices],
        busy=counted.busy[:slices],
        queued=counted.queued[:slices],
    )

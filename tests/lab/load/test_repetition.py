import pytest

from backend_expert.lab import load
from backend_expert.lab.load import interruption, repetition, sketch
from backend_expert.lab.load.measure import Tally
from backend_expert.lab.load.program import Program
from backend_expert.lab.load.workspace import Run

SYSTEM = sketch.system([sketch.component("s", workers=4)], [sketch.operation("op", "s", sketch.work(10))], {"op": 300})
SCENARIO = load.Scenario(20, faults=(load.slow("s", 3, 5, 5),))


def test_runs_end_when_what_they_say_is_known() -> None:
    """A calm station is known after five runs; one whose queue is near its limit needs them all."""
    calm = sketch.system([sketch.component("s", workers=40)], [sketch.operation("op", "s", sketch.work(10))], {"op": 300})
    assert load.repeat(calm, load.Scenario(30)).outcome.replications == 5
    full = sketch.system([sketch.component("s", workers=4)], [sketch.operation("op", "s", sketch.work(10))], {"op": 395})
    restless = load.repeat(full, load.Scenario(30))
    assert restless.outcome.replications == 20
    assert restless.latency_p99_ms is not None
    assert restless.latency_p99_ms.low < restless.latency_p99_ms.value < restless.latency_p99_ms.high


def test_the_outcome_is_that_of_all_runs_and_the_first_is_the_run_with_the_seed() -> None:
    found = load.repeat(SYSTEM, SCENARIO, sizes=(3,), seed=9)
    assert found.recoveries[0] == load.run(SYSTEM, SCENARIO, 9).recovery
    assert len(found.recoveries) == found.outcome.replications == 3
    assert found.outcome.offered == pytest.approx(3 * load.run(SYSTEM, SCENARIO, 9).offered, rel=0.05)


def test_each_run_is_reported_with_what_is_known() -> None:
    heard = []
    load.repeat(
        SYSTEM, SCENARIO, sizes=(3,), report=lambda done, most, known: heard.append((done, most, known.outcome.replications))
    )
    assert heard == [(2, 3, 2), (3, 3, 3)]


def test_ctrl_c_between_runs_keeps_those_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def interrupted(program: Program, seed: int) -> Tally:
        ran.append(seed)
        if len(ran) == 3:
            raise KeyboardInterrupt
        return load_simulate(program, seed)

    load_simulate = repetition.simulate
    monkeypatch.setattr(repetition, "simulate", interrupted)
    found = load.repeat(SYSTEM, SCENARIO, sizes=(5, 10))
    assert found.outcome.partial
    assert found.outcome.replications == 3  # the first, and two of the others
    assert found.outcome.scenario == SCENARIO


def test_ctrl_c_in_the_first_run_keeps_what_it_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    from backend_expert.lab.load import experiment

    monkeypatch.setattr(experiment, "PAUSE_EVENTS", 2_000)
    pauses = 0

    def proceed(run: Run) -> tuple[Run, bool]:
        nonlocal pauses
        pauses += 1
        if pauses == 5:
            raise KeyboardInterrupt
        return experiment.proceed(run)

    monkeypatch.setattr(interruption, "proceed", proceed)
    found = load.repeat(SYSTEM, SCENARIO)
    assert found.outcome.partial
    assert found.outcome.replications == 1
    assert 0 < found.outcome.scenario.duration_s < 20

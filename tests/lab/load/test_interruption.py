import pytest

from backend_expert.lab import load
from backend_expert.lab.load import experiment, interruption, sketch
from backend_expert.lab.load.workspace import Run

SYSTEM = sketch.system([sketch.component("s", workers=4)], [sketch.operation("op", "s", sketch.work(10))], {"op": 300})
SCENARIO = load.Scenario(1000, slice_s=7)


def interrupt_after(monkeypatch: pytest.MonkeyPatch, calls: int, events: int) -> None:
    """Let Ctrl-C come after a number of returns of the kernel, and let it return often."""
    monkeypatch.setattr(experiment, "PAUSE_EVENTS", events)
    made = 0

    def proceed(run: Run) -> tuple[Run, bool]:
        nonlocal made
        made += 1
        if made == calls:
            raise KeyboardInterrupt
        return experiment.proceed(run)

    monkeypatch.setattr(interruption, "proceed", proceed)


def test_an_interrupted_run_keeps_what_it_measured_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(monkeypatch, calls=5, events=20_000)
    partial = load.run_until_interrupted(SYSTEM, SCENARIO)
    assert partial.partial
    assert 50 < partial.scenario.duration_s < 200
    assert partial.offered == partial.succeeded + partial.late + partial.failed + partial.shed + partial.in_flight
    assert partial.offered / partial.scenario.duration_s == pytest.approx(300, rel=0.05)
    assert partial.components[0].utilisation == pytest.approx(0.75, rel=0.05)
    assert len(partial.series.time_s) == -(-partial.scenario.duration_s // 7)
    whole = load.run(SYSTEM, SCENARIO)
    assert partial.series.offered_per_s[:-1] == whole.series.offered_per_s[: len(partial.series.time_s) - 1]


def test_without_an_interrupt_it_is_a_run() -> None:
    scenario = load.Scenario(20)
    assert load.run_until_interrupted(SYSTEM, scenario) == load.run(SYSTEM, scenario)


def test_nothing_measured_is_no_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(monkeypatch, calls=2, events=100)
    with pytest.raises(KeyboardInterrupt):
        load.run_until_interrupted(SYSTEM, SCENARIO)

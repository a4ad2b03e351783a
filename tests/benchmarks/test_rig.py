"""The pure functions of the rig: what it takes from a run, what it calls noisy, what it calls a good prediction."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

RIG = Path(__file__).parents[2] / "benchmarks" / "rig"
if not RIG.is_dir():
    pytest.skip("benchmarks/ is not part of this installation", allow_module_level=True)
sys.path.insert(0, str(RIG))

import judge  # noqa: E402 - the modules of the rig stand beside it, not in a package
import noise  # noqa: E402
import rig  # noqa: E402
import shape  # noqa: E402
import tier  # noqa: E402

from backend_expert.lab import load  # noqa: E402

STAT = "cpu  {user} 0 {system} {idle} 0 0 0 {steal} 0 0\ncpu0 1 1 1 1\n"


def reading(user: int, system: int, idle: int, steal: int) -> dict[str, int]:
    return noise.ticks(STAT.format(user=user, system=system, idle=idle, steal=steal))


def tier_counts(asked_ms: float, worked_ms: float, cpu_s: float, beyond_ms: float) -> dict[str, float]:
    return {
        "requests": 100, "works": 100, "asked_ms": asked_ms, "worked_ms": worked_ms, "cpu_s": cpu_s, "calls": 100, "beyond_ms": beyond_ms
    }  # fmt: skip


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(each) for each in range(1, 101)]
    assert [noise.percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert noise.percentile([3.0], 0.99) == 3.0
    with pytest.raises(ValueError, match="no values"):
        noise.percentile([], 0.5)


def test_steal_and_the_work_of_others_are_shares_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise.os, "sysconf", lambda _: 100)
    found = noise.noise(reading(0, 0, 0, 0), reading(300, 100, 580, 20), 2.0, [[1.0, 2.0], [4.0]])
    assert found == noise.Noise(lag_ms=4.0, steal=0.02, others=0.2)
    assert found.reasons == ("the hypervisor took 2.0% of the processors (limit 1%)",)


def test_a_late_loop_is_refused_and_a_quiet_one_is_not() -> None:
    assert noise.noise(None, None, 0.0, [[1.0] * 99 + [50.0]]).reasons == ()
    assert "6.0 ms late" in noise.noise(None, None, 0.0, [[1.0], [6.0] * 100]).reasons[0]


def test_another_file_is_no_reading() -> None:
    with pytest.raises(ValueError, match="/proc/stat"):
        noise.ticks("intr 1 2 3")


def test_the_model_takes_delays_and_hops_from_the_run() -> None:
    measured = {name: tier_counts(1000.0, 1070.0, 0.02, 150.0 if name != "db" else 0.0) for name in shape.BASE}
    measured["db"]["calls"] = 0
    fit = shape.fitted(shape.BASE, measured, {"calls": 100, "beyond_ms": 150.0})
    assert fit.work_ms == {"gateway": pytest.approx(3.7), "service": pytest.approx(12.7), "db": pytest.approx(30.7)}
    assert fit.cpu_ms == dict.fromkeys(shape.BASE, pytest.approx(0.2))
    assert fit.hop_ms == pytest.approx(1.5 - 0.2)


def test_processor_time_is_never_more_than_the_hop_it_is_part_of() -> None:
    measured = {name: tier_counts(0.0, 0.0, 0.5, 100.0) for name in shape.BASE}
    fit = shape.fitted(shape.BASE, measured, {"calls": 100, "beyond_ms": 100.0})
    assert set(fit.cpu_ms.values()) == {1.0}
    assert fit.hop_ms == 0.0


def test_the_calibrated_model_has_the_mean_that_was_measured() -> None:
    fit = shape.Fit({"gateway": 3.6, "service": 12.7, "db": 30.7}, dict.fromkeys(shape.BASE, 0.4), 0.6)
    found = load.run(shape.model(shape.BASE, 1.0, fit), load.Scenario(5_000, slice_s=1000, patience_s=None))
    assert found.mean_ms == pytest.approx(3.6 + 12.7 + 30.7 + 3 * (0.4 + 0.6), rel=0.03)


@pytest.mark.parametrize("change", shape.CHANGES, ids=lambda change: change.name)
def test_every_change_can_be_simulated_and_does_something(change: shape.Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape, "RUNS", 3)
    fit = shape.Fit({"gateway": 3.6, "service": 12.7, "db": 30.7}, dict.fromkeys(shape.BASE, 0.4), 0.6)
    rate = change.level * shape.MOST_PER_S
    before, after = (shape.predicted(each, rate, 30.0, fit) for each in (shape.BASE, shape.changed(change.tier, change.options)))
    found = judge.effect(change.figure, [(before[0], after[0])], list(zip(before, after, strict=True)))
    assert found.low <= found.predicted <= found.high
    assert abs(found.predicted) > 0.005


def test_a_request_is_the_same_request_before_and_after() -> None:
    assert tier.uniform(7, 12, 0) == tier.uniform(7, 12, 0)
    drawn = {tier.uniform(seed, key, step) for seed in range(5) for key in range(200) for step in (0, 1)}
    assert len(drawn) == 2000
    assert sum(drawn) / 2000 == pytest.approx(0.5, abs=0.02)


def figures(p50: float, p95: float, p99: float, success: float = 1.0) -> dict[str, float]:
    return {"p50": p50, "p95": p95, "p99": p99, "success": success}


def test_a_load_is_good_within_its_limit() -> None:
    assert judge.level(0.6, figures(100, 200, 300), [figures(109, 182, 300)]).good
    assert not judge.level(0.6, figures(100, 200, 300), [figures(111, 200, 300)]).good
    assert judge.level(0.8, figures(100, 200, 300), [figures(111, 160, 370)] * 2).good


def test_an_effect_is_relative_and_that_on_successes_is_in_points() -> None:
    before, after = figures(100, 200, 300), figures(50, 150, 300, success=0.9)
    found = judge.effect("p95", [(before, after)], [(before, figures(50, each, 300)) for each in (150, 140, 130)])
    assert found == pytest.approx((-0.25, -0.3, -0.35, -0.25))
    found = judge.effect("success", [(before, after)], [(before, figures(50, 150, 300))])
    assert found == pytest.approx((-0.1, 0.0, 0.0, 0.0))
    assert (found.sign, found.size) == (False, False)
    assert effect(-0.25, -0.3).size
    assert not effect(-0.25, -0.35).size


def effect(measured: float, predicted: float) -> judge.Effect:
    return judge.Effect(measured, predicted, predicted, predicted)


def test_the_runs_that_were_as_heavy_before_say_what_the_change_does() -> None:
    """Light runs lose 10 %, heavy ones 40 %: a measured run that was heavy before is predicted by the heavy ones."""
    light = [(figures(50, 100 + at, 300), figures(50, 0.9 * (100 + at), 300)) for at in range(judge.NEAREST)]
    heavy = [(figures(50, 200 + at, 300), figures(50, 0.6 * (200 + at), 300)) for at in range(judge.NEAREST)]
    found = judge.effect("p95", [(figures(50, 212, 300), figures(50, 130, 300))], light + heavy)
    assert found.predicted == pytest.approx(-0.4)
    assert found.low == pytest.approx(-0.4)
    both = [(figures(50, 212, 300), figures(50, 130, 300)), *[(figures(50, 105, 300), figures(50, 95, 300))] * 2]
    assert judge.effect("p95", both, light + heavy).predicted == pytest.approx(-0.1)


def test_a_session_can_be_judged_again(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape, "RUNS", 4)
    replay = rig.Replay(RIG / "session.json")
    levels, _ = rig.compared_levels(replay, replay.calibrated())
    assert [each.share for each in levels] == list(shape.LEVELS)
    assert all(each.good for each in levels)
    assert capsys.readouterr().out.count("good") == 3


def test_the_verdict_refuses_when_a_run_was_noisy() -> None:
    good, bad = judge.Level(0.6, {"p99": 0.05}), judge.Level(0.6, {"p99": 0.2})
    right, wrong = effect(-0.2, -0.2), effect(-0.2, 0.1)
    assert judge.verdict([good], [right] * 10, noisy=1)[1] == 3
    assert judge.verdict([good], [right] * 10, noisy=0)[1] == 0
    assert judge.verdict([good, bad], [right] * 10, noisy=0)[1] == 1
    assert judge.verdict([good], [right] * 8 + [wrong] * 2, noisy=0) == (
        "JUDGED: 1 of 1 loads within the limits; sign right in 8 of 10 changes, size within 30 % in 8, among the simulated runs in 8.", 1
    )  # fmt: skip

import numpy as np
import pytest

from backend_expert.lab import load
from backend_expert.lab.load.histogram import bucket
from backend_expert.lab.load.layout import BUCKETS, Counter
from backend_expert.lab.load.recovery import recovery

SCENARIO = load.Scenario(40, faults=(load.slow("db", 4, 10, 10),))


def judged(success: list[float], latency_ms: list[float] | None = None) -> load.Recovery:
    counts = np.zeros((40, len(Counter)), np.int64)
    histogram = np.zeros((40, BUCKETS), np.int64)
    for at, share in enumerate(success):
        counts[at, Counter.OFFERED] = 100
        counts[at, Counter.SUCCEEDED] = round(100 * share)
        histogram[at, bucket(latency_ms[at] if latency_ms else 10.0)] = round(100 * share)
    return recovery(counts, np.zeros(40, np.int64), histogram, SCENARIO)


@pytest.mark.parametrize(
    ("success", "verdict", "after_s"),
    [
        ([1.0] * 40, "unhurt", 0.0),
        ([1.0] * 10 + [0.2] * 10 + [1.0] * 20, "recovers", 0.0),
        ([1.0] * 10 + [0.2] * 15 + [1.0] * 15, "recovers", 5.0),
        ([1.0] * 10 + [0.2] * 30, "never", None),
        ([1.0] * 10 + [0.2] * 10 + [1.0, 0.2] * 10, "never", None),
        ([1.0] * 10 + [0.2] * 12 + [1.0] * 10 + [0.9] + [1.0] * 7, "recovers", 2.0),
    ],
)
def test_success_says_when_a_system_is_back(success: list[float], verdict: str, after_s: float | None) -> None:
    found = judged(success)
    assert (found.verdict, found.after_s) == (verdict, after_s)


def test_slow_answers_are_not_recovered_either() -> None:
    assert judged([1.0] * 40, [10.0] * 10 + [100.0] * 18 + [10.0] * 12).after_s == 8.0
    assert judged([1.0] * 40, [10.0] * 10 + [100.0] * 30).metastable


def test_quiet_traffic_has_nothing_to_recover_from() -> None:
    counts = np.zeros((40, len(Counter)), np.int64)
    quiet = recovery(counts, np.zeros(40, np.int64), np.zeros((40, BUCKETS), np.int64), load.Scenario(40))
    assert quiet.verdict == "undisturbed"

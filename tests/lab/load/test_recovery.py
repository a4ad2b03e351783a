import numpy as np
import pytest

from backend_expert.lab import load
from backend_expert.lab.load.histogram import bucket
from backend_expert.lab.load.layout import BUCKETS
from backend_expert.lab.load.recovery import recovery
from backend_expert.lab.load.vocabulary import Counter

SCENARIO = load.Scenario(40, faults=(load.slow("db", 4, 10, 10),))


def judged(success: list[float], latency_ms: list[float] | None = None) -> load.Recovery:
    counts = np.zeros((1, 40, len(Counter)), np.int64)
    histogram = np.zeros((40, BUCKETS), np.int64)
    for at, share in enumerate(success):
        counts[0, at, Counter.OFFERED] = 100
        counts[0, at, Counter.SUCCEEDED] = round(100 * share)
        histogram[at, bucket(latency_ms[at] if latency_ms else 10.0)] = round(100 * share)
    return recovery(counts, np.zeros((1, 40), np.int64), histogram, SCENARIO, ())


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
    counts = np.zeros((1, 40, len(Counter)), np.int64)
    quiet = recovery(counts, np.zeros((1, 40), np.int64), np.zeros((40, BUCKETS), np.int64), load.Scenario(40), ())
    assert quiet.verdict == "undisturbed"


class TestEachOperation:
    def judged(self, rare: list[tuple[int, int]], calm_losses: int = 0) -> load.Recovery:
        """Return the verdict on a large healthy operation beside a rare one, given (offered, succeeded) of each of its slices."""
        counts = np.zeros((2, 40, len(Counter)), np.int64)
        counts[0, :, Counter.OFFERED] = counts[0, :, Counter.SUCCEEDED] = 1000
        counts[1, :, Counter.OFFERED] = [offered for offered, _ in rare]
        counts[1, :, Counter.SUCCEEDED] = [succeeded for _, succeeded in rare]
        histogram = np.zeros((40, BUCKETS), np.int64)
        histogram[:, bucket(10.0)] = counts[:, :, Counter.SUCCEEDED].sum(axis=0)
        return recovery(counts, np.zeros((2, 40), np.int64), histogram, SCENARIO, ("often", "rare"))

    def test_one_that_is_lost_for_good_is_seen_although_the_whole_is_well(self) -> None:
        found = self.judged([(3, 3)] * 10 + [(3, 0)] * 30)
        assert (found.verdict, found.metastable, found.operation) == ("never", True, "rare")

    def test_the_last_to_come_back_is_named(self) -> None:
        found = self.judged([(10, 10)] * 10 + [(10, 2)] * 16 + [(10, 10)] * 14)
        assert (found.verdict, found.after_s, found.operation) == ("recovers", 6.0, "rare")

    def test_quick_answers_at_the_end_do_not_hide_what_is_still_waiting(self) -> None:
        counts = np.zeros((1, 40, len(Counter)), np.int64)
        counts[0, :, Counter.OFFERED] = 100
        counts[0, :, Counter.SUCCEEDED] = [100] * 10 + [20] * 22 + [20] * 8
        waiting = np.zeros((1, 40), np.int64)
        waiting[0, 32:] = 80
        histogram = np.zeros((40, BUCKETS), np.int64)
        histogram[:, bucket(10.0)] = counts[0, :, Counter.SUCCEEDED]
        assert recovery(counts, waiting, histogram, SCENARIO, ()).metastable

    def test_an_odd_failure_is_chance(self) -> None:
        assert self.judged([(10, 10)] * 15 + [(10, 9)] + [(10, 10)] * 24).verdict == "unhurt"
        usual = [(20, 19), (20, 20)] * 20
        assert self.judged(usual).verdict == "unhurt"
        assert self.judged(usual[:10] + [(20, 8)] * 30).verdict == "never"

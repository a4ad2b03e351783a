import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_expert.lab.load.histogram import EDGES, bucket, medians, quantiles
from backend_expert.lab.load.layout import BUCKETS


@settings(deadline=None)  # the first call compiles
@given(st.floats(min_value=0.001, max_value=4e6))
def test_a_latency_falls_in_a_bucket_at_most_one_percent_wide(latency: float) -> None:
    row = bucket(latency)
    assert EDGES[row] <= latency < EDGES[row + 1]
    assert EDGES[row + 1] / EDGES[row] <= 1.01


def test_what_is_out_of_range_is_counted_at_the_ends() -> None:
    assert bucket(0.0) == 0
    assert bucket(1e12) == BUCKETS - 1


@settings(deadline=None)
@given(st.lists(st.floats(min_value=0.01, max_value=1e5), min_size=1, max_size=200))
def test_quantiles_are_within_a_bucket_of_the_true_ones(latencies: list[float]) -> None:
    counts = np.bincount([bucket(each) for each in latencies], minlength=BUCKETS)
    for share, found in zip((0.5, 0.95, 0.99), quantiles(counts, (0.5, 0.95, 0.99)), strict=True):
        true = sorted(latencies)[max(0, int(np.ceil(share * len(latencies))) - 1)]
        assert found is not None
        assert abs(found / true - 1) <= 0.01


def test_nothing_counted_has_no_quantiles() -> None:
    assert quantiles(np.zeros(BUCKETS, np.int64), (0.5, 0.99)) == (None, None)


@given(st.lists(st.lists(st.tuples(st.integers(0, BUCKETS - 1), st.integers(1, 50)), max_size=6), min_size=1, max_size=5))
def test_medians_are_those_of_the_rows(filled: list[list[tuple[int, int]]]) -> None:
    rows = np.zeros((len(filled), BUCKETS), np.int32)
    for row, counts in enumerate(filled):
        for bucket_row, count in counts:
            rows[row, bucket_row] += count
    assert medians(rows).tolist() == [quantiles(row.astype(np.int64), (0.5,))[0] or 0.0 for row in rows]

"""Judge whether a system came back after the last fault or peak was over, and how long it took."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.load.histogram import medians, quantiles
from backend_expert.lab.load.layout import Counter
from backend_expert.lab.load.outcome import Recovery
from backend_expert.lab.load.scenario import Scenario

LOST_SHARE = 0.05
"""A slice is bad when its success ratio is more than this below that of the calm before."""

SLOWER = 2.0
"""A slice is bad when its median is above twice the calm p95: half of the requests are slower than nearly all were."""

CALM_SHARE = 0.9
"""Recovered: from here to the end this share of the slices is good (a quiet system has an odd slice too)."""

FEWEST = 5
"""Requests that a slice needs to be judged; with fewer it takes the judgement of the slice before."""


def recovery(
    counts: NDArray[np.int64], waiting: NDArray[np.int64], histogram: NDArray[np.int64] | NDArray[np.int32], scenario: Scenario
) -> Recovery:
    """Return the verdict from counts, undecided requests and latencies by slice of arrival."""
    disturbed = scenario.disturbed_s()
    if disturbed is None:
        return Recovery(verdict="undisturbed")
    start, end = (second / scenario.slice_s for second in disturbed)
    first, last = min(math.floor(start + 1e-9), len(counts)), min(math.ceil(end - 1e-9), len(counts))
    bad = _bad_slices(counts, waiting, histogram, first)
    if not bad[first:].any():
        return Recovery(verdict="unhurt", after_s=0.0)
    tail = bad[last:]
    if not len(tail):
        return Recovery(verdict="never")
    good_after = np.cumsum(~tail[::-1])[::-1] / np.arange(len(tail), 0, -1)
    good = np.flatnonzero(~tail & (good_after >= CALM_SHARE))
    if len(good):
        return Recovery(verdict="recovers", after_s=float(good[0]) * scenario.slice_s)
    return Recovery(verdict="never", metastable=len(tail) >= last - first)


def _bad_slices(
    counts: NDArray[np.int64], waiting: NDArray[np.int64], histogram: NDArray[np.int64] | NDArray[np.int32], first: int
) -> NDArray[np.bool_]:
    """Tell the slices that are worse than the calm ones before slice `first`: worse than all of them together, and than each."""
    offered = counts[:, Counter.OFFERED] - waiting
    judged = offered >= FEWEST
    success = np.where(judged, counts[:, Counter.SUCCEEDED] / np.maximum(offered, 1), 1.0)
    typical = medians(histogram)
    lowest, slowest = 1.0 - LOST_SHARE, math.inf
    if first and offered[:first].sum() > 0:
        together = float(counts[:first, Counter.SUCCEEDED].sum() / offered[:first].sum())
        lowest = min(together - LOST_SHARE, float(success[:first].min()))
        p95 = quantiles(histogram[:first].sum(axis=0), (0.95,))[0]
        slowest = max(SLOWER * p95, float(typical[:first].max())) if p95 is not None else math.inf
    bad: NDArray[np.bool_] = (success < lowest) | (typical > slowest)
    bad[:first] = False
    for at in range(max(first, 1), len(bad)):
        if not judged[at]:
            bad[at] = bad[at - 1]
    return bad

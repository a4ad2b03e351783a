"""Judge whether a system came back after the last fault or peak was over, and how long it took."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from backend_expert.lab.load.histogram import medians, quantiles
from backend_expert.lab.load.outcome import Recovery
from backend_expert.lab.load.scenario import Scenario
from backend_expert.lab.load.vocabulary import Counter

LOST_SHARE = 0.05
"""A slice is bad when its success ratio is more than this below that of the calm before."""

SLOWER = 2.0
"""A slice is bad when its median is above twice the calm p95: half of the requests are slower than nearly all were."""

CALM_SHARE = 0.9
"""Recovered: from here to the end this share of the slices is good (a quiet system has an odd slice too)."""

FEWEST = 5
"""Requests that a slice needs to be judged; with fewer it takes the judgement of the slice before.

So does a slice of which more than `LOST_SHARE` is undecided at the end of the run: what is decided early is better than the rest.
"""

WINDOW = 10
"""Requests of one operation in the calm that are judged together: what is asked for seldom needs longer windows."""

CHANCE = 3.0
"""Standard deviations of the calm failures that are not taken for a loss."""


def recovery(
    counts: NDArray[np.int64],
    waiting: NDArray[np.int64],
    histogram: NDArray[np.int64] | NDArray[np.int32],
    scenario: Scenario,
    entries: Sequence[str],
) -> Recovery:
    """Return the verdict on a run, from counts and undecided requests by entry and slice of arrival, and latencies by slice.

    The traffic as a whole must come back, and every operation in it: one that is seldom asked for can be lost for good without a trace in
    the whole. The verdict is that of the last to come back, which is named when `entries` are given; the whole has no name.
    """
    disturbed = scenario.disturbed_s()
    if disturbed is None:
        return Recovery(verdict="undisturbed")
    start, end = (second / scenario.slice_s for second in disturbed)
    slices = counts.shape[1]
    first, last = min(math.floor(start + 1e-9), slices), min(math.ceil(end - 1e-9), slices)
    worst = _judged(_bad_slices(counts.sum(axis=0), waiting.sum(axis=0), histogram, first), first, last, scenario.slice_s)
    offered = counts[:, :, Counter.OFFERED] - waiting
    lost = offered - counts[:, :, Counter.SUCCEEDED]
    for entry in np.flatnonzero(lost[:, first:].sum(axis=1) > 1):
        bad = _bad_windows(offered[entry], lost[entry], waiting[entry], first)
        found = _judged(bad, first, last, scenario.slice_s)
        if _badness(found) > _badness(worst):
            worst = structs.replace(found, operation=entries[int(entry)] if entries else "")
    return worst


def _judged(bad: NDArray[np.bool_], first: int, last: int, slice_s: float) -> Recovery:
    """Return the verdict on the slices from the start of the disturbance, `first`, and after its end, `last`."""
    if not bad[first:].any():
        return Recovery(verdict="unhurt", after_s=0.0)
    tail = bad[last:]
    if not len(tail):
        return Recovery(verdict="never")
    good_after = np.cumsum(~tail[::-1])[::-1] / np.arange(len(tail), 0, -1)
    good = np.flatnonzero(~tail & (good_after >= CALM_SHARE))
    if len(good):
        return Recovery(verdict="recovers", after_s=float(good[0]) * slice_s)
    return Recovery(verdict="never", metastable=len(tail) >= last - first)


def _badness(found: Recovery) -> tuple[int, float]:
    return ("unhurt", "recovers", "never").index(found.verdict), found.after_s or 0.0


def _bad_windows(offered: NDArray[np.int64], lost: NDArray[np.int64], waiting: NDArray[np.int64], first: int) -> NDArray[np.bool_]:
    """Tell the slices from `first` in which one operation loses more than in the calm and more than chance would have it.

    They are judged in windows of `WINDOW` requests of the calm, so that what is asked for seldom is judged too.
    """
    calm = int(offered[:first].sum()) or int(offered.sum())
    usual = float(lost[:first].sum()) / calm if first and calm else 0.0
    length = max(1, math.ceil(WINDOW * (first or len(offered)) / max(calm, 1)))
    starts = np.arange(first, len(offered), length)
    asked, gone, open_ = (np.add.reduceat(each, starts) for each in (offered, lost, waiting))
    bad = gone - usual * asked > np.maximum(LOST_SHARE * asked, 1.0 + CHANCE * np.sqrt(usual * asked))
    _as_before(bad, _decided(asked, open_), 0)
    return np.concatenate((np.zeros(first, bool), np.repeat(bad, length)[: len(offered) - first]))


def _bad_slices(
    counts: NDArray[np.int64], waiting: NDArray[np.int64], histogram: NDArray[np.int64] | NDArray[np.int32], first: int
) -> NDArray[np.bool_]:
    """Tell the slices that are worse than the calm ones before slice `first`: worse than all of them together, and than each."""
    offered = counts[:, Counter.OFFERED] - waiting
    judged = (offered >= FEWEST) & _decided(offered, waiting)
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
    _as_before(bad, judged, first)
    return bad


def _decided(offered: NDArray[np.int64], waiting: NDArray[np.int64]) -> NDArray[np.bool_]:
    return waiting <= LOST_SHARE * (offered + waiting)


def _as_before(bad: NDArray[np.bool_], judged: NDArray[np.bool_], first: int) -> None:
    """Give what is not judged the judgement of the one before it."""
    for at in range(max(first, 1), len(bad)):
        if not judged[at]:
            bad[at] = bad[at - 1]

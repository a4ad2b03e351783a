"""Log-linear histograms of latencies: 128 buckets an octave, so that a bucket is at most 0.8 % wide.

The idea is that of HdrHistogram (Tene, 2012); the index is read from the bits of the number itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.load.jit import inlined
from backend_expert.lab.load.layout import BUCKETS, MANTISSA_BITS

FIRST_OCTAVE = -10  # 2**-10 ms: one microsecond
_SHIFT = 52 - MANTISSA_BITS
_FIRST = int(np.float64(2.0**FIRST_OCTAVE).view(np.int64)) >> _SHIFT


@inlined
def bucket(value: float) -> int:
    """Return the row of a latency in milliseconds; what is outside the range goes to the first or last row."""
    row = (np.float64(value).view(np.int64) >> _SHIFT) - _FIRST
    if row < 0:
        return 0
    return row if row < BUCKETS else BUCKETS - 1  # type: ignore[return-value]


def _edges() -> NDArray[np.float64]:
    bits = (np.arange(BUCKETS + 1, dtype=np.int64) + _FIRST) << _SHIFT
    edges: NDArray[np.float64] = bits.view(np.float64)
    return edges


EDGES = _edges()


def quantiles(counts: NDArray[np.int64], shares: tuple[float, ...]) -> tuple[float | None, ...]:
    """Return the latencies below which the given shares of the counted answers lie, interpolated in their bucket; `None` of none."""
    cumulated = np.cumsum(counts)
    total = int(cumulated[-1])
    if total == 0:
        return (None,) * len(shares)
    found = []
    for share in shares:
        wanted = share * total
        row = int(np.searchsorted(cumulated, wanted))
        row = min(row, BUCKETS - 1)
        below = float(cumulated[row - 1]) if row else 0.0
        inside = (wanted - below) / max(float(counts[row]), 1.0)
        found.append(float(EDGES[row] + (EDGES[row + 1] - EDGES[row]) * min(max(inside, 0.0), 1.0)))
    return tuple(found)


def medians(rows: NDArray[np.int64] | NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the median of each row of counts, as `quantiles` gives it, and 0 for rows that count nothing."""
    used = np.flatnonzero(rows.any(axis=0))
    if not len(used):
        return np.zeros(len(rows))
    first = int(used[0])
    counts = rows[:, first : int(used[-1]) + 1]
    cumulated = np.cumsum(counts, axis=1, dtype=np.int64)
    wanted = 0.5 * cumulated[:, -1]
    at = (cumulated < wanted[:, None]).sum(axis=1)
    row = np.arange(len(rows))
    inside = (wanted - (cumulated[row, at] - counts[row, at])) / np.maximum(counts[row, at], 1)
    low, high = EDGES[first + at], EDGES[first + at + 1]
    found: NDArray[np.float64] = np.where(wanted > 0, low + (high - low) * np.clip(inside, 0.0, 1.0), 0.0)
    return found

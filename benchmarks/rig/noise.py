"""How quiet the machine was while something was measured on it, and whether that is quiet enough to judge."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

LAG_MS = 5.0
"""Limit of the 99th percentile of the lag of an event loop: a sixth of the work of the last tier. One that is later than this in one
sleep of a hundred moves the 99th percentile of the latency by as much as the errors that are to be judged."""

STEAL = 0.01
"""Limit of the share of processor time that the hypervisor gave to other machines."""

FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""Columns of the first line of /proc/stat, in ticks (proc(5))."""


class Noise(NamedTuple):
    """The noise of one run.

    `lag_ms` is the 99th percentile of the lag of the latest event loop, `steal` the share of processor time taken by the hypervisor,
    `others` the share used by processes that are not ours; the last two are `None` where the system does not tell.
    """

    lag_ms: float
    steal: float | None
    others: float | None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why nothing can be judged, empty when the machine was quiet."""
        found = []
        if self.lag_ms > LAG_MS:
            found.append(f"an event loop was more than {self.lag_ms:.1f} ms late in 1 % of its sleeps (limit {LAG_MS:g} ms)")
        if self.steal is not None and self.steal > STEAL:
            found.append(f"the hypervisor took {self.steal:.1%} of the processors (limit {STEAL:.0%})")
        return tuple(found)


def ticks(text: str) -> dict[str, int]:
    """Return the processor times of the whole machine from the text of /proc/stat; raise `ValueError` when it holds none."""
    words = text.partition("\n")[0].split()
    if len(words) <= len(FIELDS) or words[0] != "cpu":
        raise ValueError("the first line of /proc/stat is not that of all processors")
    return dict(zip(FIELDS, map(int, words[1:]), strict=False))


def now() -> dict[str, int] | None:
    """Return the processor times so far; `None` on a system without /proc/stat."""
    path = Path("/proc/stat")
    return ticks(path.read_text(encoding="ascii")) if path.exists() else None


def noise(before: dict[str, int] | None, after: dict[str, int] | None, own_s: float, lags_ms: Sequence[Sequence[float]]) -> Noise:
    """Return the noise between two readings, in which our processes used `own_s` seconds of processor time."""
    lag = max((percentile(each, 0.99) for each in lags_ms if each), default=0.0)
    if before is None or after is None:
        return Noise(lag, None, None)
    spent = {name: after[name] - before[name] for name in FIELDS}
    whole = max(sum(spent.values()), 1)
    busy = whole - spent["idle"] - spent["iowait"] - spent["steal"]
    own = own_s * os.sysconf("SC_CLK_TCK")
    return Noise(lag, spent["steal"] / whole, max(0.0, busy - own) / whole)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of the values do not exceed; raise `ValueError` without values."""
    if not values:
        raise ValueError("no values, no percentile")
    return sorted(values)[max(0, -(-int(share * 1e9) * len(values) // 10**9) - 1)]

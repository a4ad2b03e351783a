"""What counts as a good prediction, and the rows that are printed: functions of figures, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

Figures = Mapping[str, float]

PERCENTILES = ("p50", "p95", "p99")
NEAR_SATURATION = 0.6
CLOSE, NEAR = 0.10, 0.25
"""Limits of the relative error of a percentile up to 60 % load and above it: what layered queueing models reach below saturation is 10 %,
near it 30 % (Franks et al. 2009 and later measurements of others)."""

NEAREST = 20
"""Simulated runs that stand for a measured one: those whose 95th percentile before the change is nearest to the measured one.

Whoever asks what a change does has measured what there is. Near saturation a run of a minute is light or heavy by chance, and that
decides the size of an effect more than the model does (a control variate, as in Law, Simulation Modeling and Analysis, 2014, 11.4).
"""

SIZE = 0.30
RIGHT_SIGNS = 9


class Level(NamedTuple):
    """The errors of the predicted percentiles at one load, as parts of what was measured."""

    share: float
    errors: dict[str, float]

    @property
    def limit(self) -> float:
        """Return the largest error that counts as good at this load."""
        return CLOSE if self.share <= NEAR_SATURATION else NEAR

    @property
    def good(self) -> bool:
        """Tell whether every percentile is within the limit."""
        return all(abs(each) <= self.limit for each in self.errors.values())


class Effect(NamedTuple):
    """What a change did and what it was predicted to do: parts of the value before, or points of a share of successes.

    `measured` is the median over the seeds, `predicted` that of the medians of the runs nearest to each; `low` and `high` are the least and
    the most of these runs.
    """

    measured: float
    predicted: float
    low: float
    high: float

    @property
    def sign(self) -> bool:
        """Tell whether the direction was predicted."""
        return self.measured * self.predicted > 0

    @property
    def plausible(self) -> bool:
        """Tell whether what was measured lies among the simulated runs."""
        return self.low <= self.measured <= self.high

    @property
    def size(self) -> bool:
        """Tell whether the effect was predicted within 30 % of itself."""
        return abs(self.predicted - self.measured) <= SIZE * abs(self.measured)


def level(share: float, measured: Figures, predicted: Sequence[Figures]) -> Level:
    """Return the errors of the median prediction at one load."""
    return Level(share, {name: middle(predicted)[name] / measured[name] - 1 for name in PERCENTILES})


def effect(figure: str, measured: Sequence[tuple[Figures, Figures]], predicted: Sequence[tuple[Figures, Figures]]) -> Effect:
    """Return the effect of a change on one figure; each pair is before and after with the same requests."""
    seen = [_difference(figure, *pair) for pair in measured]
    near = [[_difference(figure, *pair) for pair in _nearest(before, predicted)] for before, _ in measured]
    each = [one for runs in near for one in runs]
    return Effect(median(seen), median(map(median, near)), min(each), max(each))


def _nearest(before: Figures, predicted: Sequence[tuple[Figures, Figures]]) -> list[tuple[Figures, Figures]]:
    return sorted(predicted, key=lambda pair: abs(pair[0]["p95"] - before["p95"]))[:NEAREST]


def middle(runs: Sequence[Figures]) -> dict[str, float]:
    """Return the median of each figure over the runs."""
    return {name: median(each[name] for each in runs) for name in runs[0]}


def _difference(figure: str, before: Figures, after: Figures) -> float:
    difference = after[figure] - before[figure]
    return difference if figure == "success" else difference / before[figure]


def verdict(levels: list[Level], effects: list[Effect], noisy: int) -> tuple[str, int]:
    """Return the last line of the report and the exit code: 0 as good as hoped, 1 not, 3 refused because runs were too noisy."""
    if noisy:
        return f"REFUSED: {noisy} runs were on a machine too noisy to judge; the figures above are for information only.", 3
    within = sum(each.good for each in levels)
    signs, sizes = sum(each.sign for each in effects), sum(each.size for each in effects)
    good = within == len(levels) and signs >= RIGHT_SIGNS / 10 * len(effects) and sizes == len(effects)
    said = f"JUDGED: {within} of {len(levels)} loads within the limits"
    if effects:
        plausible = sum(each.plausible for each in effects)
        said += f"; sign right in {signs} of {len(effects)} changes, size within 30 % in {sizes}, among the simulated runs in {plausible}"
    return said + ".", 0 if good else 1

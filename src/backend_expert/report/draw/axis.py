"""Axes of plots: where a value stands, and which values are named."""

from __future__ import annotations

import math

from msgspec import Struct


class Axis(Struct, frozen=True):
    """A vertical axis: values from `low` to `high`, drawn from `foot` up to `top` (pixels)."""

    low: float
    high: float
    top: float
    foot: float
    logarithmic: bool

    def at(self, value: float) -> float:
        """Return the height of a value in pixels from the top of the picture; values off the axis stay on its ends."""
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.foot - min(max(share, 0.0), 1.0) * (self.foot - self.top)

    def ticks(self) -> tuple[float, ...]:
        """Return round values on the axis, three to six of them."""
        return _log_ticks(self.low, self.high) if self.logarithmic else linear_ticks(self.low, self.high)


def round_up(value: float) -> float:
    """Return the next value up that ends an axis well; the value must be above zero."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.999999)


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = tuple(step * 10.0**power for power in range(first, last + 1) for step in steps if low <= step * 10.0**power <= high)
        if len(ticks) <= 6:
            return ticks
    return ticks[:: math.ceil(len(ticks) / 6)]


def linear_ticks(low: float, high: float) -> tuple[float, ...]:
    """Return round values from `low` to `high`, about five of them."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough * 0.999999)
    return tuple(low + step * index for index in range(int((high - low) / step + 1.000001)))

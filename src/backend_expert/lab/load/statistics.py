"""Intervals, stopping, corrections and correlations: what turns runs into statements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, median

from backend_expert.lab.load.outcome import Interval

Z_95 = NormalDist().inv_cdf(0.975)


def student_t(degrees: int) -> float:
    """Return the two-sided 95 % point of Student's t (Hill, Algorithm 396, CACM 13, 1970: six digits from 3 degrees on)."""
    exact = {1: 12.706204736432095, 2: 4.302652729911275}
    if degrees in exact:
        return exact[degrees]
    a = 1.0 / (degrees - 0.5)
    b = (48.0 / a) / a
    c = ((20700.0 * a / b - 98.0) * a - 16.0) * a + 96.36
    d = ((94.5 / (b + c) - 3.0) / b + 1.0) * math.sqrt(a * math.pi / 2.0) * degrees
    y = (d * 0.05) ** (2.0 / degrees)
    if y > 0.05 + a:
        x = -Z_95
        y = x * x
        if degrees < 5:
            c += 0.3 * (degrees - 4.5) * (x + 0.6)
        c += (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b
        y = (((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / c - y - 3.0) / b + 1.0) * x
        y = math.expm1(a * y * y)
    else:
        y = (
            (1.0 / (((degrees + 6.0) / (degrees * y) - 0.089 * d - 0.822) * (degrees + 2.0) * 3.0) + 0.5 / (degrees + 4.0)) * y
            - 1.0
        ) * (degrees + 1.0) / (degrees + 2.0) + 1.0 / y
    return math.sqrt(degrees * y)


def mean_interval(values: Sequence[float]) -> Interval:
    """Return the mean of independent values with its 95 % t interval; one value has no interval but itself."""
    mean = fmean(values)
    if len(values) < 2:
        return Interval(mean, mean, mean)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    half = student_t(len(values) - 1) * math.sqrt(variance / len(values))
    return Interval(mean, mean - half, mean + half)


def p_value(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of paired differences under Student's t, 1 where all are 0 or there is one alone.

    The distribution has a finite series for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
    """
    count = len(differences)
    mean = fmean(differences)
    if count < 2 or mean == 0.0:
        return 1.0
    variance = sum((each - mean) ** 2 for each in differences) / (count - 1)
    if variance == 0.0:
        return 0.0
    degrees = count - 1
    t = abs(mean) / math.sqrt(variance / count)
    angle = math.atan(t / math.sqrt(degrees))
    cosine = math.cos(angle)
    term = cosine if degrees % 2 else 1.0
    total = 0.0
    for step in range(1, degrees // 2 + 1):
        total += term
        above = 2 * step if degrees % 2 else 2 * step - 1
        term *= cosine * cosine * above / (above + 1)
    inside = 2.0 / math.pi * (angle + math.sin(angle) * total) if degrees % 2 else math.sin(angle) * total
    return max(0.0, 1.0 - inside)


def wilson(successes: float, trials: int) -> Interval:
    """Return a share with its 95 % interval (Wilson, JASA 22, 1927)."""
    if trials == 0:
        return Interval(0.0, 0.0, 1.0)
    share = successes / trials
    z2 = Z_95 * Z_95
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials)) / (1 + z2 / trials)
    low = 0.0 if successes <= 0 else middle - half
    high = 1.0 if successes >= trials else middle + half
    return Interval(share, low, high)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values corrected for how many there are (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = sorted(range(len(p_values)), key=lambda at: (p_values[at], at))
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = highest
    return tuple(corrected)


def sign_test(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of paired differences by their signs alone; ties are left out."""
    signs = [difference > 0 for difference in differences if difference != 0]
    if not signs:
        return 1.0
    fewer = min(sum(signs), len(signs) - sum(signs))
    tail: float = sum(math.comb(len(signs), count) for count in range(fewer + 1)) / 2 ** len(signs)
    return min(1.0, 2.0 * tail)


def ranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value from 1, equal values sharing the mean of theirs."""
    order = sorted(range(len(values)), key=lambda at: values[at])
    result = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for at in order[start : end + 1]:
            result[at] = (start + end) / 2 + 1
        start = end + 1
    return result


def spearman(left: Sequence[float], right: Sequence[float]) -> float:
    """Return Spearman's rank correlation; 0 when one side does not vary."""
    return correlation(ranks(left), ranks(right))


def correlation(left: Sequence[float], right: Sequence[float]) -> float:
    """Return Pearson's correlation; 0 when one side does not vary."""
    if len(left) < 2:
        return 0.0
    mean_left, mean_right = fmean(left), fmean(right)
    over = sum((a - mean_left) * (b - mean_right) for a, b in zip(left, right, strict=True))
    under = math.sqrt(sum((a - mean_left) ** 2 for a in left) * sum((b - mean_right) ** 2 for b in right))
    return over / under if under > 0 else 0.0


def spread_interval(values: Sequence[float]) -> Interval:
    """Return the median of values with their 5 % and 95 % points."""
    ordered = sorted(values)

    def point(share: float) -> float:
        place = share * (len(ordered) - 1)
        below = math.floor(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

    return Interval(median(ordered), point(0.05), point(0.95))


def mser_5(values: Sequence[float]) -> int:
    """Return how many of the first values belong to the start and not to the steady state.

    MSER-5 (White, Cobb and Spratt, Winter Simulation Conference 2000): of means of five, leave out the first d that make the remaining
    mean most certain, d at most half of them.
    """
    means = [fmean(values[at : at + 5]) for at in range(0, len(values) - len(values) % 5, 5)]
    best, best_at = math.inf, 0
    for d in range(len(means) // 2 + 1):
        rest = means[d:]
        if not rest:
            break
        mean = fmean(rest)
        score = sum((value - mean) ** 2 for value in rest) / len(rest) ** 2
        if score < best:
            best, best_at = score, d
    return best_at * 5

"""Traffic over time as the straight pieces that the kernel reads."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.load import layout
from backend_expert.lab.load.scenario import Arrivals, Scenario


def segments(scenario: Scenario, seed: int) -> NDArray[Any]:
    """Return the factor over time as straight pieces from the start of the warm-up to the end of all time."""
    warm = scenario.warmup_s * 1000.0
    pieces = _pieces(scenario.arrivals, warm)
    if scenario.arrivals.bursts is not None:
        pieces = _with_bursts(pieces, scenario, seed)
    return np.array(pieces, layout.SEGMENT)


def _pieces(arrivals: Arrivals, warm: float) -> list[tuple[float, float, float, float]]:
    pieces = []
    segments = arrivals.segments
    for at, segment in enumerate(segments):
        start = 0.0 if at == 0 else warm + segment.start_s * 1000.0
        end = warm + segments[at + 1].start_s * 1000.0 if at + 1 < len(segments) else math.inf
        last = segment.factor if segment.end_factor is None else segment.end_factor
        slope = (last - segment.factor) / (end - start) if math.isfinite(end) else 0.0
        pieces.append((start, end, segment.factor, slope))
    return pieces


def _with_bursts(
    pieces: list[tuple[float, float, float, float]], scenario: Scenario, seed: int
) -> list[tuple[float, float, float, float]]:
    """Return the pieces cut at random switching times, the busy and calm ones with factors of their own."""
    bursts = scenario.arrivals.bursts
    assert bursts is not None
    generator = random.Random(f"bursts {seed}")  # noqa: S311 - a reproducible draw, no secret
    end = (scenario.warmup_s + scenario.duration_s) * 1000.0
    stays = []
    time, busy = 0.0, False
    while time < end:
        stay = generator.expovariate(1.0 / (1000.0 * (bursts.mean_busy_s if busy else bursts.mean_calm_s)))
        stays.append((time, time + stay, bursts.busy_factor if busy else bursts.calm_factor))
        time, busy = time + stay, not busy
    stays.append((time, math.inf, bursts.calm_factor))
    cut = []
    for start, stop, factor, slope in pieces:
        for left, right, times in stays:
            begin, finish = max(start, left), min(stop, right)
            if begin < finish:
                cut.append((begin, finish, times * (factor + slope * (begin - start)), times * slope))
    return cut

"""When the next request comes from outside."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math

import numpy as np

from backend_expert.lab.load.codes import E_ARRIVAL
from backend_expert.lab.load.heap import push
from backend_expert.lab.load.jit import compiled
from backend_expert.lab.load.rows import Index, State, segment_at, workload_at


@compiled
def schedule_arrival(w: State, stream: Index, unit: float) -> None:
    """Schedule the next arrival of a workload: where the integral of its rate has grown by `unit` (time change of a Poisson process)."""
    load = workload_at(w.workloads, stream)
    now = w.now
    while True:
        segment = segment_at(w.segments, load.segment)
        rate = load.rate * (segment.factor + segment.slope * (now - segment.start))
        if segment.slope == 0.0:
            step = unit / rate if rate > 0.0 else math.inf
        else:
            slope = load.rate * segment.slope
            square = rate * rate + 2.0 * slope * unit
            bottom = rate + math.sqrt(square) if square >= 0.0 else 0.0
            step = 2.0 * unit / bottom if bottom > 0.0 else math.inf
        if now + step <= segment.end:
            push(w, now + step, E_ARRIVAL, np.int64(stream))
            return
        rest = segment.end - now
        unit -= rest * (rate + 0.5 * load.rate * segment.slope * rest)
        unit = max(unit, 0.0)
        now = segment.end
        load.segment += 1
        if load.segment >= w.segment_count:
            return

"""How many places an instance has, and how its times are distributed."""

from __future__ import annotations

import numpy as np

from backend_expert.lab.load.layout import UNBOUNDED, LawCode
from backend_expert.lab.load.scenario import Law, ModelError
from backend_expert.model import Component, Deployment, Estimate, Kind


def value(estimate: Estimate | None, otherwise: float) -> float:
    """Return the number of an estimate, or another where nobody said."""
    return otherwise if estimate is None else estimate.value


def places(component: Component, deployment: Deployment) -> tuple[int, int, int, float]:
    """Return slots, queue bound and cores of one instance, and the factor by which a fraction of a core stretches its work.

    An event loop works on one request at a time and lets any number wait, so only a queue limit bounds what it takes in. Where every
    slot has a core, cores are never short and cost the kernel nothing.
    """
    if component.kind in {Kind.EXTERNAL, Kind.CLIENT}:
        return UNBOUNDED, UNBOUNDED, UNBOUNDED, 1.0
    workers = UNBOUNDED if deployment.workers is None else max(1, round(deployment.workers.value))
    queue = UNBOUNDED if deployment.queue_limit is None else round(deployment.queue_limit.value)
    cores = deployment.cpu_cores.value if deployment.cpu_cores is not None else float(UNBOUNDED)
    if deployment.event_loop:
        slots = UNBOUNDED if queue >= UNBOUNDED else min(workers, UNBOUNDED) + queue if deployment.workers is not None else queue
        return max(slots, 1), 0 if slots < UNBOUNDED else UNBOUNDED, 1, 1.0 / min(1.0, cores)
    whole = int(-(-cores // 1))
    if workers <= whole:
        return workers, queue, UNBOUNDED, workers / min(cores, workers)
    return workers, queue, whole, whole / cores


def law_numbers(law: Law) -> tuple[int, float]:
    """Return the code and the shape of a law for the kernel; raise `ModelError` for a variation that the law cannot have."""
    square = law.variation * law.variation
    if law.name == "constant" or (square == 0.0 and law.name != "exponential"):
        return int(LawCode.CONSTANT), 0.0
    if law.name == "exponential":
        return int(LawCode.EXPONENTIAL), 0.0
    if law.name == "gamma":
        return int(LawCode.GAMMA), 1.0 / square
    if law.name == "lognormal":
        return int(LawCode.LOGNORMAL), float(np.sqrt(np.log1p(square)))
    if square <= 1.0:
        raise ModelError(f"A Pareto law needs a variation above 1, not {law.variation}; use gamma or lognormal.")
    return int(LawCode.PARETO), 2.0 * square / (square - 1.0)

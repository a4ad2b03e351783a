"""How many places an instance has, and how its times are distributed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backend_expert.lab.load.layout import UNBOUNDED, LawCode
from backend_expert.lab.load.scenario import Law, ModelError
from backend_expert.model import Component, Deployment, Estimate, Kind


def value(estimate: Estimate | None, otherwise: float) -> float:
    """Return the number of an estimate, or another where nobody said."""
    return otherwise if estimate is None else estimate.value


class Places(NamedTuple):
    """What one instance has: slots with the bound of their queue, cores, and how much longer work takes on a fraction of a core.

    New requests are turned away while `backlog` pieces of work wait for a core.
    """

    slots: int = UNBOUNDED
    queue: int = UNBOUNDED
    cores: int = UNBOUNDED
    slowness: float = 1.0
    backlog: int = UNBOUNDED


def places(component: Component, deployment: Deployment) -> Places:
    """Return the places of one instance of a component.

    An event loop lets any number of requests wait for others and works on one at a time, so its queue is the work that waits for the
    thread: that is what a queue limit bounds, as load shedding by event-loop delay does. Where every slot of a pool of workers has a
    core, cores are never short and cost the kernel nothing.
    """
    if component.kind in {Kind.EXTERNAL, Kind.CLIENT}:
        return Places()
    workers = UNBOUNDED if deployment.workers is None else max(1, round(deployment.workers.value))
    queue = UNBOUNDED if deployment.queue_limit is None else round(deployment.queue_limit.value)
    cores = deployment.cpu_cores.value if deployment.cpu_cores is not None else float(UNBOUNDED)
    if deployment.event_loop:
        return Places(cores=1, slowness=1.0 / min(1.0, cores), backlog=queue)
    whole = int(-(-cores // 1))
    if workers <= whole:
        return Places(workers, queue, slowness=workers / min(cores, workers))
    return Places(workers, queue, whole, whole / cores)


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

"""How many places an instance has, and how its times are distributed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backend_expert.lab.load.layout import UNBOUNDED
from backend_expert.lab.load.scenario import Law, ModelError
from backend_expert.lab.load.vocabulary import LawCode
from backend_expert.model import Component, Deployment, Estimate, Kind


def value(estimate: Estimate | None, otherwise: float) -> float:
    """Return the number of an estimate, or another where nobody said."""
    return otherwise if estimate is None else estimate.value


class Places(NamedTuple):
    """What one instance has: slots with the bound of their queue, cores, and how much longer work takes on a fraction of a core.

    New requests are turned away while `backlog` pieces of work wait for a core. Those that are not critical are turned away while
    `open_load` requests are inside, or `open_backlog` pieces of work wait.
    """

    slots: int = UNBOUNDED
    queue: int = UNBOUNDED
    cores: int = UNBOUNDED
    slowness: float = 1.0
    backlog: int = UNBOUNDED
    open_load: int = UNBOUNDED
    open_backlog: int = UNBOUNDED


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
    open_share = 1.0 - value(deployment.reserved, 0.0)
    if deployment.event_loop:
        return Places(cores=1, slowness=1.0 / min(1.0, cores), backlog=queue, open_backlog=_share(open_share, queue))
    inside = UNBOUNDED
    if deployment.reserved is not None and workers < UNBOUNDED:
        inside = _share(open_share, workers + (queue if queue < UNBOUNDED else 0))
    whole = int(-(-cores // 1))
    if workers <= whole:
        return Places(workers, queue, slowness=workers / min(cores, workers), open_load=inside)
    return Places(workers, queue, whole, whole / cores, open_load=inside)


def _share(share: float, count: int) -> int:
    """Return a share of a bound; of none there is none."""
    return count if count >= UNBOUNDED else int(share * count + 1e-9)


def pool_name(caller: str, callee: str, replicas: bool = False) -> str:
    """Return what a report calls a pool of connections."""
    return f"{caller} → replicas of {callee}" if replicas else f"{caller} → {callee}"


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

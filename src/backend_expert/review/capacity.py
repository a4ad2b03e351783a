"""The capacity of a recovered system: what `backend-expert capacity` searches."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

from msgspec import Struct

from backend_expert.lab import load
from backend_expert.model import System
from backend_expert.model.assume import assumptions, complete

SCHEMA = "backend-expert/capacity/1"
MOST_REPLICAS = 64


class CapacityStudy(Struct, frozen=True, kw_only=True):
    """The highest load within the objective, with what it takes to repeat the search."""

    schema: str = SCHEMA
    system: str
    command: str
    assumed: int
    found: load.Capacity


def study(
    system: System, most: int, seed: int, command: str, executor: Executor, progress: Callable[[int, int], None] | None = None
) -> CapacityStudy:
    """Search the capacity with 1, 2, 4 … up to `most` times the replicas; raise `load.ModelError` when it cannot be simulated."""
    completed = complete(system)
    replicas = [1]
    while replicas[-1] * 2 <= most:
        replicas.append(replicas[-1] * 2)
    found = load.capacity(completed, replicas=replicas, seed=seed, executor=executor, progress=progress)
    return CapacityStudy(system=system.name, command=command, assumed=len(assumptions(completed)), found=found)

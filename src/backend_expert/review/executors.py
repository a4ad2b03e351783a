"""Who computes the experiments: threads of this process, processes of this machine, or a Dask cluster. The results are the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from backend_expert.lab import load

THREADS = "threads"
PROCESSES = "processes"
SCHEMES = ("tcp://", "tls://", "ucx://", "ws://", "wss://")
"""How the address of a Dask scheduler begins (Dask documentation, Communications)."""


class ExecutorError(OSError):
    """Say in one sentence why nobody computes where the user asked for it, and what to do."""


@contextmanager
def executor(place: str = THREADS) -> Iterator[Executor]:
    """Give the executor that all experiments run on: `threads`, `processes`, or the address of a Dask scheduler.

    Threads, one for each core, are the default, since the kernel releases the lock. What was submitted and not begun is dropped when the
    block is left by an exception. Raises `ExecutorError` for another word and for processes that die, `load.ClusterError` for a cluster
    that cannot compute.
    """
    if place == THREADS:
        with _dropping(ThreadPoolExecutor(max_workers=_cores())) as pool:
            yield pool
    elif place == PROCESSES:
        # Spawned, since a fork of a process with threads inherits locks that nobody will release.
        with _dropping(ProcessPoolExecutor(max_workers=_cores(), mp_context=get_context("spawn"))) as pool:
            try:
                yield pool
            except BrokenExecutor:
                raise ExecutorError(
                    "A process that computed experiments died, most likely for lack of memory: close other programs, or use threads."
                ) from None
    elif place.startswith(SCHEMES):
        with load.cluster(place) as pool:
            yield pool
    else:
        raise ExecutorError(
            f"'{place}' is no place to compute: give the address of a Dask scheduler, for example tcp://127.0.0.1:8786, "
            f"or '{PROCESSES}'."
        )


@contextmanager
def _dropping(pool: Executor) -> Iterator[Executor]:
    """Wait for a pool at the end, but not for what it has not begun when something went wrong."""
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _cores() -> int:
    return os.cpu_count() or 1

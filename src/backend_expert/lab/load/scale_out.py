"""Spread experiments over a Dask cluster: the same results to the byte, whoever computes them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from backend_expert import __version__

RETRIES = 5
"""Times that a run is given to another worker when its own one dies."""

PATIENCE_S = 30
"""How long a cluster may take to have a first worker: one that is being started has none yet."""


class ClusterError(ConnectionError):
    """Say in one sentence why a cluster cannot compute, and what to do."""


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Connect to the scheduler of a Dask cluster (`tcp://host:8786`) and return it as an executor.

    Its workers need this very version of the package: another one may count differently. Raises `ClusterError` without the extra
    `cluster`, when nobody answers, when there is no worker or one that cannot take part, and when runs kill their workers.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise ClusterError("A Dask cluster needs the extra: pip install 'backend-expert[cluster]'.") from None
    connect: Any = Client
    try:
        client = connect(address)
    except (OSError, ValueError):
        raise ClusterError(
            f"No Dask scheduler answers at {address}: start one with 'dask scheduler', or correct the address."
        ) from None
    with client:
        _check_workers(client, address)
        executor = client.get_executor(retries=RETRIES)
        try:
            yield executor
        except BaseException as error:
            executor.shutdown(wait=False)
            if isinstance(error, KilledWorker):
                raise ClusterError(f"Experiments killed the workers at {address}, most likely for lack of memory.") from None
            raise
        executor.shutdown()


def version() -> str:
    """Return the version of this package where the function runs."""
    return __version__


def _check_workers(client: Any, address: str) -> None:
    """Raise `ClusterError` unless there is a worker and all have this version."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE_S)
    except TimeoutError:
        raise ClusterError(f"The cluster at {address} has no worker: start one with 'dask worker {address}'.") from None
    # A worker without the package cannot even read the question; what it writes to the log about that says no more than ours.
    found = client.run(version, on_error="return")
    for worker, installed in sorted(found.items()):
        if installed != __version__:
            has = f"version {installed}" if isinstance(installed, str) else "none or another one"
            raise ClusterError(
                f"The worker {worker} has {has} of backend-expert, not {__version__}: install this version there, "
                "for other versions may count differently."
            )

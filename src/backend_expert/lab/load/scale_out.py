"""Spread experiments over a Dask cluster: the same results to the byte, whoever computes them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

RETRIES = 5
"""Times that a run is given to another worker when its own one dies."""


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Connect to the scheduler of a Dask cluster (`tcp://host:8786`) whose workers have this package, and return it as an executor.

    Raises `ImportError` without the extra `cluster`, and `OSError` when nobody answers at the address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ImportError("A Dask cluster needs the extra: pip install 'backend-expert[cluster]'.") from None
    connect: Any = Client
    with connect(address) as client, client.get_executor(retries=RETRIES) as executor:
        yield executor

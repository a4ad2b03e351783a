"""Memory and processor time of a server of the lab, from /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from backend_expert.lab.planner.server import Server


def _postmaster(server: Server) -> str:
    return (server.data / "postmaster.pid").read_text().split()[0]


def _fields(process: str) -> list[str]:
    """Return what /proc says of a process, from its state on (field 3 in proc(5))."""
    return Path("/proc", process, "stat").read_text().rsplit(")", 1)[1].split()


def _family(server: Server) -> Iterator[str]:
    postmaster = _postmaster(server)
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and postmaster in (process.name, _fields(process.name)[1]):
                yield process.name
        except OSError:
            continue


def memory_mb(server: Server) -> float:
    """Return the proportional memory of the server's processes: shared pages are counted once."""
    rollups = (Path("/proc", process, "smaps_rollup").read_text().splitlines() for process in _family(server))
    return sum(int(next(line for line in lines if line.startswith("Pss:")).split()[1]) for lines in rollups) / 1024


def processor_s(server: Server) -> float:
    """Return the processor time of this process and of the server's, those that have ended included."""
    ticks = sum(int(each) for each in _fields(_postmaster(server))[13:15])  # cutime and cstime: children that were waited for
    ticks += sum(int(each) for process in _family(server) for each in _fields(process)[11:13])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")

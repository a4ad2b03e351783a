"""Start the tiers, send them requests when the clock says, and collect what everybody measured."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import noise
from shape import Tiers
from wire import Peers, probe

WARM_S = 4.0
PATIENCE_S = 30.0
MOST_REQUESTS = 60_000
BLOCKS = 10


class Run(NamedTuple):
    """One run: latencies of the successful answers in order of arrival, the share of successes, what each side measured, the noise."""

    latencies_ms: list[float]
    success: float
    driver: dict[str, float]
    tiers: dict[str, dict[str, Any]]
    noise: noise.Noise

    @property
    def figures(self) -> dict[str, float]:
        """Return p50, p95 and p99 in milliseconds and the share of successes."""
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        return {name: noise.percentile(self.latencies_ms, share) for name, share in shares.items()} | {"success": self.success}

    def half_width(self, share: float) -> float:
        """Return half the 95 % interval of a percentile as a part of it, from the ten tenths of the run."""
        size = max(1, len(self.latencies_ms) // BLOCKS)
        each = [noise.percentile(self.latencies_ms[at * size : (at + 1) * size], share) for at in range(BLOCKS)]
        spread = math.sqrt(fmean((value - fmean(each)) ** 2 for value in each) / (BLOCKS - 1))
        return 2.262 * spread / fmean(each)  # Student's t for 9 degrees of freedom


def real(tiers: Tiers, rate_per_s: float, seconds: float, seed: int) -> Run:
    """Run the system once under Poisson traffic; the same seed gives the same arrivals and the same work of request i."""
    if rate_per_s * (WARM_S + seconds) > MOST_REQUESTS:
        raise ValueError(f"{rate_per_s:g} requests a second for {seconds:g} s are more than {MOST_REQUESTS}")
    with started(tiers, seed) as (ports, ended):
        before, cpu = noise.now(), time.process_time()
        latencies, failed, driver, lags = asyncio.run(drive(ports, rate_per_s, seconds, seed))
        after, cpu = noise.now(), time.process_time() - cpu
    own = cpu + sum(each["cpu_s"] for each in ended.values())
    found = noise.noise(before, after, own, [lags, *(each["lags_ms"] for each in ended.values())])
    return Run(latencies, len(latencies) / max(1, len(latencies) + failed), driver, ended, found)


@contextmanager
def started(tiers: Tiers, seed: int) -> Iterator[tuple[list[int], dict[str, dict[str, Any]]]]:
    """Run every instance of every tier, the last tier first; yield the ports of the first tier, and what each measured when it ended."""
    running: list[tuple[str, subprocess.Popen[str]]] = []
    measured: dict[str, dict[str, Any]] = {}
    after: list[int] = []
    try:
        for at, name in reversed(list(enumerate(tiers))):
            ports = free_ports(tiers[name].get("replicas", 1))
            for port in ports:
                options = {**tiers[name], "port": port, "next": after, "seed": seed * 10 + at}
                running.append((name, launched(options)))
            after = ports
        yield after, measured
    finally:
        for name, process in reversed(running):
            said, _ = process.communicate(timeout=PATIENCE_S)
            measured[name] = added(measured.get(name), json.loads(said))


def launched(options: dict[str, Any]) -> subprocess.Popen[str]:
    """Start one instance and wait until it listens."""
    words = [sys.executable, str(Path(__file__).with_name("tier.py")), json.dumps(options)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        process.kill()
        raise RuntimeError("A tier did not start: see its message above.")
    return process


def added(one: dict[str, Any] | None, other: dict[str, Any]) -> dict[str, Any]:
    """Return the sums of what two instances of a tier measured."""
    return other if one is None else {name: one[name] + other[name] for name in other}


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


async def drive(
    ports: list[int], rate_per_s: float, seconds: float, seed: int
) -> tuple[list[float], int, dict[str, float], list[float]]:
    """Send requests when the clock says, whether or not earlier ones were answered; a latency begins when a request was due."""
    entry, draw = Peers(), random.Random(seed)
    await entry.connect(ports)
    gc.freeze()
    latencies: dict[int, float] = {}
    lags: list[float] = []
    failed = 0
    start = time.perf_counter()

    async def request(key: int, due_s: float) -> None:
        nonlocal failed
        good = await entry.ask(key, PATIENCE_S)
        if due_s > WARM_S and good:
            latencies[key] = 1000 * (time.perf_counter() - start - due_s)
        elif due_s > WARM_S:
            failed += 1

    watch = asyncio.create_task(probe(lags))
    tasks = []
    due_s = draw.expovariate(rate_per_s)
    while due_s < WARM_S + seconds:
        await asyncio.sleep(max(0.0, start + due_s - time.perf_counter()))
        tasks.append(asyncio.create_task(request(len(tasks), due_s)))
        due_s += draw.expovariate(rate_per_s)
    await asyncio.gather(*tasks)
    watch.cancel()
    late = [each for _, each in sorted(latencies.items())]
    return late, failed, {"calls": entry.hops.calls, "beyond_ms": entry.hops.beyond_ms}, lags

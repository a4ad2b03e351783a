"""The two benchmark systems in SimPy, run as a process of its own by speed.py: prints requests, CPU seconds and mean latency."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Generator
from typing import Any

import simpy

Process = Generator[Any, Any, Any]


def station(requests: int) -> list[float]:
    """Return the latencies of M/M/4 at load 0.8."""
    env, draw, latencies = simpy.Environment(), random.Random(1).expovariate, []
    slots = simpy.Resource(env, 4)

    def serve() -> Process:
        start = env.now
        with slots.request() as slot:
            yield slot
            yield env.timeout(draw(1 / 10))
        latencies.append(env.now - start)

    def traffic() -> Process:
        for _ in range(requests):
            yield env.timeout(draw(0.32))
            env.process(serve())

    env.process(traffic())
    env.run()
    return latencies


def chain(requests: int) -> list[float]:
    """Return the latencies of gateway(16) → service(16) → database(8) with timeouts of 150 and 60 ms and one retry each."""
    env, draw, latencies = simpy.Environment(), random.Random(1).expovariate, []
    gateway, service, database = (simpy.Resource(env, size) for size in (16, 16, 8))

    def query() -> Process:
        with database.request() as slot:
            yield slot
            yield env.timeout(draw(1 / 10))

    def serve() -> Process:
        with service.request() as slot:
            yield slot
            yield env.timeout(draw(1 / 4))
            yield from call(query, 60)

    def call(target: Any, timeout: float) -> Process:
        for _ in range(2):
            child, expiry = env.process(target()), env.timeout(timeout)
            yield child | expiry
            if child.processed:
                return

    def request() -> Process:
        start = env.now
        with gateway.request() as slot:
            yield slot
            yield env.timeout(draw(1))
            yield from call(serve, 150)
        latencies.append(env.now - start)

    def traffic() -> Process:
        for _ in range(requests):
            yield env.timeout(draw(0.64))
            env.process(request())

    env.process(traffic())
    env.run()
    return latencies


if __name__ == "__main__":
    requests = int(sys.argv[2])
    start = time.process_time()
    latencies = {"station": station, "chain": chain}[sys.argv[1]](requests)
    print(requests, time.process_time() - start, sum(latencies) / len(latencies))

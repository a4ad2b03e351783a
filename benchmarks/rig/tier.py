"""One really running service of the rig: workers, a queue, a pool, a call with timeout and retries.

    python tier.py '{"port": 7001, "workers": 8, "work_ms": 30, "seed": 1}'

Work is a sleep, so that a machine with two cores can run a system that needs forty; with `postgresql` it is a statement on a real
server that reads a row by its key and sleeps there. Timed-out work runs on, as it does in most services. Prints `ready` when it
listens; when its standard input is closed it prints what it measured and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import json
import math
import sys
import time
from typing import Any

from wire import Peers, probe

MOST_ATTEMPTS = 8
ROWS = 100_000


def uniform(*key: int) -> float:
    """Return a number between 0 and 1 that depends on the key alone, so that a request is the same request before and after a change."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "little") + 0.5) / 2**64


class Tier:
    """The service."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.slots = asyncio.Semaphore(options["workers"])
        self.queued = 0
        self.peers = Peers()
        self.pool = asyncio.Semaphore(options.get("pool") or 1_000_000)
        self.connections: asyncio.Queue[Any] = asyncio.Queue()
        self.tasks: set[asyncio.Task[None]] = set()
        self.lags_ms: list[float] = []
        self.began_s = 0.0
        self.requests = self.works = 0
        self.asked_ms = self.worked_ms = 0.0

    async def serve(self, number: int, key: int, writer: asyncio.StreamWriter) -> None:
        """Handle one request and answer it with the time it spent here."""
        begin = time.perf_counter()
        good = await self.handle(key)
        writer.write(b"[%d,%s,%.3f]\n" % (number, b"true" if good else b"false", 1000 * (time.perf_counter() - begin)))

    async def handle(self, key: int) -> bool:
        """Wait for a worker, work, call the next tier."""
        self.requests += 1
        limit = self.options.get("queue_limit")
        if limit is not None and self.slots.locked() and self.queued >= limit:
            return False
        self.queued += 1
        await self.slots.acquire()
        self.queued -= 1
        try:
            await self.work(key)
            if not self.peers.each or uniform(self.options["seed"], key, 1) < self.options.get("hit_ratio", 0.0):
                return True
            return await self.call(key)
        finally:
            self.slots.release()

    async def work(self, key: int) -> None:
        """Take an exponential time, here or in the database."""
        asked_ms = -self.options["work_ms"] * math.log(uniform(self.options["seed"], key, 0))
        begin = time.perf_counter()
        if self.options.get("postgresql") is None:
            await asyncio.sleep(asked_ms / 1000)
        else:
            connection = await self.connections.get()
            statement = "SELECT title, pg_sleep(%s) FROM item WHERE id = %s"
            await (await connection.execute(statement, (asked_ms / 1000, 1 + key % ROWS))).fetchone()
            self.connections.put_nowait(connection)
        self.works += 1
        self.asked_ms += asked_ms
        self.worked_ms += 1000 * (time.perf_counter() - begin)

    async def call(self, key: int) -> bool:
        """Try the next tier as often as the policy says."""
        timeout = self.options.get("timeout_ms")
        for attempt in range(self.options.get("attempts", 1)):
            async with self.pool:
                if await self.peers.ask(key * MOST_ATTEMPTS + attempt, timeout / 1000 if timeout else None):
                    return True
        return False

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests from one connection."""
        with contextlib.suppress(asyncio.CancelledError):  # the loop stops: the streams would report it as an error
            while line := await reader.readline():
                number, key = map(int, line.split())
                task = asyncio.create_task(self.serve(number, key, writer))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    def measured(self) -> dict[str, Any]:
        """Return what was measured here: counts, sums in milliseconds, the lag of the event loop, processor time in seconds."""
        hops = self.peers.hops
        return {
            "requests": self.requests, "works": self.works, "asked_ms": self.asked_ms, "worked_ms": self.worked_ms,
            "calls": hops.calls, "beyond_ms": hops.beyond_ms, "lags_ms": self.lags_ms, "cpu_s": time.process_time() - self.began_s,
        }  # fmt: skip


async def main() -> None:
    """Listen until the standard input is closed."""
    tier = Tier(json.loads(sys.argv[1]))
    if tier.options.get("postgresql") is not None:
        import psycopg

        for _ in range(tier.options["workers"]):
            tier.connections.put_nowait(await psycopg.AsyncConnection.connect(**tier.options["postgresql"], autocommit=True))
    await tier.peers.connect(tier.options.get("next", []))
    server = await asyncio.start_server(tier.accept, "127.0.0.1", tier.options["port"])
    gc.freeze()  # a collection that walks through every loaded module would stop the loop for milliseconds
    watch = asyncio.create_task(probe(tier.lags_ms))
    tier.began_s = time.process_time()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    watch.cancel()
    server.close()
    print(json.dumps(tier.measured()), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

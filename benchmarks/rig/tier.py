"""One really running service of the rig: workers, a pool, a call with timeout and retries, over TCP on the loopback interface.

    python tier.py '{"port": 7001, "workers": 8, "work_ms": 50, ...}'

Work is a sleep, so that a machine with two cores can run a system that needs forty. Timed-out work runs on, as it does in most services.
Prints `ready` when it listens, and ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from typing import Any


class Downstream:
    """One connection to the next tier, shared by all requests: an answer finds its waiter by its number."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[bool]] = {}
        self.number = 0

    async def connect(self, port: int) -> None:
        """Open the connection and start reading answers."""
        reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.task = asyncio.create_task(self.read(reader))

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Hand each answer to whoever still waits for it."""
        while line := await reader.readline():
            number, good = json.loads(line)
            future = self.waiting.pop(number, None)
            if future is not None and not future.done():
                future.set_result(good)

    async def ask(self, timeout_s: float | None) -> bool:
        """Send one request and wait for its answer, at most so long."""
        self.number += 1
        number, future = self.number, asyncio.get_running_loop().create_future()
        self.waiting[number] = future
        self.writer.write(b"%d\n" % number)
        try:
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            self.waiting.pop(number, None)
            return False


class Tier:
    """The service."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.random = random.Random(options["seed"])
        self.slots = asyncio.Semaphore(options["workers"])
        self.queued = 0
        self.downstream = Downstream()
        self.pool = asyncio.Semaphore(options.get("pool") or 1_000_000)
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self, number: int, writer: asyncio.StreamWriter) -> None:
        """Handle one request and answer it."""
        good = await self.handle()
        writer.write(b"[%d, %s]\n" % (number, b"true" if good else b"false"))

    async def handle(self) -> bool:
        """Wait for a worker, work, call the next tier."""
        limit = self.options.get("queue_limit")
        if limit is not None and self.slots.locked() and self.queued >= limit:
            return False
        self.queued += 1
        await self.slots.acquire()
        self.queued -= 1
        try:
            await asyncio.sleep(self.random.expovariate(1000 / self.options["work_ms"]))
            if self.options.get("next") is None or self.random.random() < self.options.get("hit_ratio", 0.0):
                return True
            return await self.call()
        finally:
            self.slots.release()

    async def call(self) -> bool:
        """Try the next tier as often as the policy says."""
        timeout = self.options.get("timeout_ms")
        for _ in range(self.options.get("attempts", 1)):
            async with self.pool:
                if await self.downstream.ask(timeout / 1000 if timeout else None):
                    return True
        return False

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests from one connection."""
        with contextlib.suppress(asyncio.CancelledError):  # the loop stops: the streams would report it as an error
            while line := await reader.readline():
                task = asyncio.create_task(self.serve(int(line), writer))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)


async def main() -> None:
    """Listen until the standard input is closed."""
    tier = Tier(json.loads(sys.argv[1]))
    if tier.options.get("next") is not None:
        await tier.downstream.connect(tier.options["next"])
    server = await asyncio.start_server(tier.accept, "127.0.0.1", tier.options["port"])
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())

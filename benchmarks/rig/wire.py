"""Requests and answers on a shared TCP connection of the loopback interface: one line each, matched by number."""

from __future__ import annotations

import asyncio
import json
import time
from typing import NamedTuple


class Hops(NamedTuple):
    """Calls that were answered, and the time they took beyond what the callee says it needed, in milliseconds."""

    calls: int = 0
    beyond_ms: float = 0.0


class Peer:
    """One instance of the next tier."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[tuple[bool, float]]] = {}
        self.number = 0
        self.hops = Hops()

    async def connect(self, port: int) -> None:
        """Open the connection and start reading answers."""
        reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.task = asyncio.create_task(self.read(reader))

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Hand each answer to whoever still waits for it."""
        while line := await reader.readline():
            number, good, residence_ms = json.loads(line)
            future = self.waiting.pop(number, None)
            if future is not None and not future.done():
                future.set_result((good, residence_ms))

    async def ask(self, key: int, timeout_s: float | None) -> bool:
        """Send the request `key`, wait for its answer at most so long, and tell whether a good one came."""
        self.number += 1
        number, future = self.number, asyncio.get_running_loop().create_future()
        self.waiting[number] = future
        begin = time.perf_counter()
        self.writer.write(b"%d %d\n" % (number, key))
        try:
            good, residence_ms = await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            self.waiting.pop(number, None)
            return False
        beyond = 1000 * (time.perf_counter() - begin) - residence_ms
        self.hops = Hops(self.hops.calls + 1, self.hops.beyond_ms + beyond)
        return good


class Peers:
    """All instances of the next tier, taken in turn."""

    def __init__(self) -> None:
        self.each: list[Peer] = []
        self.turn = 0

    async def connect(self, ports: list[int]) -> None:
        """Connect to every instance."""
        for port in ports:
            peer = Peer()
            await peer.connect(port)
            self.each.append(peer)

    async def ask(self, key: int, timeout_s: float | None) -> bool:
        """Ask the next instance."""
        self.turn = (self.turn + 1) % len(self.each)
        return await self.each[self.turn].ask(key, timeout_s)

    @property
    def hops(self) -> Hops:
        """Return the sum over the instances."""
        return Hops(sum(each.hops.calls for each in self.each), sum(each.hops.beyond_ms for each in self.each))


async def probe(lags_ms: list[float], period_s: float = 0.01) -> None:
    """Write down how much later than asked a sleep ends, again and again: the lag of this event loop."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(period_s)
        lags_ms.append(1000 * (time.perf_counter() - before - period_s))

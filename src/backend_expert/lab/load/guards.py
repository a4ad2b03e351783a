"""What requests and calls have to pass, as rows of the kernel's tables: gates, alarms, breakers, budgets, limits."""

from __future__ import annotations

from typing import Any

from backend_expert.lab.load.layout import BREAKER_BUCKETS, UNBOUNDED
from backend_expert.lab.load.places import value
from backend_expert.lab.load.vocabulary import Discipline
from backend_expert.model import Breaker, Pool, RateLimit

FOR_EVER = 1e300

RETRY_RESERVE = 10.0
"""Tokens of a full retry budget: `maxTokens` of the example in gRPC's proposal A6."""


class Guards:
    """The rows as they grow. `instances` are always the first instance of a component and how many it has."""

    def __init__(self) -> None:
        self.gates: list[tuple[Any, ...]] = []
        self.rings: dict[tuple[float, int], int] = {}
        self.breakers: list[tuple[Any, ...]] = []
        self.limits: list[tuple[float, float, float, float]] = []
        self.places: list[tuple[str, tuple[int, ...]]] = []
        self._gates_of: dict[tuple[Any, ...], int] = {}
        self._breaker_of: dict[tuple[str, str, Breaker], int] = {}
        self._budget_of: dict[tuple[str, str, float], tuple[int, int]] = {}

    def gate(
        self,
        capacity: int,
        limit: int = UNBOUNDED,
        instance: int = -1,
        discipline: Discipline = Discipline.FIFO,
        wait_ms: float = FOR_EVER,
    ) -> int:
        """Add a gate and return its row; who has waited for `wait_ms` is refused."""
        row = len(self.gates)
        ring = self.ring(wait_ms, row) if wait_ms < FOR_EVER else -1
        self.gates.append((0.0, 0.0, 0.0, capacity, limit, 0, 0, 0, -1, -1, ring, int(discipline), instance))
        return row

    def gates_of(
        self, name: str, instances: tuple[int, int], capacity: int, limit: int = UNBOUNDED, wait_ms: float = FOR_EVER
    ) -> int:
        """Return the first of one gate for each instance; those of one name with equal limits are shared."""
        key = (name, capacity, limit, wait_ms)
        if key not in self._gates_of:
            first, count = instances
            rows = tuple(self.gate(capacity, limit, row, wait_ms=wait_ms) for row in range(first, first + count))
            self.places.append((name, rows))
            self._gates_of[key] = rows[0]
        return self._gates_of[key]

    def pool(self, name: str, instances: tuple[int, int], pool: Pool) -> int:
        """Return the first gate of a pool of which each instance of the caller has its own."""
        limit = round(pool.queue.value) if pool.queue is not None else UNBOUNDED
        return self.gates_of(name, instances, max(1, round(pool.size.value)), limit, value(pool.wait_ms, FOR_EVER))

    def lock(self, resource: str, capacity: int) -> int:
        """Return the gate of a lock."""
        key = ("lock", resource, max(1, capacity))
        if key not in self._gates_of:
            row = self._gates_of[key] = self.gate(max(1, capacity))
            self.places.append((resource, (row,)))
        return self._gates_of[key]

    def ring(self, delay: float, gate: int = -1) -> int:
        """Return the ring of alarms of one length, for attempts or for the queue of one gate."""
        return self.rings.setdefault((delay, gate), len(self.rings))

    def budget(self, caller: str, callee: str, share: float, count: int) -> int:
        """Return the retry budget of the `count` instances of one component towards another."""
        return self._budget_of.setdefault((caller, callee, share), (len(self._budget_of), count))[0]

    def breaker(self, caller: str, callee: str, breaker: Breaker, count: int) -> int:
        """Return the first breaker of one component towards another: each of its `count` instances has its own."""
        key = (caller, callee, breaker)
        if key not in self._breaker_of:
            self._breaker_of[key] = len(self.breakers)
            width = value(breaker.window_s, 10.0) * 1000.0 / BREAKER_BUCKETS
            row = (
                0.0, width, breaker.failure_ratio.value, value(breaker.open_s, 30.0) * 1000.0, -1,
                max(1, round(value(breaker.minimum_calls, 10.0))), max(1, round(value(breaker.probes, 1.0))), 0, 0, 0,
                (0,) * BREAKER_BUCKETS, (0,) * BREAKER_BUCKETS,
            )  # fmt: skip
            self.breakers.extend([row] * count)
        return self._breaker_of[key]

    def limit(self, limit: RateLimit) -> int:
        """Add the full token bucket of one instance and return its row."""
        rate = limit.rate_per_s.value
        burst = max(1.0, value(limit.burst, rate))
        self.limits.append((burst, rate / 1000.0, burst, 0.0))
        return len(self.limits) - 1

    def budgets(self) -> list[tuple[float, float, float]]:
        """Return the rows of the retry budgets, each full."""
        return [(RETRY_RESERVE * count, share, RETRY_RESERVE * count) for (_, _, share), (_, count) in self._budget_of.items()]

    def alarms(self) -> list[tuple[float, int, int, int]]:
        """Return the rows of the rings, each empty."""
        return [(delay, -1, -1, gate) for delay, gate in self.rings]

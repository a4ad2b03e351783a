"""What the planner lab answers, as data: nothing here needs a server, a parser of SQL or a driver."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from backend_expert.lab.planner.intake import Rejected
from backend_expert.model import Text

Reason = Literal["duplicate", "prefix", "unused"]


class Level(StrEnum):
    """EXACT: the cost is that of the source server; APPROX: the plan is likely that one, the cost is near; GUESS: sizes are assumed."""

    EXACT = "EXACT"
    APPROX = "APPROX"
    GUESS = "GUESS"


class QueryOutcome(Struct, frozen=True, kw_only=True):
    """One statement: planner cost before and after, its share of the workload, the indexes it would use, and what to watch."""

    statement: str
    kind: str
    file: str
    line: int
    calls: float
    share: float
    before: float
    after: float
    level: Level
    reasons: tuple[Text, ...]
    uses: tuple[str, ...] = ()
    risk: Text | None = None
    plan_before: tuple[str, ...] = ()
    plan_after: tuple[str, ...] = ()


class IndexAdvice(Struct, frozen=True, kw_only=True):
    """An index to build: the statements of DDL both ways, its size in bytes with a range, and what it contributes to the saving.

    `contribution` is the share of today's cost that comes back when this index alone is left out; `write_share` the share that keeping
    it costs the writes of the workload.
    """

    index: str
    name: str
    table: str
    columns: tuple[str, ...]
    create: tuple[str, ...]
    drop: tuple[str, ...]
    bytes: int
    bytes_low: int
    bytes_high: int
    contribution: float
    write_share: float
    build: Literal["seconds", "minutes", "hours"]
    level: Level
    partial: bool = False


class IndexRemoval(Struct, frozen=True, kw_only=True):
    """An index that could go, what takes over, and the cost of the workload without it as a share of today's."""

    index: str
    table: str
    kind: Reason
    instead: str
    bytes: int
    cost_ratio: float
    drop: tuple[str, ...]
    create: tuple[str, ...]


class Compared(Struct, frozen=True, kw_only=True):
    """Both forms with their plans and costs, and the index that was visible to both (empty: none had to be added)."""

    statement: str
    better: str
    needs: str
    create: str
    before: float
    after: float
    level: Level
    plan_before: tuple[str, ...]
    plan_after: tuple[str, ...]

    @property
    def proved(self) -> bool:
        """Tell whether the planner finds the better form cheaper."""
        return self.after < self.before


class Point(Struct, frozen=True):
    """A point of the frontier: a budget in bytes, what the best set uses of it, how many indexes, and the cost as a share of today's."""

    budget: float
    bytes: float
    indexes: int
    ratio: float


class Unplanned(Struct, frozen=True):
    """A statement that could not be planned, with the server's reason."""

    file: str
    line: int
    statement: str
    reason: str


class Answer(Struct, frozen=True, kw_only=True):
    """Everything the lab found out; `hints` are what the statistics show beside the costs."""

    level: Level
    reasons: tuple[Text, ...]
    refused: tuple[Text, ...]
    tables: int
    matched: float
    guessed: tuple[str, ...]
    taken: str
    covered: float
    unplanned: tuple[Unplanned, ...]
    rejected: tuple[Rejected, ...]
    plans: int
    before: float = 0.0
    after: float = 0.0
    queries: tuple[QueryOutcome, ...] = ()
    indexes: tuple[IndexAdvice, ...] = ()
    frontier: tuple[Point, ...] = ()
    removals: tuple[IndexRemoval, ...] = ()
    rewrites: tuple[Compared, ...] = ()
    hints: tuple[Text, ...] = ()

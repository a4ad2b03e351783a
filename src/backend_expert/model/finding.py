"""What a rule says about a system."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from msgspec import Struct

from backend_expert.model.facts import Evidence, Text


class Severity(StrEnum):
    """How much a finding hurts, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    def at_least(self, other: Severity) -> bool:
        """Tell whether this severity is as bad as the other or worse."""
        order = list(Severity)
        return order.index(self) <= order.index(other)


class Link(Struct, frozen=True, order=True):
    """A direction between two components: who opens the connection, to whom."""

    caller: str
    callee: str

    def __str__(self) -> str:
        return f"{self.caller} → {self.callee}"


class Rewrite(Struct, frozen=True, order=True):
    """A statement as it is and in a better form, which a planner can compare.

    The better form may need an index on `columns` of `dataset`, unless there is one already; no columns: it needs none.
    """

    statement: str
    better: str
    dataset: str = ""
    columns: tuple[str, ...] = ()


class Finding(Struct, frozen=True, kw_only=True):
    """A problem of the system, with where it shows and why it hurts.

    `subject` names the place in the words of the system (`orders → payment`, `redis`) and is stable while lines move.
    `components` holds every component concerned, the one to change first. `links` holds the calls concerned, in the order of the
    path where there is one. `confidence` is from 0 to 1 and says nothing about severity. `asked` marks a question: the files read
    do not decide it. `dataset` and `columns` name the table
    of a problem of data, and `rewrites` holds better forms of the statements concerned.
    """

    rule: str
    severity: Severity
    subject: str
    components: tuple[str, ...]
    title: Text
    why: Text
    evidence: tuple[Evidence, ...]
    links: tuple[Link, ...] = ()
    confidence: float = 0.9
    asked: bool = False
    dataset: str = ""
    columns: tuple[str, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Return an id of 12 hexadecimal digits that stays when lines move (rule and subject, never the line)."""
        return hashlib.sha256(f"{self.rule}\0{self.subject}".encode()).hexdigest()[:12]

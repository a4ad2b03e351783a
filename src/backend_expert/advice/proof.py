"""What proving a remedy gives: frozen values for the Result, with units in their names."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from backend_expert.advice.catalogue import Example
from backend_expert.model import System, Text

Verdict = Literal["helps", "hurts", "no-difference", "undecided"]


class Interval(Struct, frozen=True):
    """A measured value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


class Measure(Struct, frozen=True, kw_only=True):
    """One figure before and after a change. `id` carries the unit (`latency_p99_ms`, `success_ratio`, `goodput_per_s`)."""

    id: str
    title: Text
    lower_is_better: bool
    before: Interval
    after: Interval
    difference: Interval


class Series(Struct, frozen=True, kw_only=True):
    """What happened over time: one value a slice. A latency or ratio is `None` in a slice without answers."""

    id: str
    title: Text
    time_s: tuple[float, ...]
    latency_p50_ms: tuple[float | None, ...]
    latency_p99_ms: tuple[float | None, ...]
    success_ratio: tuple[float | None, ...]
    offered_per_s: tuple[float, ...]
    goodput_per_s: tuple[float, ...]


class Band(Struct, frozen=True):
    """A stretch of time to mark in a plot."""

    start_s: float
    end_s: float
    title: Text


class Proof(Struct, frozen=True, kw_only=True):
    """An experiment with a change: what was tried, what was measured, how sure that is.

    `share_better` is the share of plausible draws of the assumed numbers in which the change helps, out of `draws`.
    """

    lab: Literal["load", "planner"] = "load"
    experiment: Text
    verdict: Verdict
    summary: Text
    measures: tuple[Measure, ...] = ()
    share_better: float | None = None
    draws: int = 0
    replications: int = 0
    series: tuple[Series, ...] = ()
    bands: tuple[Band, ...] = ()
    objective_ms: float | None = None


class Proposal(Struct, frozen=True, kw_only=True):
    """A remedy applied to the reviewed system, with its proof.

    `rank` counts the proved ones from 1, the best first; it is 0 for the others. `action` says what changes in this system, taken
    from the difference of the two systems. `findings` holds the fingerprints of what it answers.
    """

    id: str
    remedy: str
    rank: int
    title: Text
    action: Text
    findings: tuple[str, ...]
    components: tuple[str, ...]
    effort: Literal["hours", "days", "weeks"]
    status: Literal["proved", "rejected", "inferred"]
    proof: Proof | None = None
    pseudocode: Text = Text("", "")
    examples: tuple[Example, ...] = ()
    trade_off: Text = Text("", "")
    when_not: Text = Text("", "")
    does_not_fix: Text = Text("", "")


class Proving(Struct, frozen=True, kw_only=True):
    """Everything that was tried: the proposals, the system with all accepted ones in it, and how they do together."""

    proposals: tuple[Proposal, ...]
    after_all: System
    together: Proof | None
    notes: tuple[Text, ...] = ()

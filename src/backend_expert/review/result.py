"""The Result: everything a report shows, versioned, with units in the names and nothing left to look up.

Faces render it and know nothing behind it. Within a major version of `SCHEMA` fields are only added.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from backend_expert.advice.catalogue import Example as CodeExample
from backend_expert.advice.proof import Band, Interval, Measure, Proof, Series
from backend_expert.advice.proof import Proposal as Recommendation
from backend_expert.lab.planner.answer import Answer, Compared
from backend_expert.model import Evidence, Link, Severity, Text, Unread

SCHEMA = "backend-expert/result/1"

__all__ = [
    "SCHEMA",
    "Assumption",
    "Band",
    "Category",
    "CategoryScore",
    "CheckedRule",
    "CodeExample",
    "Compared",
    "DatabaseStudy",
    "Edge",
    "Footer",
    "Interval",
    "Measure",
    "MeasureFirst",
    "Node",
    "PeakStudy",
    "Proof",
    "Recommendation",
    "ReportedFinding",
    "Requirement",
    "Result",
    "Series",
    "Snippet",
    "from_json",
    "json_schema",
    "to_json",
]

Category = Literal["resilience", "consistency", "scale", "data", "api", "security", "delivery", "structure"]


class Snippet(Struct, frozen=True, kw_only=True):
    """Lines of a reviewed file around an evidence, secrets masked; `first_line` is the number of the first of them."""

    evidence: Evidence
    first_line: int
    lines: tuple[str, ...]


class HistoryChange(Struct, frozen=True):
    """A value that a step of a history changed."""

    name: str
    before: str
    after: str


class HistoryEvent(Struct, frozen=True, kw_only=True):
    """One step of a history: who does what to whom; `target` is empty where the step stays inside, `fault` where nothing failed."""

    actor: str
    text: Text
    target: str = ""
    fault: str = ""
    evidence: Evidence | None = None
    changes: tuple[HistoryChange, ...] = ()


LaneKind = Literal["client", "service", "store", "broker", "external"]


class Lane(Struct, frozen=True):
    """Who takes part in a history."""

    name: str
    kind: LaneKind


class History(Struct, frozen=True, kw_only=True):
    """The shortest run that breaks an invariant, drawn as a sequence diagram; `final` is the state in which it ends.

    `lanes` are those who take part, from the client to the systems outside. `left_out` counts the steps that only pass calls and
    answers on and are not told.
    """

    title: Text
    events: tuple[HistoryEvent, ...]
    final: tuple[tuple[str, str], ...] = ()
    lanes: tuple[Lane, ...] = ()
    left_out: int = 0


class ReportedFinding(Struct, frozen=True, kw_only=True):
    """A finding, opened. `id` is its fingerprint; `proof` says how it is known (`asked` needs an answer from the user)."""

    id: str
    rule: str
    code: str
    category: Category
    severity: Severity
    status: Literal["proved", "measured", "inferred", "asked"]
    confidence: float
    title: Text
    why: Text
    subject: str
    components: tuple[str, ...]
    links: tuple[Link, ...]
    evidence: tuple[Evidence, ...]
    snippets: tuple[Snippet, ...] = ()
    recommendations: tuple[str, ...] = ()
    rule_page: Text = Text("", "")
    history: History | None = None
    comparisons: tuple[Compared, ...] = ()


class CategoryScore(Struct, frozen=True, kw_only=True):
    """A score from 0 to 100 with its weight in the whole, and the deductions that explain it."""

    category: Category
    title: Text
    score: int
    weight: float
    deductions: tuple[tuple[str, int], ...]


class Requirement(Struct, frozen=True, kw_only=True):
    """The answer to one requirement of the brief, with the numbers or what is missing."""

    id: str
    title: Text
    verdict: Literal["held", "broken", "not-decidable"]
    answer: Text
    counterexample: Text | None = None
    series: tuple[Series, ...] = ()
    bands: tuple[Band, ...] = ()
    history: History | None = None


class Node(Struct, frozen=True, kw_only=True):
    """A component in the drawing and in the table of components."""

    name: str
    kind: str
    technology: str
    replicas: str
    group: str = ""
    findings: tuple[str, ...] = ()
    worst: Severity | None = None
    evidence: tuple[Evidence, ...] = ()


class Edge(Struct, frozen=True, kw_only=True):
    """A dependency in the drawing; `certainty` is `assumed` where only a start order shows it."""

    caller: str
    callee: str
    protocol: str
    synchronous: bool
    certainty: str
    findings: tuple[str, ...] = ()
    worst: Severity | None = None
    evidence: tuple[Evidence, ...] = ()


class PeakStudy(Struct, frozen=True, kw_only=True):
    """What happens at the stated peak, before and after everything that is recommended.

    `first_to_break` is the component that is busiest when a promise breaks, empty when the peak breaks none.
    """

    factor: float
    summary: Text
    first_to_break: str
    objective_ms: float | None
    series: tuple[Series, ...]
    bands: tuple[Band, ...]
    measures: tuple[Measure, ...] = ()


class Assumption(Struct, frozen=True, kw_only=True):
    """A number nobody stated: its place in `system.yaml`, its value, and the range that experiments drew from.

    `matters` is the weight of the quantity that it belongs to, where that is one to measure first.
    """

    path: str
    value: float
    low: float
    high: float
    reason: Text
    matters: float | None = None


class MeasureFirst(Struct, frozen=True, kw_only=True):
    """An assumed quantity whose true value would change much, with what users get at either end of its range, all else as assumed.

    `numbers` are its places in `system.yaml`; `weight` is its effect as a share of the strongest one's.
    """

    title: Text
    effect: Text
    numbers: tuple[str, ...]
    weight: float
    success_ratio_low: float
    success_ratio_high: float
    latency_p99_ms_low: float | None
    latency_p99_ms_high: float | None


class CheckedRule(Struct, frozen=True, kw_only=True):
    """A rule that ran, with how often it fired."""

    id: str
    code: str
    category: Category
    title: Text
    found: int


class DatabaseStudy(Struct, frozen=True, kw_only=True):
    """One schema in the planner lab: its tables, the answer, and how much of it was made from what code says.

    `dialect` is the one it was written in; `derived` counts the statements that were made from calls of an ORM; `entities` tells that
    the tables were made from its classes.
    """

    name: str
    dialect: str
    datasets: tuple[str, ...]
    answer: Answer
    derived: int = 0
    entities: bool = False


class Footer(Struct, frozen=True, kw_only=True):
    """What it takes to make this report again."""

    command: str
    seed: int
    version: str
    digest: str
    commit: str
    commit_date: str


class Result(Struct, frozen=True, kw_only=True):
    """A whole review."""

    schema: str = SCHEMA
    system: str
    verdict: Text
    read: Text
    grade: Literal["A", "B", "C", "D", "E", "F"]
    score: int
    scores: tuple[CategoryScore, ...]
    requirements: tuple[Requirement, ...]
    recommendations: tuple[Recommendation, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    peak: PeakStudy | None
    findings: tuple[ReportedFinding, ...]
    assumptions: tuple[Assumption, ...]
    questions: tuple[Text, ...]
    unread: tuple[Unread, ...]
    notes: tuple[Text, ...]
    rules: tuple[CheckedRule, ...]
    footer: Footer
    databases: tuple[DatabaseStudy, ...] = ()
    measure_first: tuple[MeasureFirst, ...] = ()


def to_json(result: Result) -> bytes:
    """Return the Result as indented JSON with a final newline; equal results give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"


def from_json(data: bytes) -> Result:
    """Read a Result; unknown keys are ignored; raise `msgspec.ValidationError` when it is not one."""
    return msgspec.json.decode(data, type=Result)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the Result, made from the types above."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(Result)

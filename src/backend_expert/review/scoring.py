"""Scores: a number for each category with its deductions, and a grade for the whole. Gates work on findings, never on scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from backend_expert.model import Severity, Text
from backend_expert.review.result import Category, CategoryScore, CheckedRule, ReportedFinding, Requirement

WEIGHTS: Mapping[Category, float] = {
    "resilience": 0.25,
    "security": 0.15,
    "consistency": 0.15,
    "scale": 0.15,
    "data": 0.10,
    "structure": 0.10,
    "delivery": 0.05,
    "api": 0.05,
}
"""What a category counts. Chosen by severity in 144 expert findings on four systems: most of the severe ones are about failure."""

DEDUCTIONS: Mapping[Severity, int] = {
    Severity.CRITICAL: 40,
    Severity.HIGH: 20,
    Severity.MEDIUM: 8,
    Severity.LOW: 3,
    Severity.INFO: 0,
}

TITLES: Mapping[Category, Text] = {
    "resilience": Text("Resilience", "Resiliência"),
    "security": Text("Security", "Segurança"),
    "consistency": Text("Consistency", "Consistência"),
    "scale": Text("Scale", "Escala"),
    "data": Text("Data", "Dados"),
    "structure": Text("Structure", "Estrutura"),
    "delivery": Text("Delivery", "Entrega"),
    "api": Text("API", "API"),
}

GRADES: tuple[tuple[int, Literal["A", "B", "C", "D", "E"]], ...] = ((90, "A"), (80, "B"), (70, "C"), (60, "D"), (45, "E"))


BROKEN: Mapping[str, tuple[Category, int]] = {
    "fault-tolerant": ("resilience", 20),
    "survives-peak": ("scale", 20),
    "scales-horizontally": ("scale", 20),
    "low-latency": ("scale", 20),
    "eventually-consistent": ("consistency", 40),
}
"""What a requirement that an experiment broke takes from which category."""

NEEDS_HANDLERS: frozenset[Category] = frozenset({"consistency", "api", "scale"})
"""Categories whose rules look at what operations do: without one known handler they have seen nothing, and silence is no merit."""


def scores(
    findings: tuple[ReportedFinding, ...],
    rules: tuple[CheckedRule, ...],
    requirements: tuple[Requirement, ...] = (),
    handlers_known: bool = True,
    tables_known: bool = True,
) -> tuple[CategoryScore, ...]:
    """Return the score of each category that was looked at, with weights that add up to 1.

    A finding takes away the points of its severity times its confidence, a broken requirement those of `BROKEN`; a question and an
    undecided requirement take nothing.
    """
    broken = {each.id: BROKEN[each.id] for each in requirements if each.verdict == "broken"}
    seen = {category for category, _ in broken.values()} | {finding.category for finding in findings}
    unknown = (frozenset() if handlers_known else NEEDS_HANDLERS) | (frozenset() if tables_known else {"data"})
    looked_at = {rule.category for rule in rules} - unknown | seen
    total = sum(WEIGHTS[category] for category in looked_at) or 1.0
    result = []
    for category in get_args(Category):
        if category not in looked_at:
            continue
        deductions = tuple(
            (finding.id, round(DEDUCTIONS[finding.severity] * finding.confidence))
            for finding in findings
            if finding.category == category and finding.status != "asked" and DEDUCTIONS[finding.severity]
        ) + tuple((name, points) for name, (place, points) in sorted(broken.items()) if place == category)
        score = max(0, 100 - sum(points for _, points in deductions))
        weight = round(WEIGHTS[category] / total, 4)
        result.append(CategoryScore(category=category, title=TITLES[category], score=score, weight=weight, deductions=deductions))
    return tuple(result)


def overall(parts: tuple[CategoryScore, ...]) -> tuple[int, Literal["A", "B", "C", "D", "E", "F"]]:
    """Return the weighted score from 0 to 100 and its grade."""
    score = round(sum(part.score * part.weight for part in parts)) if parts else 100
    return score, next((grade for least, grade in GRADES if score >= least), "F")

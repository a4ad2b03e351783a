"""Scores come from findings alone, and every lost point is explained."""

from __future__ import annotations

from backend_expert.model import Severity, Text
from backend_expert.review.result import CheckedRule, ReportedFinding
from backend_expert.review.scoring import overall, scores

RULES = (
    CheckedRule(id="a", code="BE-RES-001", category="resilience", title=Text("a", "a"), found=0),
    CheckedRule(id="b", code="BE-SEC-001", category="security", title=Text("b", "b"), found=0),
)


def finding(name: str, severity: Severity, status: str = "inferred", confidence: float = 1.0) -> ReportedFinding:
    """Return a finding of the rule `a`."""
    return ReportedFinding(
        id=name, rule="a", code="BE-RES-001", category="resilience", severity=severity, status=status, confidence=confidence,  # type: ignore[arg-type]
        title=Text("t", "t"), why=Text("w", "w"), subject=name, components=(name,), links=(), evidence=(),
    )  # fmt: skip


def test_nothing_found_is_a_clean_score_over_the_categories_looked_at() -> None:
    parts = scores((), RULES)
    assert [part.category for part in parts] == ["resilience", "security"]
    assert abs(sum(part.weight for part in parts) - 1) < 1e-3
    assert overall(parts) == (100, "A")


def test_points_are_lost_by_severity_and_confidence_and_questions_cost_nothing() -> None:
    findings = (finding("x", Severity.HIGH, confidence=0.5), finding("y", Severity.LOW), finding("z", Severity.HIGH, "asked"))
    resilience = scores(findings, RULES)[0]
    assert resilience.deductions == (("x", 10), ("y", 3))
    assert resilience.score == 87


def test_a_score_never_falls_below_zero() -> None:
    findings = tuple(finding(str(number), Severity.CRITICAL) for number in range(5))
    assert scores(findings, RULES)[0].score == 0


def test_no_rules_no_category() -> None:
    assert scores((), ()) == ()
    assert overall(()) == (100, "A")

"""Findings, opened: how each is known, what it stands on, and what answers it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from backend_expert.model import Finding, Severity, Text
from backend_expert.readers.repository import Repository
from backend_expert.review.result import Compared, Recommendation, ReportedFinding
from backend_expert.review.snippets import snippet
from backend_expert.rules import Rule

STATUSES = ("proved", "measured", "inferred", "asked")
SNIPPETS = 3
"""Most evidences of one finding that are quoted; all are listed."""


def reported(
    findings: tuple[Finding, ...],
    catalogue: tuple[Rule, ...],
    recommendations: tuple[Recommendation, ...],
    repository: Repository,
    comparisons: Mapping[str, tuple[Compared, ...]] = MappingProxyType({}),
) -> tuple[ReportedFinding, ...]:
    """Return the findings, worst first, each with the recommendations that answer it, the best first.

    Among findings of one severity those that a lab proved come first, questions last, and among these the ones that reach the most
    components. `comparisons` are the plans of statements in two
    forms, by the fingerprint of the finding.
    """
    rule_of = {rule.id: rule for rule in catalogue}
    result = []
    for finding in findings:
        rule = rule_of[finding.rule]
        answers = tuple(each for each in recommendations if finding.fingerprint in each.findings)
        quotes = (snippet(repository, evidence) for evidence in finding.evidence[:SNIPPETS])
        result.append(
            ReportedFinding(
                id=finding.fingerprint,
                rule=finding.rule,
                code=rule.code,
                category=rule.family,
                severity=finding.severity,
                status=_status(finding, answers),
                confidence=finding.confidence,
                title=finding.title,
                why=finding.why,
                subject=finding.subject,
                components=finding.components,
                links=finding.links,
                evidence=finding.evidence,
                snippets=tuple(quote for quote in quotes if quote is not None),
                recommendations=tuple(each.id for each in answers),
                rule_page=Text(rule.page("en"), rule.page("pt-BR")),
                comparisons=comparisons.get(finding.fingerprint, ()),
            )
        )
    severities = list(Severity)

    def place(each: ReportedFinding) -> tuple[int, int, int, str, str]:
        return severities.index(each.severity), STATUSES.index(each.status), -len(each.components), each.rule, each.subject

    return tuple(sorted(result, key=place))


def _status(finding: Finding, answers: tuple[Recommendation, ...]) -> Literal["proved", "measured", "inferred", "asked"]:
    if finding.asked:
        return "asked"
    return "proved" if any(each.status == "proved" for each in answers) else "inferred"

"""The order of a report: findings numbered and grouped, recommendations sorted into kept and rejected, each opened once."""

from __future__ import annotations

from msgspec import Struct

from backend_expert.model import Severity
from backend_expert.review.result import Recommendation, ReportedFinding, Result


class Group(Struct, frozen=True):
    """The findings of one rule: one cause, shown together."""

    rule: str
    findings: tuple[ReportedFinding, ...]

    @property
    def worst(self) -> Severity:
        """Return the worst severity of the group."""
        return min((finding.severity for finding in self.findings), key=list(Severity).index)


class Order(Struct, frozen=True):
    """What every face needs to know of a Result before it writes a line.

    `labels` numbers the findings (`F1`, `F2` …) in the order of the page; `homes` names, for each recommendation, the finding under
    which it is opened; `explained` names, for each recommendation, the one that shows the pseudocode and the examples both share.
    """

    groups: tuple[Group, ...]
    labels: dict[str, str]
    recommended: tuple[Recommendation, ...]
    rejected: tuple[Recommendation, ...]
    unproved: tuple[Recommendation, ...]
    homes: dict[str, str]
    explained: dict[str, str]

    @property
    def findings(self) -> tuple[ReportedFinding, ...]:
        """Return the findings in the order of the page."""
        return tuple(finding for group in self.groups for finding in group.findings)

    def label(self, finding: str) -> str:
        """Return the number of a finding, or its id where the Result does not hold it."""
        return self.labels.get(finding, finding)

    @property
    def advised(self) -> tuple[Recommendation, ...]:
        """Return the recommendations that no lab measures and that some finding opens."""
        return tuple(each for each in self.unproved if each.id in self.homes)

    @property
    def why_nothing_first(self) -> str:
        """Return the name of the sentence that stands where no recommendation is ranked."""
        if not self.findings:
            return "nothing-to-do"
        return "no-remedy-helps" if any(each.proof for each in self.rejected) or not self.unproved else "nothing-measured"

    def severity(self, label: str) -> Severity:
        """Return the severity of the finding with that number; an unknown number is for information."""
        return next((each.severity for each in self.findings if self.label(each.id) == label), Severity.INFO)

    def labels_of(self, findings: tuple[str, ...]) -> tuple[str, ...]:
        """Return the numbers of some findings, in the order of the page."""
        return tuple(label for finding, label in self.labels.items() if finding in findings)

    def answers(self, recommendation: Recommendation) -> tuple[str, ...]:
        """Return the numbers of the findings that a recommendation answers, in the order of the page."""
        return self.labels_of(recommendation.findings)


def arrange(result: Result) -> Order:
    """Return the order of a report: groups worst first, then as the review gave them."""
    severities = list(Severity)
    by_rule: dict[str, list[ReportedFinding]] = {}
    for finding in sorted(result.findings, key=lambda each: severities.index(each.severity)):
        by_rule.setdefault(finding.rule, []).append(finding)
    groups = tuple(Group(rule, tuple(findings)) for rule, findings in by_rule.items())
    labels: dict[str, str] = {}
    for group in groups:
        for finding in group.findings:
            labels.setdefault(finding.id, f"F{len(labels) + 1}")
    place = {finding: number for number, finding in enumerate(labels)}
    recommended = tuple(sorted((each for each in result.recommendations if each.rank > 0), key=lambda each: each.rank))
    rejected = tuple(each for each in result.recommendations if each.rank <= 0 and each.status == "rejected")
    unproved = tuple(
        sorted(
            (each for each in result.recommendations if each.rank <= 0 and each.status != "rejected"),
            key=lambda each: (
                min((place[finding] for finding in each.findings if finding in place), default=len(place)),
                _cost(each),
            ),
        )
    )
    homes = _homes(groups, (*recommended, *unproved))
    return Order(groups, labels, recommended, rejected, unproved, homes, _explained(homes, (*recommended, *unproved)))


def _cost(recommendation: Recommendation) -> int:
    return ("hours", "days", "weeks").index(recommendation.effort)


def _homes(groups: tuple[Group, ...], recommendations: tuple[Recommendation, ...]) -> dict[str, str]:
    homes: dict[str, str] = {}
    for group in groups:
        for finding in group.findings:
            for recommendation in recommendations:
                if recommendation.id in finding.recommendations or finding.id in recommendation.findings:
                    homes.setdefault(recommendation.id, finding.id)
    return homes


def _explained(homes: dict[str, str], recommendations: tuple[Recommendation, ...]) -> dict[str, str]:
    by_id = {each.id: each for each in recommendations}
    first: dict[object, str] = {}
    return {
        name: first.setdefault((each.remedy, each.pseudocode, each.examples, each.when_not), name)
        for name, each in ((name, by_id[name]) for name in homes)
    }


def severity_counts(findings: tuple[ReportedFinding, ...]) -> tuple[tuple[Severity, int], ...]:
    """Return how many findings there are of each severity, worst first, those without any left out."""
    counts = tuple((severity, sum(finding.severity is severity for finding in findings)) for severity in Severity)
    return tuple((severity, count) for severity, count in counts if count)

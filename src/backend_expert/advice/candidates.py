"""Which remedies fit which findings, and what each would make of the system."""

from __future__ import annotations

from msgspec import Struct, structs

from backend_expert.advice.catalogue import Remedy, all_remedies
from backend_expert.model import Finding, System


class Candidate(Struct, frozen=True):
    """A remedy with every finding that it fits, and the system with all of them answered.

    What a user is asked about and what is known are kept apart: a remedy for a question is worth nothing when the answer is "no".
    """

    remedy: Remedy
    findings: tuple[Finding, ...]
    after: System
    asked: bool
    considered: bool


def candidates(
    system: System, findings: tuple[Finding, ...], peak: float, consider: tuple[str, ...] = (), *, lab: bool = True
) -> tuple[Candidate, ...]:
    """Return one candidate for each remedy that fits, those first that the words of `consider` bring forward.

    Without the lab, remedies that search in it are left out.
    """
    wanted = set(consider)
    found = []
    for remedy in all_remedies():
        if remedy.searches and not lab:
            continue
        for asked in (False, True):
            answered = [
                (finding, changed)
                for finding in findings
                if finding.rule in remedy.addresses
                and finding.asked == asked
                and (changed := remedy.apply(system, finding, peak)) is not system
            ]
            if answered:
                fitting = tuple(finding for finding, _ in answered)
                after = applied(remedy, fitting[1:], answered[0][1], peak)
                found.append(Candidate(remedy, fitting, after, asked, bool(wanted & set(remedy.considers))))
    return tuple(sorted(_without_doubles(found), key=lambda each: (not each.considered, each.remedy.id, each.asked)))


def applied(remedy: Remedy, findings: tuple[Finding, ...], system: System, peak: float) -> System:
    """Return the system with the remedy applied to each finding in turn; the very same object when nothing fits any more."""
    for finding in findings:
        system = remedy.apply(system, finding, peak)
    return system


def _without_doubles(found: list[Candidate]) -> list[Candidate]:
    """Merge candidates of one remedy that come to the same system: one change that answers all of their findings."""
    merged: list[Candidate] = []
    for each in found:
        twin = next((other for other in merged if other.remedy is each.remedy and other.after == each.after), None)
        if twin is None:
            merged.append(each)
        else:
            both = structs.replace(twin, findings=twin.findings + each.findings, asked=twin.asked and each.asked)
            merged[merged.index(twin)] = both
    return merged

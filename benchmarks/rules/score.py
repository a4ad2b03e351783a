"""Score what the rules find in a checkout against a hand-made list of findings.

    python benchmarks/rules/score.py FINDINGS.json CHECKOUT [FINDINGS.json CHECKOUT ...]

A finding of ours matches an entry when the family is the same, they share a component, and one place of ours is in the same file within
10 lines of one of theirs; each of the two matches at most once. Entries that deployment files alone show are counted apart from those that
take source code or a join of two artefacts. Claims that must not be made are sentences, so they are printed beside our titles for a person
to compare.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from backend_expert import readers, rules
from backend_expert.model import Finding

NEAR = 10
"""Lines between two places that count as the same; the protocol of the hand-made lists."""

FAMILIES = {
    "ack-before-effect": "messaging",
    "consumer-declares-queue": "messaging",
    "consumer-without-dead-letter": "messaging",
    "event-never-consumed": "messaging",
    "excessive-timeout": "resilience",
    "external-in-request-path": "resilience",
    "get-with-side-effect": "security",
    "ignored-remote-error": "messaging",
    "long-synchronous-chain": "performance",
    "no-health-endpoint": "operations",
    "publish-not-confirmed": "messaging",
    "remote-call-in-loop": "performance",
    "sequential-independent-awaits": "performance",
    "shared-datastore": "data",
    "store-call-in-loop": "performance",
    "store-without-persistence": "data",
    "unpinned-image": "operations",
}
"""The family of the lists for rules whose own family has another name there; the other rules keep theirs."""


def matches(finding: Finding, entry: dict[str, Any]) -> bool:
    """Tell whether a finding says what an entry of the list says."""
    ours = {plain(name) for name in finding.components}
    theirs = {plain(name) for name in entry["components"]}
    family = FAMILIES.get(finding.rule) or rule_family(finding.rule)
    return family == entry["family"] and bool(ours & theirs or "all" in theirs) and near(finding, entry)


def near(finding: Finding, entry: dict[str, Any]) -> bool:
    """Tell whether one place of the finding lies near one of the entry."""
    places = [place.rpartition(":") for place in entry["evidence"]]
    return any(place.file == file and abs(place.line - int(line)) <= NEAR for place in finding.evidence for file, _, line in places)


def rule_family(name: str) -> str:
    """Return the family that a rule declares."""
    return next(rule.family for rule in rules.all_rules() if rule.id == name)


def plain(name: str) -> str:
    """Return a name without case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def paired(findings: list[Finding], entries: list[dict[str, Any]]) -> dict[str, Finding]:
    """Return the largest one-to-one pairing of entries (by id) with findings, by augmenting paths (Berge 1957)."""
    taken: dict[int, int] = {}
    options = [[at for at, finding in enumerate(findings) if matches(finding, entry)] for entry in entries]

    def place(entry: int, tried: set[int]) -> bool:
        for at in options[entry]:
            if at not in tried:
                tried.add(at)
                if at not in taken or place(taken[at], tried):
                    taken[at] = entry
                    return True
        return False

    for position in range(len(entries)):
        place(position, set())
    return {entries[entry]["id"]: findings[at] for at, entry in taken.items()}


def report(truth: Path, checkout: Path) -> str:
    """Return the score of one system as text."""
    listed = json.loads(truth.read_text(encoding="utf-8"))
    findings = list(rules.check(readers.read(checkout).system))
    entries = listed["findings"]
    found = paired(findings, entries)
    lines = [f"{listed['system']}: {len(findings)} findings, {len(found)} of {len(entries)} entries matched"]
    for severities in ("H", "HM", "HML"):
        wanted = [entry for entry in entries if entry["severity"] in severities]
        deep = [entry for entry in wanted if entry["reader"] in {"code", "cross"}]
        lines.append(
            f"  {'+'.join(severities):6} recall {sum(e['id'] in found for e in wanted)}/{len(wanted)}, "
            f"of those that need source code or a join {sum(e['id'] in found for e in deep)}/{len(deep)}"
        )
    lines += [f"  matched  {name}: {finding.rule} | {finding.title.en}" for name, finding in sorted(found.items())]
    told = {id(finding) for finding in found.values()}
    lines += [f"  beside   {finding.rule} | {finding.title.en}" for finding in findings if id(finding) not in told]
    lines += [f"  missed   {e['id']}: {e['category']} ({e['severity']}, {e['reader']})" for e in entries if e["id"] not in found]
    lines += [f"  must not {claim['claim']}" for claim in listed["must_not_report"]]
    return "\n".join(lines)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if len(arguments) < 2 or len(arguments) % 2:
        sys.exit(__doc__)
    for place in range(0, len(arguments), 2):
        print(report(Path(arguments[place]), Path(arguments[place + 1])))

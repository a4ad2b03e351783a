"""Count what the rules find in checkouts: findings by rule and system, the material for judging them by eye.

    python benchmarks/rules/counts.py CHECKOUT [CHECKOUT ...]
    python benchmarks/rules/counts.py --list CHECKOUT [CHECKOUT ...]

With `--list` every finding follows with its sentence and its first places, ready to be marked as true, questionable or false.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from backend_expert import readers, rules
from backend_expert.model import Finding, Severity

PLACES = 3
"""Places of a finding that are listed; the first ones are those to look at."""


def table(found: dict[str, tuple[Finding, ...]]) -> str:
    """Return the findings of each rule (rows) in each system (columns), with the severities of all together."""
    counts = {system: Counter(finding.rule for finding in findings) for system, findings in found.items()}
    names = sorted({name for counter in counts.values() for name in counter})
    width = max((len(name) for name in names), default=4)
    columns = [f"{place}" for place in range(1, len(found) + 1)]
    lines = [f"{number}: {system}" for number, system in zip(columns, found, strict=True)]
    lines.append(f"{'rule':{width}} {' '.join(f'{each:>3}' for each in columns)}  all  severities")
    for name in names:
        own = [finding for findings in found.values() for finding in findings if finding.rule == name]
        severities = ", ".join(
            f"{number} {severity}" for severity in Severity if (number := sum(f.severity is severity for f in own))
        )
        cells = " ".join(f"{counts[system][name] or '·':>3}" for system in found)
        lines.append(f"{name:{width}} {cells} {len(own):4}  {severities}")
    totals = " ".join(f"{len(findings):3}" for findings in found.values())
    lines.append(f"{'all':{width}} {totals} {sum(map(len, found.values())):4}")
    return "\n".join(lines)


def listed(system: str, findings: tuple[Finding, ...]) -> str:
    """Return every finding of a system with its first places."""
    lines = [f"\n{system}"]
    for finding in findings:
        places = "; ".join(map(str, finding.evidence[:PLACES]))
        asked = " (question)" if finding.asked else ""
        lines.append(f"  [ ] {finding.severity} {finding.rule}{asked}: {finding.title.en}\n      {places}")
    return "\n".join(lines)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--list"]
    if not arguments:
        sys.exit(__doc__)
    reviewed = {Path(place).name: rules.check(readers.read(Path(place)).system) for place in arguments}
    print(table(reviewed))
    if "--list" in sys.argv:
        for name, several in reviewed.items():
            print(listed(name, several))

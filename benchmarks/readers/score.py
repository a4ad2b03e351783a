"""Score what the readers recover of a checkout against a hand-made description of the system.

    python benchmarks/readers/score.py TRUTH.json CHECKOUT [TRUTH.json CHECKOUT ...]

Names are compared without case and punctuation, with aliases. Components count over the core components; edges are directed and count
over the core edges. An edge that touches a component outside of the core, equals an edge outside of the core or equals a derived
asynchronous flow counts neither for nor against. Evidence is near when it lies within 10 lines of a place that the description names.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from backend_expert import readers
from backend_expert.model import Certainty, Dependency, System, dependencies

NEAR = 10
"""Lines between two places that count as the same; the protocol of the hand-made descriptions."""

Edge = tuple[str, str]


class Counts(Struct, frozen=True):
    """How many were right, how many wrong, how many of the description were not found."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Return the share of what was reported that is right."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Return the share of the description that was reported."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


class Score(Struct, frozen=True):
    """The score of one system; `near` counts the right edges with evidence near that of the description."""

    system: str
    components: Counts
    edges: Counts
    near: int
    assumed: int
    seconds: float
    remarks: tuple[str, ...]


def plain(name: str) -> str:
    """Return a name without case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def score(truth: dict[str, Any], system: System, seconds: float) -> Score:
    """Return the score of a recovered system."""
    names = {plain(each): plain(one["name"]) for one in truth["components"] for each in (one["name"], *one.get("aliases", ()))}
    core = {plain(one["name"]) for one in truth["components"] if one["core"]}
    known = {component.name: _named(names, component.name, component.aliases) for component in system.components}
    found = set(known.values())
    wrong_components = sorted(found - set(names.values()))
    missed_components = sorted(core - found)

    calls = {(names[plain(call["from"])], names[plain(call["to"])]): call for call in truth["calls"]}
    wanted = {edge for edge, call in calls.items() if call["core"]}
    neutral = {edge for edge in calls if edge not in wanted}
    neutral |= {(names[plain(flow["from"])], names[plain(flow["to"])]) for flow in truth.get("derived_async", ())}
    aside = set(names.values()) - core
    reported: dict[Edge, list[Dependency]] = {}
    for each in dependencies(system):
        edge = known[each.caller], known[each.callee]
        if edge not in neutral and not aside & set(edge):
            reported.setdefault(edge, []).append(each)

    right = sorted(edge for edge in reported if edge in wanted)
    wrong = sorted(edge for edge in reported if edge not in wanted)
    missed = sorted(wanted - set(reported))
    remarks = [f"component not in the description: {name}" for name in wrong_components]
    remarks += [f"component not found: {name}" for name in missed_components]
    remarks += [f"edge not in the description: {_shown(edge)}" for edge in wrong]
    remarks += [f"edge not found: {_shown(edge)}" for edge in missed]
    far = [edge for edge in right if not _near(reported[edge], calls[edge]["evidence"])]
    remarks += [f"evidence elsewhere: {_shown(edge)} ({', '.join(_places(reported[edge]))})" for edge in far]
    return Score(
        truth["system"],
        Counts(len(core & found), len(wrong_components), len(missed_components)),
        Counts(len(right), len(wrong), len(missed)),
        len(right) - len(far),
        sum(all(each.certainty is Certainty.ASSUMED for each in reported[edge]) for edge in right),
        seconds,
        tuple(remarks),
    )


def table(scores: Iterable[Score]) -> str:
    """Return the scores as a Markdown table."""
    lines = [
        "| system | components P / R / F1 | core edges right / wrong / missed | P / R / F1 | evidence near | of these assumed | read |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in scores:
        components, edges = each.components, each.edges
        lines.append(
            f"| {each.system} | {components.precision:.2f} / {components.recall:.2f} / {components.f1:.2f} "
            f"| {edges.right} / {edges.wrong} / {edges.missed} | {edges.precision:.2f} / {edges.recall:.2f} / {edges.f1:.2f} "
            f"| {each.near} of {edges.right} | {each.assumed} | {each.seconds:.2f} s |"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Score every pair of a description and a checkout; print the table, and what is wrong or missing."""
    if not arguments or len(arguments) % 2:
        print(__doc__, file=sys.stderr)
        return 2
    scores = []
    for truth_file, checkout in zip(arguments[::2], arguments[1::2], strict=True):
        truth = json.loads(Path(truth_file).read_text(encoding="utf-8"))
        begun = time.process_time()
        reading = readers.read(Path(checkout))
        scores.append(score(truth, reading.system, time.process_time() - begun))
    print(table(scores))
    for each in scores:
        print(f"\n{each.system}")
        print("\n".join(f"  {remark}" for remark in each.remarks) or "  nothing wrong, nothing missing")
    return 0


def _named(names: dict[str, str], name: str, aliases: tuple[str, ...]) -> str:
    """Return the name that the description uses for a component, or its own where it has none."""
    return next((names[plain(each)] for each in (name, *aliases) if plain(each) in names), plain(name))


def _near(reported: list[Dependency], places: list[str]) -> bool:
    for place in places:
        file, _, line = place.rpartition(":")
        for each in reported:
            for evidence in each.evidence:
                first, last = evidence.line - NEAR, max(evidence.line, evidence.end_line) + NEAR
                if evidence.file == file and first <= int(line) <= last:
                    return True
    return False


def _places(reported: list[Dependency]) -> list[str]:
    return sorted({str(evidence) for each in reported for evidence in each.evidence})[:3]


def _shown(edge: Edge) -> str:
    return f"{edge[0]} → {edge[1]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Four calls in a row are one too many; inferred chains say that they are."""

from __future__ import annotations

from itertools import pairwise

from backend_expert.model import Finding
from backend_expert.model.system_file import load
from backend_expert.rules.resilience.long_synchronous_chain import long_synchronous_chain


def review(length: int, *, certainty: str = "declared", objective: str = "") -> list[Finding]:
    names = [f"s{number}" for number in range(length + 1)]
    components = "".join(f"  {name}: {{kind: service}}\n" for name in names)
    head = "component: {name}, trigger: {{kind: http}}"
    operations = "".join(
        f"  {name} x: {{{head.format(name=name)}, certainty: {certainty}, steps: [{{step: call, operation: {onward} x}}]}}\n"
        for name, onward in pairwise(names)
    )
    last = f"  {names[-1]} x: {{component: {names[-1]}, trigger: {{kind: http}}}}\n"
    return list(long_synchronous_chain(load(f"components:\n{components}operations:\n{operations}{last}{objective}")))


def test_three_calls_are_ordinary() -> None:
    assert review(3) == []


def test_four_calls_are_found_with_their_arithmetic() -> None:
    (finding,) = review(4)
    assert finding.title.en == "A request waits for 4 calls in a row: s0 → s1 → s2 → s3 → s4"
    assert "99.5 % of it (0.999^5)" in finding.why.en
    assert "3.9 % of the requests" in finding.why.en
    assert [str(link) for link in finding.links] == ["s0 → s1", "s1 → s2", "s2 → s3", "s3 → s4"]


def test_a_stated_objective_is_divided_among_the_components() -> None:
    (finding,) = review(4, objective="objectives: {good: {operation: s0 x, success_ratio: 0.999}}")
    assert "asks 99.98 % of each of the 5 components" in finding.why.en


def test_a_chain_of_guesses_may_be_longer_than_any_request() -> None:
    (finding,) = review(4, certainty="assumed")
    assert finding.title.en.startswith("A request may wait")
    assert "inferred, because no handler was read" in finding.why.en
    assert finding.confidence < 0.9

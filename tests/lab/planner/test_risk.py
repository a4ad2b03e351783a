"""The risk flag: raised where a new index is looked up for rows that the planner may have guessed too low, silent elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from backend_expert.lab.planner.plan import Plan, parse
from backend_expert.lab.planner.risk import risk


def node(kind: str, *children: dict[str, Any], cost: float = 100.0, **values: str) -> dict[str, Any]:
    names = {"relation": "Relation Name", "index": "Index Name", "role": "Parent Relationship"}
    found: dict[str, Any] = {"Node Type": kind, "Total Cost": cost, "Plan Rows": 10}
    return found | {names[name]: value for name, value in values.items()} | {"Plans": list(children)}


def plan(root: dict[str, Any]) -> Plan:
    return parse([{"Plan": root}])


LOOKUP = node("Index Scan", relation="line", index="new", role="Inner")
SCAN = node("Seq Scan", relation="part", role="Outer")
JOINED = node(
    "Hash Join",
    node("Seq Scan", relation="part", role="Outer"),
    node("Hash", node("Seq Scan", relation="nation", role="Outer"), role="Inner"),
    role="Outer",
)


@pytest.mark.parametrize(
    ("after", "saving", "flagged"),
    [
        (node("Nested Loop", SCAN, LOOKUP), 2.0, True),
        (node("Nested Loop", SCAN, LOOKUP), 4.0, False),
        (node("Nested Loop", JOINED, LOOKUP), 4.0, True),
        (node("Nested Loop", JOINED, LOOKUP), 10.0, False),
        (node("Nested Loop", SCAN, LOOKUP | {"Index Name": "old"}), 2.0, False),
        (node("Seq Scan", node("Aggregate", LOOKUP | {"Parent Relationship": "Outer"}, role="SubPlan")), 2.0, True),
        (node("Hash Join", LOOKUP | {"Parent Relationship": "Outer"}, SCAN | {"Parent Relationship": "Inner"}), 2.0, False),
        (node("Nested Loop", LOOKUP | {"Parent Relationship": "Outer"}, SCAN | {"Parent Relationship": "Inner"}), 2.0, True),
        (node("Nested Loop", LOOKUP | {"Parent Relationship": "Outer"}, SCAN | {"Parent Relationship": "Inner"}), 4.0, False),
        (node("Index Scan", relation="line", index="new"), 1.05, True),
        (node("Index Scan", relation="line", index="new"), 1.2, False),
    ],
)
def test_what_is_flagged(after: dict[str, Any], saving: float, flagged: bool) -> None:
    before = plan(node("Seq Scan", relation="line", cost=100.0 * saving))
    assert (risk(before, plan(after), {"new"}) is not None) == flagged


@pytest.mark.parametrize(("saving", "flagged"), [(2.0, True), (4.0, False)])
def test_a_plan_that_loses_its_workers_is_flagged_unless_it_saves_more_than_they_did(saving: float, flagged: bool) -> None:
    before = plan(node("Gather", node("Seq Scan", relation="line", role="Outer"), cost=100.0 * saving))
    after = node("Index Scan", relation="line", index="new")
    assert (risk(before, plan(after), {"new"}) is not None) == flagged
    assert risk(before, plan(node("Gather Merge", after | {"Parent Relationship": "Outer"})), {"new"}) is None


def test_a_plan_that_stays_is_not_flagged() -> None:
    found = plan(node("Nested Loop", SCAN, LOOKUP))
    assert risk(found, found, {"new"}) is None

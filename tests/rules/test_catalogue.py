"""The catalogue walks the package, and its rules keep their names, numbers and places."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from backend_expert.model import Severity
from backend_expert.model.system_file import load
from backend_expert.rules import Rule, all_rules, check

PREFIX = {
    "resilience": "RES",
    "consistency": "CON",
    "scale": "SCA",
    "data": "DAT",
    "api": "API",
    "security": "SEC",
    "delivery": "DEL",
    "structure": "STR",
}


def test_ids_and_codes_are_unique() -> None:
    rules = all_rules()
    assert [name for name, count in Counter(rule.id for rule in rules).items() if count > 1] == []
    assert [code for code, count in Counter(rule.code for rule in rules).items() if count > 1] == []
    assert [rule.id for rule in rules] == sorted(rule.id for rule in rules)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_a_rule_lives_where_its_name_says(rule: Rule) -> None:
    assert rule.module == f"backend_expert.rules.{rule.family}.{rule.id.replace('-', '_')}"
    assert re.fullmatch(rf"BE-{PREFIX[rule.family]}-\d{{3}}", rule.code)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_a_title_is_written_twice(rule: Rule) -> None:
    assert rule.title.en != rule.title.pt


def test_findings_come_worst_first() -> None:
    system = load("""
components:
  orders: {kind: service, deployment: {replicas: 1}}
  postgres: {kind: database, image: postgres, deployment: {replicas: 1}}
datasets:
  postgres/order: {store: postgres}
operations:
  orders POST /orders:
    component: orders
    trigger: {kind: http}
    steps: [{step: query, dataset: postgres/order, action: insert}]
""")
    order = list(Severity)
    findings = check(system)
    assert [order.index(finding.severity) for finding in findings] == sorted(order.index(finding.severity) for finding in findings)
    assert {finding.rule for finding in findings} >= {"single-instance-on-critical-path", "store-without-persistence"}

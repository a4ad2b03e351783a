"""Remedies of rules on source code: each silences its rule on the rule's own example, and fits once."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_expert import readers, rules
from backend_expert.advice import Remedy, all_remedies
from backend_expert.advice.difference import differences
from backend_expert.lab import load
from backend_expert.model import Finding, System
from backend_expert.model.system_file import overlay
from backend_expert.rules import Rule

REMEDIES = {
    "awaited-write",
    "bounded-page",
    "change-behind-post",
    "configured-address",
    "declared-queue",
    "inbox",
    "unique-constraint",
    "default-deny",
    "durable-saga",
    "no-engine-socket",
    "parallel-calls",
}
RULES = {rule.id: rule for rule in rules.all_rules()}
PAIRS = [
    pytest.param(remedy, RULES[name], id=f"{remedy.id}-{name}")
    for remedy in all_remedies()
    if remedy.id in REMEDIES
    for name in remedy.addresses
]


def example(rule: Rule, folder: Path) -> System:
    """Return the system of the first example on the page of a rule."""
    body = rule.page().split("## Example")[1].split('title="')[1]
    name, _, text = body.partition('"\n')
    text = text.partition("\n```")[0]
    if name == "system.yaml":
        return overlay(System(name="page"), text)
    (folder / name).write_text(text, encoding="utf-8")
    return readers.read(folder).system


def applied(remedy: Remedy, rule: Rule, system: System) -> System:
    for finding in rule.check(system):
        system = remedy.apply(system, finding, 3.0)
    return system


@pytest.mark.parametrize(("remedy", "rule"), PAIRS)
def test_the_remedy_silences_the_rule(remedy: Remedy, rule: Rule, tmp_path: Path) -> None:
    system = example(rule, tmp_path)
    before = list(rule.check(system))
    assert before
    assert list(rule.check(applied(remedy, rule, system))) == []


@pytest.mark.parametrize(("remedy", "rule"), PAIRS)
def test_the_remedy_fits_once(remedy: Remedy, rule: Rule, tmp_path: Path) -> None:
    system = example(rule, tmp_path)
    finding: Finding = next(iter(rule.check(system)))
    changed = remedy.apply(system, finding, 3.0)
    assert changed is not system
    assert remedy.apply(changed, finding, 3.0) is changed


WAITING = """
components:
  page: {kind: service, deployment: {replicas: 1, workers: 50, cpu_cores: 8}}
  user: {kind: service, deployment: {replicas: 1, workers: 50, cpu_cores: 8}}
  offers: {kind: service, deployment: {replicas: 1, workers: 50, cpu_cores: 8}}
operations:
  page GET /home:
    component: page
    trigger: {kind: http}
    steps:
      - {step: call, operation: user GET /me}
      - {step: call, operation: offers GET /offers, independent: true}
  user GET /me: {component: user, trigger: {kind: http}, steps: [{step: wait, time_ms: 40}]}
  offers GET /offers: {component: offers, trigger: {kind: http}, steps: [{step: wait, time_ms: 60}]}
workloads: {w: {operation: page GET /home, rate_per_s: 20}}
"""


def test_the_load_lab_proves_that_parallel_calls_are_faster() -> None:
    rule, remedy = RULES["sequential-independent-awaits"], next(each for each in all_remedies() if each.id == "parallel-calls")
    before = overlay(System(name="page"), WAITING)
    (finding,) = rule.check(before)
    assert remedy.experiment is not None
    comparison = load.compare(
        before, applied(remedy, rule, before), remedy.experiment(before, finding, 3.0), replications=(2,), seed=1
    )
    assert comparison.verdict == "helps"
    middle = comparison.measure("latency_p50_ms")
    assert middle.difference.high < -10


@pytest.mark.parametrize(("remedy", "rule"), PAIRS)
def test_the_remedy_says_what_it_changes(remedy: Remedy, rule: Rule, tmp_path: Path) -> None:
    system = example(rule, tmp_path)
    told = differences(system, applied(remedy, rule, system))
    assert told
    assert all(text.en != text.pt and not text.en.endswith(": .") for text in told)

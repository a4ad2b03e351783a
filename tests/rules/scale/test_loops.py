"""Loops multiply, through functions of the same component too."""

from __future__ import annotations

from backend_expert.model import Finding, Severity
from backend_expert.model.system_file import load
from backend_expert.rules.scale.remote_call_in_loop import remote_call_in_loop
from backend_expert.rules.scale.store_call_in_loop import store_call_in_loop

TEXT = """
components: {{a: {{kind: service}}, b: {{kind: service}}, db: {{kind: database}}}}
datasets: {{db/t: {{store: db}}}}
operations:
  a x: {{component: a, trigger: {{kind: http}}, steps: [{steps}]}}
  a lines: {{component: a, trigger: {{kind: rpc}}, steps: [{{step: query, dataset: db/t, time_ms: 2}}]}}
  b x: {{component: b, trigger: {{kind: http}}, steps: [{{step: query, dataset: db/t}}]}}
"""


def stores(steps: str) -> list[Finding]:
    return list(store_call_in_loop(load(TEXT.format(steps=steps))))


def calls(steps: str) -> list[Finding]:
    return list(remote_call_in_loop(load(TEXT.format(steps=steps))))


def loop(count: str, inner: str) -> str:
    return f"{{step: repeat, count: {count}, steps: [{inner}]}}"


def test_the_loop_is_seen_through_a_function() -> None:
    (finding,) = stores(loop("20", "{step: call, operation: a lines}"))
    assert finding.severity is Severity.HIGH
    assert "20 × 2 ms = 40 ms" in finding.why.en


def test_loops_inside_loops_multiply() -> None:
    (finding,) = stores(loop("3", loop("4", "{step: query, dataset: db/t}")))
    assert "12 statements" in finding.title.en


def test_an_assumed_count_says_about() -> None:
    (finding,) = stores(loop("{value: 5, certainty: assumed}", "{step: query, dataset: db/t}"))
    assert "about 5 statements" in finding.title.en
    assert finding.severity is Severity.MEDIUM


def test_a_few_are_no_loop() -> None:
    assert stores(loop("3", "{step: query, dataset: db/t}")) == []
    assert calls(loop("1", "{step: call, operation: b x}")) == []


def test_remote_calls_are_told_apart_from_functions() -> None:
    (finding,) = calls(loop("20", "{step: call, operation: b x}, {step: call, operation: a lines}"))
    assert finding.components == ("a", "b")
    assert "18.2 % of the requests" in finding.why.en

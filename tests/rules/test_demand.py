"""Rates and times that count only what somebody stated."""

from __future__ import annotations

import pytest

from backend_expert.model.demand import STATED, rates_per_s
from backend_expert.model.system_file import load
from backend_expert.rules.demand import granted, residence_ms, step_ms

TEXT = """
components:
  web: {kind: service}
  stock: {kind: service}
  mailer: {kind: worker}
  db: {kind: database}
  mq: {kind: broker}
datasets: {db/t: {store: db}}
topics: {mq/q: {broker: mq}}
operations:
  web GET /:
    component: web
    trigger: {kind: http}
    steps:
      - {step: work, cpu_ms: 5}
      - step: branch
        probability: 0.25
        then: [{step: call, operation: stock GET /}]
        otherwise: [{step: wait, time_ms: 8}]
      - step: repeat
        count: 4
        steps: [{step: query, dataset: db/t, time_ms: 2}]
      - {step: publish, topic: mq/q}
  stock GET /:
    component: stock
    trigger: {kind: http}
    steps:
      - step: cacheget
        dataset: db/t
        hit_ratio: 0.9
        time_ms: 1
        on_miss: [{step: query, dataset: db/t, time_ms: 10}]
      - step: parallel
        branches: [[{step: wait, time_ms: 3}], [{step: wait, time_ms: 7}]]
  mailer q: {component: mailer, trigger: {kind: message, name: mq/q}, steps: [{step: query, dataset: db/t}]}
workloads:
  load: {operation: web GET /, rate_per_s: 40}
"""


def test_rates_follow_branches_loops_and_messages() -> None:
    assert rates_per_s(load(TEXT), counting=STATED) == {"web GET /": 40, "stock GET /": 10, "mailer q": 40}


def test_times_add_up_in_sequence_and_take_the_longest_branch() -> None:
    times = residence_ms(load(TEXT))
    assert times["stock GET /"] == pytest.approx(1 + 0.1 * 10 + 7)
    assert times["web GET /"] == pytest.approx(5 + 0.25 * 9 + 0.75 * 8 + 4 * 2)


def test_an_unknown_time_counts_nothing() -> None:
    assert residence_ms(load(TEXT))["mailer q"] == 0


def test_an_assumed_number_counts_only_where_it_is_granted() -> None:
    text = TEXT.replace("rate_per_s: 40", "rate_per_s: {value: 40, certainty: assumed}")
    system = load(text)
    assert set(rates_per_s(system, counting=STATED).values()) == {0.0}
    assert rates_per_s(granted(system), counting=STATED)["stock GET /"] == 10


def test_a_timeout_cuts_the_time_of_a_call() -> None:
    text = TEXT.replace(
        "then: [{step: call, operation: stock GET /}]", "then: [{step: call, operation: stock GET /, policy: {timeout_ms: 4}}]"
    )
    system = load(text)
    (call,) = system.operation("web GET /").steps[1].then  # type: ignore[union-attr]
    assert step_ms(system, call) == 4


def test_cycles_end() -> None:
    system = load("""
components: {a: {kind: service}, b: {kind: service}}
operations:
  a x: {component: a, trigger: {kind: http}, steps: [{step: work, cpu_ms: 1}, {step: call, operation: b x}]}
  b x: {component: b, trigger: {kind: http}, steps: [{step: work, cpu_ms: 2}, {step: call, operation: a x}]}
workloads: {load: {operation: a x, rate_per_s: 3}}
""")
    assert rates_per_s(system, counting=STATED) == {"a x": 3, "b x": 3}
    assert residence_ms(system)["a x"] == 3

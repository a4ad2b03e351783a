"""Little's law against stated limits."""

from __future__ import annotations

from backend_expert.model import Finding, Severity
from backend_expert.model.system_file import load
from backend_expert.rules.resilience.pool_smaller_than_demand import pool_smaller_than_demand


def review(deployment: str, rate: str = "200", steps: str = "{step: wait, time_ms: 300}") -> list[Finding]:
    return list(
        pool_smaller_than_demand(
            load(f"""
components:
  orders: {{kind: service, deployment: {{{deployment}}}}}
  db: {{kind: database}}
datasets: {{db/t: {{store: db}}}}
operations:
  orders x: {{component: orders, trigger: {{kind: http}}, steps: [{steps}]}}
workloads: {{w: {{operation: orders x, rate_per_s: {rate}}}}}
""")
        )
    )


def test_workers_below_rate_times_time() -> None:
    (finding,) = review("replicas: 2, workers: 25")
    assert (finding.subject, finding.severity, finding.asked) == ("orders workers", Severity.HIGH, False)
    assert "200/s × 300 ms = 60 workers" in finding.why.en
    assert "2 × 25 = 50" in finding.why.en
    assert "Above 167/s" in finding.why.en


def test_enough_workers_are_silent() -> None:
    assert review("replicas: 2, workers: 30") == []


def test_an_autoscaler_counts_with_its_maximum() -> None:
    assert review("replicas: 2, workers: 25, autoscaling: {minimum: 2, maximum: 3}") == []


def test_unknown_replicas_are_not_one() -> None:
    assert review("workers: 25") == []


def test_assumed_rates_make_a_question() -> None:
    (finding,) = review("replicas: 2, workers: 25", rate="{value: 200, certainty: assumed}")
    assert (finding.asked, finding.severity) == (True, Severity.MEDIUM)
    assert "if the assumed rates and times do" in finding.why.en


def test_an_event_loop_has_one_processor() -> None:
    (finding,) = review("replicas: 1, cpu_cores: 4, event_loop: true", rate="300", steps="{step: work, cpu_ms: 4}")
    assert finding.subject == "orders processors"
    assert review("replicas: 1, cpu_cores: 4", rate="300", steps="{step: work, cpu_ms: 4}") == []


def test_a_transaction_holds_its_connection_to_the_end() -> None:
    inner = "[{step: query, dataset: db/t, time_ms: 5, policy: {pool: {size: 4}}}, {step: wait, time_ms: 45}]"
    (finding,) = review("replicas: 2", steps=f"{{step: transaction, store: db, steps: {inner}}}")
    assert finding.subject == "orders → db pool"
    assert "200/s × 50 ms = 10 connections to db" in finding.why.en


def test_statements_without_a_transaction_hold_it_one_by_one() -> None:
    steps = "{step: query, dataset: db/t, time_ms: 5, policy: {pool: {size: 4}}}, {step: wait, time_ms: 45}"
    assert review("replicas: 2", steps=steps) == []

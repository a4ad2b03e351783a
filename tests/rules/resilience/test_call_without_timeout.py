"""A timeout that is unknown is not one that is missing."""

from __future__ import annotations

from backend_expert.model import Finding, Severity
from backend_expert.model.system_file import load
from backend_expert.rules.resilience.call_without_timeout import call_without_timeout


def review(policy: str, *, trigger: str = "{kind: http}", extra: str = "") -> list[Finding]:
    return list(
        call_without_timeout(
            load(f"""
components:
  orders: {{kind: service, deployment: {{replicas: 2, workers: 25}}}}
  payment: {{kind: service}}
  postgres: {{kind: database}}
  queue: {{kind: broker}}
datasets: {{postgres/order: {{store: postgres}}}}
topics: {{queue/q: {{broker: queue}}}}
operations:
  orders pay:
    component: orders
    trigger: {trigger}
    steps: [{{step: call, operation: payment charge{policy}}}]
  payment charge: {{component: payment, trigger: {{kind: http}}}}
{extra}
""")
        )
    )


def test_known_to_be_missing_is_high() -> None:
    (finding,) = review(", policy: {absent: [timeout]}")
    assert (finding.severity, finding.asked, finding.subject) == (Severity.HIGH, False, "orders → payment")
    assert finding.components == ("orders", "payment")


def test_unknown_is_one_low_question() -> None:
    (finding,) = review("")
    assert (finding.severity, finding.asked) == (Severity.LOW, True)
    assert "not found in the files read" in finding.title.en


def test_present_is_silent_however_long() -> None:
    assert review(", policy: {timeout_ms: 60000}") == []


def test_a_start_order_is_no_call() -> None:
    assert review(", certainty: assumed") == []


def test_nobody_waits_for_a_consumer() -> None:
    (finding,) = review(", policy: {absent: [timeout]}", trigger="{kind: message, name: queue/q}")
    assert finding.severity is Severity.MEDIUM


def test_the_arithmetic_uses_all_workers_and_the_stated_rate() -> None:
    (finding,) = review(", policy: {absent: [timeout]}", extra="workloads: {w: {operation: orders pay, rate_per_s: 200}}")
    assert "At 200 calls/s" in finding.why.en
    assert "50 workers of `orders` after 250 ms (50 / 200)" in finding.why.en
    assert "Com 200 chamadas/s" in finding.why.pt


def test_an_assumed_rate_says_so() -> None:
    rate = "workloads: {w: {operation: orders pay, rate_per_s: {value: 200, certainty: assumed}}}"
    (finding,) = review(", policy: {absent: [timeout]}", extra=rate)
    assert finding.why.en.startswith("At an assumed 200 calls/s")


def test_statements_are_gathered_by_store() -> None:
    (finding,) = call_without_timeout(
        load("""
components: {a: {kind: service}, b: {kind: service}, db: {kind: database}}
datasets: {db/t: {store: db}}
operations:
  a x: {component: a, trigger: {kind: http}, steps: [{step: query, dataset: db/t, policy: {absent: [timeout]}}]}
  b x: {component: b, trigger: {kind: http}, steps: [{step: query, dataset: db/t, policy: {absent: [timeout]}}]}
""")
    )
    assert (finding.subject, finding.severity) == ("db statements", Severity.MEDIUM)
    assert [str(link) for link in finding.links] == ["a → db", "b → db"]


def test_a_proxy_is_known_to_give_up() -> None:
    (finding,) = call_without_timeout(
        load("""
components: {web: {kind: gateway, technology: nginx}, api: {kind: service}}
operations:
  web http: {component: web, trigger: {kind: http}, steps: [{step: call, operation: api http}]}
  api http: {component: api, trigger: {kind: http}}
""")
    )
    assert "`web` gives up after 60 s" in finding.why.en

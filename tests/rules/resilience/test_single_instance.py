"""Once means stated to be once, for something that others need."""

from __future__ import annotations

from backend_expert.model import Finding, Severity
from backend_expert.model.system_file import load
from backend_expert.rules.resilience.single_instance_on_critical_path import single_instance_on_critical_path


def review(orders: str, postgres: str, extra: str = "") -> list[Finding]:
    return list(
        single_instance_on_critical_path(
            load(f"""
components:
  orders: {{kind: service, deployment: {{{orders}}}}}
  postgres: {{kind: database, deployment: {{{postgres}}}}}
  spans: {{kind: database, deployment: {{replicas: 1}}}}
  tempo: {{kind: platform, deployment: {{replicas: 1}}}}
datasets: {{postgres/order: {{store: postgres}}, spans/span: {{store: spans}}}}
operations:
  orders x: {{component: orders, trigger: {{kind: http}}, steps: [{{step: query, dataset: postgres/order}}]}}
  tempo x: {{component: tempo, trigger: {{kind: rpc}}, steps: [{{step: query, dataset: spans/span}}]}}
{extra}
""")
        )
    )


def test_a_store_is_high_and_a_service_is_medium() -> None:
    store, service = review("replicas: 1", "replicas: 1")
    assert (store.severity, store.components) == (Severity.HIGH, ("postgres",))
    assert (service.severity, service.components) == (Severity.MEDIUM, ("orders",))
    assert "`orders` fails with it" in store.why.en


def test_an_autoscaler_counts_with_its_minimum() -> None:
    assert review("replicas: 1, autoscaling: {minimum: 2, maximum: 4}", "replicas: 3") == []
    (finding,) = review("replicas: 4, autoscaling: {minimum: 1, maximum: 4}", "replicas: 3")
    assert finding.components == ("orders",)


def test_an_unknown_or_assumed_number_is_not_one() -> None:
    assert review("", "replicas: {value: 1, certainty: assumed}") == []


def test_a_store_that_nobody_is_seen_to_use_is_named_with_doubt() -> None:
    extra = ""
    text = """
components: {cache: {kind: cache, deployment: {replicas: 1}}}
"""
    (finding,) = single_instance_on_critical_path(load(text + extra))
    assert finding.severity is Severity.MEDIUM
    assert "was not found in the files read" in finding.why.en
    assert finding.confidence < 0.9

"""Probes, images and budgets: absence counts only where everything was read."""

from __future__ import annotations

import pytest

from backend_expert.model import Finding, Severity
from backend_expert.model.system_file import load
from backend_expert.rules.delivery.no_health_endpoint import no_health_endpoint
from backend_expert.rules.delivery.replicas_without_disruption_budget import replicas_without_disruption_budget
from backend_expert.rules.delivery.unpinned_image import unpinned_image


def health(component: str, operations: str = "") -> list[Finding]:
    return list(no_health_endpoint(load(f"components: {{x: {{{component}}}}}\n{operations}")))


def test_a_service_without_any_probe_is_medium_and_a_store_low() -> None:
    assert [finding.severity for finding in health("kind: service, deployment: {}")] == [Severity.MEDIUM]
    assert [finding.severity for finding in health("kind: database, deployment: {}")] == [Severity.LOW]


@pytest.mark.parametrize(
    "component",
    [
        "kind: service",
        "kind: service, deployment: {complete: false}",
        "kind: service, deployment: {probes: [{kind: healthcheck, mechanism: command}]}",
        "kind: worker, deployment: {restart: OnFailure}",
        "kind: platform, deployment: {}",
    ],
)
def test_what_is_unknown_watched_or_ends_by_itself_is_silent(component: str) -> None:
    assert health(component) == []


@pytest.mark.parametrize(
    ("reader", "what"), [("kubernetes", "No probe found"), ("helm", "No probe found"), ("compose", "No probe or healthcheck")]
)
def test_a_healthcheck_is_no_matter_where_the_kubelet_probes(reader: str, what: str) -> None:
    (finding,) = health(f"kind: service, deployment: {{}}, evidence: ['x.yaml:1 ({reader})']")
    assert finding.title.en.startswith(what)


def test_what_only_runs_on_a_schedule_is_silent() -> None:
    operations = "operations: {x nightly: {component: x, trigger: {kind: schedule}}}"
    assert health("kind: worker, deployment: {}", operations) == []


@pytest.mark.parametrize(
    ("image", "floats"),
    [
        ("postgres", True),
        ("postgres:latest", True),
        ("rabbitmq:management", True),
        ("registry.example:5000/tool", True),
        ("postgres:17", False),
        ("registry.example:5000/tool:v2", False),
        ("redis@sha256:0f1e", False),
        ("shop/orders:${TAG}", False),
    ],
)
def test_images(image: str, floats: bool) -> None:
    assert bool(list(unpinned_image(load(f"components: {{x: {{kind: service, image: '{image}'}}}}")))) is floats


def test_an_image_made_here_floats_only_where_a_cluster_pulls_latest() -> None:
    text = "components: {x: {kind: service, source: x, image: '%s', evidence: ['x.yaml:1 (%s)']}}"
    assert list(unpinned_image(load(text % ("shop/x:latest", "compose")))) == []
    assert list(unpinned_image(load(text % ("shop/x", "kubernetes")))) == []
    assert list(unpinned_image(load(text % ("shop/x:latest", "kubernetes")))) != []


@pytest.mark.parametrize(
    ("deployment", "reader", "found"),
    [
        ("replicas: 3", "kubernetes", True),
        ("replicas: 3", "compose", False),
        ("replicas: 1", "kubernetes", False),
        ("replicas: 3, disruption_budget: true", "kubernetes", False),
        ("replicas: 3, complete: false", "helm", False),
        ("replicas: 1, autoscaling: {minimum: 2, maximum: 5}", "kubernetes", True),
    ],
)
def test_budgets(deployment: str, reader: str, found: bool) -> None:
    text = f"components: {{x: {{kind: service, evidence: ['x.yaml:1 ({reader})'], deployment: {{{deployment}}}}}}}"
    assert bool(list(replicas_without_disruption_budget(load(text)))) is found

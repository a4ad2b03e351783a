"""Remedies of files that deploy: each takes away exactly what its rule finds."""

from __future__ import annotations

import pytest

from backend_expert import rules
from backend_expert.advice import all_remedies
from backend_expert.advice.difference import differences
from backend_expert.model import Component, Deployment, Estimate, Evidence, Kind, Setting, System

IN_CLUSTER = (Evidence("k8s/orders.yaml", 3, "kubernetes"),)
IN_COMPOSE = (Evidence("compose.yaml", 3, "compose"),)
OPEN = (Setting(name="POSTGRES_HOST_AUTH_METHOD", value="trust", evidence=IN_COMPOSE), Setting(name="TZ", value="UTC"))
SECRET = Setting(name="API_KEY", value="<secret:0a1b2c3d>", secret=True, evidence=IN_COMPOSE)
REFERENCE = Setting(name="TOKEN", value="<secret:orders/token>", secret=True, evidence=IN_COMPOSE)

CASES = {
    "container-runs-as-root": (
        "non-root-user",
        Component(name="a", kind=Kind.SERVICE, deployment=Deployment(user="0:0"), evidence=IN_CLUSTER),
    ),
    "datastore-without-authentication": (
        "store-credentials",
        Component(
            name="a", kind=Kind.DATABASE, technology="postgresql", settings=OPEN, deployment=Deployment(), evidence=IN_COMPOSE
        ),
    ),
    "replicas-without-disruption-budget": (
        "disruption-budget",
        Component(name="a", kind=Kind.SERVICE, deployment=Deployment(replicas=Estimate(3)), evidence=IN_CLUSTER),
    ),
    "secret-committed": (
        "secret-store",
        Component(name="a", kind=Kind.SERVICE, settings=(SECRET, REFERENCE), deployment=Deployment(), evidence=IN_COMPOSE),
    ),
    "unpinned-image": (
        "pinned-image",
        Component(
            name="a", kind=Kind.CACHE, image="registry.example:5000/redis:latest", deployment=Deployment(), evidence=IN_COMPOSE
        ),
    ),
}


def changed(rule: str) -> tuple[System, System]:
    remedy_id, component = CASES[rule]
    before = System(name="s", components=(component,))
    (finding,) = (each for each in rules.check(before) if each.rule == rule)
    (remedy,) = (each for each in all_remedies() if each.id == remedy_id)
    after = remedy.apply(before, finding, 3)
    assert remedy.apply(after, finding, 3) is after
    return before, after


@pytest.mark.parametrize("rule", CASES)
def test_the_rule_falls_silent_and_words_say_why(rule: str) -> None:
    before, after = changed(rule)
    assert [each for each in rules.check(after) if each.rule == rule] == []
    (said,) = differences(before, after)
    assert said.en.startswith("`a`: ")
    assert said.pt.startswith("`a`: ")


def test_a_password_takes_the_place_of_trust() -> None:
    _, after = changed("datastore-without-authentication")
    assert [(each.name, each.secret) for each in after.component("a").settings] == [("TZ", False), ("POSTGRES_PASSWORD_FILE", True)]


def test_a_reference_to_a_secret_stays() -> None:
    _, after = changed("secret-committed")
    assert after.component("a").settings == (Setting(name="API_KEY", value="<secret:a/API_KEY>", secret=True), REFERENCE)


def test_the_port_of_a_registry_is_no_tag() -> None:
    _, after = changed("unpinned-image")
    assert after.component("a").image == "registry.example:5000/redis@sha256:<digest>"

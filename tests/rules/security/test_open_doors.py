"""Published ports, switched-off logins, written-down secrets."""

from __future__ import annotations

import pytest

from backend_expert.model import Finding, Severity
from backend_expert.model.system_file import load
from backend_expert.rules.security.datastore_port_published import datastore_port_published
from backend_expert.rules.security.datastore_without_authentication import datastore_without_authentication
from backend_expert.rules.security.secret_committed import secret_committed


def ports(port: str, component: str = "kind: database") -> list[Finding]:
    return list(datastore_port_published(load(f"components: {{x: {{{component}, deployment: {{ports: [{{{port}}}]}}}}}}")))


def test_a_published_store_is_high() -> None:
    (finding,) = ports("number: 5432, published: 15432")
    assert finding.severity is Severity.HIGH
    assert "`x:15432`" in finding.why.en


def test_a_port_chosen_at_start_is_published_too() -> None:
    (finding,) = ports("number: 5432, published: 0")
    assert "`x:5432`" in finding.why.en


@pytest.mark.parametrize(
    "port", ["number: 5432", "number: 5432, published: 5432, address: 127.0.0.1", "number: 5432, published: 5432, address: '::1'"]
)
def test_a_private_port_is_silent(port: str) -> None:
    assert ports(port) == []


def test_a_console_is_medium() -> None:
    (finding,) = ports("number: 15672, published: 15672", "kind: broker, technology: rabbitmq")
    assert finding.severity is Severity.MEDIUM
    (console,) = ports("number: 80, published: 8081", "kind: platform, technology: adminer")
    assert console.severity is Severity.MEDIUM


def test_a_service_may_publish() -> None:
    assert ports("number: 8080, published: 8080", "kind: service") == []


def test_an_open_store_with_a_published_port_is_high() -> None:
    text = "components: {x: {kind: database, settings: [{name: POSTGRES_HOST_AUTH_METHOD, value: trust}]%s}}"
    (inside,) = datastore_without_authentication(load(text % ""))
    (outside,) = datastore_without_authentication(load(text % ", deployment: {ports: [{number: 5432, published: 5432}]}"))
    assert (inside.severity, outside.severity) == (Severity.MEDIUM, Severity.HIGH)


@pytest.mark.parametrize(
    ("name", "found"), [("DB_USERNAME", 0), ("RABBITMQ_DEFAULT_USER", 0), ("DB_HOST", 0), ("USER_PASSWORD", 1), ("DSN", 1)]
)
def test_what_a_kubernetes_secret_carries_beside_the_secret_is_none(name: str, found: int) -> None:
    setting = f"{{name: {name}, value: '<secret:ab12>', secret: true, evidence: ['pod.yaml:4 (kubernetes)']}}"
    assert len(list(secret_committed(load(f"components: {{a: {{kind: service, settings: [{setting}]}}}}")))) == found


def test_the_line_of_the_value_comes_before_the_line_that_leads_to_it() -> None:
    places = "'pod.yaml:4 (kubernetes)', 'config.yaml:9 (kubernetes)'"
    setting = f"{{name: DB_PASSWORD, value: '<secret:ab12>', secret: true, evidence: [{places}]}}"
    (finding,) = secret_committed(load(f"components: {{a: {{kind: service, settings: [{setting}]}}}}"))
    assert [each.file for each in finding.evidence] == ["config.yaml", "pod.yaml"]


def secrets(value: str, place: str = "compose.yaml:4 (compose)", *, secret: str = "true") -> list[Finding]:
    setting = f"{{name: DB_PASSWORD, value: '{value}', secret: {secret}, evidence: ['{place}']}}"
    return list(
        secret_committed(
            load(f"components: {{a: {{kind: service, settings: [{setting}]}}, b: {{kind: service, settings: [{setting}]}}}}")
        )
    )


def test_a_marked_value_is_a_secret_in_a_file_and_is_counted_once() -> None:
    (finding,) = secrets("<secret:0123abcd>")
    assert finding.title.en == "1 secret stands in the files of the repository"
    assert "serves 2 components" in finding.why.en
    assert "0123abcd" not in finding.why.en + finding.title.en


def test_a_reference_is_none() -> None:
    assert secrets("${DB_PASSWORD}") == []


@pytest.mark.parametrize("place", [".env.example:2 (dotenv)", "config/sample.env:1 (dotenv)", "tests/compose.yaml:9 (compose)"])
def test_a_sample_is_none(place: str) -> None:
    assert secrets("<secret:0123abcd>", place) == []

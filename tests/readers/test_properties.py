"""The properties of Spring applications."""

from __future__ import annotations

import pytest

from backend_expert import readers
from backend_expert.model import call_sites

SERVICES = """
    gateway: {build: ./gateway, expose: [80]}
    billing: {build: ./billing, expose: [8080]}
    orders: {image: acme/orders, expose: [8080]}
    config: {build: ./config-server}
    db: {image: mongo}
    """
BUILT = {f"{name}/Dockerfile": "FROM openjdk:17\n" for name in ("gateway", "billing", "config-server")}
SERVER = {"config-server/pom.xml": "<artifactId>spring-cloud-config-server</artifactId>"}


@pytest.fixture
def callees(joined):
    """Return a function from files to the pairs of caller and callee."""

    def pairs(files: dict[str, str]):
        return {(site.caller, site.callee) for site in call_sites(joined(SERVICES, BUILT | files))}

    return pairs


@pytest.mark.parametrize(
    "text",
    [
        "spring.data.mongodb.uri=mongodb://${db.host:db}:27017/visits\n",
        "spring.data.mongodb.uri = mongodb://${db.host}/visits\ndb.host: db\n",
        "spring.data.mongodb.host=db\n",
    ],
)
def test_a_placeholder_takes_its_default_or_its_property(callees, text):
    assert callees({"billing/src/main/resources/application.properties": text}) == {("billing", "db")}


def test_a_variable_of_the_deployment_wins_over_the_default(joined):
    services = SERVICES.replace("build: ./billing,", "build: ./billing, environment: {PEER_HOST: orders},")
    files = BUILT | {"billing/src/main/resources/application.yml": "peer:\n  url: http://${peer.host:gateway}:8080\n"}
    assert {(site.caller, site.callee) for site in call_sites(joined(services, files))} == {("billing", "orders")}


@pytest.mark.parametrize("profile", ["test", "local", "dev"])
def test_profiles_of_desks_say_nothing_of_production(callees, profile):
    text = "spring.data.mongodb.host=db\n"
    assert callees({f"billing/src/main/resources/application-{profile}.properties": text}) == set()
    assert (
        callees({"billing/src/main/resources/application.yml": f"spring:\n  profiles: {profile}\n  data.mongodb.host: db\n"})
        == set()
    )


def test_a_gateway_routes_to_discovered_services(callees):
    text = """
        spring:
          cloud:
            gateway:
              routes:
                - id: a
                  uri: lb://BILLING
        zuul:
          routes:
            orders: /orders/**
        """
    assert callees({"gateway/src/main/resources/application.yml": text}) == {("gateway", "billing"), ("gateway", "orders")}


def test_a_route_holds_as_long_as_ribbon_says(joined):
    text = "ribbon:\n  ReadTimeout: 2000\nzuul:\n  routes:\n    b:\n      path: /b/**\n      serviceId: billing\n"
    (site,) = call_sites(joined(SERVICES, BUILT | {"gateway/src/main/resources/application.yml": text}))
    assert site.step.policy.timeout_ms.value == 2_000
    assert str(site.step.evidence[0]) == "gateway/src/main/resources/application.yml:7"


def test_the_files_of_a_configuration_server_speak_for_the_application_of_their_name(callees):
    files = {
        "config-server/src/main/resources/shared/billing.yml": "spring:\n  data:\n    mongodb:\n      host: db\n",
        "config-server/src/main/resources/shared/application.yml": "security:\n  check-uri: http://orders:8080\n",
    }
    assert callees(SERVER | files) == {("billing", "db")}


def test_what_an_application_says_of_itself_is_no_call(callees):
    text = "server.address=orders\neureka.instance.hostname=orders\nmanagement.metrics.url=http://orders\n"
    assert callees({"billing/src/main/resources/application.properties": text}) == set()


def test_broken_yaml_is_listed_and_the_rest_is_read(tree):
    root = tree(
        {
            "compose.yaml": "services: {billing: {build: ./billing}}",
            "billing/src/main/resources/application.yml": "spring: [\n",
        }
    )
    reading = readers.read(root)
    assert "billing/src/main/resources/application.yml" in {entry.file for entry in reading.unread}
    assert [component.name for component in reading.system.components] == ["billing"]

"""Build files: clients of stores, programs without a deployment."""

from __future__ import annotations

import pytest

from backend_expert import readers
from backend_expert.model import Certainty, Kind, dependencies

SERVICES = """
    shop: {build: ./shop, expose: [80]}
    db: {image: mongo}
    mq: {image: rabbitmq}
    """
MONGO = "<dependency><groupId>x</groupId>\n<artifactId>spring-boot-starter-data-mongodb</artifactId>%s</dependency>"


@pytest.mark.parametrize(
    ("path", "text", "callee"),
    [
        ("pom.xml", f"<project><dependencies>\n{MONGO % ''}</dependencies></project>", "db"),
        ("build.gradle", "dependencies {\n  implementation 'org.springframework.boot:spring-boot-starter-amqp'\n}", "mq"),
        ("go.mod", "module shop\nrequire (\n\tgo.mongodb.org/mongo-driver v1.12.0\n)\n", "db"),
        ("go.mod", "module shop\nrequire github.com/rabbitmq/amqp091-go v1.9.0\n", "mq"),
        ("requirements.txt", "flask==2.0\npika>=1\n", "mq"),
        ("pyproject.toml", '[project]\ndependencies = [\n  "pymongo>=4",\n]\n', "db"),
        ("composer.json", '{"require": {"php-amqplib/php-amqplib": "^3"}}', "mq"),
        ("composer.json", '{"require": {"mongodb/mongodb": "^1"}}', "db"),
        ("Shop.csproj", '<Project>\n<PackageReference Include="MongoDB.Driver" Version="2" />\n</Project>', "db"),
    ],
)
def test_a_client_of_the_one_store_there_is_uses_it(joined, path, text, callee):
    (edge,) = dependencies(joined(SERVICES, {f"shop/{path}": text, "shop/Dockerfile": "FROM scratch\n"}))
    assert (edge.caller, edge.callee, edge.certainty) == ("shop", callee, Certainty.ASSUMED)
    assert edge.evidence[0].file == f"shop/{path}"


@pytest.mark.parametrize(
    "text",
    [
        f"<project><dependencyManagement><dependencies>{MONGO % ''}</dependencies></dependencyManagement></project>",
        f"<project><dependencies>{MONGO % '<scope>test</scope>'}</dependencies></project>",
        f"<project><!-- {MONGO % ''} --></project>",
        "<project><artifactId>mongodb-driver</artifactId></project>",
    ],
)
def test_what_is_not_asked_for_at_run_time_uses_nothing(joined, text):
    assert not dependencies(joined(SERVICES, {"shop/pom.xml": text, "shop/Dockerfile": "FROM scratch\n"}))


def test_of_two_stores_of_a_kind_nobody_says_which(joined):
    services = SERVICES + "\n    other: {image: mongo}\n"
    files = {"shop/requirements.txt": "pymongo\n", "shop/Dockerfile": "FROM scratch\n"}
    assert not dependencies(joined(services, files))


def test_programs_that_nothing_deploys_are_components(tree):
    pom = "<dependency><artifactId>spring-boot-starter-web</artifactId></dependency>"
    reading = readers.read(
        tree(
            {
                "pom.xml": f"<modules/>{pom}",
                "orders/pom.xml": pom,
                "orders/src/main/resources/application.properties": "spring.application.name=order-api\n",
                "orders/src/main/java/A.java": '@FeignClient("billing") interface A {}',
                "billing/requirements.txt": "fastapi\n",
                "common/pom.xml": "<dependency><artifactId>guava</artifactId></dependency>",
            }
        )
    )
    components = {component.name: component for component in reading.system.components}
    assert sorted(components) == ["billing", "order-api"]
    assert (components["order-api"].kind, components["order-api"].source) == (Kind.SERVICE, "orders")
    assert [(each.caller, each.callee) for each in dependencies(reading.system)] == [("order-api", "billing")]
    assert any("deployment" in note.en for note in reading.notes)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("@EnableEurekaServer class A {}", Kind.PLATFORM),
        ("@EnableZuulProxy class A {}", Kind.GATEWAY),
        ("@EnableHystrixDashboard class A {}", Kind.PLATFORM),
        ("@EnableHystrixDashboard @RestController class A {}", Kind.SERVICE),
        ("@EnableDiscoveryClient class A {}", Kind.SERVICE),
    ],
)
def test_an_annotation_makes_a_server_of_an_application(joined, code, kind):
    files = {"shop/src/main/java/A.java": code, "shop/Dockerfile": "FROM openjdk:17\n"}
    system = joined(SERVICES + "\n    other: {build: ./other, expose: [80]}\n", files)
    found = system.component("shop").kind
    assert found is (Kind.SERVICE if kind is Kind.GATEWAY else kind)  # A gateway that leads nowhere only serves.


@pytest.mark.parametrize(
    ("properties", "routed"),
    [("", True), ("spring.cloud.config.uri=http://config:8888\n", False), ("zuul.routes.x.serviceId=elsewhere\n", False)],
)
def test_zuul_without_routes_leads_to_all_that_register(joined, properties, routed):
    services = "edge: {build: ./edge, expose: [80]}\nbilling: {build: ./billing, expose: [80]}\n"
    files = {
        "edge/Dockerfile": "FROM openjdk:17\n",
        "edge/src/main/java/A.java": "@EnableZuulProxy class A {}",
        "edge/src/main/resources/application.properties": "spring.application.name=edge\n" + properties,
        "billing/Dockerfile": "FROM openjdk:17\n",
        "billing/src/main/resources/application.properties": "spring.application.name=billing-api\n",
    }
    pairs = {(each.caller, each.callee) for each in dependencies(joined(services, files))}
    assert pairs == ({("edge", "billing")} if routed else set())

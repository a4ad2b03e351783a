"""Ties beside the path of requests: registries, configuration servers, telemetry."""

from __future__ import annotations

from backend_expert import readers
from backend_expert.model import Certainty, System, dependencies

EUREKA = """
    package registry;
    @EnableEurekaServer
    class Application {}
"""
POM = "<project><dependencies>{}</dependencies></project>"
STARTER = "<dependency><artifactId>spring-boot-starter-web</artifactId></dependency>"
CLIENT = "<dependency><artifactId>spring-cloud-starter-netflix-eureka-client</artifactId></dependency>"


def attached(system: System) -> dict[str, list[str]]:
    found = {component.name: [each.target for each in component.attachments] for component in system.components}
    return {name: targets for name, targets in found.items() if targets}


def test_a_client_library_ties_to_the_one_registry(joined):
    system = joined(
        """
        names: {build: ./registry-app}
        orders: {build: ./orders}
        """,
        {
            "registry-app/pom.xml": POM.format(STARTER),
            "registry-app/src/main/java/registry/Application.java": EUREKA,
            "orders/pom.xml": POM.format(STARTER + CLIENT),
        },
    )
    assert attached(system) == {"orders": ["names"]}
    (tie,) = system.component("orders").attachments
    assert tie.certainty is Certainty.ASSUMED
    assert [str(line) for line in tie.evidence] == ["orders/pom.xml:1"]
    assert not list(dependencies(system))


def test_an_address_is_surer_than_a_start_order_and_both_are_evidence(joined):
    system = joined(
        """
        orders:
          image: acme/orders
          environment: {CONFIG_SERVER_URL: "http://config-server:8888"}
          depends_on: [config-server]
        config-server: {image: acme/config}
        """,
        {},
    )
    (tie,) = system.component("orders").attachments
    assert (tie.target, tie.certainty) == ("config-server", Certainty.DECLARED)
    assert [line.line for line in tie.evidence] == [5, 6]


def test_a_part_of_the_platform_is_tied_to_what_it_looks_after(joined):
    system = joined(
        """
        kibana: {image: kibana, environment: {ELASTICSEARCH_URL: "http://search:9200"}}
        search: {image: elasticsearch}
        kafka: {image: apache/kafka, depends_on: [zookeeper]}
        zookeeper: {image: zookeeper}
        """,
        {},
    )
    assert attached(system) == {"kafka": ["zookeeper"], "kibana": ["search"]}


def test_calls_and_load_generators_are_no_attachments(joined):
    system = joined(
        """
        orders: {image: acme/orders, environment: {STOCK_URL: "http://stock:80"}, depends_on: [stock]}
        stock: {image: acme/stock}
        locust: {image: locustio/locust, depends_on: [prometheus]}
        prometheus: {image: prom/prometheus}
        """,
        {},
    )
    assert attached(system) == {}


def test_programs_that_nothing_deploys_are_found_by_the_port_they_state(tree):
    root = tree(
        {
            "cart/pom.xml": POM.format(STARTER),
            "cart/src/main/resources/application.yml": "server: {port: 7001}\nstock: {url: 'http://localhost:7002'}\n",
            "cart/src/main/java/Cart.java": '@RestController class Cart { @Value("${stock.url}") String url; }\n',
            "stock/pom.xml": POM.format(STARTER),
            "stock/src/main/resources/application.yml": "server: {port: '${PORT:7002}'}\n",
        }
    )
    system = readers.read(root).system
    assert [(each.caller, each.callee) for each in dependencies(system)] == [("cart", "stock")]


def test_an_image_is_built_from_the_directory_that_its_name_ends_with(joined):
    system = joined(
        """
        web: {image: acme/shop-order-intake}
        cache: {image: bitnami/redis-exporter}
        """,
        {"order-intake/pom.xml": POM.format(STARTER), "exporter/pom.xml": POM.format(STARTER)},
    )
    assert system.component("web").source == "order-intake"
    assert system.component("cache").source == ""


def test_a_build_directory_is_read_unless_a_tool_writes_there(tree):
    compose = "services: {{{}: {{image: acme/x}}}}\n"
    root = tree({"build/compose.yaml": compose.format("ours"), "README.md": "x"})
    assert [each.name for each in readers.read(root).system.components] == ["ours"]
    root = tree({"package.json": "{}", "dist/compose.yaml": compose.format("made")})
    assert readers.read(root).system.components == ()


def test_what_a_tool_makes_belongs_to_the_sources_above(joined):
    system = joined("orders: {build: ./orders/target}", {"orders/pom.xml": POM.format(STARTER)})
    assert system.component("orders").source == "orders"

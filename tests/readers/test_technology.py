from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.model import Kind
from backend_expert.readers.technology import Identity, Traits, by_image, identify, runtime


def of(**traits: object) -> tuple[Kind, str]:
    identity = identify(Traits(**({"name": "x"} | traits)))  # type: ignore[arg-type]
    return identity.kind, identity.technology


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("postgres:16-alpine", (Kind.DATABASE, "postgresql")),
        ("docker.io/bitnami/postgresql:15", (Kind.DATABASE, "postgresql")),
        ("mysql:5.7", (Kind.DATABASE, "mysql")),
        ("mariadb", (Kind.DATABASE, "mariadb")),
        ("mongo:5", (Kind.DATABASE, "mongodb")),
        ("mcr.microsoft.com/mssql/server:2022-latest", (Kind.DATABASE, "sqlserver")),
        ("docker.elastic.co/elasticsearch/elasticsearch:8.1.0", (Kind.DATABASE, "elasticsearch")),
        ("opensearchproject/opensearch:2", (Kind.DATABASE, "opensearch")),
        ("cassandra:4", (Kind.DATABASE, "cassandra")),
        ("minio/minio", (Kind.DATABASE, "minio")),
        ("redis@sha256:0000", (Kind.CACHE, "redis")),
        ("valkey/valkey:9", (Kind.CACHE, "valkey")),
        ("memcached", (Kind.CACHE, "memcached")),
        ("rabbitmq:3.8-management-alpine", (Kind.BROKER, "rabbitmq")),
        ("confluentinc/cp-kafka:7", (Kind.BROKER, "kafka")),
        ("redpandadata/redpanda", (Kind.BROKER, "redpanda")),
        ("redpandadata/console", (Kind.PLATFORM, "kafka-ui")),
        ("nats:2", (Kind.BROKER, "nats")),
        ("localhost:5000/nginx:1.21", (Kind.GATEWAY, "nginx")),
        ("envoyproxy/envoy:v1", (Kind.GATEWAY, "envoy")),
        ("haproxy", (Kind.GATEWAY, "haproxy")),
        ("prom/prometheus", (Kind.PLATFORM, "prometheus")),
        ("grafana/grafana:11", (Kind.PLATFORM, "grafana")),
        ("jaegertracing/all-in-one", (Kind.PLATFORM, "jaeger")),
        ("openzipkin/zipkin", (Kind.PLATFORM, "zipkin")),
        ("otel/opentelemetry-collector-contrib", (Kind.PLATFORM, "opentelemetry-collector")),
        ("dpage/pgadmin4", (Kind.PLATFORM, "pgadmin")),
        ("mongo-express", (Kind.PLATFORM, "mongo-express")),
        ("provectuslabs/kafka-ui", (Kind.PLATFORM, "kafka-ui")),
        ("oliver006/redis_exporter", (Kind.PLATFORM, "exporter")),
        ("hashicorp/consul:1", (Kind.PLATFORM, "consul")),
        ("zookeeper", (Kind.PLATFORM, "zookeeper")),
        ("locustio/locust", (Kind.CLIENT, "locust")),
        ("node:20-slim", (Kind.SERVICE, "node")),
        ("mycompany/orders:1.0", (Kind.SERVICE, "")),
    ],
)
def test_images_say_what_a_component_is(image: str, expected: tuple[Kind, str]):
    assert of(image=image) == expected


def test_a_built_image_is_what_its_dockerfile_stands_on():
    assert of(name="mysql", image="${REPO}/rs-mysql-db:${TAG}", base="mysql:5.7", built=True) == (Kind.DATABASE, "mysql")
    assert of(name="web", image="${REPO}/rs-web:${TAG}", base="nginx:1.21", built=True) == (Kind.GATEWAY, "nginx")
    assert of(name="cart", base="node:14", built=True) == (Kind.SERVICE, "node")


def test_an_image_name_with_placeholders_still_says_it():
    assert of(name="store", image="${REPO}/rs-mongodb:${TAG}") == (Kind.DATABASE, "mongodb")


@pytest.mark.parametrize("name", ["order-cache-service", "redis-adapter", "mongo-api", "queue-service", "db-migrate"])
def test_a_service_that_is_named_after_a_store_is_a_service(name: str):
    assert of(name=name, base="node:20", built=True)[0] in {Kind.SERVICE, Kind.WORKER}
    assert of(name=name)[0] in {Kind.SERVICE, Kind.WORKER}


def test_sources_beat_a_store_like_name():
    assert of(name="orders-db", base="golang:1.22", built=True) == (Kind.SERVICE, "go")


def test_a_name_is_the_last_resort():
    assert of(name="orders-db") == (Kind.DATABASE, "")
    assert of(name="redis-cart") == (Kind.CACHE, "redis")
    assert of(name="session-cache") == (Kind.CACHE, "")
    assert of(name="catalogue-db", image="acme/catalogue-db:0.3", ports=(3306,)) == (Kind.DATABASE, "mysql")
    assert of(name="user-db", settings=("POSTGRES_PASSWORD",)) == (Kind.DATABASE, "postgresql")


def test_a_port_alone_makes_no_store():
    assert of(name="orders", ports=(5432,)) == (Kind.SERVICE, "")


@pytest.mark.parametrize("name", ["loadgenerator", "load-generator", "locust", "k6"])
def test_load_generators_are_clients(name: str):
    assert of(name=name, base="python:3.12", built=True) == (Kind.CLIENT, "python")


@pytest.mark.parametrize("name", ["discovery-server", "config-server", "eureka", "tracing-server"])
def test_registries_and_telemetry_of_ones_own_are_platform(name: str):
    assert of(name=name, image=f"acme/{name}")[0] is Kind.PLATFORM


def test_a_gateway_of_ones_own_is_a_gateway_and_a_payment_gateway_is_not():
    assert of(name="api-gateway", base="node:20", built=True) == (Kind.GATEWAY, "node")
    assert of(name="payment-gateway", base="node:20", built=True) == (Kind.SERVICE, "node")


def test_workers_listen_on_no_port():
    assert of(name="mail-worker", base="node:20", built=True)[0] is Kind.WORKER
    assert of(name="tasks", command="celery -A shop worker", base="python:3", built=True)[0] is Kind.WORKER
    assert of(name="mail-worker", base="node:20", built=True, ports=(3000,))[0] is Kind.SERVICE


@pytest.mark.parametrize(
    ("files", "package", "expected"),
    [
        ({"package.json"}, '{"dependencies": {"@nestjs/core": "11"}}', "nestjs"),
        ({"package.json"}, '{"dependencies": {"express": "4"}}', "express"),
        ({"package.json"}, "{}", "node"),
        ({"go.mod"}, "", "go"),
        ({"pom.xml"}, "", "java"),
        ({"requirements.txt"}, "", "python"),
        ({"composer.json"}, "", "php"),
        ({"Cart.csproj"}, "", "dotnet"),
        ({"README.md"}, "", ""),
    ],
)
def test_build_files_tell_the_runtime(files: set[str], package: str, expected: str):
    assert runtime(frozenset(files), package) == expected


@given(st.text(), st.text(), st.text())
def test_any_text_is_identified(name: str, image: str, base: str):
    assert isinstance(identify(Traits(name=name, image=image, base=base)), Identity)
    by_image(image)

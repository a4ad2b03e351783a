"""Read build files: what a directory is built into, which stores and brokers it has a client for, whether it serves."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from backend_expert.model import Evidence, Kind
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.dependencies import dependencies
from backend_expert.readers.source_code.facts import Fact, Library, Module, Role
from backend_expert.readers.source_code.files import BUILD_FILES, left_out

READER = "build file"

_LIBRARIES = {
    "mongodb": (
        r"spring-boot-starter-data-mongodb|mongodb-driver|mongo-driver|gopkg\.in/mgo|pymongo|motor|mongoengine|mongodb/mongodb|"
        r"MongoDB\.Driver"
    ),
    "redis": (
        r"spring-boot-starter-data-redis|jedis|lettuce-core|go-redis|redis/v\d|redigo|redis|predis/predis|ext-redis|"
        r"StackExchange\.Redis|Microsoft\.Extensions\.Caching\.StackExchangeRedis"
    ),
    "memcached": r"spymemcached|gomemcache|pymemcache|python-memcached|ext-memcached|EnyimMemcachedCore",
    "rabbitmq": (
        r"spring-boot-starter-amqp|spring-rabbit|spring-cloud-starter-bus-amqp|spring-cloud-starter-stream-rabbit|"
        r"spring-cloud-stream-binder-rabbit|amqp-client|streadway/amqp|amqp091-go|pika|aio-pika|php-amqplib|RabbitMQ\.Client"
    ),
    "kafka": (
        r"spring-kafka|kafka-clients|spring-cloud-starter-stream-kafka|spring-cloud-stream-binder-kafka|spring-cloud-starter-bus-kafka|"
        r"segmentio/kafka-go|sarama|confluent-kafka-go|kafka-python|aiokafka|confluent-kafka|Confluent\.Kafka"
    ),
    "nats": r"nats-io/nats\.go|nats-py|jnats|NATS\.Client",
    "postgresql": r"postgresql|lib/pq|jackc/pgx|psycopg2?|psycopg2-binary|asyncpg|Npgsql|Npgsql\.EntityFrameworkCore\.PostgreSQL",
    "mysql": (
        r"mysql-connector-java|mysql-connector-j|go-sql-driver/mysql|pymysql|mysqlclient|mysql-connector-python|MySqlConnector|"
        r"MySql\.Data"
    ),
    "mariadb": r"mariadb-java-client|mariadb",
    "sqlserver": r"mssql-jdbc|Microsoft\.Data\.SqlClient|Microsoft\.EntityFrameworkCore\.SqlServer|go-mssqldb",
    "elasticsearch": r"spring-boot-starter-data-elasticsearch|elasticsearch-rest-high-level-client|go-elasticsearch|elasticsearch|NEST",
    "cassandra": r"spring-boot-starter-data-cassandra|gocql|cassandra-driver|CassandraCSharpDriver",
    "neo4j": r"spring-boot-starter-data-neo4j|neo4j-go-driver|neo4j|Neo4j\.Driver",
    "eureka": r"spring-cloud-starter(-netflix)?-eureka(-client)?|spring-cloud-netflix-eureka-client|eureka-client|py-eureka-client",
    "consul": r"spring-cloud-starter-consul(-all|-discovery|-config)?|hashicorp/consul/api|python-consul2?|Consul",
    "zookeeper": r"spring-cloud-starter-zookeeper(-all|-discovery|-config)?",
    "config-server": r"spring-cloud-starter-config|spring-cloud-config-client",
    "spring-boot-admin": r"spring-boot-admin-starter-client",
    "zipkin": (
        r"spring-(cloud|boot)-starter-zipkin|spring-cloud-sleuth-zipkin|zipkin-reporter-brave|opentelemetry-exporter-zipkin|zipkin-go|py_zipkin"
    ),
    "prometheus": r"micrometer-registry-prometheus|simpleclient_spring_boot|prometheus-client|prometheus/client_golang|prometheus-net",
    "logstash": r"logstash-logback-encoder|python-logstash",
}
"""Names of packages by the technology they are a client of; a name is compared with the whole last part of a coordinate."""

_FRAMEWORKS = {
    "java": (r"spring-(boot|cloud)-starter[\w-]*|spring-cloud-(config|netflix-eureka)-server|quarkus-[\w-]+|micronaut-[\w-]+"),
    "python": r"flask|fastapi|django|aiohttp|tornado|uvicorn|gunicorn|celery|grpcio",
    "go": r"gin-gonic/gin|labstack/echo|gorilla/mux|go-chi/chi|gofiber/fiber|google\.golang\.org/grpc|julienschmidt/httprouter",
    "php": r"laravel/framework|symfony/framework-bundle|slim/slim|laravel/lumen-framework",
}
"""What makes a module a program that serves, not a library; a web project of .NET says so itself."""

_COMPILED = [
    (technology, re.compile(rf"(?:.*/)?(?:{names})(?:/v\d+)?", re.IGNORECASE)) for technology, names in sorted(_LIBRARIES.items())
]


_SERVERS = [(each, re.compile(rf"(?:.*/)?(?:{names})(?:/v\d+)?", re.IGNORECASE)) for each, names in sorted(_FRAMEWORKS.items())]


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each build file that says something."""
    for path in repository.matching(*BUILD_FILES):
        if left_out(path):
            continue
        text = repository.text(path)
        facts = tuple(_facts(path, text)) if text is not None else ()
        if facts:
            yield Fragment(reader=READER, facts=facts, files=(path,))


def _facts(path: str, text: str) -> Iterator[Fact]:
    directory = posixpath.dirname(path) or "."
    told: set[str] = set()
    for name, line in dependencies(path, text):
        evidence = (Evidence(path, line, READER),)
        for technology, pattern in _COMPILED:
            if technology not in told and pattern.fullmatch(name):
                told.add(technology)
                yield Library(directory=directory, technology=technology, evidence=evidence)
        if name in {"Ocelot", "Yarp.ReverseProxy"}:
            yield Role(directory=directory, kind=Kind.GATEWAY, technology="", evidence=evidence)
        language = next((each for each, pattern in _SERVERS if pattern.fullmatch(name)), "")
        if language and "module" not in told:
            told.add("module")
            yield Module(directory=directory, language=language, evidence=evidence)
    if path.endswith(".csproj") and (match := re.search(r'Sdk="Microsoft\.NET\.Sdk\.(Web|Worker)"', text)):
        yield Module(
            directory=directory, language="dotnet", evidence=(Evidence(path, text.count("\n", 0, match.start()) + 1, READER),)
        )

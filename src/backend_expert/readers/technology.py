"""Tell what a component is from its image, its Dockerfile, its settings, its ports and, last, its name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Kind
from backend_expert.readers.settings import name_words, words


class Identity(Struct, frozen=True):
    """What a component is to the others, and the technology it is made of (empty when unknown)."""

    kind: Kind
    technology: str = ""


class Traits(Struct, frozen=True, kw_only=True):
    """Everything that tells what a component is. `base` is the image its own image is built from; `built` says that it has sources."""

    name: str
    image: str = ""
    base: str = ""
    built: bool = False
    settings: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    command: str = ""


PRODUCTS = {
    # Names of images without registry and tag; a name with a slash is compared with the end of the whole path.
    Kind.DATABASE: {
        "postgresql": "postgres postgresql postgis timescaledb pgvector spilo-15 spilo-16 bitnami/postgresql-repmgr",
        "mysql": "mysql mysql-server percona percona-server",
        "mariadb": "mariadb mariadb-galera",
        "mongodb": "mongo mongodb mongodb-community-server percona-server-mongodb",
        "sqlserver": "mssql/server azure-sql-edge mssql-server-linux mssql",
        "oracle": "oracle-xe oracle-free oracledatabase database/free database/enterprise database/express",
        "cockroachdb": "cockroach cockroachdb",
        "cassandra": "cassandra",
        "scylladb": "scylla scylladb",
        "elasticsearch": "elasticsearch elasticsearch-oss",
        "opensearch": "opensearch",
        "solr": "solr",
        "meilisearch": "meilisearch",
        "typesense": "typesense",
        "neo4j": "neo4j",
        "couchdb": "couchdb",
        "couchbase": "couchbase couchbase-server",
        "clickhouse": "clickhouse clickhouse-server",
        "influxdb": "influxdb",
        "minio": "minio",
        "etcd": "etcd",
        "dynamodb": "dynamodb-local",
        "arangodb": "arangodb",
        "rethinkdb": "rethinkdb",
        "qdrant": "qdrant",
        "weaviate": "weaviate",
        "milvus": "milvus",
        "eventstore": "eventstore",
        "surrealdb": "surrealdb",
        "yugabytedb": "yugabyte",
        "spanner": "cloud-spanner-emulator",
    },
    Kind.CACHE: {
        "redis": "redis redis-stack redis-stack-server redis-cluster keydb",
        "valkey": "valkey valkey-cluster",
        "memcached": "memcached",
        "dragonfly": "dragonfly",
        "hazelcast": "hazelcast",
    },
    Kind.BROKER: {
        "rabbitmq": "rabbitmq",
        "kafka": "kafka cp-kafka cp-server kafka-native confluent-local",
        "redpanda": "redpanda",
        "nats": "nats nats-streaming",
        "activemq": "activemq activemq-classic activemq-artemis",
        "pulsar": "pulsar pulsar-all",
        "mosquitto": "eclipse-mosquitto mosquitto",
        "emqx": "emqx",
        "nsq": "nsq nsqd",
        "rocketmq": "rocketmq",
        "ibmmq": "ibm-messaging/mq",
        "elasticmq": "elasticmq elasticmq-native",
        "pubsub": "gcloud-pubsub-emulator",
        "servicebus": "servicebus-emulator",
    },
    Kind.GATEWAY: {
        "nginx": "nginx nginx-unprivileged openresty nginx-ingress-controller",
        "envoy": "envoy envoy-alpine",
        "traefik": "traefik",
        "haproxy": "haproxy",
        "kong": "kong kong-gateway",
        "caddy": "caddy",
        "apisix": "apisix",
        "krakend": "krakend",
        "tyk": "tyk-gateway",
        "varnish": "varnish",
        "pgbouncer": "pgbouncer",
    },
    Kind.PLATFORM: {
        "prometheus": "prometheus",
        "alertmanager": "alertmanager",
        "pushgateway": "pushgateway",
        "grafana": "grafana grafana-oss grafana-enterprise grafana-image-renderer",
        "loki": "loki",
        "promtail": "promtail",
        "tempo": "tempo",
        "mimir": "mimir",
        "alloy": "alloy",
        "pyroscope": "pyroscope",
        "jaeger": "jaegertracing/all-in-one jaegertracing/jaeger jaeger-collector jaeger-query jaeger-agent jaeger",
        "zipkin": "zipkin zipkin-slim",
        "opentelemetry-collector": "opentelemetry-collector opentelemetry-collector-contrib otelcol otel-collector opampserver",
        "aspire-dashboard": "aspire-dashboard",
        "kibana": "kibana opensearch-dashboards",
        "logstash": "logstash logstash-oss",
        "filebeat": "filebeat metricbeat heartbeat apm-server elastic-agent",
        "fluentd": "fluentd fluent-bit vector",
        "datadog": "datadog/agent",
        "seq": "datalust/seq",
        "sentry": "sentry",
        "statsd": "statsd graphite-statsd graphite",
        "exporter": (
            "node-exporter cadvisor postgres-exporter redis_exporter redis-exporter mysqld-exporter mongodb-exporter mongodb_exporter "
            "kafka-exporter nginx-prometheus-exporter blackbox-exporter rabbitmq-exporter statsd-exporter"
        ),
        "hystrix-dashboard": "hystrix-dashboard turbine",
        "pgadmin": "pgadmin4 pgadmin",
        "adminer": "adminer",
        "phpmyadmin": "phpmyadmin",
        "mongo-express": "mongo-express mongoku nosqlclient",
        "redis-commander": "redis-commander redisinsight phpredisadmin",
        "kafka-ui": "kafka-ui kafdrop akhq kafka-manager cmak kowl console control-center cp-enterprise-control-center kafka-topics-ui",
        "portainer": "portainer portainer-ce",
        "cloudbeaver": "cloudbeaver",
        "swagger-ui": "swagger-ui",
        "mail-catcher": "mailhog mailpit maildev mailcatcher smtp4dev inbucket",
        "docs": "redoc",
        "consul": "consul",
        "eureka": "eureka eureka-server",
        "nacos": "nacos-server",
        "zookeeper": "zookeeper cp-zookeeper",
        "schema-registry": "cp-schema-registry schema-registry apicurio-registry",
        "vault": "vault",
        "unleash": "unleash-server",
        "flagd": "flagd",
        "watchtower": "watchtower",
        "certbot": "certbot",
        "registry": "registry",
        "selenium": "standalone-chrome standalone-firefox",
        "sonarqube": "sonarqube",
        "jenkins": "jenkins",
        "ngrok": "ngrok cloudflared",
        "pause": "pause",
        "wait": "dadarek/wait-for-dependencies docker-compose-wait",
    },
    Kind.CLIENT: {
        "locust": "locust",
        "k6": "k6",
        "jmeter": "jmeter",
        "gatling": "gatling",
        "artillery": "artillery",
        "vegeta": "vegeta",
        "toxiproxy": "toxiproxy",
    },
    Kind.WORKER: {"debezium": "debezium/connect cp-kafka-connect kafka-connect cp-server-connect", "n8n": "n8n"},
    Kind.SERVICE: {
        "keycloak": "keycloak",
        "graphql-engine": "graphql-engine",
        "ksqldb": "cp-ksqldb-server ksqldb-server",
        "wordpress": "wordpress",
        "nextcloud": "nextcloud",
        "temporal": "temporalio/auto-setup temporalio/server",
        "airflow": "airflow",
        "wiremock": "wiremock",
        "localstack": "localstack localstack-pro",
    },
}

RUNTIMES = {
    "node": "node bun deno nodejs nodejs-18 nodejs-20 nodejs20-debian12 nodejs22-debian12",
    "python": "python pypy uvicorn-gunicorn uvicorn-gunicorn-fastapi uvicorn gunicorn miniconda3 uwsgi-nginx-flask python3-debian12 uv",
    "go": "golang",
    "java": (
        "java openjdk eclipse-temurin amazoncorretto maven gradle tomcat jetty temurin corretto liberica-openjdk-alpine zulu-openjdk "
        "java17-debian12 java21-debian12 liberica-openjre-alpine ibm-semeru-runtimes open-liberty adoptopenjdk openjdk11 jre"
    ),
    "dotnet": "dotnet/aspnet dotnet/sdk dotnet/runtime dotnet/runtime-deps aspnet dotnet/core/aspnet dotnet/core/sdk dotnet/core/runtime",
    "php": "php php-fpm php-nginx composer",
    "ruby": "ruby jruby",
    "rust": "rust",
    "elixir": "elixir",
    "erlang": "erlang",
    "scala": "sbt",
    "perl": "perl",
    "apache": "httpd",
}

_IMAGES = {
    image: Identity(kind, technology)
    for kind, products in PRODUCTS.items()
    for technology, images in products.items()
    for image in images.split()
} | {image: Identity(Kind.SERVICE, technology) for technology, images in RUNTIMES.items() for image in images.split()}

_PRODUCT_WORDS = {
    word: identity
    for word, identity in _IMAGES.items()
    if identity.kind in {Kind.DATABASE, Kind.CACHE, Kind.BROKER} and re.fullmatch(r"[a-z0-9]+", word)
} | {"pg": Identity(Kind.DATABASE, "postgresql"), "elastic": Identity(Kind.DATABASE, "elasticsearch")}

_USES_A_PRODUCT = words(
    "adapter admin agent api app backup bridge cli client commander connect connector consumer cron dashboard demo express exporter "
    "function gateway gen generator gui healthcheck importer init initializer insight job listener loader manager migrate migration "
    "migrations migrator monitor operator processor producer proxy publisher queue-worker reader scheduler seed seeder sentinel service "
    "setup subscriber svc sync test tester ui viewer watcher web worker writer"
)
"""Words that make `redis-commander` or `order-cache-service` something that uses a product and not the product."""

_SETTING_PREFIXES = {
    "postgresql": ("POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS", "POSTGRES_HOST_AUTH_METHOD", "PGDATA"),
    "mysql": ("MYSQL_ROOT_PASSWORD", "MYSQL_ALLOW_EMPTY_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"),
    "mariadb": ("MARIADB_ROOT_PASSWORD", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD"),
    "mongodb": ("MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_DATABASE"),
    "rabbitmq": ("RABBITMQ_DEFAULT_USER", "RABBITMQ_ERLANG_COOKIE"),
}
_PORTS = {
    5432: "postgresql",
    3306: "mysql",
    27017: "mongodb",
    1433: "sqlserver",
    1521: "oracle",
    9042: "cassandra",
    9200: "elasticsearch",
    6379: "redis",
    11211: "memcached",
    5672: "rabbitmq",
    9092: "kafka",
    4222: "nats",
    61616: "activemq",
    7687: "neo4j",
}
_STORE_NAMES = {
    **dict.fromkeys(("db", "database", "datastore"), Kind.DATABASE),
    "cache": Kind.CACHE,
    **dict.fromkeys(("mq", "broker", "queue"), Kind.BROKER),
}
_PLATFORM_NAMES = words(
    "eureka eureka-server discovery-server discovery-service service-registry service-discovery registry-server registry-service config-server "
    "configserver config-service configuration-server configuration-service admin-server spring-boot-admin hystrix-dashboard turbine "
    "turbine-server tracing-server zipkin-server zipkin jaeger prometheus prometheus-server grafana grafana-server otel-collector "
    "otelcollector opentelemetrycollector zookeeper kibana logstash"
)
_CLIENT_NAMES = words(
    "load loadgen load-gen loadgenerator load-generator load-test loadtest load-tester locust k6 jmeter stress traffic-generator"
)
_WORKER_WORDS = words("worker workers consumer consumers celery sidekiq cron scheduler beat resque rq dramatiq listener")
_JOB_WORDS = words("migrate migration migrations migrator init initializer seed seeder setup provision bootstrap wait waiter")


def identify(traits: Traits) -> Identity:
    """Return what the component is: the surest sign that says something wins; without any it is a service of unknown technology."""
    for identity in _signs(traits):
        if identity is not None:
            return _at_work(identity, traits)
    return _at_work(Identity(Kind.SERVICE), traits)


def runtime(files: frozenset[str], package: str) -> str:
    """Return the technology of a source directory from the names in it; `package` is the text of its package.json, or empty."""
    if "package.json" in files:
        for name, technology in (('"@nestjs/core"', "nestjs"), ('"fastify"', "fastify"), ('"express"', "express")):
            if name in package:
                return technology
        return "node"
    for technology, markers in (
        ("go", {"go.mod"}),
        ("java", {"pom.xml", "build.gradle", "build.gradle.kts"}),
        ("python", {"requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "manage.py"}),
        ("php", {"composer.json"}),
        ("ruby", {"Gemfile"}),
        ("rust", {"Cargo.toml"}),
        ("elixir", {"mix.exs"}),
    ):
        if markers & files:
            return technology
    return "dotnet" if any(name.endswith((".csproj", ".fsproj")) for name in files) else ""


def _signs(traits: Traits) -> Iterator[Identity | None]:
    """Yield what each sign says, the surest first; `None` where it says nothing."""
    if not traits.built:
        yield by_image(traits.image)
    if traits.name.lower() in _CLIENT_NAMES or _repository(traits.image).rpartition("/")[2] in _CLIENT_NAMES:
        yield Identity(Kind.CLIENT, (by_image(traits.base) or Identity(Kind.CLIENT)).technology)
    if traits.name.lower() in _PLATFORM_NAMES:
        yield Identity(Kind.PLATFORM, traits.name.lower())
    yield by_image(traits.base)
    if traits.built and traits.base:
        return  # It has sources and a base that is no product: a name alone does not make it a store.
    yield from (_by_words(text, traits) for text in (_repository(traits.image).rpartition("/")[2], traits.name) if text)


def by_image(image: str) -> Identity | None:
    """Return what an image is known to be, by its name alone; registry, tag and digest do not count."""
    path = _repository(image)
    if not path:
        return None
    parts = path.split("/")
    for start in range(max(0, len(parts) - 3), len(parts)):
        identity = _IMAGES.get("/".join(parts[start:]))
        if identity is not None:
            return identity
    return None


def _repository(image: str) -> str:
    """Return the path of an image without tag, digest and placeholders."""
    path = image.lower().split("@")[0]
    path = re.sub(r"\$\{[^{}]*\}", "", path)
    path = re.sub(r":[^/]*$", "", path)
    return path.strip("/ ")


def _by_words(text: str, traits: Traits) -> Identity | None:
    """Read a name such as `rs-mongodb`, `orders-db` or `redis-cart`; a word like `exporter` or `service` takes the meaning away."""
    parts = name_words(text)
    if not parts or _USES_A_PRODUCT & set(parts) or _JOB_WORDS & set(parts) or _WORKER_WORDS & set(parts):
        return None
    for part in reversed(parts):
        if part in _PRODUCT_WORDS:
            return _PRODUCT_WORDS[part]
    technology = _by_settings(traits.settings) or next((_PORTS[port] for port in traits.ports if port in _PORTS), "")
    known = _PRODUCT_WORDS.get(technology)
    if parts[-1] in _STORE_NAMES:
        return known or Identity(_STORE_NAMES[parts[-1]])
    return None


def _by_settings(names: tuple[str, ...]) -> str:
    for technology, signs in _SETTING_PREFIXES.items():
        if set(signs) & set(names):
            return technology
    return ""


def works_alone(name: str, command: str) -> bool:
    """Tell whether a name or a command says that the component takes its work by itself and waits for no requests."""
    return bool((set(name_words(name)) | set(name_words(command))) & _WORKER_WORDS or set(name_words(name)) & _JOB_WORDS)


def _at_work(identity: Identity, traits: Traits) -> Identity:
    """Turn a service that waits for no requests into a worker: its name or command says so, and it listens on no port."""
    if identity.kind is Kind.SERVICE and not traits.ports and works_alone(traits.name, traits.command):
        return Identity(Kind.WORKER, identity.technology)
    return identity

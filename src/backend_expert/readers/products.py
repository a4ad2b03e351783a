"""The table of products and runtimes: which image is what, which names and settings give a component away."""

from __future__ import annotations

from backend_expert.model import Kind
from backend_expert.readers.settings import words

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
            "node-exporter cadvisor postgres-exporter redis_exporter redis-exporter mysqld-exporter mongodb-exporter "
            "mongodb_exporter kafka-exporter nginx-prometheus-exporter blackbox-exporter rabbitmq-exporter statsd-exporter"
        ),
        "hystrix-dashboard": "hystrix-dashboard turbine",
        "pgadmin": "pgadmin4 pgadmin",
        "adminer": "adminer",
        "phpmyadmin": "phpmyadmin",
        "mongo-express": "mongo-express mongoku nosqlclient",
        "redis-commander": "redis-commander redisinsight phpredisadmin",
        "kafka-ui": (
            "kafka-ui kafdrop akhq kafka-manager cmak kowl redpandadata/console control-center cp-enterprise-control-center "
            "kafka-topics-ui"
        ),
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
    "python": (
        "python pypy uvicorn-gunicorn uvicorn-gunicorn-fastapi uvicorn gunicorn miniconda3 uwsgi-nginx-flask python3-debian12 uv"
    ),
    "go": "golang",
    "java": (
        "java openjdk eclipse-temurin amazoncorretto maven gradle tomcat jetty temurin corretto liberica-openjdk-alpine "
        "zulu-openjdk java17-debian12 java21-debian12 liberica-openjre-alpine ibm-semeru-runtimes open-liberty adoptopenjdk "
        "openjdk11 jre"
    ),
    "dotnet": ("dotnet/aspnet dotnet/sdk dotnet/runtime dotnet/runtime-deps aspnet dotnet/core/aspnet dotnet/core/sdk"),
    "php": "php php-fpm php-nginx composer",
    "ruby": "ruby jruby",
    "rust": "rust",
    "elixir": "elixir",
    "erlang": "erlang",
    "scala": "sbt",
    "perl": "perl",
    "apache": "httpd",
}

USES_A_PRODUCT = words(
    "adapter admin agent api app backup bridge cli client commander connect connector consumer cron dashboard demo express "
    "exporter function gateway gen generator gui healthcheck importer init initializer insight job listener loader manager "
    "migrate migration migrations migrator monitor operator processor producer proxy publisher reader scheduler seed seeder "
    "sentinel service setup subscriber svc sync test tester ui viewer watcher web worker writer"
)
"""Words that make `redis-commander` or `order-cache-service` something that uses a product and not the product."""

TELLING_SETTINGS = {
    "postgresql": words("POSTGRES_PASSWORD POSTGRES_INITDB_ARGS POSTGRES_HOST_AUTH_METHOD PGDATA"),
    "mysql": words("MYSQL_ROOT_PASSWORD MYSQL_ALLOW_EMPTY_PASSWORD MYSQL_RANDOM_ROOT_PASSWORD"),
    "mariadb": words("MARIADB_ROOT_PASSWORD MARIADB_ALLOW_EMPTY_ROOT_PASSWORD"),
    "mongodb": words("MONGO_INITDB_ROOT_USERNAME MONGO_INITDB_DATABASE"),
    "rabbitmq": words("RABBITMQ_DEFAULT_USER RABBITMQ_ERLANG_COOKIE"),
}
"""Variables that only the official images of these products read themselves."""

PORTS = {
    5432: "postgresql",
    3306: "mysql",
    27017: "mongodb",
    1433: "sqlserver",
    1521: "oracle",
    9042: "cassandra",
    9200: "elasticsearch",
    7687: "neo4j",
    6379: "redis",
    11211: "memcached",
    5672: "rabbitmq",
    9092: "kafka",
    4222: "nats",
    61616: "activemq",
}
"""Registered or customary ports. A port never makes a component a store; it tells which one a store is."""

STORE_NAMES = {
    "db": Kind.DATABASE,
    "database": Kind.DATABASE,
    "datastore": Kind.DATABASE,
    "cache": Kind.CACHE,
    "mq": Kind.BROKER,
    "broker": Kind.BROKER,
    "queue": Kind.BROKER,
}
"""Last words of names such as `orders-db`: the last resort, where neither image nor sources say what it is."""

PLATFORM_NAMES = {
    name: technology
    for technology, names in {
        "eureka": "eureka eureka-server eureka-service eurekaserver eureka-registry",
        "registry": (
            "discovery discovery-server discovery-service service-registry service-discovery registry registry-server registry-service"
        ),
        "config-server": (
            "config config-server configserver config-service configuration configuration-server configuration-service"
        ),
        "spring-boot-admin": "admin-server spring-boot-admin",
        "hystrix-dashboard": "hystrix-dashboard",
        "turbine": "turbine turbine-server turbine-service turbine-stream-service",
        "monitoring": "monitoring monitoring-service monitor-dashboard monitoring-dashboard",
        "zipkin": "zipkin zipkin-server tracing-server",
        "jaeger": "jaeger",
        "prometheus": "prometheus prometheus-server",
        "grafana": "grafana grafana-server",
        "opentelemetry-collector": "otel-collector otelcollector opentelemetrycollector opamp-server",
        "logging": "log-server logserver logging",
        "zookeeper": "zookeeper",
        "kibana": "kibana",
        "logstash": "logstash",
    }.items()
    for name in names.split()
}
"""Names under which teams run registries, configuration servers and telemetry of their own build, with what that is."""

GATEWAY_NAMES = words(
    "gateway api-gateway apigateway edge-gateway web-gateway gateway-service api-gw reverse-proxy ingress edge-router"
)
CLIENT_NAMES = words(
    "load loadgen load-gen loadgenerator load-generator load-test loadtest load-tester locust k6 jmeter stress traffic-generator"
)
WORKER_WORDS = words("worker workers consumer consumers celery sidekiq cron scheduler beat resque rq dramatiq listener")
JOB_WORDS = words("migrate migration migrations migrator init initializer seed seeder setup provision bootstrap wait waiter")

"""The joins, one by one, each on a small system of its own."""

from __future__ import annotations

import textwrap

import pytest

from backend_expert import readers
from backend_expert.model import Branch, Call, Certainty, Kind, Publish, Query, call_sites, dependencies, walk


@pytest.fixture
def composed(tree):
    """Return a function that reads the system of one Compose file, with other files beside it by path."""

    def reading(text: str, files: dict[str, str] | None = None):
        return readers.read(
            tree({"compose.yaml": "services:\n" + textwrap.indent(textwrap.dedent(text), "  ")} | (files or {}))
        ).system

    return reading


def edges(system) -> set[tuple[str, str, str]]:
    return {(each.caller, each.callee, each.protocol) for each in dependencies(system)}


def only(system, caller: str, callee: str):
    (found,) = [each for each in dependencies(system) if (each.caller, each.callee) == (caller, callee)]
    return found


STORES = """
    db: {image: postgres}
    cache: {image: redis}
    mq: {image: rabbitmq}
    logs: {image: kafka}
    billing: {image: acme/billing, expose: [8080]}
"""


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("BILLING_HOST=billing", ("api", "billing", "http")),
        ("BILLING_URL=http://billing:8080/v1", ("api", "billing", "http")),
        ("BILLING=billing:8080", ("api", "billing", "http")),
        ("BILLING_URL=https://billing", ("api", "billing", "https")),
        ("BILLING_GRPC_ADDR=billing:9000", ("api", "billing", "grpc")),
        ("BILLING_ADDR=billing.shop.svc.cluster.local:8080", ("api", "billing", "http")),
        ("DATABASE_URL=postgres://u:p@db:5432/orders", ("api", "db", "postgresql")),
        ("SPRING_DATASOURCE_URL=jdbc:postgresql://db/orders", ("api", "db", "postgresql")),
        ("ConnectionStrings__Default=Host=db;Database=orders;Username=u", ("api", "db", "postgresql")),
        ("REDIS_ADDR=cache:6379", ("api", "cache", "redis")),
        ("AMQP_URL=amqp://guest:guest@mq:5672", ("api", "mq", "amqp")),
        ("KAFKA_BROKERS=logs:9092,elsewhere:9092", ("api", "logs", "kafka")),
    ],
)
def test_an_address_in_the_environment_is_an_edge(composed, setting: str, expected: tuple[str, str, str]):
    system = composed(f"{STORES}\n    api: {{image: acme/api, environment: ['{setting}']}}")
    assert edges(system) == {expected}


@pytest.mark.parametrize(
    "setting",
    [
        "MYSQL_USER=billing",
        "SERVICE_NAME=billing",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://billing:4317",
        "CORS_ORIGIN=http://billing:8080",
        "FRONTEND_URL=http://billing:8080",
        "UI_BASE_URL=http://billing:8080",
        "API_URL=http://api:80",
        "NO_PROXY=billing",
        "BASE_IMAGE=billing:8080",
    ],
)
def test_what_is_no_edge(composed, setting: str):
    system = composed(f"billing: {{image: acme/billing}}\napi: {{image: acme/api, environment: ['{setting}']}}")
    assert edges(system) == set()


def test_an_edge_from_the_environment_is_declared_with_its_line(composed):
    system = composed("billing: {image: acme/billing}\napi:\n  image: acme/api\n  environment:\n    BILLING_HOST: billing\n")
    found = only(system, "api", "billing")
    assert found.certainty is Certainty.DECLARED
    assert [str(line) for line in found.evidence] == ["compose.yaml:6"]


def test_a_block_that_several_import_says_what_there_is_and_not_who_uses_it(composed):
    files = {"common.env": "A_URL=http://a:80\nB_URL=http://b:80\nDB_URL=postgres://u:p@db/shop\n"}
    system = composed(
        """
        db: {image: postgres, env_file: common.env}
        a: {image: x, env_file: common.env}
        b: {image: y, env_file: common.env}
        c: {image: z, environment: ['A_URL=http://a:80']}
        """,
        files,
    )
    assert edges(system) == {("a", "db", "postgresql"), ("b", "db", "postgresql"), ("c", "a", "http")}
    assert only(system, "a", "db").certainty is Certainty.ASSUMED
    assert only(system, "c", "a").certainty is Certainty.DECLARED


def test_a_shared_block_about_one_target_is_imported_by_who_uses_it(composed):
    files = {"db.env": "DB_HOST=db\nDB_URL=postgres://u:p@db/shop\n", "all.env": "B_URL=http://b:80\nC_URL=http://c:80\n"}
    system = composed(
        """
        db: {image: postgres}
        a: {image: x, env_file: [db.env, all.env]}
        b: {image: y, env_file: [db.env, all.env]}
        c: {image: z}
        """,
        files,
    )
    assert {(each.caller, each.callee, each.certainty.value) for each in dependencies(system)} == {
        ("a", "db", "declared"),
        ("b", "db", "declared"),
        ("a", "b", "assumed"),
        ("a", "c", "assumed"),
        ("b", "c", "assumed"),
    }


def test_an_imported_block_of_one_component_is_its_own(composed):
    system = composed("db: {image: postgres}\na: {image: x, env_file: a.env}", {"a.env": "DB_HOST=db\nDB_NAME=shop\n"})
    assert only(system, "a", "db").certainty is Certainty.DECLARED


def test_a_variable_that_services_name_themselves_is_theirs_even_from_a_shared_file(composed):
    system = composed(
        "db: {image: postgres}\na:\n  image: x\n  environment:\n    DB_HOST: ${DB}\nb:\n  image: y\n  environment:\n    DB_HOST: ${DB}\n",
        {".env": "DB=db\n"},
    )
    assert {only(system, caller, "db").certainty for caller in "ab"} == {Certainty.DECLARED}


def test_callers_tell_what_an_unknown_image_is(composed):
    system = composed("documents: {image: acme/thing}\napi: {image: acme/api, environment: ['URL=mongodb://documents:10260/shop']}")
    assert (system.component("documents").kind, system.component("documents").technology) == (Kind.DATABASE, "mongodb")
    assert [dataset.name for dataset in system.datasets] == ["documents/shop"]


def test_a_start_order_alone_is_assumed(composed):
    system = composed("db: {image: postgres}\napi:\n  image: acme/api\n  depends_on: [db]\n")
    found = only(system, "api", "db")
    assert found.certainty is Certainty.ASSUMED
    assert [str(line) for line in found.evidence] == ["compose.yaml:5"]


def test_a_start_order_adds_its_line_to_a_known_edge(composed):
    system = composed("db: {image: postgres}\napi:\n  image: acme/api\n  environment: [DB_HOST=db]\n  depends_on: [db]\n")
    found = only(system, "api", "db")
    assert found.certainty is Certainty.DECLARED
    assert [line.line for line in found.evidence] == [5, 6]


def test_start_orders_that_are_no_use(composed):
    system = composed(
        """
        db: {image: postgres}
        zipkin: {image: openzipkin/zipkin}
        migrate: {build: api, command: migrate}
        worker: {build: api, command: celery worker, depends_on: [api]}
        api: {build: api, expose: [80], depends_on: [zipkin, migrate, worker]}
        front: {image: acme/front, environment: ['API_URL=http://api'], depends_on: [api, other]}
        other: {image: acme/other, expose: [80], environment: ['FRONT=http://front:80'], depends_on: []}
        """
    )
    assert edges(system) == {("front", "api", "http"), ("other", "front", "http")}


def test_databases_of_one_server_stay_apart(composed):
    system = composed(
        """
        db: {image: postgres}
        one: {image: acme/one, environment: ['DATABASE_URL=postgres://u:p@db/orders']}
        two: {image: acme/two, environment: [DB_HOST=db, DB_NAME=billing]}
        three: {image: acme/three, environment: [POSTGRES_HOST=db, POSTGRES_Database=users]}
        four: {image: acme/four, environment: [PGHOST=db, PGDATABASE=events]}
        five: {image: acme/five, environment: [DB_HOST=db]}
        """
    )
    assert [dataset.name for dataset in system.datasets] == ["db/*", "db/billing", "db/events", "db/orders", "db/users"]
    used = {site.caller: site.step.dataset for site in call_sites(system) if isinstance(site.step, Query)}
    assert used == {"one": "db/orders", "two": "db/billing", "three": "db/users", "four": "db/events", "five": "db/*"}


def test_an_address_that_says_more_takes_the_one_that_says_less_with_it(composed):
    system = composed("db: {image: postgres}\napi: {image: a, environment: [PG=db:5432, 'URL=postgres://u@db/orders']}")
    assert [dataset.name for dataset in system.datasets] == ["db/orders"]


def test_settings_of_the_dockerfile_count_and_deployed_values_win(composed):
    files = {"api/Dockerfile": "FROM node:20\nENV BILLING_HOST=old CART_HOST=cart\nEXPOSE 3000\n"}
    system = composed(
        """
        old: {image: acme/old}
        cart: {image: acme/cart}
        billing: {image: acme/billing}
        api: {build: api, environment: [BILLING_HOST=billing]}
        """,
        files,
    )
    assert edges(system) == {("api", "billing", "http"), ("api", "cart", "http")}
    assert str(only(system, "api", "cart").evidence[0]) == "api/Dockerfile:2"
    api = system.component("api")
    assert (api.technology, [port.number for port in api.deployment.ports]) == ("node", [3000])


def test_a_proxy_is_joined_over_its_directory_and_its_settings(composed):
    files = {
        "web/Dockerfile": "FROM nginx:1\nENV CART_HOST=cart\nCOPY default.conf.template /etc/nginx/templates/\n",
        "web/default.conf.template": (
            "server {\n  location /cart/ {\n    proxy_pass http://${CART_HOST}:8080/;\n    proxy_read_timeout 5s;\n  }\n"
            "  location /user/ {\n    proxy_pass http://user:8080/;\n  }\n}\n"
        ),
    }
    system = composed("web: {build: web, ports: ['80:80']}\ncart: {image: acme/cart}\nuser: {image: acme/user}\n", files)
    assert edges(system) == {("web", "cart", "http"), ("web", "user", "http")}
    assert system.component("web").kind is Kind.GATEWAY
    operation = system.operation("web http")
    (branch,) = [step for step in operation.steps if isinstance(step, Branch)]
    assert branch.probability.value == 0.5
    assert branch.condition == "/cart/"
    calls = [step for step in walk(operation.steps) if isinstance(step, Call)]
    assert [call.operation for call in calls] == ["cart http", "user http"]


def test_a_proxy_file_that_is_mounted_belongs_to_who_mounts_it(composed):
    files = {"conf/nginx.conf": "server {\n  location / {\n    proxy_pass http://app:3000;\n  }\n}\n"}
    system = composed(
        "edge: {image: nginx, volumes: ['./conf/nginx.conf:/etc/nginx/nginx.conf:ro']}\napp: {image: acme/app}\n", files
    )
    assert edges(system) == {("edge", "app", "http")}


def test_a_proxy_file_that_nothing_uses_is_noted(tree):
    reading = readers.read(
        tree(
            {
                "compose.yaml": "services: {app: {image: acme/app}, other: {image: acme/other}}",
                "samples/old.conf": "server {\n  location / {\n    proxy_pass http://app:3000;\n  }\n}\n",
            }
        )
    )
    assert edges(reading.system) == set()
    assert any("samples/old.conf" in note.en for note in reading.notes)


def test_localhost_and_a_port_join_who_publishes_the_port(composed):
    system = composed(
        """
        rooms: {image: acme/rooms, ports: ['4102:80']}
        booking:
          image: acme/booking
          environment: ['ROOMS_URL=http://localhost:4102', 'SELF_URL=http://localhost:4000']
          ports: [4000:4000]
        """
    )
    assert edges(system) == {("booking", "rooms", "http")}
    assert only(system, "booking", "rooms").certainty is Certainty.RECOVERED


def test_localhost_and_a_port_that_two_publish_join_nobody(composed):
    system = composed(
        """
        a: {image: x, environment: [PORT=3000]}
        b: {image: y, environment: [PORT=3000]}
        c: {image: z, environment: ['U=http://localhost:3000']}
        """
    )
    assert edges(system) == set()


def test_aliases_container_names_and_static_addresses_answer(composed):
    system = composed(
        """
        cart: {image: acme/cart, container_name: shop-cart, networks: {back: {aliases: [basket], ipv4_address: 10.5.0.4}}}
        a: {image: acme/a, environment: ['X=http://shop-cart:80']}
        b: {image: acme/b, environment: ['X=http://basket:80']}
        c: {image: acme/c, environment: ['X=http://10.5.0.4:80']}
        """
    )
    assert edges(system) == {("a", "cart", "http"), ("b", "cart", "http"), ("c", "cart", "http")}


def test_a_host_on_the_internet_is_a_component_where_an_address_key_holds_its_url(composed):
    system = composed(
        """
        api:
          image: acme/api
          environment:
            STRIPE_URL: https://api.stripe.com/v1
            DOCS_URL: https://docs.acme.io
            SENTRY_DSN: https://k@o1.ingest.sentry.io/1
            PUBLIC_URL: https://shop.acme.io
            NOTE: https://www.acme.io
            REPLICA_DSN: postgres://u:p@orders.abc.eu-west-1.rds.amazonaws.com/orders
        """
    )
    assert {(each.name, each.kind) for each in system.components} == {
        ("api", Kind.SERVICE),
        ("api.stripe.com", Kind.EXTERNAL),
        ("orders.abc.eu-west-1.rds.amazonaws.com", Kind.DATABASE),
    }
    assert system.operation("api.stripe.com http").steps == ()


def test_a_host_that_is_nowhere_is_a_note_and_no_error(tree):
    reading = readers.read(
        tree({"compose.yaml": "services: {api: {image: a, environment: ['PAY_URL=http://payment:80', MODE_HOST=auto]}}"})
    )
    assert edges(reading.system) == set()
    (note,) = reading.notes
    assert "payment" in note.en
    assert "compose.yaml:1" in note.pt


def test_a_host_of_another_description_and_telemetry_are_not_missed(tree):
    reading = readers.read(
        tree(
            {
                "compose.yaml": "services: {api: {image: a, environment: ['G_URL=http://grafana', 'OTEL_URL=http://otel']}, b: {image: b}}",
                "compose.monitoring.yaml": "services: {grafana: {image: grafana/grafana}}",
            }
        )
    )
    assert [note.en for note in reading.notes if "expects" in note.en] == []


def test_platform_is_not_on_the_path_and_stores_do_not_call(composed):
    system = composed(
        """
        consul: {image: consul, environment: ['X=http://api:80']}
        kafka: {image: confluentinc/cp-kafka, environment: ['KAFKA_ZOOKEEPER_CONNECT=zk:2181', 'PEER=http://api:80']}
        zk: {image: zookeeper}
        api: {image: acme/api, environment: ['CONSUL_URL=http://consul:8500']}
        """
    )
    assert edges(system) == set()


def test_who_takes_messages_and_no_requests_is_a_worker(composed):
    system = composed(
        """
        mq: {image: rabbitmq}
        api: {image: acme/api, ports: ['80:80'], environment: ['AMQP_URL=amqp://mq']}
        mailer: {image: acme/mailer, environment: ['AMQP_URL=amqp://mq']}
        """
    )
    assert system.component("mailer").kind is Kind.WORKER
    assert system.operation("mailer messages").trigger.name == "mq/*"
    assert any(isinstance(step, Publish) for step in system.operation("api http").steps)
    assert {(each.caller, each.consumes) for each in dependencies(system)} == {("api", False), ("mailer", True)}


def test_an_operation_uses_stores_then_services_then_brokers(composed):
    settings = "['A=amqp://mq', B=billing:8080, 'C=redis://cache', 'D=postgres://db/x']"
    system = composed(f"{STORES}\n    api: {{image: acme/api, ports: [80], environment: {settings}}}")
    kinds = [type(step).__name__ for step in system.operation("api http").steps]
    assert kinds == ["Work", "Query", "Query", "Call", "Publish"]
    assert all(operation.certainty is Certainty.ASSUMED for operation in system.operations)


def test_a_gateway_with_code_of_its_own_is_taken_as_a_service(composed):
    system = composed("api-gateway: {image: acme/gw, environment: [A=a:80, B=b:80]}\na: {image: x}\nb: {image: y}")
    assert system.component("api-gateway").kind is Kind.GATEWAY
    used = [step for step in system.operation("api-gateway http").steps if isinstance(step, Branch)]
    assert [(step.condition, step.otherwise) for step in used] == [("a", ()), ("b", ())]


def test_several_services_are_each_used_by_some_requests_and_a_single_one_by_all(composed):
    system = composed(
        "two: {image: x, environment: [A=a:80, B=b:80]}\none: {image: x, environment: [A=a:80]}\na: {image: x}\nb: {image: y}"
    )
    assert [type(step).__name__ for step in system.operation("two http").steps] == ["Work", "Branch", "Branch"]
    assert [type(step).__name__ for step in system.operation("one http").steps] == ["Work", "Call"]


def test_load_generators_call_and_are_no_entry(composed):
    system = composed("load-generator: {image: locustio/locust, environment: [HOST_URL=http://web:80]}\nweb: {image: acme/web}")
    assert edges(system) == {("load-generator", "web", "http")}
    assert system.operation("load-generator start").trigger.kind == "start"
    assert system.workloads == ()


KUBERNETES = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: server
          image: {image}
          ports: [{{containerPort: 8080}}]
          env: {env}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {name}}}
  ports: [{{port: 8080, name: {port}}}]
"""


def manifest(name: str, image: str = "acme/x", port: str = "http", **env: str) -> str:
    listed = ", ".join(f"{{name: {key}, value: '{value}'}}" for key, value in env.items())
    return KUBERNETES.format(name=name, image=image, port=port, env=f"[{listed}]")


def test_manifests_are_taken_before_compose_and_completed_by_it(tree):
    reading = readers.read(
        tree(
            {
                "k8s/api.yaml": manifest("api", BILLING_ADDR="billing:8080", SHARED_HOST="billing"),
                "k8s/billing.yaml": manifest("billing", port="grpc"),
                "k8s/db.yaml": manifest("db", image="postgres:16"),
                "compose.yaml": """
                    services:
                      api: {build: src/api, environment: [SHARED_HOST=db], depends_on: [db]}
                      billing: {build: src/billing, environment: [DB_HOST=db]}
                      db: {image: postgres:15}
                """,
            }
        )
    )
    assert [component.name for component in reading.system.components] == ["api", "billing", "db"]
    assert reading.system.component("api").source == "src/api"
    assert {(*edge, only(reading.system, *edge[:2]).certainty.value) for edge in edges(reading.system)} == {
        ("api", "billing", "grpc", "declared"),
        ("api", "db", "postgresql", "assumed"),
        ("billing", "db", "postgresql", "declared"),
    }
    assert only(reading.system, "api", "billing").evidence[0].file == "k8s/api.yaml"
    choice, versions = reading.notes
    assert "kubernetes:k8s is described here" in choice.en
    assert "compose:compose.yaml" in choice.pt
    assert "postgres:16" in versions.en
    assert "postgres:15" in versions.en


def test_manifests_for_half_of_the_system_do_not_hide_the_whole(tree):
    reading = readers.read(
        tree(
            {
                "k8s/api.yaml": manifest("api"),
                "compose.yaml": "services: {api: {image: acme/api}, billing: {image: acme/billing}, db: {image: postgres}}",
            }
        )
    )
    assert [component.name for component in reading.system.components] == ["api", "billing", "db"]


def test_examples_and_tests_do_not_add_anything(tree):
    reading = readers.read(
        tree(
            {
                "compose.yaml": "services: {api: {image: acme/api}, db: {image: postgres}}",
                "tests/compose.yaml": "services: {api: {image: a, environment: [DB_HOST=db]}, db: {image: mysql}, x: {image: y}}",
            }
        )
    )
    assert [component.name for component in reading.system.components] == ["api", "db"]
    assert edges(reading.system) == set()


def test_a_directory_with_the_name_of_an_image_holds_its_sources(tree):
    root = tree({"compose.yaml": "services: {cart: {image: 'acme/shop-cart:1'}}", "shop-cart/pom.xml": "<project/>"})
    component = readers.read(root).system.component("cart")
    assert (component.source, component.technology) == ("shop-cart", "java")


def test_words_that_directories_share_do_not_hide_whose_they_are(composed):
    server = "const app = require('express')(); app.get('/NAME', (q, r) => r.end()); app.listen(80);"
    files = {}
    for name in ("cart", "users", "cart-admin"):
        files |= {f"{name}-cna-service/package.json": "{}", f"{name}-cna-service/index.js": server.replace("NAME", name)}
    system = composed("cart: {image: cart:1}\nusers-deployment: {image: users:1}\nredis: {image: redis}", files)
    assert {name: system.component(name).source for name in ("cart", "users-deployment", "redis")} == {
        "cart": "cart-cna-service",
        "users-deployment": "users-cna-service",
        "redis": "",
    }
    assert {"cart GET /cart", "users-deployment GET /users"} <= {each.name for each in system.operations}


def test_a_proxy_waits_as_long_as_nginx_does_by_default(composed):
    system = composed(
        """
        web:
          image: nginx:1.27
          volumes: ["./shop.conf:/etc/nginx/conf.d/shop.conf"]
        orders:
          image: example/orders
        """,
        {"shop.conf": "server {\n  location / {\n    proxy_pass http://orders:3000;\n  }\n}\n"},
    )
    (site,) = [each for each in call_sites(system) if each.caller == "web"]
    timeout = site.step.policy.timeout_ms
    assert timeout is not None
    assert (timeout.value, timeout.certainty) == (60_000, Certainty.RECOVERED)
    assert [str(line) for line in timeout.evidence] == ["shop.conf:3"]

"""Settings, resources, probes, volumes and arguments of containers."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.model.positions import Mapping, parse_documents
from backend_expert.readers.kubernetes import containers
from backend_expert.readers.kubernetes.containers import Entry, Store, quantity

MAPS = {
    ("ConfigMap", "urls"): {"ORDERS_URL": Entry("http://orders:8080", "config.yaml", 4)},
    ("Secret", "db"): {
        "DB_HOST": Entry("orders-db", "secret.yaml", 5),
        "DB_PASSWORD": Entry("hunter2", "secret.yaml", 6),
        "DSN": Entry("postgres://shop:hunter2@orders-db/orders", "secret.yaml", 7),
        "NOTE": Entry("plain words", "secret.yaml", 8),
    },
}
STORE = Store(lambda kind, name: MAPS.get((kind, name)), frozenset({"redis-cart"}))


def node(text: str) -> Mapping:
    (document,) = parse_documents(dedent(text))
    assert isinstance(document, Mapping)
    return document


def environment(text: str) -> dict[str, Any]:
    return {each.name: each for each in containers.settings(node(text), "pod.yaml", "kubernetes", STORE)}


@pytest.mark.parametrize(
    ("text", "value"),
    [("200m", 0.2), ("1.5", 1.5), ("128Mi", 134_217_728), ("1e3", 1_000), ("2G", 2e9), ("1Ki", 1_024), ("x", None), ("", None)],
)
def test_quantities(text: str, value: float | None) -> None:
    assert quantity(text) == (value if value is None else pytest.approx(value))


@given(st.text(max_size=30))
def test_any_text_is_a_quantity_or_none(text: str) -> None:
    found = quantity(text)
    assert found is None or found >= 0


def test_environment_of_every_form() -> None:
    found = environment("""\
        env:
          - name: PORT
            value: "8080"
          - name: ORDERS
            valueFrom: {configMapKeyRef: {name: urls, key: ORDERS_URL}}
          - name: PASSWORD
            valueFrom: {secretKeyRef: {name: db, key: DB_PASSWORD}}
          - name: ELSEWHERE
            valueFrom: {secretKeyRef: {name: outside, key: token}}
          - name: NODE_IP
            valueFrom: {fieldRef: {fieldPath: status.hostIP}}
        envFrom:
          - prefix: X_
            configMapRef: {name: urls}
          - secretRef: {name: db}
        """)
    assert found["PORT"].value == "8080"
    assert found["ORDERS"].value == found["X_ORDERS_URL"].value == "http://orders:8080"
    assert [str(place) for place in found["ORDERS"].evidence] == ["pod.yaml:4", "config.yaml:4"]
    assert found["ELSEWHERE"].value == "<secret:outside/token>"
    assert found["NODE_IP"].value == ""


def test_of_a_secret_only_an_address_is_kept_and_never_its_password() -> None:
    found = environment("envFrom: [{secretRef: {name: db}}]\n")
    assert found["DB_HOST"].value == "orders-db"
    assert found["DSN"].value.endswith("@orders-db/orders")
    assert all("hunter2" not in each.value and each.value != "plain words" for each in found.values())
    assert found["DB_PASSWORD"].secret
    assert found["NOTE"].secret


def test_references_between_variables_and_to_services_are_filled_in() -> None:
    found = environment("""\
        env:
          - {name: HOST, value: orders}
          - {name: URL, value: "http://$(HOST):80"}
          - {name: CACHE, value: "$(REDIS_CART_SERVICE_HOST):6379"}
          - {name: OPEN, value: "$(NOBODY)"}
        """)
    assert found["URL"].value == "http://orders:80"
    assert found["CACHE"].value == "redis-cart:6379"
    assert found["OPEN"].value == "${NOBODY}"


def test_a_variable_that_doubles_itself_stays_small() -> None:
    lines = "\n".join(f"  - {{name: A{at + 1}, value: $(A{at})$(A{at})}}" for at in range(40))
    found = environment(f"env:\n  - {{name: A0, value: xx}}\n{lines}\n")
    assert max(len(each.value) for each in found.values()) <= 2_048


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('["--redis-addr=redis:6379"]', [("redis-addr", "redis:6379")]),
        ('["--db-host", "db", "--verbose"]', [("db-host", "db")]),
        ('["-Dspring.redis.host=cache"]', [("Dspring.redis.host", "cache")]),
        ('["sh", "-c", "exec app --api=http://api:80 --level info"]', [("api", "http://api:80")]),
        ('["--listen=0.0.0.0:8080", "--bind-address=:80", "app:latest"]', []),
        ('["--user", "payment"]', []),
    ],
)
def test_addresses_in_arguments(arguments: str, expected: list[tuple[str, str]]) -> None:
    container = node(f"args: {arguments}\n")
    found = containers.addresses(container, "web", "pod.yaml", "kubernetes", (), STORE)
    assert [(each.key, each.text) for each in found] == expected


def test_the_limit_counts_before_the_request() -> None:
    container = node("""\
        resources:
          requests: {cpu: 100m, memory: 64Mi}
          limits:
            cpu: 200m
        """)
    cores = containers.cores(container, "pod.yaml", "kubernetes")
    memory = containers.megabytes(container, "pod.yaml", "kubernetes")
    assert cores is not None
    assert memory is not None
    assert (cores.value, str(cores.evidence[0])) == (0.2, "pod.yaml:4")
    assert (memory.value, str(memory.evidence[0])) == (pytest.approx(67.108864), "pod.yaml:2")
    assert containers.cores(node("name: x\n"), "pod.yaml", "kubernetes") is None


def test_probes_of_every_mechanism_with_the_defaults_of_the_kubelet() -> None:
    container = node("""\
        livenessProbe: {httpGet: {path: /live, port: 8080}, periodSeconds: 5, timeoutSeconds: 3}
        readinessProbe: {grpc: {port: 7070}}
        startupProbe: {exec: {command: [cat, /tmp/ready]}}
        """)
    found = containers.probes(container, "pod.yaml", "kubernetes")
    assert [(each.kind, each.mechanism, each.target, each.period_s, each.timeout_s, each.evidence[0].line) for each in found] == [
        ("liveness", "http", ":8080/live", 5, 3, 1),
        ("readiness", "grpc", ":7070", 10, 1, 2),
        ("startup", "command", "cat /tmp/ready", 10, 1, 3),
    ]
    (socket,) = containers.probes(node("livenessProbe: {tcpSocket: {port: redis}}\n"), "pod.yaml", "kubernetes")
    assert (socket.mechanism, socket.target) == ("tcp", ":redis")


def test_volumes_say_whether_their_content_stays() -> None:
    pod = node("""\
        volumes:
          - {name: scratch, emptyDir: {}}
          - {name: data, persistentVolumeClaim: {claimName: orders-data}}
          - {name: node, hostPath: {path: /var/lib}}
          - {name: conf, configMap: {name: settings}}
        """)
    container = node("""\
        volumeMounts:
          - {name: scratch, mountPath: /tmp}
          - {name: data, mountPath: /data}
          - {name: node, mountPath: /host}
          - {name: conf, mountPath: /etc/app}
          - {name: claimed, mountPath: /claimed}
        """)
    claims = (node("metadata: {name: claimed}\n"),)
    found = containers.volumes(container, pod, claims, "pod.yaml", "kubernetes")
    assert [(each.path, each.source, each.persistent) for each in found] == [
        ("/claimed", "claimed", True),
        ("/data", "orders-data", True),
        ("/host", "/var/lib", True),
        ("/tmp", "scratch", False),
    ]


def test_the_user_of_the_container_counts_before_that_of_the_pod() -> None:
    pod = node("securityContext: {runAsUser: 1000, runAsNonRoot: true}\n")
    assert containers.user(node("name: a\n"), pod) == "1000"
    assert containers.user(node("securityContext: {runAsUser: 0}\n"), pod) == "0"
    assert containers.user(node("name: a\n"), node("securityContext: {runAsNonRoot: true}\n")) == "non-root"
    assert containers.user(node("name: a\n"), node("a: b\n")) == ""


def test_the_main_container_is_the_one_of_the_name_and_no_sidecar() -> None:
    pod = node("""\
        containers:
          - {name: istio-proxy, image: istio/proxyv2}
          - {name: app, image: orders}
          - {name: metrics, image: redis_exporter}
        """)
    assert containers.main_container(pod, "orders").get("name") == pod.at("containers").items[1].get("name")  # type: ignore[union-attr]
    named = containers.main_container(pod, "metrics")
    assert named.line == 4

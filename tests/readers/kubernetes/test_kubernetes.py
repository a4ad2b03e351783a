"""The reader as a whole, on small systems of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.model import Certainty, Component, Kind
from backend_expert.readers import kubernetes
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.kubernetes.workloads import WORKLOAD_LIMIT
from backend_expert.readers.repository import Repository

Tree = Callable[[dict[str, str]], Path]


def deployment(name: str, body: str = "", kind: str = "Deployment", spec: str = "") -> str:
    return (
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}"
        f"  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      containers:\n"
        f"        - name: {name}\n          image: shop/{name}:1\n{body}---\n"
    )


def service(name: str, app: str = "", kind: str = "ClusterIP") -> str:
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n"
        f"spec: {{type: {kind}, selector: {{app: {app or name}}}, ports: [{{port: 80, targetPort: 8080}}]}}\n---\n"
    )


def fragments(root: Path) -> list[Fragment]:
    return list(kubernetes.read(Repository.open(root)))


def components(root: Path) -> dict[str, Component]:
    return {each.name: each for fragment in fragments(root) for each in fragment.components}


def test_a_workload_with_everything_around_it(tree: Tree) -> None:
    root = tree(
        {
            "k8s/orders.yaml": deployment("orders", "          env: [{name: DB_HOST, value: orders-db}]\n", spec="  replicas: 3\n")
            + service("orders")
            + service("shop", "orders", "LoadBalancer"),
            "k8s/rules.yaml": """\
                apiVersion: policy/v1
                kind: PodDisruptionBudget
                metadata: {name: orders}
                spec: {minAvailable: 1, selector: {matchLabels: {app: orders}}}
                ---
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicy
                metadata: {name: only-web}
                spec: {podSelector: {matchLabels: {app: orders}}}
                """,
        }
    )
    (described, rest) = fragments(root)
    (orders,) = described.components
    deployed = orders.deployment
    assert deployed is not None
    assert described.deployment == "kubernetes:k8s"
    assert orders.aliases == ("shop",)
    assert orders.image == "shop/orders:1"
    assert deployed.replicas is not None
    assert (deployed.replicas.value, str(deployed.replicas.evidence[0])) == (3, "k8s/orders.yaml:5")
    assert deployed.disruption_budget
    assert deployed.networks == ("networkpolicy/only-web",)
    assert [(each.number, each.published) for each in deployed.ports] == [(8080, 80)]
    assert deployed.complete
    assert [(each.name, each.value) for each in orders.settings] == [("DB_HOST", "orders-db")]
    assert rest.files == ("k8s/orders.yaml", "k8s/rules.yaml")
    assert not rest.unread


def test_absent_replicas_are_one_by_the_default_of_kubernetes(tree: Tree) -> None:
    deployed = components(tree({"a.yaml": deployment("orders")}))["orders"].deployment
    assert deployed is not None
    assert deployed.replicas is not None
    assert (deployed.replicas.value, deployed.replicas.certainty) == (1, Certainty.DECLARED)
    assert str(deployed.replicas.evidence[0]) == "a.yaml:1"


@pytest.mark.parametrize(
    ("scaler", "expected"),
    [
        (
            (
                "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: x}\n"
                "spec:\n  minReplicas: 2\n  maxReplicas: 9\n"
                "  scaleTargetRef: {kind: Deployment, name: orders}\n"
                "  metrics: [{type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 70}}}]\n"
            ),
            (2, 9, "memory", 70),
        ),
        (
            (
                "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: x}\n"
                "spec: {maxReplicas: 4, targetCPUUtilizationPercentage: 60, scaleTargetRef: {kind: Deployment, name: orders}}\n"
            ),
            (1, 4, "cpu", 60),
        ),
        (
            (
                "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: x}\n"
                "spec: {scaleTargetRef: {name: orders}, triggers: [{type: rabbitmq}]}\n"
            ),
            (0, 100, "rabbitmq", None),
        ),
    ],
)
def test_autoscalers(tree: Tree, scaler: str, expected: tuple[int, int, str, float | None]) -> None:
    deployed = components(tree({"a.yaml": deployment("orders"), "b.yaml": scaler}))["orders"].deployment
    assert deployed is not None
    assert deployed.autoscaling is not None
    found = deployed.autoscaling
    assert (found.minimum, found.maximum, found.metric, found.target) == expected
    assert deployed.replicas is not None
    assert deployed.replicas.value == expected[0]


def test_every_kind_of_workload(tree: Tree) -> None:
    root = tree(
        {
            "a.yaml": deployment("agent", kind="DaemonSet")
            + deployment("store", kind="StatefulSet")
            + deployment("migrate", kind="Job")
            + deployment("canary", kind="Rollout"),
            "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: alone}\nspec: {containers: [{name: a, image: b}]}\n",
            "cron.yaml": "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\n"
            "spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: b}]}}}}}\n",
            "knative.yaml": "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: fn}\n"
            "spec: {template: {spec: {containers: [{image: fn}]}}}\n",
        }
    )
    found = components(root)
    assert {name: each.kind for name, each in found.items()} == {
        "agent": Kind.PLATFORM,
        "alone": Kind.SERVICE,
        "canary": Kind.SERVICE,
        "fn": Kind.SERVICE,
        "migrate": Kind.WORKER,
        "nightly": Kind.WORKER,
        "store": Kind.SERVICE,
    }
    agent = found["agent"].deployment
    assert agent is not None
    assert agent.replicas is None


def test_what_watches_the_cluster_is_no_part_of_the_path(tree: Tree) -> None:
    watching = deployment("grafana-like").replace("{name: grafana-like}}", "{name: grafana-like, namespace: monitoring}}", 1)
    watching = watching.replace("metadata: {name: grafana-like}\n", "metadata: {name: grafana-like, namespace: monitoring}\n")
    assert components(tree({"a.yaml": watching + deployment("orders")}))["grafana-like"].kind is Kind.PLATFORM


def test_a_cluster_of_nothing_but_monitoring_is_a_system(tree: Tree) -> None:
    alone = deployment("alerts").replace("metadata: {name: alerts}\n", "metadata: {name: alerts, namespace: monitoring}\n")
    assert components(tree({"a.yaml": alone}))["alerts"].kind is Kind.SERVICE


def test_an_external_name_is_a_component_outside_or_an_alias_inside(tree: Tree) -> None:
    root = tree(
        {
            "a.yaml": deployment("orders") + service("orders"),
            "b.yaml": """\
                apiVersion: v1
                kind: Service
                metadata: {name: billing}
                spec: {type: ExternalName, externalName: billing.example.com}
                ---
                apiVersion: v1
                kind: Service
                metadata: {name: legacy}
                spec: {type: ExternalName, externalName: orders.shop.svc.cluster.local}
                """,
        }
    )
    found = components(root)
    assert (found["billing"].kind, found["billing"].aliases) == (Kind.EXTERNAL, ("billing.example.com",))
    assert found["orders"].aliases == ("legacy",)


def test_init_containers_that_wait_say_the_order_of_start(tree: Tree) -> None:
    body = deployment("orders").replace(
        "      containers:\n",
        "      initContainers: [{name: wait, image: busybox, command: [sh, -c, until nc -z orders-db 5432; do sleep 1; done]}]\n"
        "      containers:\n",
    )
    root = tree({"a.yaml": body + service("orders"), "b.yaml": deployment("orders-db") + service("orders-db")})
    assert [(each.component, each.target) for each in fragments(root)[0].orders] == [("orders", "orders-db")]


def test_nginx_and_urls_in_mounted_files(tree: Tree) -> None:
    body = (
        "          volumeMounts: [{name: conf, mountPath: /etc/nginx}]\n      volumes: [{name: conf, configMap: {name: proxy}}]\n"
    )
    root = tree(
        {
            "a.yaml": deployment("web", body),
            "b.yaml": """\
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: proxy}
                data:
                  default.conf: |
                    server {
                      location /api/ { proxy_pass http://orders:8080/; }
                    }
                  app.properties: |
                    title=http
                    payment.url=http://payment:80/pay
                """,
        }
    )
    found = [(each.owner, each.key, each.text, each.path, str(each.evidence[0])) for each in fragments(root)[0].addresses]
    assert found == [
        ("web", "payment.url", "http://payment:80/pay", "", "b.yaml:11"),
        ("web", "proxy_pass", "http://orders:8080/", "/api/", "b.yaml:7"),
    ]


def test_a_patch_and_a_second_description_are_listed(tree: Tree) -> None:
    root = tree(
        {
            "k8s/a.yaml": deployment("orders"),
            "k8s/b-dev.yaml": deployment("orders", spec="  replicas: 9\n"),
            "k8s/patch.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2}\n",
        }
    )
    (described, _) = fragments(root)
    assert [each.name for each in described.components] == ["orders"]
    assert [(each.file, each.partly) for each in described.unread] == [("k8s/patch.yaml", True), ("k8s/b-dev.yaml", True)]


def test_the_same_name_in_two_namespaces_is_two_components(tree: Tree) -> None:
    two = [deployment("db").replace("{name: db}\n", f"{{name: db, namespace: {space}}}\n", 1) for space in ("eu", "us")]
    assert sorted(components(tree({"a.yaml": "".join(two)}))) == ["db", "db.us"]


def test_charts_and_patches_of_kustomize_are_not_read_as_manifests(tree: Tree) -> None:
    root = tree(
        {
            "chart/Chart.yaml": "name: c\n",
            "chart/templates/a.yaml": deployment("templated"),
            "base/kustomization.yaml": "resources: [a.yaml]\n",
            "base/a.yaml": deployment("orders"),
            "prod/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
            "prod/p.yaml": deployment("orders", spec="  replicas: 5\n"),
        }
    )
    assert [(each.deployment, len(each.components)) for each in fragments(root) if each.components] == [("kubernetes:base", 1)]


NAMES = st.sampled_from(["orders", "web", "", "~", "[]", "{}", "5", "null", '"x"', "&a b", "*a", "|", "- 1"])


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted({"replicas", "selector", "template", "ports", "type", "spec", "env"})), NAMES), max_size=8
    )
)
def test_any_shape_of_object_gives_fragments(pairs: list[tuple[str, str]]) -> None:
    body = "".join(f"  {key}: {value}\n" for key, value in pairs)
    text = "".join(
        f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: a\n  labels:\n{body}spec:\n{body}---\n"
        for kind in ("Deployment", "Service", "Ingress", "HorizontalPodAutoscaler", "ConfigMap", "CronJob", "NetworkPolicy", "Pod")
    )
    found, unread = kubernetes.manifests("a.yaml", text)
    described = kubernetes.describe(tuple(found), "kubernetes")
    lines = text.count("\n")
    assert all(1 <= place.line <= lines for each in described.components for place in each.evidence)
    assert all(1 <= each.line <= lines + 1 for each in (*described.unread, *unread))


def test_more_workloads_than_any_system_has_are_cut_and_said() -> None:
    text = "".join(deployment(f"w{at}") for at in range(WORKLOAD_LIMIT + 5))
    described = kubernetes.describe(tuple(kubernetes.manifests("a.yaml", text)[0]), "kubernetes")
    assert len(described.components) == WORKLOAD_LIMIT
    assert len(described.unread) == 1

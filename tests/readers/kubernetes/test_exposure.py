"""Services, ingresses and the ports that face the outside."""

from __future__ import annotations

from textwrap import dedent

import pytest

from backend_expert.model.positions import Mapping, parse_documents
from backend_expert.readers.kubernetes.exposure import ports, routes, selects
from backend_expert.readers.kubernetes.manifests import Manifest, manifests


def objects(text: str) -> tuple[Manifest, ...]:
    return tuple(manifests("net.yaml", dedent(text))[0])


def node(text: str) -> Mapping:
    (document,) = parse_documents(dedent(text))
    assert isinstance(document, Mapping)
    return document


CONTAINER = node("""\
    ports:
      - {name: web, containerPort: 8080}
      - {containerPort: 9090, protocol: UDP, hostPort: 99, hostIP: 10.0.0.1}
    """)


def published(service: str, *others: str) -> dict[int, int | None]:
    found = objects(dedent(service) + "".join(f"---\n{dedent(other)}" for other in others))
    services = tuple(each for each in found if each.kind == "Service")
    return {
        each.number: each.published for each in ports((CONTAINER,), False, services, routes(found, "kubernetes"), "a.yaml", "k")
    }


def service(spec: str, annotations: str = "{}") -> str:
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: web, annotations: {annotations}}}\nspec: {spec}\n"


PLAIN = "{selector: {app: web}, ports: [{port: 80, targetPort: web, name: http}]}"


@pytest.mark.parametrize(
    ("text", "outside"),
    [
        (service(PLAIN), None),
        (service(PLAIN.replace("{sel", "{type: LoadBalancer, sel")), 80),
        (service(PLAIN.replace("{sel", "{type: NodePort, sel")), 0),
        (service(PLAIN.replace("{sel", "{type: NodePort, sel").replace("port: 80", "port: 80, nodePort: 30080")), 30080),
        (service(PLAIN.replace("{sel", "{externalIPs: [1.2.3.4], sel")), 80),
        (
            service(
                PLAIN.replace("{sel", "{type: LoadBalancer, sel"), '{service.beta.kubernetes.io/aws-load-balancer-internal: "true"}'
            ),
            None,
        ),
    ],
)
def test_the_type_of_a_service_says_whether_it_faces_outside(text: str, outside: int | None) -> None:
    assert published(text)[8080] == outside


@pytest.mark.parametrize(
    ("way", "outside"),
    [
        (
            (
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec:\n  tls: [{hosts: [a]}]\n"
                "  rules: [{http: {paths: [{backend: {service: {name: web, port: {name: http}}}}]}}]\n"
            ),
            443,
        ),
        (
            (
                "apiVersion: networking.k8s.io/v1beta1\nkind: Ingress\nmetadata: {name: i}\n"
                "spec: {backend: {serviceName: web, servicePort: 80}}\n"
            ),
            80,
        ),
        (
            (
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\n"
                "spec: {defaultBackend: {service: {name: web, port: {number: 81}}}}\n"
            ),
            None,
        ),
        (
            (
                "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\n"
                "spec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: web, port: 80}]}]}\n---\n"
                "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {listeners: [{port: 8443}]}\n"
            ),
            8443,
        ),
        ("apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: r}\nspec: {to: {name: web}}\n", 80),
    ],
)
def test_ways_in_lead_through_a_service(way: str, outside: int | None) -> None:
    assert published(service(PLAIN), way)[8080] == outside


def test_ports_of_the_host_and_ports_that_only_the_service_names() -> None:
    found = ports((CONTAINER,), False, objects(service("{selector: {a: b}, ports: [{port: 5432, name: sql}]}")), {}, "a.yaml", "k")
    assert [(each.number, each.protocol, each.published, each.address, each.name) for each in found] == [
        (5432, "tcp", None, "", "sql"),
        (8080, "tcp", None, "", "web"),
        (9090, "udp", 99, "10.0.0.1", ""),
    ]
    (first, *_) = ports((CONTAINER,), True, (), {}, "a.yaml", "k")
    assert first.published == 8080


def test_selectors() -> None:
    labels = {"app": "web", "tier": "front"}
    assert selects(node("{app: web}"), labels)
    assert not selects(node("{app: web, tier: back}"), labels)
    assert not selects(node("{}"), labels)
    assert selects(node("{matchLabels: {app: web}}"), labels)
    assert selects(node("{matchExpressions: [{key: tier, operator: In, values: [front, back]}]}"), labels)
    assert not selects(node("{matchExpressions: [{key: tier, operator: NotIn, values: [front]}]}"), labels)

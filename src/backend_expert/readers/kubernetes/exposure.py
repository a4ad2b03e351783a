"""Services and ingresses: under which names a pod is reached, and which of its ports face the outside."""

from __future__ import annotations

from msgspec import Struct, structs

from backend_expert.model import Evidence, Port
from backend_expert.model.positions import Mapping, Scalar
from backend_expert.readers.kubernetes.manifests import Manifest, entries, evidence, mapping, number, string, strings

INTERNAL_BALANCER = frozenset(
    {
        "cloud.google.com/load-balancer-type",
        "networking.gke.io/load-balancer-type",
        "service.beta.kubernetes.io/aws-load-balancer-internal",
        "service.beta.kubernetes.io/aws-load-balancer-scheme",
        "service.beta.kubernetes.io/azure-load-balancer-internal",
        "service.kubernetes.io/qcloud-loadbalancer-internal-subnetid",
    }
)
"""Annotations by which the clouds keep a load balancer in the private network, unless they say `internet-facing` or `false`."""


ROUTE_LIMIT = 2_000
"""Most ways in that are followed; the largest ingress we met has 46 paths."""


class Route(Struct, frozen=True):
    """A way in from outside: the Service it leads to, the port of the Service (number, name or empty), the port outside."""

    service: str
    port: str
    outside: int
    evidence: tuple[Evidence, ...]


def selects(selector: Mapping, labels: dict[str, str]) -> bool:
    """Tell whether a label selector, plain or with `matchLabels` and `In` expressions, picks a pod with these labels."""
    wanted = mapping(selector, "matchLabels") if selector.get("matchLabels") is not None else selector
    chosen = False
    for key, value in wanted.pairs:
        if key.text == "matchExpressions":
            continue
        if not isinstance(value, Scalar) or labels.get(key.text) != value.text:
            return False
        chosen = True
    for expression in entries(selector, "matchExpressions"):
        allowed = {each.text for each in strings(expression, "values")}
        if string(expression, "operator") != "In" or labels.get(string(expression, "key")) not in allowed:
            return False
        chosen = True
    return chosen


def routes(manifests: tuple[Manifest, ...], reader: str) -> dict[str, tuple[Route, ...]]:
    """Return the ways in that ingresses, gateway routes and OpenShift routes open, by the Service they lead to."""
    found: list[Route] = []
    for each in manifests:
        if each.kind == "Ingress":
            found += _ingress(each, reader)
        elif each.kind in {"HTTPRoute", "GRPCRoute"} and each.group == "gateway.networking.k8s.io":
            outside = _listener(each, manifests)
            for rule in entries(each.spec, "rules"):
                for backend in entries(rule, "backendRefs"):
                    here = evidence(each.file, backend.line, reader)
                    found.append(Route(string(backend, "name"), string(backend, "port"), outside, here))
        elif each.kind == "Route" and each.group == "route.openshift.io":
            outside = 443 if each.spec.get("tls") is not None else 80
            found.append(Route(string(each.spec, "to", "name"), "", outside, evidence(each.file, each.line, reader)))
    by_service: dict[str, tuple[Route, ...]] = {}
    for route in found[:ROUTE_LIMIT]:
        by_service[route.service] = (*by_service.get(route.service, ()), route)
    return by_service


def ports(
    containers: tuple[Mapping, ...],
    host_network: bool,
    services: tuple[Manifest, ...],
    ways: dict[str, tuple[Route, ...]],
    file: str,
    reader: str,
) -> tuple[Port, ...]:
    """Return the ports of a pod: those its containers declare and those that its Services lead to."""
    found: dict[tuple[int, str], Port] = {}
    for container in containers:
        for entry in entries(container, "ports"):
            inside = number(entry, "containerPort")
            if inside is None:
                continue
            protocol = (string(entry, "protocol") or "TCP").lower()
            found[inside, protocol] = Port(
                number=inside,
                published=inside if host_network else number(entry, "hostPort"),
                address=string(entry, "hostIP"),
                protocol=protocol,
                name=string(entry, "name"),
                evidence=evidence(file, entry.line, reader),
            )
    for service in services:
        for entry in entries(service.spec, "ports"):
            _lead(found, service, entry, ways, reader)
    return tuple(found[key] for key in sorted(found))


def _lead(
    found: dict[tuple[int, str], Port], service: Manifest, entry: Mapping, ways: dict[str, tuple[Route, ...]], reader: str
) -> None:
    """Add what one port of a Service says of the port of the pod behind it."""
    protocol = (string(entry, "protocol") or "TCP").lower()
    target = string(entry, "targetPort") or string(entry, "port")
    inside = _numbered(target, found) or number(entry, "port")
    if inside is None:
        return
    name = string(entry, "name") or string(entry, "appProtocol")
    here = evidence(service.file, entry.line, reader)
    port = found.get((inside, protocol)) or Port(number=inside, protocol=protocol, name=name, evidence=here)
    outside, shown = _outside(service, entry, ways, reader)
    if outside is not None and port.published is None:
        port = structs.replace(port, published=outside, evidence=(*port.evidence, *shown))
    found[inside, protocol] = port if port.name else structs.replace(port, name=name)


def _outside(
    service: Manifest, entry: Mapping, ways: dict[str, tuple[Route, ...]], reader: str
) -> tuple[int | None, tuple[Evidence, ...]]:
    """Return the port that faces the outside and the lines that open it; 0 for a node port that the cluster chooses."""
    kind = string(service.spec, "type")
    here = evidence(service.file, service.spec.key_line("type"), reader)
    if kind == "LoadBalancer" and not _private(service):
        return number(entry, "port"), here
    if kind == "NodePort":
        return number(entry, "nodePort") or 0, here
    if strings(service.spec, "externalIPs"):
        return number(entry, "port"), evidence(service.file, service.spec.key_line("externalIPs"), reader)
    for way in ways.get(service.name, ()):
        if way.port in {"", string(entry, "port"), string(entry, "name")}:
            return way.outside, way.evidence
    return None, ()


def _private(service: Manifest) -> bool:
    annotations = mapping(service.body, "metadata", "annotations")
    return any(
        key.text in INTERNAL_BALANCER
        and isinstance(value, Scalar)
        and value.text.lower() not in {"false", "internet-facing", "external"}
        for key, value in annotations.pairs
    )


def _ingress(each: Manifest, reader: str) -> list[Route]:
    outside = 443 if each.spec.get("tls") is not None else 80
    backends = [mapping(each.spec, "defaultBackend"), mapping(each.spec, "backend")]
    for rule in entries(each.spec, "rules"):
        backends += [mapping(path, "backend") for path in entries(rule, "http", "paths")]
    found = []
    for backend in backends:
        name = string(backend, "service", "name") or string(backend, "serviceName")
        port = string(backend, "service", "port", "number") or string(backend, "service", "port", "name")
        here = evidence(each.file, backend.line, reader)
        found.append(Route(name, port or string(backend, "servicePort"), outside, here))
    return found


def _listener(route: Manifest, manifests: tuple[Manifest, ...]) -> int:
    """Return the port on which the gateway of a route listens; 80 where the gateway is described elsewhere."""
    parents = {string(parent, "name") for parent in entries(route.spec, "parentRefs")}
    for each in manifests:
        if each.kind == "Gateway" and each.name in parents:
            for listener in entries(each.spec, "listeners"):
                return number(listener, "port") or 80
    return 80


def _numbered(target: str, found: dict[tuple[int, str], Port]) -> int | None:
    if target.isdecimal():
        return int(target) if len(target) < 10 else None
    return next((port.number for port in found.values() if port.name == target), None)

"""What the Kubernetes objects of one deployment description say of each other."""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from collections.abc import Iterator
from itertools import groupby, islice

from backend_expert.model import Autoscaling, Component, Deployment, Estimate, Kind, Setting
from backend_expert.model.positions import Mapping, Scalar
from backend_expert.readers.fragment import Address, StartOrder
from backend_expert.readers.kubernetes import containers, exposure, mounted, scaling
from backend_expert.readers.kubernetes.containers import Entry, Store
from backend_expert.readers.kubernetes.families import WORKLOADS
from backend_expert.readers.kubernetes.kustomize import GeneratedConfig
from backend_expert.readers.kubernetes.manifests import Manifest, entries, evidence, mapping, number, same_space, string, strings

_WAITS = re.compile(
    r"\b(nc|ncat|netcat|nslookup|dig|getent|wait|wait-for|wait-for-it|until|pg_isready|mysqladmin|redis-cli|curl|wget)\b"
)
_OPERATIONS = frozenset(
    {"cert-manager", "elastic-system", "ingress-nginx", "istio-system", "kube-public", "kube-system", "linkerd", "logging"}
    | {"monitoring", "observability", "prometheus", "telemetry", "tracing"}
)
"""Namespaces for what watches and runs a cluster; a description that stands wholly in one of them is a system of its own."""

_ONE_SHOT = frozenset({"Job", "CronJob"})


SERVICE_LIMIT = 100
"""Most Services in front of one workload that are followed; the most we met is 4."""


class Cluster:
    """Answer what the objects of one description say of each other."""

    def __init__(self, manifests: tuple[Manifest, ...], generated: tuple[GeneratedConfig, ...], reader: str) -> None:
        self.generated = generated
        self.of_kind: dict[str, tuple[Manifest, ...]] = {}
        self.named: dict[tuple[str, str], tuple[Manifest, ...]] = {}
        for kind, members in groupby(sorted(manifests, key=lambda each: each.kind), key=lambda each: each.kind):
            self.of_kind[kind] = tuple(members)
        for named, members_of_name in groupby(sorted(manifests, key=_named), key=_named):
            self.named[named] = tuple(members_of_name)
        self.reader = reader
        self.routes = exposure.routes(manifests, reader)
        self.only_operations = all(each.namespace in _OPERATIONS for each in manifests if each.kind in WORKLOADS)
        self.services = tuple(each for each in self.of_kind.get("Service", ()) if not each.group)
        self.service_names = frozenset(each.name for each in self.services)
        self.inside = tuple(each for each in self.services if _inside(each))
        self.by_label: dict[tuple[str, str], list[Manifest]] = {}
        for service in self.services:
            for key, value in mapping(service.spec, "selector").pairs[:1]:
                if isinstance(value, Scalar):
                    self.by_label.setdefault((key.text, value.text), []).append(service)

    def component(self, name: str, manifest: Manifest, pod: Mapping, *, complete: bool) -> Component:
        """Return the component that a workload is, with its deployment."""
        spec, labels = mapping(pod, "spec"), _labels(pod)
        container = containers.main_container(spec, manifest.name)
        reached = self.reached(manifest, labels)
        store = self.store(manifest)
        settings = containers.settings(container, manifest.file, self.reader, store)
        scaler = scaling.autoscaling(manifest, self.of_kind, self.reader)
        deployment = Deployment(
            replicas=self.replicas(manifest, scaler),
            cpu_cores=containers.cores(container, manifest.file, self.reader),
            memory_mb=containers.megabytes(container, manifest.file, self.reader),
            startup_s=containers.startup(container, manifest.file, self.reader),
            autoscaling=scaler,
            disruption_budget=scaling.disruption_budget(manifest, labels, self.of_kind),
            ports=exposure.ports(
                entries(spec, "containers"),
                string(spec, "hostNetwork") == "true",
                reached,
                self.routes,
                manifest.file,
                self.reader,
            ),
            probes=containers.probes(container, manifest.file, self.reader),
            volumes=containers.volumes(container, spec, entries(manifest.spec, "volumeClaimTemplates"), manifest.file, self.reader),
            networks=scaling.network_policies(manifest, labels, self.of_kind),
            user=containers.user(container, spec),
            restart=string(spec, "restartPolicy") or "Always",
            complete=complete,
            evidence=evidence(manifest.file, container.key_line("image"), self.reader),
        )
        aliases = {each.name for each in reached} | {string(spec, "hostname")}
        return Component(
            name=name,
            kind=self.kind(manifest, reached),
            image=string(container, "image"),
            aliases=tuple(sorted(aliases - {"", name})),
            deployment=deployment,
            settings=settings,
            evidence=evidence(manifest.file, mapping(manifest.body, "metadata").key_line("name"), self.reader),
        )

    def kind(self, manifest: Manifest, reached: tuple[Manifest, ...]) -> Kind:
        """Return what is known of a workload by how it is run; the join knows more by what it runs."""
        beside = manifest.namespace in _OPERATIONS and not self.only_operations
        if beside or (manifest.kind == "DaemonSet" and not reached):
            return Kind.PLATFORM
        return Kind.WORKER if manifest.kind in _ONE_SHOT else Kind.SERVICE

    def reached(self, manifest: Manifest, labels: dict[str, str]) -> tuple[Manifest, ...]:
        """Return the Services that lead to the pods with these labels, and those that stand for a name inside the cluster."""
        found = (each for label in labels.items() for each in self.by_label.get(label, ()))
        matching = (
            each for each in found if same_space(each, manifest) and exposure.selects(mapping(each.spec, "selector"), labels)
        )
        direct = tuple(islice(matching, SERVICE_LIMIT))
        names = {each.name for each in direct}
        named = tuple(each for each in self.inside if _inside(each) in names)
        return tuple(sorted({(each.name, each.line): each for each in direct + named}.values(), key=lambda each: each.name))

    def replicas(self, manifest: Manifest, scaler: Autoscaling | None) -> Estimate | None:
        """Return the instances that run at rest; `None` where the cluster decides it (a DaemonSet has one on each node)."""
        if manifest.kind == "DaemonSet":
            return None
        if scaler is not None:
            return Estimate(float(scaler.minimum), evidence=scaler.evidence)
        key = "parallelism" if manifest.kind in _ONE_SHOT else "replicas"
        spec = mapping(manifest.spec, "jobTemplate", "spec") if manifest.kind == "CronJob" else manifest.spec
        written = spec.get(key)
        if written is None or manifest.kind == "Pod":
            # One is the documented default of every controller (Kubernetes API reference, DeploymentSpec: "Defaults to 1").
            return Estimate(1.0, evidence=evidence(manifest.file, manifest.line, self.reader))
        count = number(spec, key)
        if count is None or count < 0:
            return None
        return Estimate(float(count), evidence=evidence(manifest.file, spec.key_line(key), self.reader))

    def addresses(self, component: Component, manifest: Manifest, pod: Mapping) -> Iterator[Address]:
        """Yield the addresses in the arguments and in the mounted configuration files of every container."""
        spec, store = mapping(pod, "spec"), self.store(manifest)
        main = containers.main_container(spec, manifest.name)
        for container in entries(spec, "containers"):
            environment: tuple[Setting, ...] = component.settings
            if container is not main:
                environment = containers.settings(container, manifest.file, self.reader, store)
            yield from containers.addresses(container, component.name, manifest.file, self.reader, environment, store)
            yield from mounted.addresses(container, spec, component.name, self.reader, store)

    def orders(self, component: Component, manifest: Manifest, pod: Mapping) -> Iterator[StartOrder]:
        """Yield what the init containers of a pod wait for: Services whose names stand in a waiting command."""
        spec, store = mapping(pod, "spec"), self.store(manifest)
        for container in entries(spec, "initContainers"):
            lines = (*strings(container, "command"), *strings(container, "args"))
            if not _WAITS.search(" ".join(each.text for each in lines)):
                continue
            for line in lines:
                for word in re.findall(r"[a-z0-9][a-z0-9.-]*", line.text):
                    target = word.split(".")[0]
                    if target in store.services and target not in {component.name, *component.aliases}:
                        here = evidence(manifest.file, line.line, self.reader)
                        yield StartOrder(component=component.name, target=target, evidence=here, healthy=True)

    def externals(self, known: set[str]) -> list[Component]:
        """Return the hosts outside of the cluster that a Service of type ExternalName names."""
        return [
            Component(
                name=each.name,
                kind=Kind.EXTERNAL,
                aliases=(string(each.spec, "externalName"),),
                evidence=evidence(each.file, each.line, self.reader),
            )
            for each in self.services
            if string(each.spec, "type") == "ExternalName"
            and string(each.spec, "externalName")
            and not _inside(each)
            and each.name not in known
        ]

    def store(self, manifest: Manifest) -> Store:
        """Return what the containers of a workload take their settings from."""
        return Store(lambda kind, name: self.configuration(manifest, kind, name), self.service_names)

    def configuration(self, manifest: Manifest, kind: str, name: str) -> dict[str, Entry] | None:
        """Return the entries of a ConfigMap or Secret, the one nearest to the workload where several have the name."""
        directory = posixpath.dirname(manifest.file)
        found = [each for each in self.named.get((kind, name), ()) if same_space(each, manifest)]
        found.sort(key=lambda each: (each.file != manifest.file, posixpath.dirname(each.file) != directory))
        if found:
            return _entries_of(found[0])
        if kind == "ConfigMap":
            for each in sorted(self.generated, key=lambda each: each.directory != directory):
                if each.name == name:
                    return {key: Entry(value, file, line) for key, value, file, line in each.values}
        return None


def _entries_of(manifest: Manifest) -> dict[str, Entry]:
    found = {}
    for field in ("data", "stringData"):
        for key, value in mapping(manifest.body, field).pairs:
            if isinstance(value, Scalar):
                text: str | None = value.text
                if manifest.kind == "Secret" and field == "data":
                    text = _decoded(value.text)
                if text is not None:
                    found[key.text] = Entry(text, manifest.file, key.line)
    return found


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def _labels(pod: Mapping) -> dict[str, str]:
    return {key.text: value.text for key, value in mapping(pod, "metadata", "labels").pairs if isinstance(value, Scalar)}


def _inside(service: Manifest) -> str:
    """Return the Service inside the cluster that an ExternalName stands for; empty for any other Service."""
    host = string(service.spec, "externalName")
    return host.split(".")[0] if ".svc" in host else ""


def _named(manifest: Manifest) -> tuple[str, str]:
    return manifest.kind, manifest.name

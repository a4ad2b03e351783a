"""The containers of a pod: settings, resources, probes, volumes, and the addresses that stand in their arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct

from backend_expert.model import Certainty, Estimate, Evidence, Probe, Setting, Volume
from backend_expert.model.positions import Mapping, Scalar
from backend_expert.readers.addresses import LOCAL_HOSTS, is_address_key, peers
from backend_expert.readers.fragment import Address
from backend_expert.readers.kubernetes.manifests import entries, evidence, mapping, number, string, strings
from backend_expert.readers.settings import LENGTH_LIMIT, is_secret, name_words, setting

PROBE_PERIOD_S = 10.0
PROBE_TIMEOUT_S = 1.0
"""What the kubelet does where a probe does not say (Kubernetes API reference, Probe v1: periodSeconds, timeoutSeconds)."""

_MEMORY_UNITS = {
    "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "m": 1e-3,
}  # fmt: skip
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2}))?([KMGTP]i|[numkMGTP]|)")
_SIDECARS = re.compile(
    r"\b(istio|proxyv2|linkerd|envoy|cloud-?sql|vault-agent|fluent|filebeat|promtail|otel|opentelemetry|jaeger-agent|datadog|exporter)"
)
_KEPT_ON_DISK = frozenset(
    {"persistentVolumeClaim", "hostPath", "nfs", "csi", "awsElasticBlockStore", "azureDisk", "azureFile", "gcePersistentDisk"}
    | {"cephfs", "rbd", "glusterfs", "iscsi", "fc", "cinder", "vsphereVolume", "portworxVolume", "local"}
)
_GONE_WITH_THE_POD = frozenset({"emptyDir", "ephemeral"})
_FLAG = re.compile(r"(?:-{1,2}|-D)?([A-Za-z][\w.-]*)=(\S+)")
_REFERENCE = re.compile(r"\$\(([A-Za-z_][\w.-]*)\)")


class Entry(Struct, frozen=True):
    """A value of a ConfigMap or Secret and where it stands."""

    value: str
    file: str
    line: int


class Store(Struct, frozen=True):
    """What containers take their settings from: the entries of ConfigMaps and Secrets, and the DNS names of Services."""

    entries: Callable[[str, str], dict[str, Entry] | None]
    services: frozenset[str] = frozenset()


def main_container(pod: Mapping, name: str) -> Mapping:
    """Return the container that does the work of the pod: the one of its name, else the first that is no known sidecar."""
    containers = entries(pod, "containers")
    for container in containers:
        if string(container, "name") == name:
            return container
    for container in containers:
        if not _SIDECARS.search(f"{string(container, 'name')} {string(container, 'image')}".lower()):
            return container
    return containers[0] if containers else Mapping((), pod.line)


def settings(container: Mapping, file: str, reader: str, store: Store) -> tuple[Setting, ...]:
    """Return the environment of a container, `env` over `envFrom`, references between variables filled in."""
    found: dict[str, Setting] = {}
    for source in entries(container, "envFrom"):
        for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            prefix = string(source, "prefix")
            for entered, entry in sorted((store.entries(kind, string(source, key, "name")) or {}).items()):
                found[prefix + entered] = _from_store(prefix + entered, kind, entry, file, source.line, reader)
    for variable in entries(container, "env"):
        name = string(variable, "name")
        if name:
            found[name] = _variable(name, variable, found, file, reader, store)
    return tuple(found[name] for name in sorted(found))


def addresses(
    container: Mapping, owner: str, file: str, reader: str, environment: tuple[Setting, ...], store: Store
) -> Iterator[Address]:
    """Yield the arguments of a container that may name a peer: `--redis-addr=redis:6379`, `--db-host db`, bare URLs."""
    known = {each.name: each for each in environment}
    key = ""
    for argument in (*strings(container, "command"), *strings(container, "args")):
        filled, _ = _filled(argument.text, known, store)
        for token in filled.split():
            flag = _FLAG.fullmatch(token)
            name, value = (flag[1], flag[2]) if flag else (key, token)
            key = token.lstrip("-") if token.startswith("-") and not flag else ""
            value = value.strip("'\";,")
            if (flag or not token.startswith("-")) and names_another(name, value):
                text = setting(name or "argument", value, ()).value
                yield Address(key=name or "argument", text=text, owner=owner, evidence=evidence(file, argument.line, reader))


def names_another(key: str, text: str) -> bool:
    """Tell whether a text names a peer outside of the pod: its own interfaces are not, nor is what it listens on."""
    return any(peer.host.lower() not in LOCAL_HOSTS | {"0.0.0.0"} for peer in peers(key, text))  # noqa: S104 (nothing is bound)


def cores(container: Mapping, file: str, reader: str) -> Estimate | None:
    """Return the cores a container may use: its limit, else what it is guaranteed; `None` where neither is said."""
    return _resource(container, "cpu", 1.0, file, reader)


def megabytes(container: Mapping, file: str, reader: str) -> Estimate | None:
    """Return the memory a container may use in MB (10^6 bytes): its limit, else what it is guaranteed."""
    return _resource(container, "memory", 1e-6, file, reader)


def quantity(text: str) -> float | None:
    """Return a Kubernetes quantity (`200m`, `1.5`, `128Mi`, `1e3`) as a number; `None` when it is not one."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    scale = {"u": 1e-6, "n": 1e-9}.get(match[3]) or _MEMORY_UNITS.get(match[3])
    if scale is None or len(match[1]) > 30:
        return None
    return float(match[1]) * 10.0 ** int(match[2] or 0) * scale


def probes(container: Mapping, file: str, reader: str) -> tuple[Probe, ...]:
    """Return the probes of a container; period and timeout are the defaults of the kubelet where they are not said."""
    found = []
    kinds: tuple[Literal["liveness", "readiness", "startup"], ...] = ("liveness", "readiness", "startup")
    for kind in kinds:
        probe = mapping(container, f"{kind}Probe")
        mechanism, target = _check(probe)
        if mechanism is not None:
            found.append(
                Probe(
                    kind=kind,
                    mechanism=mechanism,
                    target=target,
                    period_s=float(number(probe, "periodSeconds") or PROBE_PERIOD_S),
                    timeout_s=float(number(probe, "timeoutSeconds") or PROBE_TIMEOUT_S),
                    evidence=evidence(file, container.key_line(f"{kind}Probe"), reader),
                )
            )
    return tuple(found)


def startup(container: Mapping, file: str, reader: str) -> Estimate | None:
    """Return the seconds before a new instance can be ready: the delay of its readiness probe, where it has one."""
    probe = mapping(container, "readinessProbe")
    delay = number(probe, "initialDelaySeconds")
    if not delay or delay < 0:
        return None
    line = probe.key_line("initialDelaySeconds")
    return Estimate(float(delay), 2.0, Certainty.RECOVERED, evidence(file, line, reader))


def volumes(container: Mapping, pod: Mapping, claims: tuple[Mapping, ...], file: str, reader: str) -> tuple[Volume, ...]:
    """Return the data volumes of a container; mounted settings and secrets are none."""
    sources = {string(claim, "metadata", "name"): ("persistentVolumeClaim", string(claim, "metadata", "name")) for claim in claims}
    for volume in entries(pod, "volumes"):
        name = string(volume, "name")
        for key, source in volume.pairs:
            if key.text != "name":
                sources[name] = (key.text, string(source, "claimName") or string(source, "path") or name)
    found = []
    for mount in entries(container, "volumeMounts"):
        kind, source_name = sources.get(string(mount, "name"), ("", ""))
        if kind in _KEPT_ON_DISK | _GONE_WITH_THE_POD:
            found.append(
                Volume(
                    path=string(mount, "mountPath"),
                    source=source_name,
                    persistent=kind in _KEPT_ON_DISK,
                    evidence=evidence(file, mount.line, reader),
                )
            )
    return tuple(sorted(found, key=lambda volume: volume.path))


def user(container: Mapping, pod: Mapping) -> str:
    """Return the user the container runs as; `non-root` where only that is demanded, empty where the image decides."""
    for place in (container, pod):
        context = mapping(place, "securityContext")
        if number(context, "runAsUser") is not None:
            return string(context, "runAsUser")
    for place in (container, pod):
        if string(place, "securityContext", "runAsNonRoot") == "true":
            return "non-root"
    return ""


def _variable(name: str, variable: Mapping, known: dict[str, Setting], file: str, reader: str, store: Store) -> Setting:
    here = evidence(file, variable.line, reader)
    value = variable.get("value")
    if isinstance(value, Scalar):
        filled, used = _filled(value.text, known, store)
        return setting(name, filled, here + used)
    for kind, key in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
        reference = mapping(variable, "valueFrom", key)
        if reference.pairs:
            entry = (store.entries(kind, string(reference, "name")) or {}).get(string(reference, "key"))
            if entry is not None:
                return _from_store(name, kind, entry, file, variable.line, reader)
            if kind == "Secret":
                mark = f"<secret:{string(reference, 'name')}/{string(reference, 'key')}>"
                return Setting(name=name, value=mark, secret=True, evidence=here)
    return Setting(name=name, value="", evidence=here)


def _from_store(name: str, kind: str, entry: Entry, file: str, line: int, reader: str) -> Setting:
    """Return a setting taken from a ConfigMap or Secret; of a Secret only an address is kept, without its credentials."""
    places = (*evidence(file, line, reader), *evidence(entry.file, entry.line, reader))
    address = "://" in entry.value or is_address_key(name) or name_words(name)[-1:] == ("port",)
    if kind == "Secret" and (not address or is_secret(name, entry.value)):
        masked = setting("secret", entry.value, places)
        return Setting(name=name, value=masked.value, secret=True, evidence=places)
    return setting(name, entry.value, places)


def _filled(text: str, known: dict[str, Setting], store: Store) -> tuple[str, tuple[Evidence, ...]]:
    """Fill in `$(NAME)` as the kubelet does; the host that Kubernetes announces for a Service is the name of the Service."""
    used: list[Setting] = []

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in known and not known[name].secret:
            used.append(known[name])
            return known[name].value
        service = name.removesuffix("_SERVICE_HOST").lower().replace("_", "-")
        if name.endswith("_SERVICE_HOST") and service in store.services:
            return service
        return f"${{{name}}}"

    filled = _REFERENCE.sub(value, text)
    if len(filled) > LENGTH_LIMIT:
        return text, ()
    return filled, tuple(place for each in used for place in each.evidence)


def _resource(container: Mapping, name: str, scale: float, file: str, reader: str) -> Estimate | None:
    for bound in ("limits", "requests"):
        place = mapping(container, "resources", bound)
        amount = quantity(string(place, name))
        if amount is not None and amount > 0:
            return Estimate(round(amount * scale, 6), evidence=evidence(file, place.key_line(name), reader))
    return None


def _check(probe: Mapping) -> tuple[Literal["http", "tcp", "grpc", "command"] | None, str]:
    if (http := mapping(probe, "httpGet")).pairs:
        return "http", f":{string(http, 'port')}{string(http, 'path') or '/'}"
    if (socket := mapping(probe, "tcpSocket")).pairs:
        return "tcp", f":{string(socket, 'port')}"
    if (grpc := mapping(probe, "grpc")).pairs:
        return "grpc", f":{string(grpc, 'port')}"
    if (command := mapping(probe, "exec")).pairs:
        return "command", " ".join(part.text for part in strings(command, "command"))
    return None, ""

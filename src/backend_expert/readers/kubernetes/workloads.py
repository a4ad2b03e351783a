"""Turn the Kubernetes objects of one deployment description into components, with all that the other objects say of them."""

from __future__ import annotations

from msgspec import Struct

from backend_expert.model import Component, Text, Unread
from backend_expert.model.positions import Mapping, plain
from backend_expert.readers.fragment import Address, StartOrder
from backend_expert.readers.kubernetes.cluster import Cluster
from backend_expert.readers.kubernetes.families import WORKLOADS
from backend_expert.readers.kubernetes.kustomize import GeneratedConfig
from backend_expert.readers.kubernetes.manifests import Manifest, entries, mapping, string

WORKLOAD_LIMIT = 1_000
"""Most workloads of one description; the largest we met has 107."""

_TOO_MANY = Text(
    f"there are more than {WORKLOAD_LIMIT:,} workloads here; the rest was left out: point the review at one system",
    f"há mais de {WORKLOAD_LIMIT} workloads aqui; o resto ficou de fora: aponte a revisão para um único sistema",
)


class Described(Struct, frozen=True):
    """What the objects of one deployment description say."""

    components: tuple[Component, ...]
    addresses: tuple[Address, ...]
    orders: tuple[StartOrder, ...]
    unread: tuple[Unread, ...]


def describe(
    manifests: tuple[Manifest, ...],
    reader: str,
    generated: tuple[GeneratedConfig, ...] = (),
    partly_read: frozenset[str] = frozenset(),
    *,
    structure_open: bool = False,
) -> Described:
    """Return the components of the objects.

    `partly_read` are the files with unknown values; `structure_open` tells that whole objects may be missing. Nothing may be
    concluded from what is not in such files.
    """
    unread: list[Unread] = []
    cluster = Cluster(manifests, generated, reader)
    described: dict[str, tuple[Manifest, Mapping]] = {}
    again: dict[str, list[tuple[Manifest, Manifest]]] = {}
    for manifest in manifests:
        pod = pod_template(manifest)
        if pod is None or _is_test_hook(manifest):
            continue
        problem = _problem(manifest, pod)
        if problem is not None:
            unread.append(Unread(manifest.file, manifest.line, problem, partly=True))
            continue
        name = manifest.name
        if name in described and described[name][0].namespace != manifest.namespace:
            name = f"{name}.{manifest.namespace or 'default'}"
        if name not in described and len(described) >= WORKLOAD_LIMIT:
            unread.append(Unread(manifest.file, manifest.line, _TOO_MANY, partly=True))
            break
        if name not in described:
            described[name] = (manifest, pod)
        elif plain(described[name][0].body) != plain(manifest.body):
            again.setdefault(manifest.file, []).append((manifest, described[name][0]))
    unread += [Unread(file, pairs[0][0].line, _twice(pairs), partly=True) for file, pairs in sorted(again.items())]
    components: list[Component] = []
    addresses: list[Address] = []
    orders: list[StartOrder] = []
    for name, (manifest, pod) in sorted(described.items()):
        component = cluster.component(name, manifest, pod, complete=not structure_open and manifest.file not in partly_read)
        components.append(component)
        addresses += cluster.addresses(component, manifest, pod)
        orders += cluster.orders(component, manifest, pod)
    components += cluster.externals(set(described))
    return Described(
        tuple(sorted(components, key=lambda each: each.name)), tuple(addresses), tuple(dict.fromkeys(orders)), tuple(unread)
    )


def pod_template(manifest: Manifest) -> Mapping | None:
    """Return the mapping that holds `metadata` and `spec` of the pods of a workload; `None` for any other object."""
    if manifest.kind == "Service" and manifest.group == "serving.knative.dev":
        return mapping(manifest.spec, "template")
    if manifest.kind not in WORKLOADS:
        return None
    if manifest.kind == "Pod":
        return manifest.body
    if manifest.kind == "CronJob":
        return mapping(manifest.spec, "jobTemplate", "spec", "template")
    return mapping(manifest.spec, "template")


def _is_test_hook(manifest: Manifest) -> bool:
    return "test" in string(manifest.body, "metadata", "annotations", "helm.sh/hook")


def _problem(manifest: Manifest, pod: Mapping) -> Text | None:
    if not manifest.name:
        return Text(
            f"this {manifest.kind} has no name, so nothing can refer to it; give it 'metadata.name'",
            f"este {manifest.kind} não tem nome, então nada pode se referir a ele; dê a ele um 'metadata.name'",
        )
    if not any(string(each, "image") for each in entries(pod, "spec", "containers")):
        return Text(
            f"the {manifest.kind} '{manifest.name}' names no container image: it looks like a patch and was left out",
            f"o {manifest.kind} '{manifest.name}' não indica imagem de contêiner: parece um patch e ficou de fora",
        )
    return None


def _twice(pairs: list[tuple[Manifest, Manifest]]) -> Text:
    """Say which workloads of a file stand in another one too; `pairs` are the second and the first description of each."""
    second, first = pairs[0]
    if len(pairs) == 1:
        return Text(
            f"'{second.name}' is described again here; {first.file}:{first.line} was taken",
            f"'{second.name}' é descrito de novo aqui; valeu {first.file}:{first.line}",
        )
    return Text(
        f"{len(pairs)} workloads are described again here, '{second.name}' first; {first.file}:{first.line} and others were taken",
        f"{len(pairs)} workloads são descritos de novo aqui, a começar por '{second.name}'; "
        f"valeram {first.file}:{first.line} e outros",
    )

"""Read Kubernetes manifests anywhere in the tree, sorted into the deployment descriptions they make up."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from backend_expert.readers.fragment import Fragment
from backend_expert.readers.kubernetes.families import families
from backend_expert.readers.kubernetes.kustomize import NAMES, kustomizations
from backend_expert.readers.kubernetes.manifests import Manifest, manifests
from backend_expert.readers.kubernetes.workloads import describe
from backend_expert.readers.repository import Repository

READER = "kubernetes"


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each deployment description, and one for what could not be read.

    Templates of Helm charts are left to their own reader; kustomize bases are read as they stand, overlays and optional components
    as variants of them.
    """
    kustomized = kustomizations(repository)
    charts = tuple(posixpath.dirname(chart) for chart in repository.matching("Chart.yaml", "Chart.yml"))
    found: list[Manifest] = []
    unread = list(kustomized.unread)
    files = set(kustomized.files)
    for file in repository.matching("*.yaml", "*.yml", "*.json"):
        if file in kustomized.patches or posixpath.basename(file) in NAMES or in_chart(file, charts):
            continue
        text = repository.text(file)
        if text is None:
            continue
        objects, problems = manifests(file, text)
        found += objects
        unread += problems
        if objects:
            files.add(file)
    for family in families(found, kustomized.variants):
        described = describe(family.manifests, READER, kustomized.generated)
        if described.components:
            yield Fragment(
                reader=READER,
                deployment=f"{READER}:{family.directory or '.'}",
                rank=family.rank,
                components=described.components,
                addresses=described.addresses,
                orders=described.orders,
                files=tuple(sorted({each.file for each in family.manifests})),
                unread=described.unread,
            )
    if unread or files:
        yield Fragment(reader=READER, files=tuple(sorted(files)), unread=tuple(unread))


def in_chart(file: str, charts: tuple[str, ...]) -> bool:
    """Tell whether a file belongs to a Helm chart: it stands in the directory of one or below."""
    return any(not chart or file.startswith(f"{chart}/") for chart in charts)

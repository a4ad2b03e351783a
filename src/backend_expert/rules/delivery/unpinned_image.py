"""Images whose content can change without a change of these files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend_expert.model import Component, Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import container_of, distinct
from backend_expert.rules.wording import counted, listed

CLUSTER_READERS = frozenset({"kubernetes", "helm"})
"""Readers of the formats in which an image is always pulled and never built."""


@rule(
    "unpinned-image",
    code="BE-DEL-011",
    family="delivery",
    severity=Severity.LOW,
    en="Image without a fixed version",
    pt="Imagem sem versão fixa",
)
def unpinned_image(system: System) -> Iterator[Finding]:
    """Yield one finding for all components that run an image of others by a tag that names no version."""
    floating = [component for component in system.components if _floats(component)]
    if floating:
        yield _finding(floating)


def _floats(component: Component) -> bool:
    """Tell whether the image is pulled by a moving tag.

    Names that could not be resolved are not judged, and neither are images built from this repository, unless a cluster pulls `latest`.
    """
    image = component.image
    if not image or re.search(r"[${}<>]", image) or "@sha256:" in image:
        return False
    tag = image.rpartition("/")[2].partition(":")[2]
    pulled = not component.source or (tag == "latest" and any(place.reader in CLUSTER_READERS for place in component.evidence))
    return pulled and not re.search(r"\d", tag)


def _finding(floating: list[Component]) -> Finding:
    names = [each.name for each in floating]
    images = [each.image for each in floating]
    return Finding(
        rule="unpinned-image",
        severity=Severity.LOW,
        subject=names[0] if len(names) == 1 else "images",
        components=tuple(names),
        title=Text(
            f"{counted(len(names), 'image has no fixed version', 'images have no fixed version')}: {listed(images, 'en', most=4)}",
            f"{counted(len(names), 'imagem sem versão fixa', 'imagens sem versão fixa')}: {listed(images, 'pt', most=4)}",
        ),
        why=Text(
            f"{listed(names, 'en', most=8)} {'runs' if len(names) == 1 else 'run'} whatever the tag points to at the moment of "
            f"the pull. Two nodes that pull on different days run different versions, a restart can be a major upgrade, and a "
            f"rollback to this commit does not bring back what ran before.",
            f"{listed(names, 'pt', most=8)} {'roda' if len(names) == 1 else 'rodam'} o que a tag apontar na hora do pull. Dois "
            f"nós que baixam em dias diferentes rodam versões diferentes, um reinício pode ser uma troca de versão maior, e "
            f"voltar a este commit não traz de volta o que rodava antes.",
        ),
        evidence=distinct(place for each in floating for place in container_of(each)),
        confidence=0.95,
    )

"""Name the image by its content."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import component_of
from backend_expert.model import Finding, System, replace_component

DIGEST = "@sha256:<digest>"
"""What a file says after the change; which digest it is, only the registry knows, and nothing here asks it."""


@remedy(
    "pinned-image",
    en="Pin each image to a version and its digest, and let a bot raise them",
    pt="Fixe cada imagem em uma versão e no seu digest, e deixe um bot atualizá-los",
    addresses=("unpinned-image",),
    considers=("security", "maintainability"),
    effort="hours",
)
def pinned_image(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a tag moves at any load
    """Return the system in which the finding's images are named by a digest in place of a moving tag."""
    changed = system
    for name in finding.components:
        component = component_of(changed, name)
        if component is not None and component.image and "@sha256:" not in component.image:
            changed = replace_component(changed, structs.replace(component, image=_untagged(component.image) + DIGEST))
    return changed


def _untagged(image: str) -> str:
    """Return an image without its tag; the colon of a registry's port is none (`localhost:5000/app` stays)."""
    place, slash, last = image.rpartition("/")
    return f"{place}{slash}{last.partition(':')[0]}"

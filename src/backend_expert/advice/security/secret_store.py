"""Take secrets out of the files, change them, and let the platform hand them over."""

from __future__ import annotations

import re

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import component_of
from backend_expert.model import Component, Finding, Setting, System, replace_component

WRITTEN = re.compile(r"<secret:[0-9a-f]+>")
"""What the readers put in the place of a secret that stands in a file; a reference to a secret store has a name there."""


@remedy(
    "secret-store",
    en="Change the secrets and let the platform hand them over at start",
    pt="Troque os segredos e deixe a plataforma entregá-los na partida",
    addresses=("secret-committed",),
    considers=("security",),
    effort="days",
)
def secret_store(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a leak needs no load
    """Return the system in which the finding's settings refer to a secret of the platform, one for each component."""
    changed = system
    for name in finding.components:
        component = component_of(changed, name)
        if component is not None:
            settings = tuple(_referring(component, setting) for setting in component.settings)
            if settings != component.settings:
                changed = replace_component(changed, structs.replace(component, settings=settings))
    return changed


def _referring(component: Component, setting: Setting) -> Setting:
    if not setting.secret or not WRITTEN.search(setting.value):
        return setting
    return structs.replace(setting, value=f"<secret:{component.name}/{setting.name}>", evidence=())

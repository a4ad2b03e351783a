"""Let an upgrade of the cluster take one instance at a time."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import concerned, with_deployment
from backend_expert.model import Deployment, Finding, System


@remedy(
    "disruption-budget",
    en="Allow an upgrade to evict one instance at a time",
    pt="Permita que uma atualização remova uma instância por vez",
    addresses=("replicas-without-disruption-budget",),
    considers=("availability", "fault-tolerance"),
    effort="hours",
)
def disruption_budget(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - an upgrade comes at any load
    """Return the system with a disruption budget on each component of the finding that has none."""
    changed = system
    for component in concerned(system, finding):
        changed = with_deployment(changed, component.name, _budgeted)
    return changed


def _budgeted(deployment: Deployment) -> Deployment:
    return structs.replace(deployment, disruption_budget=True)

"""Run the process as a user that owns nothing."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import concerned, with_deployment
from backend_expert.model import Deployment, Finding, System

USER = "10001:10001"
"""Above 10,000, so that it meets no user of the host (kube-score and Trivy KSV-0020 ask for the same)."""

ROOT = frozenset({"0", "root"})


@remedy(
    "non-root-user",
    en="Run the container as a user without rights, on a read-only file system",
    pt="Rode o contêiner com um usuário sem privilégios e sistema de arquivos somente leitura",
    addresses=("container-runs-as-root",),
    considers=("security",),
    effort="hours",
)
def non_root_user(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - rights do not follow the load
    """Return the system in which the finding's components that run as root run as a user without rights."""
    changed = system
    for component in concerned(system, finding):
        changed = with_deployment(changed, component.name, _without_rights)
    return changed


def _without_rights(deployment: Deployment) -> Deployment:
    return structs.replace(deployment, user=USER) if deployment.user.partition(":")[0] in ROOT else deployment

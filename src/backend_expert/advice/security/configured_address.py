"""Take the address of a call from the configuration, never from the request."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import with_steps
from backend_expert.model import Call, Finding, Operation, Step, System


@remedy(
    "configured-address",
    en="Let the request choose from a list and keep the addresses in the configuration",
    pt="Deixe a requisição escolher de uma lista e guarde os endereços na configuração",
    addresses=("server-side-request-forgery",),
    considers=("security",),
    effort="hours",
)
def configured_address(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - addresses do not follow the load
    """Return the system in which no call of the finding's component goes to an address that a request names."""

    def configured(operation: Operation, step: Step) -> Step:
        if isinstance(step, Call) and step.address == "request" and operation.component in finding.components:
            return structs.replace(step, address="configured")
        return step

    return with_steps(system, configured)

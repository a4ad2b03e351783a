"""Cut a cycle of waiting at the call that closes it."""

from __future__ import annotations

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.messaging import handed_over
from backend_expert.model import Call, Finding, System, call_sites


@remedy(
    "break-the-cycle",
    en="Turn the call that closes the cycle into an event",
    pt="Transforme em evento a chamada que fecha o ciclo",
    addresses=("synchronous-cycle",),
    considers=("asynchronous-communication", "resilience"),
    effort="weeks",
)
def break_the_cycle(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a cycle is one at any load
    """Return the system with the last link of the finding's cycle, the one that goes back, made a message."""
    back = finding.links[-1:]
    sites = tuple(site for site in call_sites(system) if site.link in back and isinstance(site.step, Call))
    return handed_over(system, sites)

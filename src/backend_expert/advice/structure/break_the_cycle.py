"""Cut a cycle of waiting at a call that nobody needs the answer of."""

from __future__ import annotations

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.messaging import handed_over, needs_answer
from backend_expert.model import Call, Finding, System, call_sites


@remedy(
    "break-the-cycle",
    en="Turn a call of the cycle whose answer nobody needs into an event",
    pt="Transforme em evento uma chamada do ciclo cuja resposta ninguém precisa",
    addresses=("synchronous-cycle",),
    considers=("asynchronous-communication", "resilience"),
    effort="weeks",
)
def break_the_cycle(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a cycle is one at any load
    """Return the system with one link of the finding's cycle made a message: the last one, if its callers do not need the answers.

    Otherwise the nearest before it of which that holds; where every answer is needed, no event can break the cycle.
    """
    for link in reversed(finding.links):
        sites = tuple(site for site in call_sites(system) if site.link == link and isinstance(site.step, Call))
        if sites and not any(needs_answer(system, site) for site in sites):
            return handed_over(system, sites)
    return system

"""Answer first, do later what the answer does not need."""

from __future__ import annotations

import re

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.experiments import silent_callee
from backend_expert.advice.messaging import handed_over
from backend_expert.advice.place import component_of, synchronous_sites
from backend_expert.lab import load
from backend_expert.model import Call, CallSite, Finding, Kind, System

NOTHING_TO_WAIT_FOR = re.compile(r"e?mail|notif|sms|newsletter|webhook|analytic|audit|telemetry|tracking", re.IGNORECASE)
"""Names of work whose result no answer contains. A call is not taken for such work without one of them or `optional`."""


def _silent_worker(system: System, finding: Finding, peak: float) -> load.Scenario:
    """Return the loss of the machine that does the work which could wait."""
    return silent_callee(system, structs.replace(finding, links=tuple(site.link for site in _sites(system, finding))), peak)


@remedy(
    "async-hand-off",
    en="Hand work that the answer does not need to a queue",
    pt="Entregue a uma fila o trabalho de que a resposta não precisa",
    addresses=(
        "call-without-timeout",
        "critical-path-on-optional-dependency",
        "external-in-request-path",
        "long-synchronous-chain",
    ),
    considers=("asynchronous-communication", "resilience", "low-latency"),
    effort="weeks",
    experiment=_silent_worker,
)
def async_hand_off(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the queue takes the peak, whatever it is
    """Return the system in which those calls of the finding that nobody needs the result of are messages."""
    return handed_over(system, _sites(system, finding))


def _sites(system: System, finding: Finding) -> tuple[CallSite, ...]:
    return tuple(site for site in synchronous_sites(system, finding) if _can_wait(system, site))


def _can_wait(system: System, site: CallSite) -> bool:
    caller = component_of(system, site.caller)
    if not isinstance(site.step, Call) or (caller is not None and caller.kind is Kind.GATEWAY):
        return False  # a gateway passes requests on: the answer that its client waits for is the answer of the callee
    return site.step.policy.optional is True or bool(NOTHING_TO_WAIT_FOR.search(f"{site.callee} {site.step.operation}"))

"""Hand the time of a request down from its entry: how long each call may take before waiting on is worth nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from backend_expert.advice.demand import TAIL, mean, residence_ms, tidy
from backend_expert.model import CacheGet, Call, CallSite, Link, Operation, Policy, Query, Retry, System, entries, walk
from backend_expert.model.demand import callers_first

RETRANSMISSION_MS = 200.0
"""The least time after which Linux sends a lost TCP segment again (TCP_RTO_MIN in include/net/tcp.h).

A timeout below it turns every lost segment into a failure.
"""

WORTH_CUTTING = math.log(100)
"""The 99th percentile of an exponential law in units of its mean (4.6).

A budget that leaves a callee less than its own 99th percentile cannot be kept by cutting answers short: it would fail more than one
good request in a hundred.
"""


@lru_cache(maxsize=64)
def timeouts_ms(system: System) -> Mapping[CallSite, float]:
    """Return the timeout of each call that somebody waits for, in ms, budgeted from the entries down.

    A call gets the 99.9th percentile of its callee (at least one TCP retransmission above the mean), but all its attempts together
    get no more than what the operation's own budget leaves beside the rest of its work. The budget of an entry is its objective,
    that of any other operation the smallest timeout among its callers ("Addressing Cascading Failures" in Site Reliability
    Engineering, O'Reilly 2016, on deadlines). A client has one setting for each dependency: the longest that any of its calls gets.
    """
    time_in = residence_ms(system)
    round_trip = 2 * mean(system.network_ms)
    homes = {operation.name: operation.component for operation in system.operations}
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    budgets = {operation.name: objective_ms(system, operation) for operation in entries(system)}
    found: dict[CallSite, float] = {}
    for operation in callers_first(system):
        budget = budgets.get(operation.name, math.inf)
        for step in walk(operation.steps):
            if isinstance(step, Call):
                target, usual = homes.get(step.operation), time_in.get(step.operation, 0.0) + round_trip
            elif isinstance(step, Query | CacheGet):
                target, usual = stores.get(step.dataset), mean(step.time_ms) + round_trip
            else:
                continue
            if target is None or target == operation.component:
                continue
            left = budget - max(0.0, time_in[operation.name] - usual)
            limit = _limit_ms(usual, left, step.policy)
            found[CallSite(operation.component, target, operation.name, step)] = limit
            if isinstance(step, Call):
                granted = min(limit, mean(step.policy.timeout_ms) or math.inf)
                budgets[step.operation] = min(budgets.get(step.operation, math.inf), granted)
    longest: dict[Link, float] = {}
    for site, limit in found.items():
        longest[site.link] = max(limit, longest.get(site.link, 0.0))
    return {site: longest[site.link] for site in found}


def objective_ms(system: System, operation: Operation) -> float:
    """Return the p99 promised for an entry, in ms; infinite when nothing is promised."""
    promised = [
        each.latency_p99_ms
        for each in system.objectives
        if each.operation in ("", operation.name) and each.latency_p99_ms is not None
    ]
    return min(promised, default=math.inf)


def pauses_ms(retry: Retry | None) -> float:
    """Return the longest time that a policy spends between its attempts, in ms."""
    if retry is None:
        return 0.0
    cap = mean(retry.backoff_cap_ms) or math.inf
    return sum(min(cap, mean(retry.backoff_ms) * 2.0**pause) for pause in range(round(retry.attempts.value) - 1))


def _limit_ms(usual: float, left: float, policy: Policy) -> float:
    wanted = tidy(max(TAIL * usual, RETRANSMISSION_MS + usual))
    attempts = max(1.0, policy.retry.attempts.value if policy.retry is not None else 1.0)
    room = (left - pauses_ms(policy.retry)) / attempts
    return wanted if room >= wanted or room < max(WORTH_CUTTING * usual, 1.0) else float(math.floor(room))

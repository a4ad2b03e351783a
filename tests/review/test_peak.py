"""The peak study names what breaks, and only when something does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from backend_expert.model import Component, Deployment, Estimate, Kind, Objective, Operation, System, Trigger, Work, Workload
from backend_expert.review.peak import peak_study


@pytest.mark.parametrize(("rate", "first"), [(10, ""), (400, "shop")])
def test_what_breaks_first(rate: float, first: str) -> None:
    system = System(
        name="one",
        components=(Component(name="shop", kind=Kind.SERVICE, deployment=Deployment(cpu_cores=Estimate(1), workers=Estimate(8))),),
        operations=(Operation(name="GET /", component="shop", trigger=Trigger(kind="http"), steps=(Work(cpu_ms=Estimate(2)),)),),
        workloads=(Workload(name="visitors", operation="GET /", rate_per_s=Estimate(rate)),),
        objectives=(Objective(name="pages", latency_p99_ms=200, success_ratio=0.99),),
    )
    with ThreadPoolExecutor(1) as executor:
        study = peak_study(system, system, 5, 1, executor)
    assert study.first_to_break == first

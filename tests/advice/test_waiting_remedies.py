"""Remedies of waiting, proved in the lab where they help and rejected or not offered where they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from backend_expert.advice import Bench, Proposal, prove
from backend_expert.advice.candidates import candidates
from backend_expert.advice.resilience.controlled_delay import controlled_delay
from backend_expert.advice.resilience.deadline_propagation import deadline_propagation
from backend_expert.advice.resilience.hedged_request import hedged_request
from backend_expert.advice.scale.autoscaling import autoscaling
from backend_expert.advice.scale.sized_by_experiment import sized_by_experiment
from backend_expert.advice.trial import try_out
from backend_expert.model import (
    Action,
    Call,
    Estimate,
    Evidence,
    Finding,
    Policy,
    Query,
    Retry,
    System,
    replace_component,
)

if TYPE_CHECKING:
    from conftest import Builder, FindingOf

BENCH = Bench(peak=3, replications=3, draws=4)


def proved(system: System, finding: Finding, remedy: str, bench: Bench = BENCH) -> Proposal:
    (one,) = (each for each in prove(system, (finding,), bench).proposals if each.remedy == remedy)
    assert one.proof is not None
    return one


def with_copies(system: System, name: str, copies: float, evidence: tuple[Evidence, ...] = ()) -> System:
    component = system.component(name)
    assert component.deployment is not None
    deployment = structs.replace(component.deployment, replicas=Estimate(copies))
    return replace_component(system, structs.replace(component, deployment=deployment, evidence=evidence))


class TestDeadlinePropagation:
    def test_it_spares_the_slow_callee_dead_work(self, two_callees: Builder, finding_of: FindingOf) -> None:
        stormy = Policy(timeout_ms=Estimate(300), retry=Retry(Estimate(3)))
        system = two_callees(risky=stormy, rate=120, workers=400)
        risky = system.component("risky")
        system = replace_component(
            system, structs.replace(risky, deployment=structs.replace(risky.deployment, workers=Estimate(6)))
        )
        one = proved(system, finding_of("retry-multiplication", "front>risky"), "deadline-propagation")
        assert one.status == "proved"
        assert "hand the deadline down" in one.action.en

    def test_a_call_without_a_timeout_gets_one(self, two_callees: Builder, finding_of: FindingOf) -> None:
        changed = deadline_propagation(two_callees(), finding_of("long-synchronous-chain", "front>risky"), 3)
        (step,) = changed.operation("GET /risky").steps
        assert isinstance(step, Call)
        assert step.policy.timeout_ms is not None
        assert (step.policy.deadline_propagated, step.policy.cancels) == (True, True)
        deployment = changed.component("risky").deployment
        assert deployment is not None
        assert deployment.queue_discipline == "deadline"


class TestHedgedRequest:
    def test_it_hides_one_slow_instance(self, two_callees: Builder, finding_of: FindingOf) -> None:
        system = with_copies(two_callees(risky=Policy(), workers=200), "risky", 4)
        one = proved(system, finding_of("long-synchronous-chain", "front>risky"), "hedged-request")
        assert one.status == "proved"
        slowest = next(each for each in one.proof.measures if each.id == "latency_p99_ms") if one.proof is not None else None
        assert slowest is not None
        assert slowest.after.value < slowest.before.value / 2

    def test_one_instance_cannot_be_asked_twice(self, two_callees: Builder, finding_of: FindingOf) -> None:
        system = two_callees()
        assert hedged_request(system, finding_of("long-synchronous-chain", "front>risky"), 3) is system

    def test_a_write_is_not_sent_twice(self, two_callees: Builder, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_copies(two_callees(), "risky", 4)
        writing = structs.replace(
            system.operation("risky work"), steps=(Query(dataset="db/product", action=Action.INSERT, time_ms=Estimate(5)),)
        )
        store = with_store()
        system = structs.replace(
            system,
            components=(store.component("db"), *system.components),
            datasets=store.datasets,
            operations=tuple(writing if each.name == writing.name else each for each in system.operations),
        )
        assert hedged_request(system, finding_of("long-synchronous-chain", "front>risky"), 3) is system


class TestControlledDelay:
    def test_it_keeps_answers_fast_in_a_peak(self, with_store: Builder, finding_of: FindingOf) -> None:
        crowded = with_store(rate=200, workers=10, query_ms=25, pool=10, store_workers=32)
        found = candidates(crowded, (finding_of("unbounded-queue", components=("shop",)),), 3)
        trial = try_out(crowded, next(each for each in found if each.remedy.id == "controlled-delay"), BENCH)
        assert trial.verdict == "helps"
        slowest = trial.comparison.measure("latency_p99_ms")
        assert slowest.after.value < 200 < 5000 < slowest.before.value

    def test_beside_a_bounded_queue_it_is_not_needed(self, with_store: Builder, finding_of: FindingOf) -> None:
        crowded = with_store(rate=200, workers=10, query_ms=25, pool=10, store_workers=32)
        one = proved(crowded, finding_of("unbounded-queue", components=("shop",)), "controlled-delay")
        assert one.status == "rejected"
        assert one.proof is not None
        assert "It helps alone" in one.proof.summary.en

    def test_it_is_rejected_where_no_queue_forms(self, with_store: Builder, finding_of: FindingOf) -> None:
        one = proved(with_store(rate=20), finding_of("unbounded-queue", components=("shop",)), "controlled-delay")
        assert one.status == "rejected"

    def test_an_event_loop_has_no_such_queue(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store()
        shop = system.component("shop")
        system = replace_component(system, structs.replace(shop, deployment=structs.replace(shop.deployment, event_loop=True)))
        assert controlled_delay(system, finding_of("unbounded-queue", components=("shop",)), 3) is system


class TestAutoscaling:
    CLUSTER = (Evidence("k8s/shop.yaml", 1, "kubernetes"),)

    def busy(self, with_store: Builder, evidence: tuple[Evidence, ...]) -> System:
        return with_copies(with_store(rate=80, workers=5, pool=50, query_ms=20, store_workers=64), "shop", 1, evidence)

    def test_the_ceiling_carries_the_peak(self, with_store: Builder, finding_of: FindingOf) -> None:
        changed = autoscaling(self.busy(with_store, self.CLUSTER), finding_of("pool-smaller-than-demand", components=("shop",)), 3)
        deployment = changed.component("shop").deployment
        assert deployment is not None
        assert deployment.autoscaling is not None
        # 240/s x 23 ms keep 5.5 places busy; two instances of five places carry that, and one is to spare.
        assert (deployment.autoscaling.minimum, deployment.autoscaling.maximum) == (2, 3)

    def test_compose_has_no_autoscaler(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = self.busy(with_store, (Evidence("compose.yaml", 1, "compose"),))
        assert autoscaling(system, finding_of("pool-smaller-than-demand", components=("shop",)), 3) is system

    def test_it_helps_when_traffic_grows(self, with_store: Builder, finding_of: FindingOf) -> None:
        finding = finding_of("pool-smaller-than-demand", components=("shop",))
        bench = structs.replace(BENCH, replications=2, draws=0)
        assert proved(self.busy(with_store, self.CLUSTER), finding, "autoscaling", bench).proof is not None


class TestSizedByExperiment:
    FINDING = ("pool-smaller-than-demand", "", ("shop",))

    def small(self, with_store: Builder, rate: float = 165) -> System:
        return with_store(rate=rate, workers=5, pool=50, query_ms=20, store_workers=64)

    def test_one_instance_less_would_not_do(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = self.small(with_store)
        changed = sized_by_experiment(system, finding_of(*self.FINDING), 3)
        deployment = changed.component("shop").deployment
        assert deployment is not None
        assert deployment.replicas is not None
        # 495/s x 22 ms keep 10.9 places busy: two instances of five are too few.
        assert deployment.replicas.value == 3

    def test_what_holds_is_left_alone(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = self.small(with_store, rate=20)
        assert sized_by_experiment(system, finding_of(*self.FINDING), 3) is system

    def test_a_store_behind_is_not_cured_by_instances(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store(rate=60, query_ms=100, store_workers=4, pool=100)
        assert sized_by_experiment(system, finding_of(*self.FINDING), 3) is system

    def test_a_pool_gets_as_many_connections_as_will_do(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store(rate=150, workers=500, pool=4, query_ms=20, store_workers=64)
        changed = sized_by_experiment(system, finding_of("pool-smaller-than-demand", "shop>db"), 3)
        (size,) = {
            step.policy.pool.size.value
            for step in changed.operation("GET /products").steps
            if isinstance(step, Query) and step.policy.pool
        }
        # 450/s x 21 ms hold 9.5 connections: with nine the queue never empties, and a p99 of 500 ms needs few more than ten.
        assert 10 <= size <= 13
        fewer = sized_by_experiment(system, finding_of("pool-smaller-than-demand", components=("shop",)), 3)
        assert fewer.component("shop").deployment != system.component("shop").deployment

    def test_a_pool_in_front_of_a_full_store_is_not_cured_by_connections(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store(rate=150, workers=500, pool=4, query_ms=20, store_workers=4)
        assert sized_by_experiment(system, finding_of("pool-smaller-than-demand", "shop>db"), 3) is system

    @pytest.mark.parametrize("lab", [True, False])
    def test_it_is_not_offered_without_the_lab(self, with_store: Builder, finding_of: FindingOf, lab: bool) -> None:
        found = candidates(self.small(with_store), (finding_of(*self.FINDING),), 3, lab=lab)
        assert ("sized-by-experiment" in {each.remedy.id for each in found}) == lab

    def test_it_is_proved_like_any_other(self, with_store: Builder, finding_of: FindingOf) -> None:
        assert proved(self.small(with_store), finding_of(*self.FINDING), "sized-by-experiment").status == "proved"

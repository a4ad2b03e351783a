"""What is recommended has won in the lab, on this very system; what has not is shown with its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from backend_expert.advice import Bench, Proposal, Proving, all_remedies, prove
from backend_expert.advice.candidates import candidates
from backend_expert.advice.experiments import BEFORE_S, lost_instance, peak_traffic, silent_callee, slow_callee
from backend_expert.advice.trial import measured
from backend_expert.lab import load
from backend_expert.model import (
    Action,
    Call,
    Estimate,
    Finding,
    Mechanism,
    Operation,
    Policy,
    Query,
    Repeat,
    Retry,
    System,
    Transaction,
    Trigger,
    Wait,
)

if TYPE_CHECKING:
    from conftest import Builder, FindingOf

BENCH = Bench(peak=3, replications=3, draws=4)


def proposal(proving: Proving, remedy: str) -> Proposal:
    found = [each for each in proving.proposals if each.remedy == remedy]
    assert len(found) == 1
    return found[0]


def success(one: Proposal) -> tuple[float, float]:
    assert one.proof is not None
    measure = next(each for each in one.proof.measures if each.id == "success_ratio")
    return measure.before.value, measure.after.value


def prove_one(system: System, finding: Finding, remedy: str, bench: Bench = BENCH) -> Proposal:
    return proposal(prove(system, (finding,), bench), remedy)


class TestTimeoutBudget:
    def test_it_frees_the_workers_for_the_other_operation(self, two_callees: Builder, finding_of: FindingOf) -> None:
        one = prove_one(two_callees(), finding_of("call-without-timeout", "front>risky"), "timeout-budget")
        assert one.status == "proved"
        before, after = success(one)
        assert before < 0.2  # every worker hangs, for good
        assert after > 0.5  # only what needs the silent callee fails
        assert one.rank == 1

    def test_it_is_rejected_where_workers_never_run_out(self, two_callees: Builder, finding_of: FindingOf) -> None:
        idle = two_callees(rate=2, workers=1000)
        one = prove_one(idle, finding_of("call-without-timeout", "front>risky"), "timeout-budget")
        assert one.status == "rejected"
        assert one.proof is not None
        assert one.proof.verdict != "helps"


class TestCircuitBreaker:
    FINDING = ("slow-dependency-without-breaker", "front>risky")

    def test_it_helps_where_timeouts_hold_too_many_workers(self, two_callees: Builder, finding_of: FindingOf) -> None:
        patient = two_callees(risky=Policy(timeout_ms=Estimate(3000)))
        one = prove_one(patient, finding_of(*self.FINDING), "circuit-breaker")
        assert one.status == "proved"
        before, after = success(one)
        assert after > before + 0.1

    def test_it_is_rejected_where_timeouts_are_short_enough(self, two_callees: Builder, finding_of: FindingOf) -> None:
        brisk = two_callees(risky=Policy(timeout_ms=Estimate(230)), workers=1000)
        assert prove_one(brisk, finding_of(*self.FINDING), "circuit-breaker").status == "rejected"


class TestRightSizedPool:
    def test_it_helps_where_the_pool_is_the_bottleneck(self, with_store: Builder, finding_of: FindingOf) -> None:
        one = prove_one(with_store(pool=2), finding_of("pool-smaller-than-demand", "shop>db"), "right-sized-pool")
        assert one.status == "proved"
        assert one.proof is not None
        slowest = next(each for each in one.proof.measures if each.id == "latency_p99_ms")
        assert slowest.after.value < slowest.before.value / 2

    def test_it_does_not_fit_where_the_store_is_the_bottleneck(self, with_store: Builder, finding_of: FindingOf) -> None:
        proving = prove(with_store(pool=2, store_workers=2), (finding_of("pool-smaller-than-demand", "shop>db"),), BENCH)
        assert [each for each in proving.proposals if each.remedy == "right-sized-pool"] == []


class TestMoreReplicas:
    def test_it_helps_when_an_instance_is_lost(self, two_callees: Builder, finding_of: FindingOf) -> None:
        finding = finding_of("single-instance-on-critical-path", components=("front",))
        one = prove_one(two_callees(), finding, "more-replicas")
        assert one.status == "proved"
        before, after = success(one)
        assert before < 0.7
        assert after > 0.98

    def test_it_is_rejected_where_the_store_behind_is_the_bottleneck(self, with_store: Builder, finding_of: FindingOf) -> None:
        drowned = with_store(rate=60, query_ms=100, store_workers=4, pool=100)
        one = prove_one(drowned, finding_of("pool-smaller-than-demand", components=("shop",)), "more-replicas")
        assert one.status == "rejected"


class TestRetryWithBudget:
    FINDING = ("retry-multiplication", "front>middle>risky")

    @staticmethod
    def layered(two_callees: Builder, attempts: float) -> System:
        """Build front → middle → risky with retries in both layers and timeouts that a slow callee runs into."""
        system: System = two_callees(rate=100, workers=400)
        outer = Policy(timeout_ms=Estimate(400), retry=Retry(Estimate(attempts)))
        inner = Policy(timeout_ms=Estimate(100), retry=Retry(Estimate(attempts)))
        middle = structs.replace(system.component("steady"), name="middle")
        risky = structs.replace(system.component("risky"), deployment=structs.replace(middle.deployment, workers=Estimate(4)))
        operations = (
            Operation(
                name="GET /risky", component="front", trigger=Trigger(kind="http"), steps=(Call(operation="m", policy=outer),)
            ),
            Operation(
                name="m", component="middle", trigger=Trigger(kind="http"), steps=(Call(operation="risky work", policy=inner),)
            ),
            system.operation("risky work"),
        )
        workloads = tuple(each for each in system.workloads if each.operation == "GET /risky")
        return structs.replace(
            system, components=(system.component("front"), middle, risky), operations=operations, workloads=workloads
        )

    def test_it_ends_the_storm(self, two_callees: Builder, finding_of: FindingOf) -> None:
        one = prove_one(self.layered(two_callees, 3), finding_of(*self.FINDING), "retry-with-budget")
        assert one.status == "proved"
        before, after = success(one)
        assert after > before + 0.02

    def test_it_does_not_fit_where_nothing_is_retried(self, two_callees: Builder, finding_of: FindingOf) -> None:
        found = candidates(self.layered(two_callees, 1), (finding_of(*self.FINDING),), 3)
        assert "retry-with-budget" not in {each.remedy.id for each in found}


class TestBoundedQueue:
    def test_it_answers_some_in_time_instead_of_all_too_late(self, with_store: Builder, finding_of: FindingOf) -> None:
        # 200/s x 3 at the peak against 10 workers x 1000 / 27 ms = 370/s.
        crowded = with_store(rate=200, workers=10, query_ms=25, pool=10, store_workers=32)
        one = prove_one(crowded, finding_of("unbounded-queue", components=("shop",)), "bounded-queue")
        assert one.status == "proved"
        assert one.proof is not None
        slowest = next(each for each in one.proof.measures if each.id == "latency_p99_ms")
        assert slowest.after.value < 1000 < slowest.before.value

    def test_it_is_rejected_where_no_queue_forms(self, with_store: Builder, finding_of: FindingOf) -> None:
        one = prove_one(with_store(rate=20), finding_of("unbounded-queue", components=("shop",)), "bounded-queue")
        assert one.status == "rejected"
        assert one.proof is not None
        assert one.proof.verdict == "no-difference"


class TestCacheAside:
    def test_it_helps_where_the_store_is_the_bottleneck(self, with_store: Builder, finding_of: FindingOf) -> None:
        hot = with_store(rate=60, query_ms=40, store_workers=4, pool=20)
        one = prove_one(hot, finding_of("pool-smaller-than-demand", "shop>db"), "cache-aside")
        assert one.status == "proved"

    def test_it_does_not_fit_a_write(self, with_store: Builder, finding_of: FindingOf) -> None:
        found = candidates(with_store(action=Action.UPDATE), (finding_of("pool-smaller-than-demand", "shop>db"),), 3)
        assert "cache-aside" not in {each.remedy.id for each in found}


class TestAsyncHandOff:
    @pytest.mark.parametrize(("optional", "fits"), [(True, True), (None, False)])
    def test_it_fits_optional_work_only(
        self, two_callees: Builder, finding_of: FindingOf, optional: bool | None, fits: bool
    ) -> None:
        system = two_callees(risky=Policy(optional=optional))
        found = candidates(system, (finding_of("long-synchronous-chain", "front>risky"),), 3)
        assert ("async-hand-off" in {each.remedy.id for each in found}) == fits

    def test_it_keeps_the_answer_coming_when_the_worker_is_silent(self, two_callees: Builder, finding_of: FindingOf) -> None:
        system = two_callees(risky=Policy(optional=True))
        one = prove_one(system, finding_of("long-synchronous-chain", "front>risky"), "async-hand-off")
        assert success(one)[1] > 0.98


class TestRewrittenPrograms:
    def test_a_batch_wins_in_most_draws_of_its_time(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store()
        loop = Repeat(count=Estimate(30), steps=(Query(dataset="db/product", time_ms=Estimate(3)),))
        system = structs.replace(system, operations=(structs.replace(system.operations[0], steps=(loop,)),))
        one = prove_one(system, finding_of("store-call-in-loop", "shop>db"), "batched-query")
        assert one.status == "proved"
        assert one.proof is not None
        assert one.proof.draws == BENCH.draws

    @pytest.mark.parametrize(("count", "status"), [(8, "proved"), (1.01, "rejected")])
    def test_a_batched_call_saves_the_trips(self, two_callees: Builder, finding_of: FindingOf, count: float, status: str) -> None:
        system = two_callees(risky_ms=1)
        loop = Repeat(count=Estimate(count), steps=(Call(operation="risky work"),))
        system = structs.replace(system, operations=(structs.replace(system.operations[0], steps=(loop,)), *system.operations[1:]))
        assert prove_one(system, finding_of("remote-call-in-loop", "front>risky"), "batched-call").status == status

    def test_a_short_transaction_gives_its_connection_back(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store(rate=30, pool=4, query_ms=3, workers=1000)  # the pool runs out, not the workers
        call = Call(operation="quote", policy=Policy(timeout_ms=Estimate(2000)))
        held = Transaction(store="db", steps=(system.operations[0].steps[1], call))
        quote = Operation(name="quote", component="quotes", trigger=Trigger(kind="http"), steps=(Wait(time_ms=Estimate(20)),))
        read = Operation(name="read", component="shop", trigger=Trigger(kind="http"), steps=(system.operations[0].steps[1],))
        workload = structs.replace(system.workloads[0], name="reading", operation="read")
        system = structs.replace(
            system,
            components=(*system.components, structs.replace(system.component("shop"), name="quotes")),
            operations=(structs.replace(system.operations[0], steps=(held,)), quote, read),
            workloads=(*system.workloads, workload),
        )
        one = prove_one(system, finding_of("transaction-spans-remote-call", "shop>quotes"), "short-transaction")
        assert one.status == "proved"


def test_a_change_that_changes_nothing_gives_equal_numbers(two_callees: Builder, finding_of: FindingOf) -> None:
    system = two_callees()
    scenario = silent_callee(system, finding_of("call-without-timeout", "front>risky"), 3)
    trial = measured(system, lambda same: same, scenario, BENCH)
    assert trial.verdict == "no-difference"
    assert trial.plausible is None
    assert trial.comparison.before == trial.comparison.after
    assert all(each.difference == load.Interval(0, 0, 0) for each in trial.comparison.measures)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rate=st.floats(1, 60), workers=st.integers(1, 50), peak=st.floats(1, 4))
def test_a_remedy_that_does_not_fit_returns_the_same_object(
    two_callees: Builder, finding_of: FindingOf, rate: float, workers: int, peak: float
) -> None:
    system = two_callees(rate=rate, workers=workers)
    for remedy in all_remedies():
        for rule in remedy.addresses:
            for finding in (finding_of(rule, "elsewhere>nowhere"), finding_of(rule, components=("nowhere",))):
                assert remedy.apply(system, finding, peak) is system, remedy.id


def test_a_second_application_finds_nothing_left_to_do(two_callees: Builder, finding_of: FindingOf) -> None:
    system = two_callees()
    findings = (
        finding_of("call-without-timeout", "front>risky"),
        finding_of("single-instance-on-critical-path", components=("front", "risky", "steady")),
    )
    for candidate in candidates(system, findings, 3):
        for finding in candidate.findings:
            assert candidate.remedy.apply(candidate.after, finding, 3) is candidate.after


class TestTheWhole:
    @pytest.fixture
    def proving(self, two_callees: Builder, finding_of: FindingOf) -> Proving:
        findings = (
            finding_of("call-without-timeout", "front>risky"),
            finding_of("call-without-timeout", "front>steady"),
            finding_of("single-instance-on-critical-path", components=("front",)),
            finding_of("no-health-endpoint", components=("front",)),
        )
        return prove(two_callees(), findings, BENCH)

    def test_ranks_count_from_one_and_the_rest_has_none(self, proving: Proving) -> None:
        ranks = [each.rank for each in proving.proposals if each.status == "proved"]
        assert ranks == list(range(1, len(ranks) + 1))
        assert ranks
        assert {each.rank for each in proving.proposals if each.status != "proved"} <= {0}

    def test_one_remedy_answers_several_findings_in_one_proposal(self, proving: Proving) -> None:
        assert len(proposal(proving, "timeout-budget").findings) == 2

    def test_what_no_lab_decides_is_inferred(self, proving: Proving) -> None:
        one = proposal(proving, "health-probe")
        assert (one.status, one.proof) == ("inferred", None)
        assert "health probes" in one.action.en

    def test_the_set_holds_what_was_accepted_and_nothing_else(self, proving: Proving) -> None:
        front = proving.after_all.component("front").deployment
        assert front is not None
        assert front.probes == ()
        assert front.replicas is not None
        assert front.replicas.value > 1
        assert proving.together is not None

    def test_a_proposal_carries_what_a_report_needs(self, proving: Proving) -> None:
        one = proposal(proving, "timeout-budget")
        assert one.pseudocode.en.startswith("```text")
        assert one.pseudocode.pt != one.pseudocode.en
        assert one.when_not.pt
        assert {example.language for example in one.examples} == {"ts"}
        assert one.components == ("front",)
        assert one.proof is not None
        assert [series.id for series in one.proof.series] == ["before", "after"]
        assert all(len(series.time_s) == len(series.latency_p99_ms) for series in one.proof.series)
        assert "gives no answer at all" in one.proof.experiment.en
        assert one.proof.objective_ms == 500

    def test_it_survives_json(self, proving: Proving) -> None:
        encoded = msgspec.json.encode(proving)
        assert msgspec.json.decode(encoded, type=Proving) == proving

    def test_equal_input_gives_equal_bytes(self, proving: Proving, two_callees: Builder, finding_of: FindingOf) -> None:
        findings = (
            finding_of("call-without-timeout", "front>risky"),
            finding_of("call-without-timeout", "front>steady"),
            finding_of("single-instance-on-critical-path", components=("front",)),
            finding_of("no-health-endpoint", components=("front",)),
        )
        assert msgspec.json.encode(prove(two_callees(), findings, BENCH)) == msgspec.json.encode(proving)


def test_what_is_asked_is_kept_apart_and_comes_last(two_callees: Builder, finding_of: FindingOf) -> None:
    findings = (
        finding_of("call-without-timeout", "front>risky", asked=True),
        finding_of("single-instance-on-critical-path", components=("front",)),
    )
    proving = prove(two_callees(), findings, BENCH)
    proved = [each for each in proving.proposals if each.status == "proved"]
    assert proved[0].remedy == "more-replicas"
    asked = proposal(proving, "timeout-budget")
    assert asked.action.en.startswith("Once the finding is confirmed")


def test_words_to_consider_bring_remedies_forward(two_callees: Builder, finding_of: FindingOf) -> None:
    finding = finding_of("long-synchronous-chain", "front>risky")
    system = two_callees(risky=Policy(optional=True, absent=(Mechanism.TIMEOUT,)))
    found = candidates(system, (finding,), 3, consider=("asynchronous-communication",))
    assert found[0].remedy.id == "async-hand-off"
    assert candidates(system, (finding,), 3)[0].remedy.id == "async-hand-off"
    assert candidates(system, (finding,), 3, consider=("low-latency",))[-1].remedy.id == "circuit-breaker"


def test_progress_is_told_and_ends(two_callees: Builder, finding_of: FindingOf) -> None:
    told: list[tuple[int, int]] = []
    finding = finding_of("no-health-endpoint", components=("front",))
    prove(two_callees(), (finding,), BENCH, progress=lambda done, of: told.append((done, of)))
    assert told == [(0, 1), (1, 1)]


def test_a_system_that_cannot_be_simulated_leaves_its_remedies_inferred(two_callees: Builder, finding_of: FindingOf) -> None:
    system = two_callees()
    endless = structs.replace(system.operation("risky work"), steps=(Call(operation="GET /risky"),))
    system = structs.replace(system, operations=tuple(endless if each.name == endless.name else each for each in system.operations))
    proving = prove(system, (finding_of("call-without-timeout", "front>risky"),), BENCH)
    assert {each.status for each in proving.proposals} == {"inferred"}
    assert proving.notes
    assert proving.after_all.operations
    assert proving.together is None


def test_experiments_name_their_trouble(two_callees: Builder, with_store: Builder, finding_of: FindingOf) -> None:
    system = two_callees()
    finding = finding_of("call-without-timeout", "front>risky")
    (fault,) = silent_callee(system, finding, 3).faults
    assert fault == load.crash("risky", BEFORE_S, 30, silent=True, instances=None)
    (fault,) = lost_instance(system, finding_of("single-instance-on-critical-path", components=("front",)), 3).faults
    assert fault == load.crash("front", BEFORE_S, 20)
    (fault,) = slow_callee(with_store(store_workers=16), finding_of("retry-multiplication", "shop>db"), 3).faults
    # 150/s x 20 ms keep 3 of 16 places busy; at 10.7 times the time they keep 32 busy, twice what there is.
    assert fault == load.slow("db", 10.7, BEFORE_S, 20)
    assert peak_traffic(system, finding, 3).faults == ()

"""Remedies that change what an operation does: a cache, a queue, a batch, a shorter transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from backend_expert.advice.consistency.short_transaction import short_transaction
from backend_expert.advice.resilience.async_hand_off import async_hand_off
from backend_expert.advice.scale.batched_call import batched_call
from backend_expert.advice.scale.batched_query import batched_query
from backend_expert.advice.scale.cache_aside import cache_aside
from backend_expert.advice.structure.break_the_cycle import break_the_cycle
from backend_expert.model import (
    Action,
    CacheGet,
    CachePut,
    Call,
    Certainty,
    Component,
    Dataset,
    Estimate,
    Kind,
    Link,
    Operation,
    Policy,
    Publish,
    Query,
    Repeat,
    Step,
    System,
    Transaction,
    Trigger,
    Work,
)

if TYPE_CHECKING:
    from conftest import Builder, FindingOf

READ = Query(dataset="db/product", time_ms=Estimate(4))
WRITE = Query(dataset="db/product", action=Action.UPDATE, time_ms=Estimate(4))


def running(system: System, *steps: Step) -> System:
    """Return the system whose first operation runs other steps."""
    first, *others = system.operations
    return structs.replace(system, operations=(structs.replace(first, steps=steps), *others))


class TestCacheAside:
    def test_a_plain_read_goes_to_a_new_cache_first(self, with_store: Builder, finding_of: FindingOf) -> None:
        before = running(with_store(), READ)
        changed = cache_aside(before, finding_of("pool-smaller-than-demand", "shop>db"), 3)
        (step,) = changed.operations[0].steps
        assert isinstance(step, CacheGet)
        assert step.on_miss == (READ, CachePut(dataset="cache/product"))
        assert step.hit_ratio is not None
        assert step.hit_ratio.assumed
        assert changed.component("cache").kind is Kind.CACHE
        assert changed.dataset("cache/product").store == "cache"

    def test_a_cache_that_is_there_is_used(self, with_store: Builder, finding_of: FindingOf) -> None:
        before = running(with_store(), READ)
        before = structs.replace(before, components=(*before.components, Component(name="valkey", kind=Kind.CACHE)))
        changed = cache_aside(before, finding_of("pool-smaller-than-demand", "shop>db"), 3)
        assert [component.name for component in changed.components] == ["db", "shop", "valkey"]
        assert changed.dataset("valkey/product").store == "valkey"

    @pytest.mark.parametrize(
        "steps",
        [
            (WRITE,),
            (READ, WRITE),
            (Transaction(store="db", steps=(READ,)),),
            (CacheGet(dataset="cache/product", on_miss=(READ,)),),
            (structs.replace(READ, certainty=Certainty.ASSUMED),),
        ],
        ids=["write", "read before write", "in a transaction", "cached already", "nobody saw it"],
    )
    def test_what_must_be_fresh_or_is_not_known_stays(
        self, with_store: Builder, finding_of: FindingOf, steps: tuple[Step, ...]
    ) -> None:
        before = running(with_store(), *steps)
        assert cache_aside(before, finding_of("pool-smaller-than-demand", "shop>db"), 3) is before

    def test_an_assumed_handler_says_nothing_about_its_reads(self, with_store: Builder, finding_of: FindingOf) -> None:
        before = with_store()
        before = structs.replace(before, operations=(structs.replace(before.operations[0], certainty=Certainty.ASSUMED),))
        assert cache_aside(before, finding_of("pool-smaller-than-demand", "shop>db"), 3) is before


class TestHandOff:
    def test_optional_work_becomes_a_message(self, two_callees: Builder, finding_of: FindingOf) -> None:
        before = two_callees(risky=Policy(optional=True))
        changed = async_hand_off(before, finding_of("long-synchronous-chain", "front>risky"), 3)
        (step,) = changed.operation("GET /risky").steps
        assert step == Publish(topic="broker/risky.requested", confirmed=True, persistent=True)
        consumer = next(each for each in changed.operations if each.trigger.kind == "message")
        assert consumer.component == "risky"
        assert consumer.steps == before.operation("risky work").steps
        assert consumer.trigger.acknowledge == "after"
        assert changed.component("broker").kind is Kind.BROKER
        assert changed.topic("broker/risky.requested").durable

    def test_work_that_the_answer_may_need_stays(self, two_callees: Builder, finding_of: FindingOf) -> None:
        before = two_callees()
        assert async_hand_off(before, finding_of("long-synchronous-chain", "front>risky"), 3) is before

    def test_a_gateway_waits_for_the_answer_that_it_passes_on(self, two_callees: Builder, finding_of: FindingOf) -> None:
        before = two_callees(risky=Policy(optional=True))
        gateway = structs.replace(before.component("front"), kind=Kind.GATEWAY)
        parts = tuple(gateway if each.name == "front" else each for each in before.components)
        before = structs.replace(before, components=parts)
        assert async_hand_off(before, finding_of("long-synchronous-chain", "front>risky"), 3) is before

    @pytest.mark.parametrize("name", ["mailer", "emailservice", "notifications", "sms-gateway"])
    def test_a_name_may_say_that_nobody_waits(self, two_callees: Builder, finding_of: FindingOf, name: str) -> None:
        before = two_callees()
        risky = structs.replace(before.operation("risky work"), component=name)
        before = structs.replace(
            before,
            components=tuple(structs.replace(each, name=name) if each.name == "risky" else each for each in before.components),
            operations=tuple(risky if each.name == "risky work" else each for each in before.operations),
        )
        assert async_hand_off(before, finding_of("long-synchronous-chain", f"front>{name}"), 3) is not before

    def cycle(self, again: Operation, first: Operation | None = None) -> System:
        a = first or Operation(name="a", component="a", trigger=Trigger(kind="http"), steps=(Call(operation="b"),))
        b = Operation(name="b", component="b", trigger=Trigger(kind="http"), steps=(Call(operation="a again"),))
        return System(
            name="cycle",
            components=(Component(name="a", kind=Kind.SERVICE), Component(name="b", kind=Kind.SERVICE)),
            operations=(a, again, b),
        )

    def test_the_link_that_goes_back_is_cut(self, finding_of: FindingOf) -> None:
        told = Query(dataset="db/status", action=Action.UPDATE)
        again = Operation(name="a again", component="a", trigger=Trigger(kind="http", name="POST /status"), steps=(told,))
        system = self.cycle(again)
        changed = break_the_cycle(system, finding_of("synchronous-cycle", "a>b>a"), 3)
        assert changed.operation("a").steps == system.operation("a").steps
        assert isinstance(changed.operation("b").steps[0], Publish)
        assert break_the_cycle(system, finding_of("synchronous-cycle", "a>c>a"), 3) is system

    @pytest.mark.parametrize(
        "asked",
        [
            Operation(name="a again", component="a", trigger=Trigger(kind="http", name="GET /price"), steps=()),
            Operation(name="a again", component="a", trigger=Trigger(kind="rpc"), steps=(Query(dataset="db/price"),)),
        ],
        ids=["a safe method", "an operation that only reads"],
    )
    def test_a_call_that_asks_is_no_event(self, finding_of: FindingOf, asked: Operation) -> None:
        """The way back asks for something, so the way there is cut; where that comes through a gateway, nothing is."""
        system = self.cycle(asked)
        changed = break_the_cycle(system, finding_of("synchronous-cycle", "a>b>a"), 3)
        assert changed.operation("b").steps == system.operation("b").steps
        assert isinstance(changed.operation("a").steps[0], Publish)
        gateway = structs.replace(system.component("a"), kind=Kind.GATEWAY)
        system = structs.replace(system, components=(gateway, system.component("b")))
        assert break_the_cycle(system, finding_of("synchronous-cycle", "a>b>a"), 3) is system


class TestBatchedQuery:
    def test_a_loop_of_reads_becomes_one_statement_of_unknown_length(self, with_store: Builder, finding_of: FindingOf) -> None:
        before = running(with_store(), Repeat(count=Estimate(25), steps=(READ,)))
        changed = batched_query(before, finding_of("store-call-in-loop", "shop>db"), 3)
        assert changed.operations[0].steps == (structs.replace(READ, time_ms=Estimate(20, 5, Certainty.ASSUMED)),)

    @pytest.mark.parametrize(
        "loop",
        [
            Repeat(count=Estimate(25), steps=(WRITE,)),
            Repeat(count=Estimate(25), steps=(READ, Work())),
            Repeat(count=Estimate(1), steps=(READ,)),
        ],
        ids=["writes", "more than reads", "once"],
    )
    def test_other_loops_stay(self, with_store: Builder, finding_of: FindingOf, loop: Repeat) -> None:
        before = running(with_store(), loop)
        assert batched_query(before, finding_of("store-call-in-loop", "shop>db"), 3) is before


class TestShortTransaction:
    def test_the_call_moves_in_front(self, two_callees: Builder, finding_of: FindingOf) -> None:
        call = Call(operation="risky work")
        before = structs.replace(
            running(two_callees(), Work(), Transaction(store="db", steps=(WRITE, call, READ))),
            datasets=(Dataset(name="db/product", store="db"),),
        )
        finding = structs.replace(
            finding_of("transaction-spans-remote-call", "front>risky"), links=(Link("front", "db"), Link("front", "risky"))
        )
        changed = short_transaction(before, finding, 3)
        assert changed.operations[0].steps == (Work(), call, Transaction(store="db", steps=(WRITE, READ)))

    def test_a_transaction_of_statements_stays(self, with_store: Builder, finding_of: FindingOf) -> None:
        before = running(with_store(), Transaction(store="db", steps=(READ, WRITE)))
        assert short_transaction(before, finding_of("transaction-spans-remote-call", "shop>db"), 3) is before


class TestBatchedCall:
    def test_the_trips_are_saved_and_the_work_stays(self, two_callees: Builder, finding_of: FindingOf) -> None:
        loop = Repeat(count=Estimate(8), steps=(Call(operation="risky work"),))
        before = running(two_callees(), loop)
        changed = batched_call(before, finding_of("remote-call-in-loop", "front>risky"), 3)
        (step,) = changed.operations[0].steps
        assert isinstance(step, Call)
        batch = changed.operation(step.operation)
        assert batch.component == "risky"
        assert batch.steps == (Repeat(count=Estimate(8), steps=before.operation("risky work").steps),)
        assert changed.operation("risky work") == before.operation("risky work")

    @pytest.mark.parametrize(
        "loop",
        [
            Repeat(count=Estimate(1), steps=(Call(operation="risky work"),)),
            Repeat(count=Estimate(8), steps=(Call(operation="risky work"), Work())),
            Repeat(count=Estimate(8), steps=(Call(operation="steady work"),)),
        ],
        ids=["once", "more than a call", "another callee"],
    )
    def test_other_loops_stay(self, two_callees: Builder, finding_of: FindingOf, loop: Repeat) -> None:
        before = running(two_callees(), loop)
        assert batched_call(before, finding_of("remote-call-in-loop", "front>risky"), 3) is before

"""Remedies of lost, repeated and mixed up effects: they change what a program does, and the rule that asked for them falls silent."""

from __future__ import annotations

import pytest
from msgspec import structs

from backend_expert import rules
from backend_expert.advice import all_remedies
from backend_expert.advice.difference import differences
from backend_expert.model import (
    Ack,
    Action,
    Call,
    Component,
    Dataset,
    Estimate,
    Evidence,
    Finding,
    Kind,
    Mechanism,
    Operation,
    Policy,
    Publish,
    Query,
    Retry,
    Step,
    System,
    Topic,
    Transaction,
    Trigger,
    Work,
)

HERE = (Evidence("src/orders.ts", 7, "node"),)
ORDER = Query(dataset="db/shop.orders", action=Action.INSERT, evidence=HERE)
EVENT = Publish(topic="mq/order.created", confirmed=False, persistent=False, evidence=HERE)
READ = Query(dataset="db/shop.stock", filter_columns=("id",), evidence=HERE)
WRITE = Query(dataset="db/shop.stock", action=Action.UPDATE, filter_columns=("id",), evidence=HERE)


def system(*steps: Step, store: Kind = Kind.DATABASE, consumer: tuple[Step, ...] = (ORDER,), **trigger: object) -> System:
    """Build `orders`, which runs the steps, `mails`, which hears of orders, and `bank`, which somebody else runs."""
    heard = Trigger(kind="message", name="mq/order.created", **trigger)  # type: ignore[arg-type]
    return System(
        name="s",
        components=(
            Component(name="bank", kind=Kind.EXTERNAL),
            Component(name="db", kind=store, technology="postgresql"),
            Component(name="mails", kind=Kind.WORKER),
            Component(name="mq", kind=Kind.BROKER, technology="rabbitmq"),
            Component(name="orders", kind=Kind.SERVICE),
        ),
        operations=(
            Operation(name="charge", component="bank", trigger=Trigger(kind="http", name="POST /charges")),
            Operation(name="mails on order.created", component="mails", trigger=heard, steps=consumer, evidence=HERE),
            Operation(
                name="place", component="orders", trigger=Trigger(kind="http", name="POST /orders"), steps=steps, evidence=HERE
            ),
        ),
        datasets=(Dataset(name="db/shop.orders", store="db"), Dataset(name="db/shop.stock", store="db")),
        topics=(Topic(name="mq/order.created", broker="mq", durable=False),),
    )


def found(before: System, rule: str) -> Finding:
    (finding,) = (each for each in rules.check(before) if each.rule == rule)
    return finding


def applied(before: System, remedy: str, rule: str) -> System:
    """Apply a remedy to the finding of a rule; nothing of the rule is left, nothing is left to do, and words say what was done."""
    finding = found(before, rule)
    (one,) = (each for each in all_remedies() if each.id == remedy)
    after = one.apply(before, finding, 3)
    assert [each for each in rules.check(after) if each.rule == rule] == []
    assert one.apply(after, finding, 3) is after
    assert all(text.en and text.pt and text.en != text.pt for text in differences(before, after))
    assert differences(before, after)
    return after


class TestOutbox:
    @pytest.mark.parametrize(
        "steps",
        [(ORDER, EVENT), (Transaction(store="db", steps=(ORDER,)), EVENT), (Transaction(store="db", steps=(ORDER, EVENT)),)],
        ids=["two steps", "publish after the transaction", "publish inside the transaction"],
    )
    def test_the_event_becomes_a_row_of_the_transaction(self, steps: tuple[Step, ...]) -> None:
        after = applied(system(*steps), "outbox", "dual-write")
        stored = Query(dataset="db/shop.outbox", action=Action.INSERT)
        assert after.operation("place").steps == (Transaction(store="db", steps=(ORDER, stored)),)
        assert after.dataset("db/shop.outbox").store == "db"
        relay = after.operation("orders relays db/shop.outbox")
        assert relay.trigger.kind == "schedule"
        sent = relay.steps[1]
        assert isinstance(sent, Publish)
        assert (sent.topic, sent.confirmed, sent.persistent) == ("mq/order.created", True, True)

    def test_a_store_without_transactions_has_no_outbox(self) -> None:
        before = system(ORDER, EVENT, store=Kind.CACHE)
        (one,) = (each for each in all_remedies() if each.id == "outbox")
        assert one.apply(before, found(before, "dual-write"), 3) is before


class TestGuardedUpdate:
    def test_the_condition_goes_into_the_statement(self) -> None:
        after = applied(system(READ, Work(), WRITE), "guarded-update", "read-modify-write-race")
        assert after.operation("place").steps == (READ, Work(), structs.replace(WRITE, action=Action.GUARDED_UPDATE))

    def test_other_rows_stay(self) -> None:
        other = structs.replace(WRITE, filter_columns=("shelf",))
        after = applied(system(READ, WRITE, other), "guarded-update", "read-modify-write-race")
        assert other in after.operation("place").steps


class TestIdempotencyKey:
    RETRIED = Policy(retry=Retry(Estimate(3)), absent=(Mechanism.IDEMPOTENCY_KEY, Mechanism.BREAKER))

    def test_a_third_party_is_sent_a_key(self) -> None:
        before = system(Call(operation="charge", policy=self.RETRIED))
        after = applied(before, "idempotency-key", "retry-of-non-idempotent-call")
        (step,) = after.operation("place").steps
        assert isinstance(step, Call)
        assert step.policy.idempotency_key is True
        assert step.policy.absent == (Mechanism.BREAKER,)
        assert after.datasets == before.datasets

    def test_a_service_of_ours_stores_the_key_with_its_first_write(self) -> None:
        before = system(ORDER)
        front = Operation(
            name="front",
            component="mails",
            trigger=Trigger(kind="http", name="POST /"),
            steps=(Call(operation="place", policy=self.RETRIED),),
        )
        before = structs.replace(before, operations=tuple(sorted((*before.operations, front), key=lambda each: each.name)))
        after = applied(before, "idempotency-key", "retry-of-non-idempotent-call")
        (kept,) = after.operation("place").steps
        assert isinstance(kept, Transaction)
        key, order = kept.steps
        assert isinstance(key, Query)
        assert (key.dataset, key.action) == ("db/shop.idempotency_key", Action.INSERT)
        assert order == ORDER


class TestAcknowledge:
    @pytest.mark.parametrize(
        ("acknowledge", "steps"),
        [("auto", (ORDER,)), ("before", (ORDER,)), (None, (Ack(evidence=HERE), ORDER))],
        ids=["automatic", "before", "a step of its own"],
    )
    def test_it_comes_last(self, acknowledge: str | None, steps: tuple[Step, ...]) -> None:
        before = system(consumer=steps, acknowledge=acknowledge)
        after = applied(before, "acknowledge-after-effect", "ack-before-effect").operation("mails on order.created")
        assert after.steps == (ORDER, Ack())
        assert after.trigger.acknowledge == "after"


class TestDeadLetter:
    @pytest.mark.parametrize(("stated", "limit"), [(None, 20), (3, 3)])
    def test_deliveries_are_bounded_and_the_rest_is_kept(self, stated: int | None, limit: int) -> None:
        before = system(acknowledge="after", dead_letter=False, maximum_deliveries=stated)
        after = applied(before, "dead-letter-queue", "consumer-without-dead-letter")
        trigger = after.operation("mails on order.created").trigger
        assert (trigger.dead_letter, trigger.maximum_deliveries) == (True, limit)
        assert after.topic("mq/order.created.dead").durable


class TestConfirms:
    def test_what_is_known_to_be_unsure_becomes_sure(self) -> None:
        after = applied(system(EVENT), "publisher-confirms", "publish-not-confirmed")
        assert after.operation("place").steps == (structs.replace(EVENT, confirmed=True, persistent=True),)
        assert after.topic("mq/order.created").durable

    def test_what_is_unknown_stays_unknown(self) -> None:
        after = applied(system(structs.replace(EVENT, confirmed=None)), "publisher-confirms", "publish-not-confirmed")
        (step,) = after.operation("place").steps
        assert isinstance(step, Publish)
        assert (step.confirmed, step.persistent) == (None, True)

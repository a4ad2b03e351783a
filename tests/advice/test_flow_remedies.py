"""What the remedies of flows do, each on a small flow that shows its one thing."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice import remedy_named, repairs
from backend_expert.advice.catalogue import EFFORTS
from backend_expert.lab.states import (
    Bounds,
    Call,
    Column,
    Compensate,
    Effect,
    External,
    Flow,
    Handler,
    Insert,
    Invariant,
    Lock,
    Observe,
    Publish,
    Read,
    Reply,
    Table,
    Topic,
    Transaction,
    Write,
    explore,
)
from backend_expert.lab.states.flow import walk

QUIET = Bounds(crash=0, duplicate=0, timeout=0)


def repaired(flow: Flow, remedy: str, invariant: Invariant) -> Flow:
    repair = remedy_named(remedy).repair
    assert repair is not None
    return repair.apply(flow, invariant)


def verdict(flow: Flow, invariant: Invariant) -> str:
    (answer,) = explore(flow, (invariant,)).answers
    return answer.verdict


def test_the_remedies_that_the_lab_tries_are_ordered_by_effort() -> None:
    efforts = [EFFORTS.index(remedy_named(repair.id).effort) for repair in repairs()]
    assert efforts == sorted(efforts)
    assert all(repair.closes for repair in repairs())


CALLED = Flow(
    name="called",
    tables=(Table("shop.orders"),),
    externals=(External("bank"),),
    handlers=(
        Handler("shop.order", (Transaction((Insert("shop.orders"), Call("pay.charge"))), Reply(201))),
        Handler("pay.charge", (Effect("bank.charge"), Reply(201)), called=True),
    ),
    bounds=Bounds(requests=1, crash=1, duplicate=0, timeout=0),
)
BOTH = Invariant("half-compensated", "bank.charge", (), ("shop.orders.rows >= 1", "bank.charge >= 1"))


def test_a_saga_guards_the_whole_of_what_belongs_together_through_calls() -> None:
    saga = repaired(CALLED, "durable-saga", BOTH)
    (guard,) = (step for step in saga.handler("shop.order").steps if isinstance(step, Compensate))
    assert guard.durable
    assert [type(step) for step in guard.steps] == [Transaction]
    assert [step.undoes for step in guard.undo if isinstance(step, Effect)] == ["bank.charge"]
    assert saga.handler("pay.charge") == CALLED.handler("pay.charge")
    assert repaired(saga, "durable-saga", BOTH) is saga


def test_a_charge_that_is_still_on_its_way_comes_after_its_refund() -> None:
    """What a saga does not fix: the caller dies, the log takes back what has not happened yet, and then it happens."""
    assert verdict(CALLED, BOTH) == "violated"
    saga = repaired(CALLED, "durable-saga", BOTH)
    history = explore(saga, (BOTH,)).answer("half-compensated").history
    assert history is not None
    told = [event.text.en for event in history.events]
    assert next(index for index, each in enumerate(told) if "reversal" in each) < next(
        index for index, each in enumerate(told) if "bank.charge: done" in each
    )


TAKEN = Invariant("double-effect", "stock.items.left")
RETRIED = Flow(
    name="retried",
    tables=(Table("stock.items", (Column("left", initial="requests + 1"),), per="flow"),),
    handlers=(
        Handler("gate.order", (Call("stock.take", attempts=2), Reply(201))),
        Handler("stock.take", (Read("stock.items.left", "n"), Write("stock.items.left", "n - 1"), Reply(200)), called=True),
    ),
    bounds=Bounds(requests=1, crash=1, duplicate=0, timeout=1),
)


def test_a_key_is_stored_where_a_repeated_call_takes_effect() -> None:
    keyed = repaired(RETRIED, "idempotency-key", TAKEN)
    assert keyed.handler("gate.order") == RETRIED.handler("gate.order")
    (first,) = (step for step in keyed.handler("stock.take").steps if isinstance(step, Transaction))
    assert isinstance(first.steps[0], Insert)
    assert (verdict(RETRIED, TAKEN), verdict(keyed, TAKEN)) == ("violated", "none")


def test_a_call_that_nobody_repeats_needs_no_key() -> None:
    once = structs.replace(
        RETRIED, handlers=(structs.replace(RETRIED.handlers[0], steps=(Call("stock.take"), Reply(201))), RETRIED.handlers[1])
    )
    assert repaired(once, "idempotency-key", TAKEN) is once


OLD = Invariant("stale-read", "newer")
PROJECTION = Flow(
    name="projection",
    tables=(
        Table("catalogue.price", (Column("version", low=0, high=4),), per="flow"),
        Table("catalogue.change", (Column("version", low=0, high=4),)),
        Table("search.price", (Column("version", low=0, high=4),), per="flow"),
    ),
    topics=(Topic("price.changed", row="catalogue.change"),),
    handlers=(
        Handler(
            "catalogue.change-price",
            (
                Lock(
                    "price",
                    (
                        Read("catalogue.price.version", "version"),
                        Write("catalogue.price.version", "version + 1"),
                        Insert("catalogue.change", (("version", "version + 1"),)),
                        Publish("price.changed"),
                    ),
                ),
            ),
        ),
        Handler(
            "search.follow",
            (
                Read("search.price.version", "old"),
                Read("catalogue.change.version", "new"),
                Observe("newer", "new >= old"),
                Write("search.price.version", "new"),
            ),
            consumes="price.changed",
        ),
    ),
    bounds=QUIET,
)


def test_a_partition_key_keeps_later_changes_behind_earlier_ones() -> None:
    keyed = repaired(PROJECTION, "partition-key", OLD)
    assert keyed.topic("price.changed").ordered == "search.price"
    assert (verdict(PROJECTION, OLD), verdict(keyed, OLD)) == ("violated", "none")
    assert repaired(keyed, "partition-key", OLD) is keyed


LOST = Invariant("lost-event", "order.created")
DUAL = Flow(
    name="dual-write",
    tables=(Table("shop.orders"),),
    topics=(Topic("order.created"),),
    externals=(External("mail", key="request"),),
    handlers=(
        Handler("shop.order", (Insert("shop.orders"), Publish("order.created", confirmed=False), Reply(201))),
        Handler("mail.send", (Effect("mail.send"),), consumes="order.created"),
    ),
)


def test_what_is_published_from_the_row_waits_for_the_broker_too() -> None:
    for remedy, via in (("outbox", "outbox"), ("change-data-capture", "cdc")):
        stored = repaired(DUAL, remedy, LOST)
        (publish,) = (step for step in walk(stored.handler("shop.order").steps) if isinstance(step, Publish))
        assert (publish.via, publish.confirmed) == (via, True)
        assert (verdict(DUAL, LOST), verdict(stored, LOST)) == ("violated", "none")


def test_a_publish_inside_the_transaction_stays_where_it_is() -> None:
    inside = structs.replace(
        DUAL,
        handlers=(
            structs.replace(DUAL.handlers[0], steps=(Transaction((Insert("shop.orders"), Publish("order.created"))), Reply(201))),
            DUAL.handlers[1],
        ),
    )
    phantom = Invariant("phantom-event", "order.created")
    stored = repaired(inside, "outbox", phantom)
    assert [type(step) for step in stored.handler("shop.order").steps] == [Transaction, Reply]
    assert (verdict(inside, phantom), verdict(stored, phantom)) == ("violated", "none")

"""Remedies remove what they say, sets are minimal, and a remedy that does not fit leaves the flow alone."""

from functools import cache
from pathlib import Path

import corpus
import pytest

from backend_expert.advice import remedy_named, repairs
from backend_expert.lab.states import (
    Ack,
    Branch,
    Column,
    Effect,
    External,
    Flow,
    Handler,
    Insert,
    Plan,
    Publish,
    Read,
    Repair,
    Reply,
    Table,
    Topic,
    Write,
    explore,
    parse_flow,
    plan,
    read_flow,
)
from backend_expert.lab.states.flow import Bounds, Invariant, walk

PLACE_ORDER = Flow(
    name="place-order",
    tables=(
        Table("orders.order", (Column("status", ("PENDING", "PAID")),)),
        Table("stock.item", (Column("qty", initial="requests"),), per="flow"),
    ),
    topics=(Topic("order.created"),),
    externals=(External("gateway"),),
    handlers=(
        Handler("orders.create", (Insert("orders.order", (("status", "PENDING"),)), Publish("order.created"), Reply(201))),
        Handler("payment.charge", (Effect("gateway.charge"), Ack()), consumes="order.created"),
        Handler(
            "stock.reserve",
            (Read("stock.item.qty", "q"), Branch("q > 0", (Write("stock.item.qty", "q - 1"),)), Ack()),
            consumes="order.created",
            workers=2,
        ),
    ),
)


@cache
def plan_of_place_order() -> Plan:
    return plan(PLACE_ORDER, repairs())


@pytest.mark.parametrize("anomaly", corpus.CLASSES)
@pytest.mark.parametrize("flow", corpus.FLOWS)
def test_every_bad_flow_is_repaired_by_a_minimal_set(anomaly: str, flow: str) -> None:
    found = plan(parse_flow(corpus.text_of(anomaly, "bad", flow)), repairs())
    assert 1 <= len(found.chosen) <= 4
    assert found.residue == ()
    assert found.minimal
    assert found.final.holds
    assert not found.ladder[0].verdict.holds


def test_place_order_needs_four_remedies_and_each_alone_is_not_enough() -> None:
    found = plan_of_place_order()
    assert [each.remedy for each in found.chosen] == ["guarded-update", "idempotency-key", "inbox", "outbox"]
    assert found.final.holds
    assert found.minimal
    assert all(not rung.verdict.holds for rung in found.ladder[:-1])


def test_a_guarded_update_alone_makes_the_double_reservation_shorter() -> None:
    before = explore(PLACE_ORDER)
    rung = next(each for each in plan_of_place_order().ladder if [one.remedy for one in each.applied] == ["guarded-update"])
    assert before.answer("double-effect", "stock.item.qty").depth == 10
    assert rung.verdict.answer("double-effect", "stock.item.qty").depth == 8
    assert rung.verdict.answer("not-conserved").verdict == "none"


def test_a_request_key_alone_makes_the_loss_permanent() -> None:
    """A client that tries again heals the lost event, until the key answers it from what the first try left behind."""
    status = Column("status", ("PENDING", "PAID"))
    flow = Flow(
        name="retry",
        tables=(Table("orders.order", (status,)),),
        topics=(Topic("order.created"),),
        handlers=(
            Handler("orders.create", (Insert("orders.order", (("status", "PENDING"),)), Publish("order.created"), Reply(201))),
            Handler("payment.mark", (Write("orders.order.status", "PAID"), Ack()), consumes="order.created"),
        ),
        invariants=(Invariant("duplicate-entity", "orders.order"), Invariant("lost-event", "order.created")),
        bounds=Bounds(requests=1, retry=1, timeout=0, duplicate=0),
    )
    key = remedy_named("idempotency-key").repair
    assert key is not None
    alone = key.apply(flow, flow.invariants[0])
    verdict = explore(alone)
    assert verdict.answer("duplicate-entity").verdict == "none"
    assert verdict.answer("lost-event").verdict == "violated"
    both = plan(flow, repairs())
    assert [each.remedy for each in both.chosen] == ["unique-constraint", "outbox"]
    assert both.final.holds


def test_a_flow_without_anomaly_needs_nothing() -> None:
    found = plan(parse_flow(corpus.text_of("lost-event", "fixed", "order")), repairs())
    assert found.chosen == ()
    assert len(found.ladder) == 1


def test_an_anomaly_that_no_remedy_reaches_is_a_residue() -> None:
    flow = Flow(
        name="status-first",
        tables=(Table("a.row", (Column("status", ("NEW", "DONE")),)),),
        externals=(External("mail"),),
        handlers=(Handler("a.run", (Insert("a.row", (("status", "DONE"),)), Effect("mail.send"), Reply())),),
        invariants=(Invariant("half-compensated", "", (), ("a.row.status = NEW", "mail.send >= 1")),),
    )
    found = plan(flow, repairs())
    assert found.residue == ("half-compensated",)


@pytest.mark.parametrize("repair", repairs(), ids=lambda each: each.id)
def test_a_remedy_returns_the_same_flow_where_it_does_not_fit(repair: Repair) -> None:
    flow = Flow(
        name="plain",
        tables=(Table("a.row"),),
        handlers=(Handler("a.read", (Read("a.row.rows", "n"), Reply())),),
        invariants=(Invariant("duplicate-entity", "a.nothing"),),
    )
    for anomaly in repair.closes:
        assert repair.apply(flow, Invariant(anomaly, "nothing.here")) is flow


def test_the_shops_declared_flow_shows_what_is_planted_and_is_repaired() -> None:
    file = Path(__file__).parents[3] / "examples" / "shop" / "flows" / "place-order.yaml"
    flow = read_flow(file)
    assert {each.anomaly for each in explore(flow).violated} == {"lost-event", "double-effect", "oversell"}
    found = plan(flow, repairs())
    assert {each.remedy for each in found.chosen} == {"guarded-update", "idempotency-key", "acknowledge-after-effect", "outbox"}
    assert found.residue == ()
    assert found.minimal


def test_every_line_that_the_shops_flow_names_is_there() -> None:
    shop = Path(__file__).parents[3] / "examples" / "shop"
    for handler in read_flow(shop / "flows" / "place-order.yaml").handlers:
        for step in (handler, *walk(handler.steps)):
            assert step.evidence is not None
            if step.evidence.file.startswith("services/"):
                lines = (shop / step.evidence.file).read_text(encoding="utf-8").splitlines()
                assert 1 <= step.evidence.line <= len(lines)
                assert lines[step.evidence.line - 1].strip()

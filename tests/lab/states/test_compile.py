"""What the steps mean under faults: one small flow for each trap."""

import pytest

from backend_expert.lab.states import (
    Ack,
    Bounds,
    Branch,
    Call,
    Column,
    Compensate,
    Delete,
    Effect,
    External,
    Fail,
    Flow,
    FlowError,
    Handler,
    Insert,
    Invariant,
    Lock,
    Parallel,
    Publish,
    Read,
    Repeat,
    Reply,
    Step,
    Stop,
    Table,
    Topic,
    Transaction,
    UpdateWhere,
    Verdict,
    Write,
    explore,
)

ORDER = Table("orders.order", (Column("status", ("PENDING", "PAID")),))
BOX = Table("stock.box", (Column("left", initial="requests"),), per="flow")
LOST = Invariant("lost-event", "order.created")
TWICE = Invariant("double-effect", "gateway.charge")
QUIET = Bounds(requests=1, crash=0, duplicate=0, timeout=0)
STORED = Transaction((Insert("orders.order", (("status", "PENDING"),)), Publish("order.created", "outbox")))


def run(
    *handlers: Handler,
    invariant: Invariant,
    bounds: Bounds = QUIET,
    topic: Topic = Topic("order.created"),  # noqa: B008 - frozen
    tables: tuple[Table, ...] = (ORDER, BOX),
    external: External = External("gateway"),  # noqa: B008 - frozen
) -> Verdict:
    flow = Flow(
        name="small",
        handlers=handlers,
        tables=tables,
        topics=(topic,),
        externals=(external,),
        invariants=(invariant,),
        bounds=bounds,
    )
    return explore(flow)


def consumer(*steps: Step, **more: object) -> Handler:
    return Handler("payment.take", steps, consumes="order.created", **more)  # type: ignore[arg-type]


CREATE = Handler("orders.create", (STORED, Reply(201)))


def test_a_message_that_always_fails_goes_round_for_ever_and_is_lost() -> None:
    refuses = Handler("bank.check", (Fail(),), called=True)
    verdict = run(CREATE, consumer(Call("bank.check"), Effect("gateway.charge")), refuses, invariant=LOST)
    assert verdict.answer("lost-event").verdict == "violated"


def test_a_thrown_error_sends_the_message_to_the_dead_letters() -> None:
    assert run(CREATE, consumer(Fail()), invariant=LOST).answer("lost-event").verdict == "violated"


def test_an_acknowledgement_on_receipt_loses_what_a_crash_interrupts() -> None:
    bounds = Bounds(requests=1, duplicate=0, timeout=0)
    early = run(CREATE, consumer(Effect("gateway.charge"), acknowledge="receipt"), invariant=LOST, bounds=bounds)
    assert early.answer("lost-event").verdict == "violated"
    ack_first = run(CREATE, consumer(Ack(), Effect("gateway.charge")), invariant=LOST, bounds=bounds)
    assert ack_first.answer("lost-event").verdict == "violated"
    assert run(CREATE, consumer(Effect("gateway.charge"), Ack()), invariant=LOST, bounds=bounds).holds


def test_a_broker_that_forgets_and_a_publish_that_nobody_confirms() -> None:
    bounds = Bounds(requests=1, duplicate=0, timeout=0)
    handlers = (CREATE, consumer(Effect("gateway.charge")))
    forgets = run(*handlers, invariant=LOST, bounds=bounds, topic=Topic("order.created", durable=False))
    assert forgets.answer("lost-event").verdict == "violated"
    assert run(*handlers, invariant=LOST, bounds=bounds).holds
    hasty = Handler("orders.create", (Publish("order.created", confirmed=False), Insert("orders.order"), Reply(201)))
    assert run(hasty, handlers[1], invariant=LOST, bounds=bounds).answer("lost-event").depth == 4


def test_loss_is_found_only_when_it_is_allowed() -> None:
    handlers = (CREATE, consumer(Effect("gateway.charge")))
    assert (
        run(*handlers, invariant=LOST, bounds=Bounds(requests=1, crash=0, duplicate=0, loss=1)).answer("lost-event").history
        is not None
    )


def test_a_callee_works_on_after_its_caller_gave_up() -> None:
    """Two attempts of a call that times out once: the first charge still happens, late."""
    charge = Handler("payment.charge", (Effect("gateway.charge"), Reply()), called=True)
    create = Handler("orders.create", (Call("payment.charge", attempts=2), Reply(201)))
    bounds = Bounds(requests=1, crash=0, duplicate=0, timeout=1)
    late = External("gateway", outcome="known")
    answer = run(create, charge, invariant=TWICE, bounds=bounds, external=late).answer("double-effect")
    assert answer.history is not None
    assert any("stops waiting" in event.text.en for event in answer.history.events)
    keyed = run(create, charge, invariant=TWICE, bounds=bounds, external=External("gateway", key="request"))
    assert keyed.holds


def test_a_call_that_may_not_fail_unknown_is_charged_once() -> None:
    create = Handler("orders.create", (Effect("gateway.charge", attempts=2), Reply(201)))
    bounds = Bounds(requests=1, crash=0, duplicate=0, timeout=1)
    assert run(create, invariant=TWICE, bounds=bounds).answer("double-effect").depth == 3
    assert run(create, invariant=TWICE, bounds=bounds, external=External("gateway", outcome="known")).holds


def test_a_client_that_tries_again_charges_twice_unless_the_key_is_its_own() -> None:
    create = Handler("orders.create", (Effect("gateway.charge"), Reply(201)))
    bounds = Bounds(requests=1, duplicate=0, timeout=0, retry=1)
    assert run(create, invariant=TWICE, bounds=bounds).answer("double-effect").depth == 5
    by_attempt = run(create, invariant=TWICE, bounds=bounds, external=External("gateway", key="attempt"))
    assert by_attempt.answer("double-effect").verdict == "violated"
    assert run(create, invariant=TWICE, bounds=bounds, external=External("gateway", key="request")).holds


ALL_OR_NONE = Invariant("half-compensated", "", (), ("orders.order.rows >= 1", "gateway.charge >= 1"))


@pytest.mark.parametrize(("durable", "holds"), [(False, False), (True, True)])
def test_a_crash_loses_a_compensation_that_is_only_in_memory(durable: bool, holds: bool) -> None:
    undo = (Effect("gateway.refund", undoes="gateway.charge"),)
    steps = (Compensate((Effect("gateway.charge"), Insert("orders.order")), undo, durable), Reply(201))
    verdict = run(Handler("orders.create", steps), invariant=ALL_OR_NONE, bounds=Bounds(requests=1, timeout=0, duplicate=0))
    assert verdict.holds is holds


def test_compensation_runs_on_a_failure() -> None:
    undo = (Effect("gateway.refund", undoes="gateway.charge"),)
    steps = (Compensate((Effect("gateway.charge"), Fail()), undo), Reply(201))
    assert run(Handler("orders.create", steps), invariant=ALL_OR_NONE).holds


def test_a_lock_without_a_lease_stays_with_its_dead_holder() -> None:
    stuck = Invariant("stuck", "orders.order.status", ("PENDING",))
    mark = Lock("order", (Write("stock.box.left", "0"), Write("orders.order.status", "PAID")))
    create = Handler("orders.create", (Insert("orders.order", (("status", "PENDING"),)), mark, Reply(201)))
    bounds = Bounds(requests=2, crash=1, duplicate=0, timeout=0)
    answer = run(create, invariant=stuck, bounds=bounds).answer("stuck")
    assert answer.verdict == "violated"
    leased = Lock("order", mark.steps, lease=True)
    late = consumer(UpdateWhere("orders.order", "status = PENDING", (("status", "PAID"),), ()))
    create = Handler("orders.create", (STORED, leased, Reply(201)))
    assert run(create, late, invariant=stuck, bounds=bounds).holds


def test_parallel_branches_interleave_and_join() -> None:
    both = Parallel(
        (
            (Read("stock.box.left", "a"), Write("stock.box.left", "a - 1")),
            (Read("stock.box.left", "b"), Write("stock.box.left", "b - 1")),
        )
    )
    skew = Invariant("skew", "", (), ("not (stock.box.left = 1 and orders.order.rows = 1)",))
    bounds = Bounds(requests=2, crash=0, duplicate=0, timeout=0)
    box = Table("stock.box", (Column("left", initial="2"),), per="flow")
    lost = run(Handler("orders.create", (both, Insert("orders.order"), Reply())), invariant=skew, bounds=QUIET, tables=(ORDER, box))
    assert lost.answer("skew").verdict == "violated"
    one_by_one = Repeat(2, (Read("stock.box.left", "a"), Write("stock.box.left", "a - 1")))
    kept = run(
        Handler("orders.create", (one_by_one, Insert("orders.order"), Reply())), invariant=skew, bounds=QUIET, tables=(ORDER, box)
    )
    assert kept.holds
    assert bounds.requests == 2


def test_for_update_keeps_two_transactions_apart() -> None:
    conserved = Invariant("not-conserved", "stock.box.left")
    bounds = Bounds(requests=2, crash=1, duplicate=0, timeout=0)

    def taking(lock: bool) -> Handler:
        inside = (Read("stock.box.left", "q", lock=lock), Write("stock.box.left", "q - 1"))
        return Handler("stock.take", (Transaction(inside), Reply()))

    assert not run(taking(False), invariant=conserved, bounds=bounds).holds
    assert run(taking(True), invariant=conserved, bounds=bounds).holds


def test_writes_of_a_transaction_that_fails_are_gone() -> None:
    none = Invariant("duplicate-entity", "orders.order")
    steps = (Transaction((Insert("orders.order"), Effect("gateway.charge"), Insert("orders.order"), Fail())), Reply())
    assert run(Handler("orders.create", steps), invariant=none).holds
    kept = (Insert("orders.order"), Effect("gateway.charge"), Insert("orders.order"), Reply())
    assert not run(Handler("orders.create", kept), invariant=none).holds


def test_an_update_that_meets_no_row_may_leave_or_go_on() -> None:
    seen = Invariant("skew", "", (), ("gateway.charge = 0",))
    full = Table("stock.box", (Column("left", initial="0"),), per="flow")

    def taking(on_none: tuple[Step, ...] | None) -> Handler:
        update = UpdateWhere("stock.box", "left > 0", (("left", "left - 1"),), on_none)
        return Handler("stock.take", (update, Effect("gateway.charge"), Reply()))

    assert run(taking((Reply(409), Stop())), invariant=seen, tables=(full,)).holds
    assert not run(taking(None), invariant=seen, tables=(full,)).holds


def test_unknown_conditions_go_both_ways() -> None:
    branch = Branch("unknown", (Effect("gateway.charge"), Effect("gateway.charge")), ())
    assert run(Handler("a.run", (branch, Reply())), invariant=TWICE).answer("double-effect").depth == 3


def test_a_deleted_row_is_no_row() -> None:
    seen = Invariant("skew", "", (), ("orders.order.rows <= 1",))
    steps = (Insert("orders.order"), Delete("orders.order"), Insert("orders.order"), Reply())
    assert run(Handler("a.run", steps), invariant=seen).holds


@pytest.mark.parametrize(
    ("handlers", "message"),
    [
        ((Handler("a.run", (Call("a.run"),)),), "calls itself"),
        ((Handler("a.run", (Call("b.run"),)),), "There is no handler 'b.run'"),
        ((Handler("a.run", (Ack(),)),), "acknowledges, but it consumes no topic"),
        ((Handler("a.run", (Write("orders.order.status", "PAID"),)),), "nothing inserts a row into 'orders.order'"),
        ((Handler("a.run", (Write("stock.box.left", "nothing"),)),), "'nothing' is neither a local value"),
        ((Handler("a.run", (Repeat(20, (Repeat(20, (Repeat(20, (Insert("orders.order"),)),)),)),)),), "unfolds to more than"),
        ((Handler("a.run", (Effect("bank.pay"),)),), "There is no external system 'bank'"),
    ],
)
def test_flows_that_do_not_fit_together_are_refused(handlers: tuple[Handler, ...], message: str) -> None:
    with pytest.raises(FlowError, match=message):
        run(*handlers, invariant=Invariant("skew", "", (), ("stock.box.left >= 0",)))


@pytest.mark.parametrize(
    ("invariant", "message"),
    [
        (Invariant("lost-event", "order.created"), "nobody consumes it"),
        (Invariant("double-effect", "gateway.charge"), "no handler has the effect"),
        (Invariant("stuck", "orders.order.status"), "needs values of that column"),
        (Invariant("stuck", "orders.order.status", ("GONE",)), "not GONE"),
        (Invariant("half-compensated", "", (), ("gateway.charge = 1",)), "needs two conditions"),
        (Invariant("skew"), "needs one condition"),
        (Invariant("illegal-transition", "orders.order.status"), "declares no legal moves"),
        (Invariant("stale-read", "nothing"), "nothing observes 'nothing'"),
        (Invariant("oversell", "stock.box.right"), "has no column 'right'"),
    ],
)
def test_invariants_that_a_flow_cannot_express_are_refused(invariant: Invariant, message: str) -> None:
    with pytest.raises(FlowError, match=message):
        run(Handler("orders.create", (Insert("orders.order"), Reply())), invariant=invariant)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [(Bounds(requests=0), "allow no request"), (Bounds(crash=-1), "cannot be negative")],
)
def test_bounds_that_make_no_sense_are_refused(bounds: Bounds, message: str) -> None:
    with pytest.raises(FlowError, match=message):
        run(CREATE, consumer(Ack()), invariant=LOST, bounds=bounds)


def test_a_flow_that_calls_for_nothing_is_refused() -> None:
    with pytest.raises(FlowError, match="has no invariant and calls for none"):
        explore(Flow(name="empty", handlers=(Handler("a.run", (Reply(),)),)))

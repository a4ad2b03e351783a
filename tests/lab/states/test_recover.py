"""Flows are found in a system by what its operations do; what nobody states is assumed and said."""

import pytest

from backend_expert.lab.states import Bounds, Publish, explore
from backend_expert.lab.states.flow import walk
from backend_expert.lab.states.recover import flows_of
from backend_expert.model.system_file import load

SHOP = """\
schema: backend-expert/system/1
name: little-shop
components:
  orders: {kind: service, technology: nestjs}
  stock: {kind: service, technology: express}
  postgres: {kind: database, technology: postgresql}
  rabbitmq: {kind: broker, technology: rabbitmq}
  mail: {kind: worker}
  bank: {kind: external}
datasets:
  postgres/orders: {store: postgres}
  postgres/items: {store: postgres}
topics:
  rabbitmq/order.created: {broker: rabbitmq, durable: true}
operations:
  orders POST /orders:
    component: orders
    trigger: {kind: http, name: POST /orders}
    steps:
      - {step: query, dataset: postgres/orders, action: insert, evidence: ['orders.ts:10 (source)']}
      - {step: call, operation: stock POST /take}
      - {step: call, operation: bank POST /charges, policy: {retry: {attempts: 2}}}
      - {step: publish, topic: rabbitmq/order.created, evidence: ['orders.ts:14 (source)']}
      - {step: reply, status: 201}
  orders GET /orders:
    component: orders
    trigger: {kind: http, name: GET /orders}
    steps: [{step: query, dataset: postgres/orders}, {step: reply}]
  stock POST /take:
    component: stock
    trigger: {kind: http, name: POST /take}
    steps:
      - {step: query, dataset: postgres/items, statement: 'SELECT left FROM items WHERE id = $1'}
      - {step: query, dataset: postgres/items, action: update, statement: 'UPDATE items SET left = $2 WHERE id = $1'}
      - {step: reply}
  mail on order.created:
    component: mail
    trigger: {kind: message, name: rabbitmq/order.created, concurrency: 1, acknowledge: before}
    steps: [{step: ack}, {step: call, operation: bank GET /receipts}, {step: call, operation: bank POST /receipts}]
  bank POST /charges: {component: bank, trigger: {kind: http, name: POST /charges}}
  bank POST /receipts: {component: bank, trigger: {kind: http, name: POST /receipts}}
  bank GET /receipts: {component: bank, trigger: {kind: http, name: GET /receipts}}
workloads:
  order: {operation: orders POST /orders, rate_per_s: 1}
  list: {operation: orders GET /orders, rate_per_s: 1}
"""


def test_one_flow_for_each_entry_that_changes_something() -> None:
    flow = flows_of(load(SHOP))[0]
    assert [each.name for each in flows_of(load(SHOP))] == ["orders POST /orders"]
    assert [handler.name for handler in flow.handlers] == ["orders POST /orders", "stock POST /take", "mail on order.created"]
    assert {each.name for each in flow.invariants} == {
        "lost-event(rabbitmq/order.created)",
        "oversell(postgres.items.left)",
        "not-conserved(postgres.items.left)",
        "double-effect(postgres.items.left)",
        "double-effect(bank.POST-charges)",
        "double-effect(bank.POST-receipts)",
        "half-compensated(bank.POST-charges)",
    }


def test_what_the_files_plant_is_found() -> None:
    verdict = explore(flows_of(load(SHOP))[0])
    assert {each.name for each in verdict.violated} >= {
        "lost-event(rabbitmq/order.created)",
        "oversell(postgres.items.left)",
        "not-conserved(postgres.items.left)",
        "double-effect(bank.POST-charges)",
        "half-compensated(bank.POST-charges)",
    }
    assert "requests meet in the same row of postgres/items" in {each.en for each in verdict.assumptions}
    lost = verdict.answer("lost-event").history
    assert lost is not None
    assert any(str(event.evidence) == "orders.ts:10" for event in lost.events)


def test_an_outside_that_knows_its_keys_is_not_charged_twice() -> None:
    keyed = SHOP.replace("policy: {retry: {attempts: 2}}", "policy: {retry: {attempts: 2}, idempotency_key: true}")
    verdict = explore(flows_of(load(keyed))[0], bounds=Bounds(requests=1))
    assert verdict.answer("double-effect", "bank.POST-charges").verdict == "none"


def test_a_relative_update_with_a_guard_is_kept_whole() -> None:
    guarded = SHOP.replace(
        "action: update, statement: 'UPDATE items SET left = $2",
        "action: guarded-update, statement: 'UPDATE items SET left = left - 1",
    )
    verdict = explore(flows_of(load(guarded))[0])
    assert verdict.answer("oversell").verdict == "none"
    assert verdict.answer("not-conserved").verdict == "none"


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("'UPDATE items SET left = $2 WHERE id = $1'", "'UPDATE items SET state = $2 WHERE id = $1'"),
        ("action: update, statement: 'UPDATE items SET left", "computed: false, action: update, statement: 'UPDATE items SET left"),
    ],
    ids=["a status is no quantity", "a write that follows from no read takes from nothing"],
)
def test_not_every_update_takes_from_a_quantity(was: str, now: str) -> None:
    assert was in SHOP
    names = {each.name for each in flows_of(load(SHOP.replace(was, now)))[0].invariants}
    assert not any(name.startswith(("oversell", "not-conserved")) for name in names)


@pytest.mark.parametrize(
    ("path", "found"), [("POST /reserve/:id", True), ("POST /cart/add/:qty", False), ("GET /cart/{stock}", False)]
)
def test_a_path_says_what_runs_out_but_its_parameters_do_not(path: str, found: bool) -> None:
    unnamed = SHOP.replace("statement: 'UPDATE items SET left = $2 WHERE id = $1'", "statement: ''").replace(
        "name: POST /take", f"name: '{path}'"
    )
    names = {each.name for each in flows_of(load(unnamed))[0].invariants}
    assert ("oversell(postgres.items.amount)" in names) is found


def verdict_of(text: str, anomaly: str, of: str = "") -> str:
    return explore(flows_of(load(text))[0]).answer(anomaly, of).verdict


RELAYED = (
    SHOP.replace(
        "      - {step: query, dataset: postgres/orders, action: insert, evidence: ['orders.ts:10 (source)']}\n",
        "      - {step: transaction, store: postgres, steps: [{step: query, dataset: postgres/orders, action: insert},"
        " {step: query, dataset: postgres/outbox, action: insert}]}\n",
    )
    .replace("      - {step: publish, topic: rabbitmq/order.created, evidence: ['orders.ts:14 (source)']}\n", "")
    .replace("acknowledge: before", "acknowledge: after")
    .replace("[{step: ack}, ", "[")
    .replace(
        "operations:\n",
        """operations:
  orders relay:
    component: orders
    trigger: {kind: schedule, name: outbox}
    steps:
      - {step: query, dataset: postgres/outbox}
      - {step: publish, topic: rabbitmq/order.created, confirmed: true}
      - {step: query, dataset: postgres/outbox, action: update}
""",
    )
    .replace("topics:", "  postgres/outbox: {store: postgres}\ntopics:")
)


def test_a_row_of_an_outbox_is_a_message_that_its_relay_publishes() -> None:
    flow = flows_of(load(RELAYED))[0]
    assert [step.via for handler in flow.handlers for step in walk(handler.steps) if isinstance(step, Publish)] == ["outbox"]
    assert "mail on order.created" in {handler.name for handler in flow.handlers}
    assert verdict_of(SHOP, "lost-event") == "violated"
    assert verdict_of(RELAYED, "lost-event") == "none"


def test_a_job_that_only_reads_and_publishes_is_no_relay() -> None:
    """A reminder reads orders and publishes; an insert of an order is not a message because of it."""
    reminder = RELAYED.replace("      - {step: query, dataset: postgres/outbox, action: update}\n", "")
    flow = flows_of(load(reminder))[0]
    assert not any(isinstance(step, Publish) for handler in flow.handlers for step in walk(handler.steps))


CONSUMED = (
    SHOP.replace("topics:", "  postgres/points: {store: postgres}\n  postgres/inbox: {store: postgres}\ntopics:")
    .replace(
        "[{step: ack}, {step: call, operation: bank GET /receipts}, {step: call, operation: bank POST /receipts}]",
        "[{step: transaction, store: postgres, steps: [%s{step: query, dataset: postgres/points, action: update, statement: "
        "'UPDATE points SET points = points - 1'}]}, {step: ack}]",
    )
    .replace("acknowledge: before", "acknowledge: after")
)
REMEMBERED = "{step: query, dataset: postgres/inbox, action: insert, statement: 'INSERT ... ON CONFLICT DO NOTHING'}, "


def test_an_inbox_ends_the_second_delivery() -> None:
    assert verdict_of(CONSUMED % "", "double-effect", "postgres.points.points") == "violated"
    assert verdict_of(CONSUMED % REMEMBERED, "double-effect", "postgres.points.points") == "none"
    assumed = {each.en for each in explore(flows_of(load(CONSUMED % REMEMBERED))[0]).assumptions}
    assert "mail on order.created does nothing more when postgres/inbox knows the key already" in assumed


UNIQUE = SHOP.replace(
    "postgres/items: {store: postgres}",
    "postgres/items: {store: postgres}\n  postgres/holds: {store: postgres, indexes: [{columns: [%s], unique: true}]}",
).replace(
    "      - {step: reply}\n  mail",
    "      - {step: query, dataset: postgres/holds, action: insert}\n      - {step: reply}\n  mail",
)


@pytest.mark.parametrize(("column", "unique"), [("order_id", "id"), ("email", "request")])
def test_a_unique_key_stands_for_the_row_or_for_what_the_request_carries(column: str, unique: str) -> None:
    assert flows_of(load(UNIQUE % column))[0].table("postgres.holds").unique == unique


def test_a_repetition_above_the_first_row_makes_new_keys() -> None:
    """The gateway tries again, so the second order has a new id, and its hold is no duplicate of the first."""
    repeated = (
        (UNIQUE % "order_id")
        .replace("order: {operation: orders", "order: {operation: gateway")
        .replace(
            "operations:\n",
            """operations:
  gateway POST /orders:
    component: orders
    trigger: {kind: http, name: POST /orders}
    steps: [{step: call, operation: orders POST /orders, policy: {retry: {attempts: 2}}}, {step: reply}]
""",
        )
    )
    flow = next(each for each in flows_of(load(repeated)) if each.name == "gateway POST /orders")
    assert flow.table("postgres.holds").unique == ""


def test_a_handler_that_nobody_has_read_may_do_it_twice_and_the_premise_is_said() -> None:
    unread = SHOP.replace("bank POST /charges: {component: bank,", "bank POST /charges: {component: stock,")
    verdict = explore(flows_of(load(unread))[0], bounds=Bounds(requests=1))
    assert verdict.answer("double-effect", "stock.POST-charges").verdict == "violated"
    premise = "bank POST /charges changes something (nobody has read its handler, or its verb) and recognises no repeated request"
    assert premise in {each.en for each in verdict.assumptions}
    assert not any(each.name == "half-compensated(stock.POST-charges)" for each in verdict.answers)


@pytest.mark.parametrize(("entry", "found"), [("POST /orders", True), ("GET /orders", False)])
def test_a_call_without_a_known_verb_may_change_something_where_its_caller_does(entry: str, found: bool) -> None:
    unnamed = SHOP.replace(
        "{component: bank, trigger: {kind: http, name: POST /charges}}", "{component: bank, trigger: {kind: http}}"
    )
    unnamed = unnamed.replace("bank POST /charges", "bank charges").replace("name: POST /orders", f"name: {entry}")
    names = {each.name for each in flows_of(load(unnamed))[0].invariants}
    assert ("double-effect(bank.bank-charges)" in names) is found
    assert not any(name.startswith("half-compensated(bank.bank-charges") for name in names)


CONDITIONAL = SHOP.replace(
    "      - {step: publish, topic: rabbitmq/order.created, evidence: ['orders.ts:14 (source)']}\n",
    "      - {step: branch, probability: 0.5, condition: large, then: [{step: publish, topic: rabbitmq/order.created}]%s}\n",
)


def test_a_condition_on_the_way_to_a_message_is_said() -> None:
    assumed = {each.en for each in explore(flows_of(load(CONDITIONAL % ""))[0]).assumptions}
    assert any(each.startswith("`large` is true where a message is published") for each in assumed)
    assert verdict_of(CONDITIONAL % "", "lost-event") == "violated"


def test_a_message_on_one_of_two_ways_is_not_due_for_every_row() -> None:
    names = {
        each.name for each in flows_of(load(CONDITIONAL % ", otherwise: [{step: call, operation: stock POST /take}]"))[0].invariants
    }
    assert not any(name.startswith("lost-event") for name in names)


CHARGE = "{step: call, operation: bank POST /charges, policy: {retry: {attempts: 2}}}"


@pytest.mark.parametrize(
    ("steps", "asked"),
    [
        (CHARGE, True),
        (f"{CHARGE}\n      - {CHARGE}", False),
        (f"{{step: parallel, branches: [[{CHARGE}], [{CHARGE}]]}}", False),
        (f"{{step: branch, probability: 0.5, then: [{CHARGE}], otherwise: [{CHARGE}]}}", True),
    ],
    ids=["once", "one after the other", "side by side", "one of two ways"],
)
def test_what_a_program_does_twice_by_itself_is_no_double_effect(steps: str, asked: bool) -> None:
    names = {each.name for each in flows_of(load(SHOP.replace(CHARGE, steps)))[0].invariants}
    assert ("double-effect(bank.POST-charges)" in names) is asked


def test_a_message_before_its_row_is_no_phantom_when_others_follow_the_row() -> None:
    """The first message tells of something else; only what comes after the row can tell of it."""
    publish = "      - {step: publish, topic: rabbitmq/order.created, evidence: ['orders.ts:14 (source)']}\n"
    names = {each.name for each in flows_of(load(SHOP.replace("    steps:\n", "    steps:\n" + publish, 1)))[0].invariants}
    assert "lost-event(rabbitmq/order.created)" in names
    assert "phantom-event(rabbitmq/order.created)" not in names


ONLY_A_GUESS = """\
schema: backend-expert/system/1
name: front
components: {front: {kind: service}, other: {kind: service}}
operations:
  front POST /it:
    component: front
    trigger: {kind: http, name: POST /it}
    steps: [{step: call, operation: other http%s}]
  other http: {component: other, trigger: {kind: http}}
"""


def test_a_guess_that_cannot_be_broken_is_no_flow() -> None:
    assert flows_of(load(ONLY_A_GUESS % "")) == ()
    assert len(flows_of(load(ONLY_A_GUESS % ", policy: {retry: {attempts: 2}}"))) == 1

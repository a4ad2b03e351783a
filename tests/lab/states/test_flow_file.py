"""A flow file is read whole or refused with its line and what to write instead."""

from pathlib import Path

import corpus
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_expert.lab.states import FlowError, explore, parse_flow, read_flow, sentence
from backend_expert.lab.states.flow import Bounds, CacheGet, Compensate, Effect, Insert, Lock, Parallel, Read, Transaction, walk

WHOLE = """\
flow: place-order
bounds: {requests: 2, crash: 1, duplicate: 1, loss: 0, timeout: 1, retry: 0}
stores:
  orders:
    isolation: snapshot
    tables:
      order: {key: id, status: [PENDING, PAID, CANCELLED], unique: [request_key]}
  stock: {tables: {item: {qty: {init: requests-1}}}}
topics:
  order.created: {broker: kafka, key: order.id, delivery: at-least-once, groups: [payment]}
external:
  gateway: {idempotent: false, timeout: unknown-outcome}
steps:
  - at: orders.create
    src: orders.service.ts:41
    do:
      - insert: {into: orders.order, set: {status: PENDING}, on-duplicate: [{reply: 409}, stop]}
      - publish: order.created
        assumed: published without waiting for a confirm
      - reply: 201
  - at: payment.charge
    consume: order.created
    workers: 2
    do:
      - external: {effect: gateway.charge, attempts: 2}
      - ack: {}
invariants:
  - {class: lost-event, of: order.created}
  - {class: double-effect, of: gateway.charge}
"""


def test_a_whole_flow_is_read_and_explored() -> None:
    flow = parse_flow(WHOLE, "order.yaml")
    assert flow.bounds == Bounds()
    assert flow.topics[0].row == "orders.order"
    assert str(flow.handlers[0].evidence) == "orders.service.ts:41"
    assert str(flow.handlers[0].steps[0].evidence) == "order.yaml:17"
    verdict = explore(flow)
    assert verdict.answer("lost-event").depth == 3
    assert verdict.answer("double-effect").depth == 6
    assert [each.en for each in verdict.assumptions] == ["published without waiting for a confirm"]


EVERY_VERB = """\
flow: every-verb
stores:
  a: {isolation: serializable, tables: {row: {key: id, status: [NEW, DONE]}, box: {left: {init: 2}}, note: {key: id}}}
topics: {a.done: {key: row.id}}
external: {mail: {}}
steps:
  - at: a.run
    do:
      - transaction: [{insert: {into: a.row, set: {status: NEW}}}, {publish: {topic: a.done, via: outbox}}]
      - parallel: [[{insert: a.note}], [{external: mail.send}]]
      - repeat: {times: 2, do: [{update-where: {table: a.box, where: left > 0, set: {left: left - 1}, on-none: []}}]}
      - cache-get: {of: a.box.left, into: n, miss: [{read: {from: a.box.left, into: n}}]}
      - cache-put: {of: a.box.left, value: n, newer-only: true}
      - cache-delete: a.box.left
      - lock: {resource: box, lease: true, fenced: true, do: [{read: {from: a.box.left, into: n}}]}
      - compensate: {do: [{external: mail.send}], undo: [{external: {effect: mail.recall, undoes: mail.send}}]}
      - branch: {if: n > 0, then: [{call: b.help}], else: [{delete: a.note}]}
      - observe: {name: sees, expect: n >= 0}
      - reply: 200
  - at: b.help
    called: true
    do: [{reply: 200}]
  - at: c.take
    consume: a.done
    do: [{write: {to: a.row.status, value: DONE}}, ack]
  - at: a.view
    after: a.run
    do: [{read: {from: sum(a.row.rows), into: n}}, {reply: 200}]
  - at: a.sweep
    sweep: a.row.status = DONE and a.box.left < 0
    do: [fail]
invariants:
  - {class: stuck, of: a.row.status, in: [NEW]}
"""


def test_every_verb_is_read() -> None:
    flow = parse_flow(EVERY_VERB)
    kinds = {type(step) for handler in flow.handlers for step in walk(handler.steps)}
    assert {Transaction, Parallel, CacheGet, Lock, Compensate, Effect, Insert, Read} <= kinds
    assert next(step for step in flow.handlers[0].steps if isinstance(step, Transaction)).isolation == "serializable"
    answer = explore(flow, bounds=Bounds(requests=1, duplicate=0)).answer("stuck")
    assert answer.verdict == "none"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- insert: {into", "- insrt: {into", "flow.yaml:17: there is no step 'insrt'; did you mean 'insert'?"),
        ("set: {status", "set: {state", "flow.yaml:17: there is no column of orders.order 'state'; did you mean 'status'?"),
        ("publish: order.created", "publish: order.create", "flow.yaml:18: there is no topic 'order.create'; did you mean"),
        (
            "into: orders.order",
            "into: orders.orders",
            "flow.yaml:17: there is no table 'orders.orders'; did you mean 'orders.order'?",
        ),
        ("workers: 2", "workers: many", "flow.yaml:23: workers must be a whole number from 1 to 4."),
        ("workers: 2", "worker: 2", "flow.yaml:23: there is no key in a handler 'worker'; did you mean 'workers'?"),
        (
            "class: lost-event",
            "class: lost-events",
            "flow.yaml:28: there is no class of anomaly 'lost-events'; did you mean 'lost-event'?",
        ),
        ("crash: 1", "crash: -1", "flow.yaml:2: crash must be a whole number from 0 to 5."),
        ("requests: 2", "requests: 0", "flow.yaml:2: requests must be a whole number from 1 to 5."),
        ("idempotent: false", "idempotent: maybe", "flow.yaml:12: there is no value of idempotent 'maybe'"),
        ("isolation: snapshot", "isolation: strict", "flow.yaml:5: there is no value of isolation 'strict'"),
        ("src: orders.service.ts:41", "src: orders.service.ts", "flow.yaml:15: src must be written file:line"),
        ("unique: [request_key]", "unique: [email]", "flow.yaml:7: there is no unique key 'email'"),
        ("key: order.id", "key: oder.id", "flow.yaml:10: there is no table 'oder'"),
        ("consume: order.created", "consume: order.created\n    sweep: a = 1", "started by consume and by sweep"),
        ("flow: place-order", "flow: [", "flow.yaml:"),
        ("init: requests-1", "init: many", "The first value of column 'qty' cannot be read"),
    ],
)
def test_mistakes_are_named_with_their_line(old: str, new: str, message: str) -> None:
    with pytest.raises(FlowError) as raised:
        explore(parse_flow(WHOLE.replace(old, new, 1)))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 documents found"),
        ("flow: a\n---\nflow: b\n", "2 documents found"),
        ("[1, 2]", "the flow must be a mapping"),
        ("flow: a\nsteps: []\n", "a flow needs at least one handler"),
        ("flow: a\n", "steps must be a list"),
        ("flow: a\nsteps:\n  - at: x\n    do: [{call: y}]\n", "there is no handler 'y'"),
        ("flow: a\nsteps:\n  - at: x\n    do: [{reply: 200, fail: {}}]\n", "a step has one verb, this has 2"),
    ],
)
def test_what_is_no_flow_is_refused(text: str, message: str) -> None:
    with pytest.raises(FlowError, match=message):
        parse_flow(text)


def test_files_are_read_with_their_name(tmp_path: Path) -> None:
    (tmp_path / "order.yaml").write_text(WHOLE, encoding="utf-8")
    assert read_flow(tmp_path / "order.yaml").name == "place-order"
    with pytest.raises(FlowError, match=r"missing\.yaml: the file cannot be read"):
        read_flow(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"flow: \xe9\n")
    with pytest.raises(FlowError, match="not UTF-8"):
        read_flow(tmp_path / "latin.yaml")


def test_sentences_say_their_bounds_in_both_languages() -> None:
    verdict = explore(parse_flow(corpus.text_of("lost-event", "fixed", "order")))
    text = sentence(verdict.answers[0], verdict.bounds)
    assert text.en.startswith("no violation within bounds (2 requests, 1 crash, 1 duplicate, 1 timeout; ")
    assert text.pt.startswith("nenhuma violação dentro dos limites (2 requisições, 1 queda, 1 duplicata, 1 timeout; ")
    capped = explore(parse_flow(corpus.text_of("lost-event", "fixed", "order")), state_limit=10)
    assert "no verdict of absence" in sentence(capped.answers[0], capped.bounds).en


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 12), st.sampled_from(["", "x", "{", "]", ": ", "\n", "- ", "0", "&a *a"]))
def test_broken_files_give_a_flow_or_a_sentence(start: int, length: int, instead: str) -> None:
    try:
        explore(parse_flow(WHOLE[:start] + instead + WHOLE[start + length :]), state_limit=200)
    except FlowError as error:
        assert str(error).count("\n") == 0  # noqa: PT017 - either outcome is right, a sentence is part of one


def test_names_that_mean_nothing_are_refused_with_their_line() -> None:
    text = EVERY_VERB.replace("if: n > 0", "if: m > 0")
    with pytest.raises(FlowError, match=r"The condition 'm > 0' cannot be read: 'm' is neither a local value"):
        explore(parse_flow(text))
    text = EVERY_VERB.replace("value: n, newer", "value: m, newer")
    with pytest.raises(FlowError, match=r"flow\.yaml:13: The value 'm' cannot be read"):
        explore(parse_flow(text))

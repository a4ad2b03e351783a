"""Which writes, publishes and acknowledgements meet in one run."""

from __future__ import annotations

from backend_expert.model import System
from backend_expert.model.system_file import load
from backend_expert.rules.consistency.ack_before_effect import ack_before_effect
from backend_expert.rules.consistency.dual_write import dual_write
from backend_expert.rules.consistency.publish_not_confirmed import publish_not_confirmed
from backend_expert.rules.consistency.read_modify_write_race import read_modify_write_race
from backend_expert.rules.consistency.transaction_spans_remote_call import transaction_spans_remote_call
from backend_expert.rules.resilience.retry_of_non_idempotent_call import retry_of_non_idempotent_call

WRITE = "{step: query, dataset: db/t, action: insert}"
SEND = "{step: publish, topic: mq/q}"


def system(steps: str, trigger: str = "{kind: http}", technology: str = "postgresql") -> System:
    return load(f"""
components:
  a: {{kind: service}}
  b: {{kind: service}}
  c: {{kind: external}}
  db: {{kind: database, technology: {technology}}}
  mq: {{kind: broker}}
datasets: {{db/t: {{store: db}}, db/outbox: {{store: db}}}}
topics: {{mq/q: {{broker: mq}}}}
operations:
  a x: {{component: a, trigger: {trigger}, steps: [{steps}]}}
  b POST /y: {{component: b, trigger: {{kind: http}}, steps: [{{step: call, operation: c charge}}]}}
  b GET /y: {{component: b, trigger: {{kind: http}}, steps: [{WRITE}]}}
  c charge: {{component: c, trigger: {{kind: http}}}}
""")


def test_the_order_of_write_and_publish_does_not_matter() -> None:
    assert len(list(dual_write(system(f"{WRITE}, {SEND}")))) == 1
    assert len(list(dual_write(system(f"{SEND}, {WRITE}")))) == 1


def test_an_outbox_or_a_redelivery_closes_the_gap() -> None:
    outbox = "{step: query, dataset: db/outbox, action: insert}"
    assert list(dual_write(system(f"{WRITE}, {outbox}, {SEND}"))) == []
    assert list(dual_write(system(f"{WRITE}, {SEND}", "{kind: message, name: mq/q, acknowledge: after}"))) == []
    assert list(dual_write(system(f"{WRITE}, {SEND}", "{kind: message, name: mq/q, acknowledge: before}"))) != []


def test_sides_of_a_branch_never_meet() -> None:
    assert list(dual_write(system(f"{{step: branch, probability: 0.5, then: [{WRITE}], otherwise: [{SEND}]}}"))) == []
    assert list(dual_write(system(f"{WRITE}, {{step: branch, probability: 0.5, then: [{SEND}]}}"))) != []


def test_a_publish_inside_the_transaction_can_outrun_it() -> None:
    (finding,) = dual_write(system(f"{{step: transaction, store: db, steps: [{WRITE}, {SEND}]}}"))
    assert "before the transaction on `db/t` commits" in finding.why.en


def test_only_calls_inside_the_transaction_hold_it() -> None:
    call = "{step: call, operation: b POST /y, policy: {timeout_ms: 2000, retry: {attempts: 3}}}"
    (finding,) = transaction_spans_remote_call(system(f"{{step: transaction, store: db, steps: [{WRITE}, {call}]}}"))
    assert "up to 6 s by its timeouts and attempts" in finding.why.en
    assert list(transaction_spans_remote_call(system(f"{call}, {{step: transaction, store: db, steps: [{WRITE}]}}"))) == []


def test_an_early_acknowledgement_needs_an_effect_after_it() -> None:
    message = "{kind: message, name: mq/q}"
    assert list(ack_before_effect(system(f"{{step: ack}}, {WRITE}", message))) != []
    assert list(ack_before_effect(system(f"{WRITE}, {{step: ack}}", message))) == []
    assert list(ack_before_effect(system("{step: ack}, {step: work, cpu_ms: 1}", message))) == []
    assert list(ack_before_effect(system(WRITE, message))) == []
    assert list(ack_before_effect(system(WRITE, "{kind: message, name: mq/q, acknowledge: auto}"))) != []


def test_an_unknown_confirmation_is_not_a_missing_one() -> None:
    assert list(publish_not_confirmed(system(SEND))) == []
    (finding,) = publish_not_confirmed(system("{step: publish, topic: mq/q, confirmed: true, persistent: false}"))
    assert "do not survive a restart" in finding.title.en


def test_isolation_refuses_the_second_update_only_where_it_does() -> None:
    steps = (
        "{step: transaction, store: db, isolation: repeatable read, steps: ["
        "{step: query, dataset: db/t, filter_columns: [id]}, {step: query, dataset: db/t, action: update, filter_columns: [id]}]}"
    )
    assert list(read_modify_write_race(system(steps))) == []
    assert list(read_modify_write_race(system(steps, technology="mysql"))) != []
    assert list(read_modify_write_race(system(steps.replace("repeatable read", "serializable"), technology="mysql"))) == []
    assert list(read_modify_write_race(system(f"{{step: lock, resource: r, steps: [{steps}]}}", technology="mysql"))) == []


def test_a_retry_is_told_when_something_behind_it_happens_anew() -> None:
    policy = "policy: {retry: {attempts: 3}, absent: [idempotency-key]}"
    (finding,) = retry_of_non_idempotent_call(system(f"{{step: call, operation: b POST /y, {policy}}}"))
    assert "does it again on `c`" in finding.why.en
    assert list(retry_of_non_idempotent_call(system(f"{{step: call, operation: b GET /y, {policy}}}"))) == []
    assert list(retry_of_non_idempotent_call(system("{step: call, operation: b POST /y, policy: {retry: {attempts: 3}}}"))) == []

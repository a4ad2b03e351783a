"""Messages: how long they take until they are handled, and what handing them ahead to instances does."""

import math

import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import Component, Estimate, Kind, Publish, Step, System

CONSTANT = load.Law("constant", 0)


def mailing(
    *steps: Step,
    rate: float = 50.0,
    replicas: int = 1,
    concurrency: int = 1,
    prefetch: int | None = None,
    deliveries: int | None = None,
    network_ms: float = 0.0,
) -> System:
    consumer = sketch.consumer("handle", "worker", "mq/mail", *steps, concurrency=concurrency, deliveries=deliveries)
    trigger = structs.replace(consumer.trigger, prefetch=None if prefetch is None else Estimate(prefetch))
    worker: Component = sketch.component("worker", replicas=replicas)
    return sketch.system(
        [sketch.component("web"), sketch.component("mq", kind=Kind.BROKER), worker, sketch.component("db")],
        [
            sketch.operation("POST /", "web", Publish(topic="mq/mail")),
            structs.replace(consumer, trigger=trigger),
            sketch.operation("select", "db", sketch.work(100)),
        ],
        {"POST /": rate},
        topics=["mq/mail"],
        network_ms=network_ms,
    )


def delivery(system: System, scenario: load.Scenario) -> load.DeliveryOutcome:
    outcome = load.run(system, scenario)
    assert len(outcome.deliveries) == 1
    found = outcome.deliveries[0]
    assert found.published == found.handled + found.failed + found.unfinished
    return found


@pytest.mark.parametrize("prefetch", [None, 0, 1])
def test_one_consumer_is_a_queue_with_one_server(prefetch: int | None) -> None:
    found = delivery(mailing(sketch.work(10), prefetch=prefetch), load.Scenario(3000, slice_s=1000))
    assert found.mean_ms == pytest.approx(10 / (1 - 0.5), rel=0.05)
    assert found.p99_ms == pytest.approx(20 * math.log(100), rel=0.05)
    assert found.unfinished <= 20


def test_messages_wait_for_whom_they_were_handed_to() -> None:
    """Without a bound every instance has a queue of its own (M/M/1 each, arrivals in turn); handed out one by one they share one."""
    busy = {"rate": 320.0, "replicas": 4}
    alone, shared, free = (
        delivery(mailing(sketch.work(10), prefetch=prefetch, **busy), load.Scenario(1000, slice_s=1000))
        for prefetch in (0, 1, None)
    )
    assert shared.mean_ms == pytest.approx(free.mean_ms or 0, rel=0.03)
    assert shared.mean_ms == pytest.approx(17.46, rel=0.05), "M/M/4 at load 0.8"
    assert (alone.mean_ms or 0) > 1.5 * (shared.mean_ms or 0)


def test_a_slow_instance_keeps_what_it_was_handed() -> None:
    def p95(prefetch: int) -> float:
        fault = load.slow("worker", 20, 10, 40, instances=1)
        found = delivery(
            mailing(sketch.work(10), rate=150, replicas=4, prefetch=prefetch), load.Scenario(100, law=CONSTANT, faults=(fault,))
        )
        return found.p95_ms or 0.0

    assert p95(1) < 300
    assert p95(0) > 5000


def test_handing_one_message_at_a_time_pays_the_way_each_time() -> None:
    """A prefetch of one leaves the consumer idle while the next message is on its way: 5 ms of work and 2 of the way there and back."""

    def handled(prefetch: int) -> int:
        return delivery(
            mailing(sketch.work(5), rate=190, prefetch=prefetch, network_ms=1), load.Scenario(100, warmup_s=0, law=CONSTANT)
        ).handled

    assert handled(1) == pytest.approx(100 * 1000 / 7, rel=0.02)
    assert handled(4) == pytest.approx(19_000, rel=0.02)


def test_consumers_of_an_instance_work_as_many_at_a_time_as_they_say() -> None:
    outcome = load.run(
        mailing(sketch.wait(100), rate=100, concurrency=3, prefetch=50), load.Scenario(100, warmup_s=0, law=CONSTANT)
    )
    assert outcome.deliveries[0].handled == pytest.approx(100 * 30, rel=0.02)
    waiting = next(pool for pool in outcome.pools if "consumers" in pool.name)
    assert waiting.size == 3
    assert waiting.utilisation == pytest.approx(1, abs=0.01)


def test_dead_letters_are_counted_at_their_topic_and_late_is_no_failure() -> None:
    failing = mailing(sketch.call("select", timeout_ms=10), deliveries=2, rate=5)
    found = delivery(failing, load.Scenario(200, law=CONSTANT))
    assert found.failed == pytest.approx(1000, rel=0.1)
    assert found.handled == 0
    slow = delivery(mailing(sketch.wait(3000), rate=0.2, concurrency=5), load.Scenario(300, law=CONSTANT, patience_s=1))
    assert slow.handled == slow.published - slow.unfinished

"""What a pair of runs says: the order in which figures decide, and messages that only one side has."""

import pytest

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import Publish, System

SCENARIO = load.Scenario(30)


def queue(rate: float, workers: int, *, published: bool = True) -> System:
    """Return a shop whose answers need nothing of its queue."""
    work = (sketch.work(1), Publish(topic="mq/t")) if published else (sketch.work(1),)
    return sketch.system(
        [sketch.component("mailer", workers=workers), sketch.component("mq"), sketch.component("shop")],
        [
            sketch.operation("POST /", "shop", *work),
            sketch.consumer("mail", "mailer", "mq/t", sketch.work(20), concurrency=workers),
        ],
        {"POST /": rate},
        topics=("mq/t",),
    )


def test_a_queue_that_grows_decides_where_answers_do_not() -> None:
    comparison = load.compare(queue(100, workers=1), queue(100, workers=4), SCENARIO, replications=3)
    assert (comparison.verdict, comparison.decided_by) == ("helps", "message_p95_ms")
    waited = comparison.measure("message_p95_ms")
    assert waited.before.value == pytest.approx(30_000)  # half of the messages are never handled: the whole run
    assert waited.after.value < 200
    assert load.compare(queue(100, workers=4), queue(100, workers=1), SCENARIO, replications=3).verdict == "hurts"


def test_messages_that_only_one_side_has_are_no_loss() -> None:
    comparison = load.compare(queue(50, workers=4, published=False), queue(50, workers=4), SCENARIO, replications=3)
    waited = comparison.measure("message_p95_ms")
    assert (waited.before.value, waited.after.value, waited.verdict) == (0.0, 0.0, "no-difference")
    assert comparison.decided_by != "message_p95_ms"


def test_in_many_worlds_messages_decide_too() -> None:
    worlds = load.monte_carlo(queue(100, workers=1), lambda _: queue(100, workers=4), SCENARIO, draws=4)
    assert worlds.share_better.value == 1.0

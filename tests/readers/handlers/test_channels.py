"""Names of topics, and which of them a queue takes."""

from __future__ import annotations

import pytest

from backend_expert.readers.code import Binding, Code, Exchange, Queue, Target
from backend_expert.readers.handlers.channels import Channels, Published, matches


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("order.created", "order.created", True),
        ("order.*", "order.created", True),
        ("order.*", "order.line.created", False),
        ("order.#", "order", True),
        ("order.#", "order.line.created", True),
        ("#", "anything.at.all", True),
        ("*.created", "order.created", True),
        ("order.created", "order.*", True),
        ("order.paid", "bill.*", False),
        ("order.c", "orderxc", False),
    ],
)
def test_patterns(pattern: str, key: str, expected: bool):
    assert matches(pattern, key) is expected


CODE = Code(
    directory="a",
    language="node",
    exchanges=(Exchange(name="shop", kind="topic", durable=True), Exchange(name="news", kind="fanout", durable=False)),
    queues=(Queue(name="bills", durable=True), Queue(name="mails", durable=False)),
    bindings=(
        Binding(queue="bills", exchange="shop", pattern="order.*"),
        Binding(queue="mails", exchange="news", pattern=""),
    ),
)


def target(channel: str, exchange: str = "") -> Target:
    return Target(key="t", protocol="amqp", channel=channel, exchange=exchange)


@pytest.mark.parametrize(
    ("exchange", "key", "topic"),
    [
        ("shop", "order.created", "order.created"),
        ("news", "", "news"),
        ("news", "x", "news"),
        ("", "jobs", "jobs"),
        ("queue:q", "a.b", "a.b"),
    ],
)
def test_the_name_of_a_topic(exchange: str, key: str, topic: str):
    assert Channels([CODE]).topic(Published("mq", exchange, key)) == topic


PUBLISHED = [
    Published("mq", "shop", "order.created"),
    Published("mq", "shop", "order.paid"),
    Published("mq", "shop", "cart.left"),
    Published("mq", "news", ""),
    Published("mq", "", "jobs"),
    Published("other", "shop", "order.lost"),
]


@pytest.mark.parametrize(
    ("queue", "topics"),
    [("bills", ["order.created", "order.paid"]), ("mails", ["news"]), ("jobs", ["jobs"]), ("nobody", ["nobody"])],
)
def test_what_a_queue_takes(queue: str, topics: list[str]):
    assert Channels([CODE]).taken("mq", target(queue), PUBLISHED) == topics


def test_a_queue_that_nobody_publishes_to_is_named_by_what_it_asks_for():
    assert Channels([CODE]).taken("mq", target("bills"), []) == ["order.*"]
    assert Channels([CODE]).taken("mq", target("mails"), []) == ["news"]


def test_messages_live_as_long_as_their_queue_then_their_exchange():
    channels = Channels([CODE])
    assert channels.durable("order.created", {"order.created": "bills"}) is True
    assert channels.durable("news", {"news": "mails"}) is False
    assert channels.durable("news", {}) is False
    assert channels.durable("order.created", {}) is None

"""Names of topics: what is published to an exchange under a key, taken from a queue that is bound to it, or sent to it straight."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from backend_expert.readers.code import Binding, Code, Exchange, Queue, Target


class Published(Struct, frozen=True, order=True):
    """What somebody publishes to: an exchange of a broker under a key, or a queue or topic by its name where there is no exchange."""

    broker: str
    exchange: str
    key: str


class Channels:
    """The exchanges, queues and bindings that all programs of a system declare."""

    def __init__(self, codes: Iterable[Code]) -> None:
        codes = tuple(codes)
        self._exchanges: dict[str, Exchange] = {}
        self._queues: dict[str, Queue] = {}
        for code in codes:
            for exchange in code.exchanges:
                self._exchanges.setdefault(exchange.name, exchange)
            for queue in code.queues:
                self._queues.setdefault(queue.name, queue)
        self._bindings = [binding for code in codes for binding in code.bindings]

    def published(self, broker: str, target: Target) -> Published | None:
        """Return what a target publishes to; nothing where the code does not say it."""
        if not target.exchange and not target.channel:
            return None
        return Published(broker, target.exchange, target.channel)

    def topic(self, published: Published) -> str:
        """Return the name of the topic: the key where an exchange tells keys apart, else the exchange, queue or topic itself."""
        exchange = self._exchanges.get(published.exchange)
        if published.exchange.startswith("queue:"):
            return published.key
        if published.exchange and (not published.key or (exchange is not None and exchange.kind in {"fanout", "headers"})):
            return published.exchange
        return published.key

    def taken(self, broker: str, target: Target, published: Iterable[Published]) -> list[str]:
        """Return the topics that a consumer of a queue takes: those published that reach it, else what it asks for."""
        if target.exchange:
            return [target.channel]
        bindings = [binding for binding in self._bindings if binding.queue == target.channel]
        everything = [each for each in published if each.broker == broker]
        found = {self.topic(each) for each in everything if not each.exchange and each.key == target.channel}
        for binding in bindings:
            reached = {
                self.topic(each) for each in everything if each.exchange == binding.exchange and self._reaches(each.key, binding)
            }
            found |= reached or {self._asked(binding)}
        return sorted(found) or [target.channel]

    def durable(self, topic: str, queues: Mapping[str, str]) -> bool | None:
        """Return whether messages of a topic outlive the broker: as its queues say, given by topic."""
        queue = self._queues.get(queues.get(topic, "")) or self._queues.get(topic)
        if queue is not None and queue.durable is not None:
            return queue.durable
        exchange = self._exchanges.get(topic)
        return exchange.durable if exchange is not None else None

    def _asked(self, binding: Binding) -> str:
        exchange = self._exchanges.get(binding.exchange)
        keyless = not binding.pattern or (exchange is not None and exchange.kind in {"fanout", "headers"})
        return binding.exchange if keyless else binding.pattern

    def _reaches(self, key: str, binding: Binding) -> bool:
        exchange = self._exchanges.get(binding.exchange)
        if exchange is not None and exchange.kind in {"fanout", "headers"}:
            return True
        return matches(binding.pattern, key)


def matches(pattern: str, key: str) -> bool:
    """Tell whether a pattern of a topic exchange takes a key: `*` is one word, `#` any number; `*` in a key is a word nobody knows."""
    parts = [
        r"(\.[^.]+)*" if word == "#" else r"\.[^.]+" if word == "*" else rf"\.({re.escape(word)}|\*)" for word in pattern.split(".")
    ]
    return bool(re.fullmatch("".join(parts), f".{key}"))

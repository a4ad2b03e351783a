"""A remedy that changes the system is seen by whoever recovers the flows of the changed system: the history is gone there, too."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from backend_expert import rules
from backend_expert.advice import remedy_named
from backend_expert.lab.states import Answer, explore, flows_of
from backend_expert.model import System
from backend_expert.review.recover import recover

SHOP = Path(__file__).parents[2] / "examples" / "shop"

LIMIT = 60_000
"""States that are looked at: each history is found within a third of them before the remedy."""


@cache
def shop() -> System:
    return recover(SHOP).system


def changed(*remedies: str) -> System:
    """Apply remedies to every finding that they answer."""
    system = shop()
    for remedy in map(remedy_named, remedies):
        for finding in rules.check(shop()):
            if finding.rule in remedy.addresses:
                system = remedy.apply(system, finding, 3)
    return system


def answer(system: System, anomaly: str, of: str) -> Answer:
    flow = flows_of(system)[0]
    (invariant,) = (each for each in flows_of(shop())[0].invariants if (each.anomaly, each.of) == (anomaly, of))
    return explore(flow, (invariant,), state_limit=LIMIT).answer(anomaly, of)


@pytest.mark.parametrize(
    ("anomaly", "of", "remedies"),
    [
        ("oversell", "postgres.shop.stock.available", ("guarded-update",)),
        ("not-conserved", "postgres.shop.stock.available", ("guarded-update",)),
        ("double-effect", "card-gateway.POST-charges", ("idempotency-key",)),
        ("lost-event", "rabbitmq/order.created", ("acknowledge-after-effect", "outbox", "publisher-confirms")),
    ],
    ids=lambda each: each if isinstance(each, str) else "+".join(each),
)
def test_the_history_is_gone_from_the_changed_system(anomaly: str, of: str, remedies: tuple[str, ...]) -> None:
    before = answer(shop(), anomaly, of)
    assert before.verdict == "violated"
    after = answer(changed(*remedies), anomaly, of)
    assert after.verdict in {"none", "capped"}
    assert after.states > before.states


def test_none_of_the_three_ways_to_lose_an_event_may_stay_open() -> None:
    for remedies in (("outbox", "publisher-confirms"), ("acknowledge-after-effect", "publisher-confirms")):
        assert answer(changed(*remedies), "lost-event", "rabbitmq/order.created").verdict == "violated"

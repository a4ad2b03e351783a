"""An action says what differs between two systems: all of it, and in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backend_expert.advice import all_remedies
from backend_expert.advice.difference import changed_components, differences
from backend_expert.advice.resilience.circuit_breaker import circuit_breaker
from backend_expert.advice.resilience.right_sized_pool import right_sized_pool
from backend_expert.advice.resilience.timeout_budget import timeout_budget
from backend_expert.advice.scale.batched_query import batched_query
from backend_expert.advice.scale.cache_aside import cache_aside
from backend_expert.advice.scale.more_replicas import more_replicas
from backend_expert.model import system_file

if TYPE_CHECKING:
    from conftest import Builder, FindingOf


def test_equal_systems_differ_in_nothing(two_callees: Builder) -> None:
    assert differences(two_callees(), two_callees()) == ()
    assert changed_components(two_callees(), two_callees()) == ()


def test_a_timeout_is_told_with_its_number(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees()
    after = timeout_budget(before, finding_of("call-without-timeout", "front>risky"), 3)
    (text,) = differences(before, after)
    assert text.en == "`front → risky`: timeout none → 230 ms."
    assert text.pt == "`front → risky`: timeout nenhum → 230 ms."
    assert changed_components(before, after) == ("front",)


def test_a_breaker_and_its_timeout_stand_in_one_sentence(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees()
    (text,) = differences(before, circuit_breaker(before, finding_of("call-without-timeout", "front>risky"), 3))
    assert text.en == "`front → risky`: breaker, open for 5 s when 50 % of the calls of 10 s fail; timeout none → 230 ms."


def test_components_that_change_alike_stand_together(two_callees: Builder, finding_of: FindingOf) -> None:
    before = two_callees()
    after = more_replicas(before, finding_of("single-instance-on-critical-path", components=("front", "risky")), 3)
    assert [text.en for text in differences(before, after)] == ["`front` and `risky`: instances 1 → 2."]
    assert [text.pt for text in differences(before, after)] == ["`front` e `risky`: instâncias 1 → 2."]


def test_a_pool_and_a_cache_name_where_they_are(with_store: Builder, finding_of: FindingOf) -> None:
    before = with_store(pool=2)
    finding = finding_of("pool-smaller-than-demand", "shop>db")
    assert [text.en for text in differences(before, right_sized_pool(before, finding, 3))] == ["`shop → db`: pool 2 → 9."]
    assert [text.en for text in differences(before, cache_aside(before, finding, 3))] == [
        "Add `cache (redis)`.",
        "`GET /products`: look `product` up in `cache` first.",
    ]


def test_a_loop_that_was_not_there_is_not_told(with_store: Builder, finding_of: FindingOf) -> None:
    before = with_store()
    assert differences(before, batched_query(before, finding_of("store-call-in-loop", "shop>db"), 3)) == ()


@pytest.mark.parametrize("remedy", all_remedies(), ids=lambda remedy: remedy.id)
def test_titles_are_sentences_in_both_languages(remedy: object) -> None:
    title = remedy.title  # type: ignore[attr-defined]
    assert title.en != title.pt
    assert not title.en.endswith(".")
    assert title.en[0].isupper()
    assert title.pt[0].isupper()


def test_a_timeout_on_the_last_statement_moves_no_acknowledgement() -> None:
    text = """
components: {mailer: {kind: worker}, rabbit: {kind: broker}, db: {kind: database}}
topics: {rabbit/orders: {broker: rabbit}}
datasets: {db/mails: {store: db}}
operations:
  mailer on orders:
    component: mailer
    trigger: {kind: message, name: rabbit/orders, acknowledge: before}
    steps: [{step: ack}, {step: query, dataset: db/mails, action: insert%s}]
"""
    before = system_file.load(text % "")
    after = system_file.load(text % ", policy: {timeout_ms: 200}")
    assert not any("acknowledge" in change.en for change in differences(before, after))

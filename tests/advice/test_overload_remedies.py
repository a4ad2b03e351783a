"""Remedies of overload: who is let in, who fills a cache, who answers reads, who gets messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from backend_expert.advice import Bench
from backend_expert.advice.candidates import candidates
from backend_expert.advice.resilience.rate_limit import rate_limit
from backend_expert.advice.resilience.shed_by_priority import shed_by_priority
from backend_expert.advice.scale.bounded_prefetch import bounded_prefetch
from backend_expert.advice.scale.coalesced_misses import JITTER, coalesced_misses
from backend_expert.advice.scale.read_replicas import read_replicas
from backend_expert.advice.trial import Trial, proof_of, try_out
from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import (
    Action,
    CacheGet,
    CachePut,
    Estimate,
    Finding,
    Kind,
    Objective,
    Publish,
    Query,
    System,
    Transaction,
)

if TYPE_CHECKING:
    from conftest import Builder, FindingOf

BENCH = Bench(peak=3, replications=3, draws=0)


def tried(system: System, finding: Finding, remedy: str, bench: Bench = BENCH) -> Trial:
    found = candidates(system, (finding,), bench.peak)
    return try_out(system, next(each for each in found if each.remedy.id == remedy), bench)


class TestCoalescedMisses:
    def cached(self, *, expiry_s: float | None = 30, coalesced: bool | None = None) -> System:
        """Return a shop that reads products through a cache: 400/s, 200 keys, 100 ms a miss in a store of 8 places."""
        put = CachePut(dataset="cache/product", expiry_s=Estimate(expiry_s) if expiry_s else None, time_ms=Estimate(0.2))
        get = CacheGet(
            dataset="cache/product",
            hit_ratio=Estimate(0.95),
            coalesced=coalesced,
            time_ms=Estimate(0.2),
            on_miss=(Query(dataset="db/product", time_ms=Estimate(100)), put),
        )
        shop = sketch.system(
            [
                sketch.component("cache", kind=Kind.CACHE, workers=1),
                sketch.component("db", kind=Kind.DATABASE, workers=8),
                sketch.component("shop", workers=2000, cores=64),
            ],
            [sketch.operation("GET /products", "shop", get)],
            {"GET /products": 400},
            datasets=("cache/product", "db/product"),
        )
        keys = tuple(structs.replace(each, rows=Estimate(200)) if each.store == "cache" else each for each in shop.datasets)
        return structs.replace(shop, datasets=keys, objectives=(Objective(name="fast", latency_p99_ms=500),))

    def test_a_flush_in_the_peak_is_survived(self, finding_of: FindingOf) -> None:
        trial = tried(self.cached(), finding_of("cache-stampede", "shop>cache"), "coalesced-misses")
        assert trial.scenario.faults == (load.flush("cache", 5.0),)
        assert trial.verdict == "helps"

    def test_the_cache_gets_both(self, finding_of: FindingOf) -> None:
        changed = coalesced_misses(self.cached(), finding_of("cache-stampede", "shop>cache"), 3)
        (get,) = changed.operation("GET /products").steps
        assert isinstance(get, CacheGet)
        put = get.on_miss[1]
        assert get.coalesced
        assert isinstance(put, CachePut)
        assert put.expiry_jitter == Estimate(JITTER)

    def test_a_cache_without_expiry_is_left_alone(self, finding_of: FindingOf) -> None:
        system = self.cached(expiry_s=None)
        assert coalesced_misses(system, finding_of("cache-stampede", "shop>cache"), 3) is system

    def test_what_is_there_is_not_proposed_again(self, finding_of: FindingOf) -> None:
        finding = finding_of("cache-stampede", "shop>cache")
        once = coalesced_misses(self.cached(), finding, 3)
        assert coalesced_misses(once, finding, 3) is once


class TestShedByPriority:
    def mixed(self) -> System:
        """Return a shop with 10 workers of 20 ms, asked for 300 reads and 60 orders a second: 72 % of what it can do."""
        shop = sketch.system(
            [sketch.component("db", kind=Kind.DATABASE, workers=64), sketch.component("shop", workers=10)],
            [
                sketch.operation("GET /products", "shop", sketch.work(19), Query(dataset="db/product", time_ms=Estimate(1))),
                sketch.operation(
                    "POST /orders", "shop", sketch.work(19), Query(dataset="db/order", action=Action.INSERT, time_ms=Estimate(1))
                ),
            ],
            {"GET /products": 300, "POST /orders": 60},
            datasets=("db/order", "db/product"),
        )
        return structs.replace(shop, objectives=(Objective(name="fast", latency_p99_ms=500),))

    def test_orders_are_kept_in_an_overload(self, finding_of: FindingOf) -> None:
        system = self.mixed()
        trial = tried(system, finding_of("no-load-shedding", components=("shop",)), "shed-by-priority")
        assert trial.verdict == "helps"
        before, after = (
            {each.operation: each.success_ratio for each in run.entries}
            for run in (trial.comparison.before, trial.comparison.after)
        )
        assert after["POST /orders"] > 0.95 > 0.8 > before["POST /orders"]
        assert after["GET /products"] < after["POST /orders"]

    def test_only_entries_that_read_are_marked(self, finding_of: FindingOf) -> None:
        changed = shed_by_priority(self.mixed(), finding_of("no-load-shedding", components=("shop",)), 3)
        assert [each.name for each in changed.operations if each.critical is False] == ["GET /products"]
        deployment = changed.component("shop").deployment
        assert deployment is not None
        assert deployment.reserved is not None
        assert deployment.reserved.value == pytest.approx(1.5 * 60 / 360, abs=0.01)
        assert deployment.queue_limit is not None

    def test_without_a_choice_there_is_nothing_to_keep(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store()
        assert shed_by_priority(system, finding_of("no-load-shedding", components=("shop",)), 3) is system


class TestRateLimit:
    def test_it_keeps_answers_in_time_in_an_overload(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store(rate=250, workers=10, query_ms=20, pool=10, store_workers=32)
        trial = tried(system, finding_of("no-load-shedding", components=("shop",)), "rate-limit")
        assert trial.verdict == "helps"
        assert trial.comparison.after.shed > 0

    def test_the_rate_is_what_the_places_can_do(self, with_store: Builder, finding_of: FindingOf) -> None:
        changed = rate_limit(with_store(rate=250, workers=10), finding_of("no-load-shedding", components=("shop",)), 3)
        deployment = changed.component("shop").deployment
        assert deployment is not None
        assert deployment.rate_limit is not None
        # 1 ms of work, 20 ms of query, 1 ms of network: 10 places do 10 / 22 ms, nine tenths of that are 409.1/s.
        assert deployment.rate_limit.rate_per_s.value == 410
        assert deployment.rate_limit.burst == Estimate(82)

    def test_what_the_peak_does_not_fill_is_not_limited(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store(rate=50, workers=10)
        assert rate_limit(system, finding_of("no-load-shedding", components=("shop",)), 3) is system


class TestReadReplicas:
    FINDING = ("pool-smaller-than-demand", "shop>db")

    def test_reads_leave_a_store_that_is_too_small(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store(rate=100, workers=500, query_ms=40, pool=200, store_workers=8)
        trial = tried(system, finding_of(*self.FINDING), "read-replicas")
        assert trial.verdict == "helps"

    def test_reads_that_must_be_fresh_stay(self, with_store: Builder, finding_of: FindingOf) -> None:
        system = with_store()
        operation = system.operation("GET /products")
        held = structs.replace(operation, steps=(Transaction(store="db", steps=operation.steps),))
        system = structs.replace(system, operations=(held,))
        assert read_replicas(system, finding_of(*self.FINDING), 3) is system

    def test_the_copies_are_beside_the_primary(self, with_store: Builder, finding_of: FindingOf) -> None:
        deployment = read_replicas(with_store(), finding_of(*self.FINDING), 3).component("db").deployment
        assert deployment is not None
        assert (deployment.replicas, deployment.reads) == (Estimate(3), "replicas")


class TestBoundedPrefetch:
    FINDING = ("unbounded-prefetch", "mailer>broker")

    def queue(self, prefetch: float | None = 0, copies: int = 2) -> System:
        """Return a shop that publishes 60 messages a second to two mailers that work on one of 20 ms at a time."""
        shop = sketch.system(
            [
                sketch.component("broker", kind=Kind.BROKER),
                sketch.component("mailer", workers=10, replicas=copies),
                sketch.component("shop"),
            ],
            [
                sketch.operation("POST /orders", "shop", sketch.work(1), Publish(topic="broker/order.created")),
                sketch.consumer("mail", "mailer", "broker/order.created", sketch.work(20)),
            ],
            {"POST /orders": 60},
            topics=("broker/order.created",),
            network_ms=0.5,
        )
        mail = shop.operation("mail")
        ahead = structs.replace(mail.trigger, prefetch=Estimate(prefetch) if prefetch is not None else None)
        return structs.replace(
            shop, operations=tuple(structs.replace(each, trigger=ahead) if each is mail else each for each in shop.operations)
        )

    def test_it_is_what_keeps_a_consumer_busy(self, finding_of: FindingOf) -> None:
        changed = bounded_prefetch(self.queue(), finding_of(*self.FINDING), 3)
        assert changed.operation("mail").trigger.prefetch == Estimate(2)  # 1 x (1 + 2 x 1 ms / 20 ms), rounded up

    @pytest.mark.parametrize(("prefetch", "copies"), [(None, 2), (2, 2), (0, 1)])
    def test_unknown_small_or_alone_it_is_left(self, finding_of: FindingOf, prefetch: float | None, copies: int) -> None:
        system = self.queue(prefetch, copies)
        assert bounded_prefetch(system, finding_of(*self.FINDING), 3) is system

    def test_messages_do_not_wait_behind_a_slow_instance(self, finding_of: FindingOf) -> None:
        trial = tried(self.queue(), finding_of(*self.FINDING), "bounded-prefetch")
        assert (trial.verdict, trial.comparison.decided_by) == ("helps", "message_p95_ms")
        waited = trial.comparison.measure("message_p95_ms")
        assert waited.after.value < waited.before.value / 2
        proof = proof_of(trial, self.queue())
        assert proof.measures[0].id == "message_p95_ms"
        assert "95 % of the messages are handled within" in proof.summary.en

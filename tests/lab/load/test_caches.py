"""Caches whose keys expire are simulated key by key: renewal theory says how often a key is there, and hands count who waits for whom."""

import math

import numpy as np
import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.lab.load.key_spaces import of_hit_ratio, of_rows, zipf
from backend_expert.model import CacheGet, CachePut, Estimate, Kind, Policy, Query, System, replace_component

CONSTANT = load.Law("constant", 0)


def cached(
    rows: float | None,
    *,
    rate: float = 100.0,
    life_s: float = 5.0,
    popularity: float = 0.0,
    query_ms: float = 0.0,
    coalesced: bool = False,
    jitter: float | None = None,
    hit_ratio: float = 0.8,
    replicas: int = 1,
    query: Query | None = None,
) -> System:
    """Return a service that reads through a cache."""
    get = CacheGet(
        dataset="cache/c",
        hit_ratio=Estimate(hit_ratio),
        time_ms=Estimate(0),
        coalesced=coalesced,
        on_miss=(
            query or sketch.query("db/t", query_ms),
            CachePut(
                dataset="cache/c",
                time_ms=Estimate(0),
                expiry_s=Estimate(life_s),
                expiry_jitter=None if jitter is None else Estimate(jitter),
            ),
        ),
    )
    system = sketch.system(
        [
            sketch.component("web", replicas=replicas),
            sketch.component("db", kind=Kind.DATABASE),
            sketch.component("cache", kind=Kind.CACHE),
        ],
        [sketch.operation("GET /", "web", get)],
        {"GET /": rate},
        datasets=["db/t", "cache/c"],
    )
    datasets = tuple(
        structs.replace(each, rows=None if rows is None else Estimate(rows), popularity=Estimate(popularity))
        for each in system.datasets
    )
    return structs.replace(system, datasets=datasets)


def hit_ratio(system: System, scenario: load.Scenario) -> float:
    return load.run(system, scenario).caches[0].hit_ratio


@pytest.mark.parametrize("popularity", [0.0, 0.9, 1.4])
def test_a_key_is_there_for_its_life_and_away_until_it_is_asked_for(popularity: float) -> None:
    weights = np.arange(1.0, 501.0) ** -popularity
    asked = 200.0 * 5.0 * weights / weights.sum()
    exact = float((weights / weights.sum() * asked / (1 + asked)).sum())
    measured = hit_ratio(cached(500, rate=200, popularity=popularity), load.Scenario(500, slice_s=100))
    assert measured == pytest.approx(exact, abs=0.01)


def test_a_run_starts_with_a_warm_cache() -> None:
    first, later = (hit_ratio(cached(500, rate=200), load.Scenario(seconds, warmup_s=0, slice_s=1)) for seconds in (1, 100))
    assert first == pytest.approx(later, abs=0.12)
    assert later == pytest.approx(2 / 3, abs=0.02)


def test_jitter_leaves_the_hit_ratio_as_it_is() -> None:
    scenario = load.Scenario(500, slice_s=100)
    assert hit_ratio(cached(500, rate=200, jitter=0.8), scenario) == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("stated", [0.3, 0.8, 0.95])
@pytest.mark.parametrize("popularity", [0.0, 0.9])
def test_where_nobody_says_how_many_keys_there_are_they_are_as_many_as_give_the_hit_ratio(stated: float, popularity: float) -> None:
    system = cached(None, rate=2000, hit_ratio=stated, popularity=popularity, life_s=60)
    assert hit_ratio(system, load.Scenario(60, slice_s=10)) == pytest.approx(stated, abs=0.02)


def test_keys_without_rows_of_their_own_count_in_groups() -> None:
    shares, multiplicity = zipf(1e7, 0.9)
    exact = float((np.arange(1.0, 1e7 + 1) ** -0.9).sum())
    assert shares[0] == pytest.approx(1 / exact, rel=1e-4)
    assert float(multiplicity.sum()) == pytest.approx(1e7, rel=1e-6)
    space = of_hit_ratio(0.5, 0.9, 1.0, 60_000.0)
    again = of_rows(math.exp(math.log(len(space.shares) + space.others)), 0.9, 1.0, 60_000.0)
    assert again.others == pytest.approx(space.others, rel=1e-6)


def test_after_a_flush_the_popular_keys_expire_together_unless_their_lives_differ() -> None:
    """An emptied cache fills at once, so its keys go at once one life later, and again one life after that."""

    def misses(jitter: float | None) -> list[float]:
        system = cached(200, rate=2000, life_s=20, query_ms=5, jitter=jitter)
        scenario = load.Scenario(60, law=CONSTANT, faults=(load.flush("cache", 10),))
        web = load.run(system, scenario)
        return list(next(each for each in web.components if each.component == "db").utilisation_series)

    together, spread = misses(None), misses(0.5)
    assert together[10] == pytest.approx(spread[10], rel=0.05), "the flush itself is the same"
    assert together[30] > 5 * max(together[25:29])
    assert max(spread[25:40]) < 0.5 * together[30]


def test_a_stampede_asks_the_store_once_for_each_request_and_coalescing_once_for_each_instance() -> None:
    """One key, 1,000 requests a second, a query of 100 ms, an expiry every 10 s: 100 requests come before the key is back."""

    def queries(coalesced: bool, replicas: int = 1) -> float:
        system = cached(1, rate=1000, life_s=10, query_ms=100, coalesced=coalesced, replicas=replicas)
        outcome = load.run(system, load.Scenario(101, law=CONSTANT, slice_s=101))
        assert outcome.success_ratio == 1
        return sum(call.attempts for call in outcome.calls if call.callee == "db") / 10

    assert queries(False) == pytest.approx(100, rel=0.1)
    assert queries(True) == pytest.approx(1, abs=0.11)
    assert queries(True, replicas=4) == pytest.approx(4, abs=0.5)


def test_who_waits_for_another_fetch_gets_its_answer_at_the_same_time() -> None:
    system = cached(1, rate=1000, life_s=0.1, query_ms=100, coalesced=True)
    outcome = load.run(system, load.Scenario(100, law=CONSTANT, slice_s=100, patience_s=None))
    # A cycle is 100 ms of hits and a fetch of 100 ms, during which arrivals wait for what is left of it.
    assert outcome.mean_ms == pytest.approx((100 + 1000 * 0.1 * 50) / 201, rel=0.05)
    assert outcome.caches[0].hit_ratio == pytest.approx(100 / 201, abs=0.03)


def test_who_waits_for_a_fetch_that_fails_fails_with_it() -> None:
    query = Query(dataset="db/t", time_ms=Estimate(100), policy=Policy(timeout_ms=Estimate(50)))
    outcome = load.run(
        cached(1, rate=1000, life_s=10, coalesced=True, query=query),
        load.Scenario(20, law=CONSTANT, faults=(load.flush("cache", 0),)),
    )
    assert outcome.success_ratio < 0.8
    calls = next(call for call in outcome.calls if call.callee == "db")
    assert calls.attempts == pytest.approx(20 / 0.05, rel=0.3), "one fetch at a time, and no success to end them"


def test_a_crash_of_who_fetches_leaves_the_key_to_the_next() -> None:
    system = cached(1, rate=500, life_s=1, query_ms=300, coalesced=True)
    crashes = tuple(load.crash("web", at, 0.1, silent=silent) for at, silent in ((3.15, False), (7.3, True), (11.05, False)))
    outcome = load.run(system, load.Scenario(20, law=CONSTANT, faults=crashes))
    assert outcome.series.success_ratio[-3] == 1


def test_a_look_up_that_fails_is_a_miss() -> None:
    get = CacheGet(
        dataset="cache/c",
        hit_ratio=Estimate(0.9),
        time_ms=Estimate(50),
        policy=Policy(timeout_ms=Estimate(10), optional=True),
        on_miss=(sketch.query("db/t", 1),),
    )
    system = structs.replace(cached(1), operations=(sketch.operation("GET /", "web", get),))
    outcome = load.run(system, load.Scenario(50, law=CONSTANT))
    assert next(call for call in outcome.calls if call.callee == "db").attempts == outcome.offered
    assert outcome.caches[0].hit_ratio == 0


def test_what_is_read_from_replicas_during_a_fetch_leaves_its_key_alone() -> None:
    """A miss that reads a replicated table asks for a row of that table, and still lands the key that it fetches."""
    system = cached(5, rate=500, life_s=0.5, query_ms=20, coalesced=True)
    db = sketch.component("db", kind=Kind.DATABASE, replicas=2)
    assert db.deployment is not None
    system = replace_component(system, structs.replace(db, deployment=structs.replace(db.deployment, reads="replicas")))
    outcome = load.run(system, load.Scenario(60, law=CONSTANT))
    assert outcome.success_ratio == 1
    assert outcome.replicas[0].reads == sum(call.attempts for call in outcome.calls if call.callee == "db")

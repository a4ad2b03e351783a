"""Reads from replicas: who answers them, and how often they are older than the last write to the same row."""

import math

import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import Action, Estimate, Kind, Query, System, Transaction


def replicated(
    *,
    rows: float,
    lag_ms: float,
    read_rate: float = 200.0,
    writes: float = 100.0,
    replicas: int = 3,
    popularity: float = 0.0,
    **changes,
) -> System:
    db = sketch.component("db", kind=Kind.DATABASE, workers=4, replicas=replicas)
    assert db.deployment is not None
    deployment = structs.replace(db.deployment, **({"reads": "replicas", "replication_lag_ms": Estimate(lag_ms)} | changes))
    write = Query(dataset="db/t", action=Action.UPDATE, time_ms=Estimate(1))
    system = sketch.system(
        [sketch.component("web"), structs.replace(db, deployment=deployment)],
        [
            sketch.operation("GET /", "web", sketch.query("db/t", 10)),
            sketch.operation("PUT /", "web", write),
            sketch.operation("POST /", "web", Transaction(store="db", steps=(write, sketch.query("db/t", 10)))),
        ],
        {"GET /": read_rate, "PUT /": writes},
        datasets=["db/t"],
    )
    dataset = structs.replace(system.datasets[0], rows=Estimate(rows), popularity=Estimate(popularity))
    return structs.replace(system, datasets=(dataset,))


@pytest.mark.parametrize("popularity", [0.0, 1.0])
def test_a_read_is_stale_when_its_row_was_written_within_the_lag(popularity: float) -> None:
    rows = 50
    weights = [(rank + 1) ** -popularity for rank in range(rows)]
    shares = [each / sum(weights) for each in weights]
    # Writes of a row are Poisson; the write counts when the primary has done it.
    exact = sum(share * (1 - math.exp(-100 * share * 0.3)) for share in shares)
    outcome = load.run(replicated(rows=rows, lag_ms=300, popularity=popularity), load.Scenario(1000, slice_s=1000))
    assert outcome.replicas[0].stale_share == pytest.approx(exact, abs=0.01)
    assert outcome.replicas[0].reads == pytest.approx(200_000, rel=0.02)
    assert outcome.caches == ()


def test_replicas_carry_the_reads_and_the_primary_the_writes() -> None:
    """Two replicas with four places each, 600 reads a second of 10 ms: load 0.75; the primary alone would be at 1.5."""

    def outcome(**changes) -> load.Outcome:
        return load.run(replicated(rows=1e6, lag_ms=10, read_rate=600, **changes), load.Scenario(60))

    spread, alone = outcome(), outcome(reads="primary")
    assert spread.success_ratio == 1
    assert spread.p99_ms is not None
    assert spread.p99_ms < 100
    assert alone.success_ratio < 0.8
    assert alone.replicas == ()


def test_reads_inside_a_transaction_and_reads_of_a_store_without_replicas_go_to_the_primary() -> None:
    inside = replicated(rows=10, lag_ms=1000)
    inside = structs.replace(inside, workloads=sketch.system([], [], {"POST /": 20}).workloads)
    pooled = load.run(inside, load.Scenario(50))
    assert pooled.success_ratio == 1
    assert pooled.replicas[0].reads == 0
    single = load.run(replicated(rows=10, lag_ms=1000, replicas=1, read_rate=20), load.Scenario(50))
    assert single.replicas == () or single.replicas[0].reads == 0


def test_when_the_primary_is_gone_a_replica_takes_the_writes() -> None:
    scenario = load.Scenario(60, faults=(load.crash("db", 20, 30),))
    outcome = load.run(replicated(rows=1e6, lag_ms=10), scenario)
    writes = next(each for each in outcome.entries if each.operation == "PUT /")
    reads = next(each for each in outcome.entries if each.operation == "GET /")
    assert reads.success_ratio == 1
    assert 0.95 < writes.success_ratio < 1, "nobody takes them for the second until the exit is noticed"

"""The regression table: a trigger that goes away, and systems that come back or do not (Bronson et al., HotOS 2021)."""

import pytest

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import Kind, System


def client_and_database(attempts: int, backoff_ms: float | None = None, queue_limit: int | None = None) -> System:
    """Return an unlimited client that calls 8 workers of 10 ms at a load of 0.75 with a timeout of 100 ms."""
    return sketch.system(
        [sketch.component("client", kind=Kind.CLIENT), sketch.component("db", workers=8, queue_limit=queue_limit)],
        [
            sketch.operation(
                "request",
                "client",
                sketch.call(
                    "query", timeout_ms=100, attempts=attempts, backoff_ms=backoff_ms, jitter="full" if backoff_ms else "none"
                ),
            ),
            sketch.operation("query", "db", sketch.work(10)),
        ],
        {"request": 600},
    )


SCENARIO = load.Scenario(300, warmup_s=0, faults=(load.slow("db", 4, 60, 10),))


@pytest.mark.parametrize(
    ("system", "verdict", "within_s"),
    [
        (client_and_database(1), "recovers", (15, 30)),
        (client_and_database(2), "never", None),
        (client_and_database(4), "never", None),
        (client_and_database(4, backoff_ms=100), "never", None),
        (client_and_database(4, queue_limit=40), "recovers", (0, 3)),
    ],
    ids=["no retry", "1 immediate retry", "3 immediate retries", "3 retries with backoff", "3 retries and a bounded queue"],
)
def test_the_sustaining_loop_decides_and_not_the_trigger(
    system: System, verdict: str, within_s: tuple[float, float] | None
) -> None:
    outcome = load.run(system, SCENARIO, seed=3)
    fault = outcome.series.success_ratio[61:70]
    late = outcome.series.success_ratio[200:290]
    assert max(each or 0 for each in fault) < 0.05
    assert outcome.recovery.verdict == verdict
    if within_s is None:
        assert outcome.recovery.metastable
        assert max(each or 0 for each in late) == 0
        assert outcome.wasted_s > 0.8 * outcome.work_s
    else:
        assert min(each or 0 for each in late) > 0.99
        assert outcome.recovery.after_s is not None
        assert within_s[0] <= outcome.recovery.after_s <= within_s[1]


def test_a_retry_budget_breaks_the_loop() -> None:
    system = sketch.system(
        [sketch.component("client", kind=Kind.CLIENT), sketch.component("db", workers=8)],
        [
            sketch.operation("request", "client", sketch.call("query", timeout_ms=100, attempts=4, budget=0.1)),
            sketch.operation("query", "db", sketch.work(10)),
        ],
        {"request": 600},
    )
    assert load.run(system, SCENARIO, seed=3).recovery.verdict == "recovers"

"""The text of a capacity study: what limits, and where more replicas are of no use."""

import pytest
from msgspec import structs

from backend_expert.lab.load import sketch
from backend_expert.model import Objective, System
from backend_expert.report.capacity import render_capacity
from backend_expert.review.capacity import CapacityStudy, study
from backend_expert.review.executors import executor


def shop(p99_ms: float = 100.0) -> System:
    """Return services of 2 workers and 10 ms in front of a database of one worker and 1 ms."""
    system = sketch.system(
        [sketch.component("web", workers=2), sketch.component("zdb", workers=1)],
        [sketch.operation("GET /", "web", sketch.work(10), sketch.call("read")), sketch.operation("read", "zdb", sketch.work(3))],
        {"GET /": 20},
    )
    database = structs.replace(system.component("zdb"), kind="database")
    return structs.replace(
        system,
        components=(system.component("web"), database),
        objectives=(Objective(name="fast", latency_p99_ms=p99_ms, success_ratio=0.99),),
    )


def found(system: System, replicas: int = 8) -> CapacityStudy:
    with executor() as pool:
        return study(system, replicas, 1, "backend-expert capacity .", pool)


@pytest.fixture(scope="module")
def limited() -> CapacityStudy:
    return found(shop())


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_it_fits_a_terminal(limited: CapacityStudy, language: str) -> None:
    assert max(map(len, render_capacity(limited, "text", language).splitlines())) <= 80  # type: ignore[arg-type]


def test_it_says_from_where_on_replicas_are_of_no_use(limited: CapacityStudy) -> None:
    text = " ".join(render_capacity(limited, "text", "en").split())
    assert "x the replicas on, another one adds less than a tenth" in text
    assert "zdb is the limit" in text
    assert "gets slower" not in text


def test_a_capacity_that_falls_is_called_so(limited: CapacityStudy) -> None:
    *first, last = limited.found.scalings
    lower = structs.replace(last, rate_per_s=first[0].rate_per_s / 2)
    falling = structs.replace(
        limited, found=structs.replace(limited.found, scalings=(*first[:1], structs.replace(lower, replicas=2)))
    )
    text = " ".join(render_capacity(falling, "text", "pt-BR").split())
    assert "Acima de 1x as réplicas ele fica mais lento." in text


def test_what_an_idle_system_breaks_is_no_question_of_load() -> None:
    text = render_capacity(found(shop(p99_ms=20.0), replicas=1), "text", "en")
    assert "not held at any load" in text
    assert "What breaks first: p99 of GET /" in text

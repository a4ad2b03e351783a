"""The text of a simulation: what it says about recovery, where the time goes, and that it fits a terminal."""

import json
import re

import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import CacheGet, Estimate, Publish, System
from backend_expert.report.simulation import certainty, render_simulation
from backend_expert.review.executors import executor
from backend_expert.review.result import Interval
from backend_expert.review.simulation import Simulation, simulate

LANGUAGES = ("en", "pt-BR")


STORM = sketch.system(
    [sketch.component("front"), sketch.component("db", workers=8)],
    [
        sketch.operation("GET /", "front", sketch.call("select", timeout_ms=100, attempts=2)),
        sketch.operation("select", "db", sketch.work(10)),
    ],
    {"GET /": 600},
)
"""One immediate retry at a load of 0.75: a store that was slow for a while never comes back (Bronson et al., HotOS 2021)."""


def shop(connections: int = 4) -> System:
    """Return a front and a store whose pool is what a peak exhausts; `search` does not need it."""
    return sketch.system(
        [sketch.component("front", workers=2000, cores=64), sketch.component("a-store-with-a-name-that-is-too-long", workers=64)],
        [
            sketch.operation("POST /orders", "front", sketch.call("insert", pool=connections)),
            sketch.operation("GET /search", "front", sketch.work(2)),
            sketch.operation("insert", "a-store-with-a-name-that-is-too-long", sketch.work(10)),
        ],
        {"POST /orders": 200, "GET /search": 100},
    )


def simulated(system: System, scenario: load.Scenario) -> Simulation:
    with executor() as pool:
        return simulate(system, scenario, 1, "backend-expert simulate .", pool)


PEAK = load.Scenario(40, arrivals=load.spike(3, 10, 5))


@pytest.fixture(scope="module")
def peak() -> Simulation:
    return simulated(shop(), PEAK)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_is_wider_than_a_terminal(peak: Simulation, language: str) -> None:
    lines = render_simulation(peak, "text", language).splitlines()  # type: ignore[arg-type]
    assert max(map(len, lines)) <= 80
    assert any("a-store-with-a-name-that-is…" in line for line in lines)


def test_the_pool_where_requests_wait_leads_where_the_time_goes(peak: Simulation) -> None:
    text = render_simulation(peak, "text", "en")
    rows = text.partition("Where the time goes")[2].splitlines()[2:]
    assert rows[0].startswith("front → a-store-with-a-name…")
    waiting, working, calling = rows[0].split()[3:6]
    assert float(waiting.replace(",", "")) > 10
    assert (working, calling) == ("–", "–")


def test_operations_stand_in_the_order_of_their_trouble(peak: Simulation) -> None:
    text = render_simulation(peak, "text", "en")
    assert text.index("POST /orders  ") < text.index("GET /search  ")


def test_messages_and_caches_are_told_where_there_are_some(peak: Simulation) -> None:
    assert "messages" not in render_simulation(peak, "text", "en")
    get = CacheGet(dataset="cache/product", hit_ratio=Estimate(0.8), time_ms=Estimate(0.2))
    queue = sketch.system(
        [sketch.component("cache"), sketch.component("mailer", workers=1), sketch.component("mq"), sketch.component("shop")],
        [
            sketch.operation("POST /", "shop", get, Publish(topic="mq/order.created")),
            sketch.consumer("mail", "mailer", "mq/order.created", sketch.work(30)),
        ],
        {"POST /": 50},
        topics=("mq/order.created",),
        datasets=("cache/product",),
    )
    simulation = simulated(queue, load.Scenario(20))
    for language in LANGUAGES:
        text = render_simulation(simulation, "text", language)  # type: ignore[arg-type]
        row = next(line for line in text.splitlines() if line.startswith("mq/order.created → mail"))
        assert 250 < int(row.split()[-1]) < 420  # 50/s come for 20 s and 33/s are handled: a third stays
        assert "cache cache/product: 8" in text or "cache cache/product: 79" in text
        assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("system", "scenario", "verdict"),
    [
        (shop(), load.Scenario(10), "Nothing was done to it"),
        (shop(connections=40), load.Scenario(40, arrivals=load.spike(1.1, 10, 5)), "It does not notice"),
        (shop(), PEAK, r"Recovers in [\d.]+ s after the last disturbance"),
        (STORM, load.Scenario(60, faults=(load.slow("db", 4, 10, 10),)), "Metastable: never within the horizon.* gone for 40 s"),
        (STORM, load.Scenario(30, faults=(load.slow("db", 4, 5, 20),)), "Does not recover within the run, which ends 5 s"),
    ],
)
def test_the_verdict_says_whether_it_comes_back(system: System, scenario: load.Scenario, verdict: str) -> None:
    text = render_simulation(simulated(system, scenario), "text", "en")
    assert re.search(verdict, " ".join(text.split())), text[:400]


def test_runs_that_differ_are_counted(peak: Simulation) -> None:
    back, lost = (
        load.Recovery(verdict="recovers", after_s=12.0),
        load.Recovery(verdict="never", metastable=True, operation="POST /orders"),
    )
    mixed = structs.replace(peak, recoveries=(back, back, lost))
    text = " ".join(render_simulation(mixed, "text", "en").split())
    assert "Recovers in 12 s in 2 of 3 runs; metastable in the others" in text
    assert "The last to come back: POST /orders." in text


def test_an_interrupted_simulation_says_that_it_is_partial(peak: Simulation) -> None:
    fewer = structs.replace(peak, outcome=structs.replace(peak.outcome, partial=True))
    assert "Interrupted; finished runs: " in render_simulation(fewer, "text", "en")
    shorter = structs.replace(PEAK, duration_s=12.0)
    early = structs.replace(peak, outcome=structs.replace(peak.outcome, partial=True, scenario=shorter))
    text = render_simulation(early, "text", "pt-BR")
    assert "Interrompido após 12 de 40 segundos simulados" in text
    assert "não há veredito" in text


def test_what_is_known_is_said_with_its_intervals() -> None:
    told = certainty(Interval(0.943, 0.941, 0.945), Interval(1372, 1200, 1500), "en")
    assert told.replace("\u00a0", " ") == "success 94.3 % (94.1–94.5), p99 1,372 ms (1,200–1,500)"
    slow = certainty(Interval(0.9, 0.0, 1.0), Interval(9000.0, 0.0, 12000.0), "en").replace("\u00a0", " ")
    assert slow == "success 90 % (0–100), p99 9 s (0–12)"
    assert "p99" not in certainty(Interval(0.0, 0.0, 0.0), None, "en")


def test_the_json_holds_every_number(peak: Simulation) -> None:
    data = json.loads(render_simulation(peak, "json", "en"))
    assert data["schema"] == "backend-expert/simulation/1"
    assert data["outcome"]["pools"][0]["queue"] > 0
    assert len(data["recoveries"]) == data["outcome"]["replications"]
    assert {"waiting_s", "workload_s", "calling_s"} <= data["outcome"]["components"][0].keys()

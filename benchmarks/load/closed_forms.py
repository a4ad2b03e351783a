"""Compare the simulator with formulas from queueing theory.

    python benchmarks/load/closed_forms.py [REQUESTS [WORD]]

Prints one row a case: the exact value, the simulated one, the error with the 95 % half-width over ten replications. REQUESTS is the
number of requests in all replications of a case together (10,000,000 when not given); WORD keeps the cases whose names hold it.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from msgspec import structs

from backend_expert.lab.load import Law, Scenario, closed, sketch
from backend_expert.lab.load.experiment import replication_seed, simulate, spread
from backend_expert.lab.load.histogram import quantiles
from backend_expert.lab.load.measure import Tally
from backend_expert.lab.load.program import compile_program
from backend_expert.lab.load.statistics import mean_interval
from backend_expert.lab.load.vocabulary import Counter
from backend_expert.model import Branch, Call, Estimate, Kind, Parallel, System
from backend_expert.model.assume import complete

REPLICATIONS = 10
IMPATIENT = Scenario(1.0, patience_s=0.02, leaving="exponential")


class Case(NamedTuple):
    """A system with a known answer: what is measured of a run, and what it must be."""

    name: str
    system: System
    measured: Callable[[Tally], float]
    exact: float
    law: Law = Law()
    scenario: Scenario = Scenario(1.0, patience_s=None)


def erlang_b(servers: int, offered: float) -> float:
    """Return the share of blocked arrivals of M/G/c/c."""
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked


def erlang_c(servers: int, offered: float) -> float:
    """Return the share of arrivals that wait in M/M/c."""
    blocked = erlang_b(servers, offered)
    return blocked / (1 - offered / servers * (1 - blocked))


def erlang_a(servers: int, rate: float, service: float, patience: float) -> tuple[float, float]:
    """Return the mean wait, and the share that is served, of M/M/c with exponential patience, from the birth-death chain."""
    weights = [1.0]
    for state in range(1, 2000):
        leaving = min(state, servers) * service + max(state - servers, 0) * patience
        weights.append(weights[-1] * rate / leaving)
    total = sum(weights)
    queue = sum((state - servers) * weight for state, weight in enumerate(weights) if state > servers) / total
    return queue / rate, 1 - patience * queue / rate


def closed_mva(stations: list[float], think: float, clients: int) -> float:
    """Return the response time of a closed network of single servers by exact mean value analysis."""
    queues = [0.0] * len(stations)
    response = 0.0
    for count in range(1, clients + 1):
        times = [demand * (1 + queue) for demand, queue in zip(stations, queues, strict=True)]
        response = sum(times)
        queues = [count / (think + response) * each for each in times]
    return response


def waiting(tally: Tally) -> float:
    """Return the time in queues for each request that came, those that left included."""
    return float(tally.queued.sum()) / float(tally.counts[:, Counter.OFFERED].sum())


def worked(tally: Tally) -> float:
    """Return the time of work for each request that came, those that left included."""
    return float(tally.busy.sum()) / float(tally.counts[:, Counter.OFFERED].sum())


def mean(tally: Tally) -> float:
    """Return the mean latency of successful answers."""
    return float(tally.entry_sums.sum()) / float(tally.counts[:, Counter.SUCCEEDED].sum())


def p99(tally: Tally) -> float:
    """Return the 99th percentile of the latency of successful answers."""
    found = quantiles(tally.entry_histogram.sum(axis=0), (0.99,))[0]
    assert found is not None
    return found


def shed(tally: Tally) -> float:
    """Return the share of requests that were turned away."""
    return float(tally.counts[:, Counter.SHED].sum()) / float(tally.counts[:, Counter.OFFERED].sum())


def queue_system(servers: int, service_ms: float, rate: float, queue_limit: int | None = None) -> System:
    """Return one station with `servers` workers."""
    return sketch.system(
        [sketch.component("station", workers=servers, queue_limit=queue_limit)],
        [sketch.operation("serve", "station", sketch.work(service_ms))],
        {"serve": rate},
    )


def tandem(rate: float, first_ms: float, second_ms: float, back: float = 0.0) -> System:
    """Return two stations one after the other; with probability `back` a request goes through the second one again."""
    again = Branch(probability=Estimate(back), then=(Call(operation="second"),))
    return sketch.system(
        [sketch.component("client", kind=Kind.CLIENT), sketch.component("a", workers=1), sketch.component("b", workers=1)],
        [
            sketch.operation("request", "client", sketch.call("first"), sketch.call("second")),
            sketch.operation("first", "a", sketch.work(first_ms)),
            sketch.operation("second", "b", sketch.work(second_ms)),
            sketch.operation("third", "client", again),
        ]
        if back == 0.0
        else [
            sketch.operation("request", "client", sketch.call("first"), sketch.call("loop")),
            sketch.operation("first", "a", sketch.work(first_ms)),
            sketch.operation(
                "loop", "client", sketch.call("second"), Branch(probability=Estimate(back), then=(Call(operation="loop"),))
            ),
            sketch.operation("second", "b", sketch.work(second_ms)),
        ],
        {"request": rate},
    )


def fork_join(rate: float, service_ms: float) -> System:
    """Return a request that needs both of two stations at once."""
    both = Parallel(branches=((Call(operation="left"),), (Call(operation="right"),)))
    return sketch.system(
        [sketch.component("client", kind=Kind.CLIENT), sketch.component("a", workers=1), sketch.component("b", workers=1)],
        [
            sketch.operation("request", "client", both),
            sketch.operation("left", "a", sketch.work(service_ms)),
            sketch.operation("right", "b", sketch.work(service_ms)),
        ],
        {"request": rate},
    )


def pollaczek_khinchine(rate: float, service: float, variation: float) -> float:
    """Return the mean response of M/G/1; rate per millisecond."""
    load = rate * service
    return service + rate * service * service * (1 + variation**2) / (2 * (1 - load))


def lost_mmck(servers: int, places: int, offered: float) -> float:
    """Return the share of arrivals turned away by M/M/c with `places` places in all."""
    weights = [1.0]
    for state in range(1, places + 1):
        weights.append(weights[-1] * offered / min(state, servers))
    return weights[-1] / sum(weights)


def loop(users: int, think_s: float) -> Scenario:
    """Return the scenario of a closed network."""
    return Scenario(1.0, patience_s=None, arrivals=closed({"request": (users, think_s)}))


def cases() -> tuple[Case, ...]:
    """Return every case with a closed form."""
    rate = 0.08  # a millisecond: load 0.8 of one server of 10 ms
    erlang_2 = math.sqrt(0.5)
    impatient = erlang_a(4, 0.48, 0.1, 1 / 20)
    wait_c = erlang_c(4, 3.2) / (0.4 - 0.32)
    # P(T > t) of M/M/c = e^{-μt} (1 + C (1 - e^{-(cμ-λ-μ)t}) / (c - 1 - a)); solved for 1 % below.
    return (
        Case("M/M/1 ρ=0.7 mean", queue_system(1, 10, 70), mean, 10 / (1 - 0.7)),
        Case("M/M/1 ρ=0.7 p99", queue_system(1, 10, 70), p99, 10 / (1 - 0.7) * math.log(100)),
        Case("M/M/4 ρ=0.8 mean", queue_system(4, 10, 320), mean, 10 + wait_c),
        Case("M/M/4 ρ=0.8 p99", queue_system(4, 10, 320), p99, mmc_quantile(4, 0.1, 0.32, 0.99)),
        Case("M/D/1 ρ=0.8 mean", queue_system(1, 10, 80), mean, pollaczek_khinchine(rate, 10, 0), Law("constant", 0)),
        Case("M/E2/1 ρ=0.8 mean", queue_system(1, 10, 80), mean, pollaczek_khinchine(rate, 10, erlang_2), Law("gamma", erlang_2)),
        Case("M/two steps/1 ρ=0.8 mean", two_steps(80), mean, pollaczek_khinchine(rate, 10, erlang_2)),
        Case("M/LN/1 cv=1.5 ρ=0.7", queue_system(1, 10, 70), mean, pollaczek_khinchine(0.07, 10, 1.5), Law("lognormal", 1.5)),
        Case("M/M/4/10 turned away", queue_system(4, 10, 400, 6), shed, lost_mmck(4, 10, 4.0)),
        Case("Erlang B, 8 servers", queue_system(8, 10, 700, 0), shed, erlang_b(8, 7.0)),
        Case("tandem mean", tandem(70, 10, 8), mean, 1 / (0.1 - 0.07) + 1 / (0.125 - 0.07)),
        Case("Jackson, feedback 0.3", tandem(70, 10, 6, 0.3), mean, 1 / (0.1 - 0.07) + 1 / 0.7 / (1 / 6 - 0.1)),
        Case("fork-join of 2, ρ=0.7", fork_join(70, 10), mean, (12 - 0.7) / 8 * 10 / (1 - 0.7)),
        Case("M/M/∞ mean", sketch_infinite(), mean, 10.0),
        Case("Erlang A mean wait", queue_system(4, 10, 480), waiting, impatient[0], scenario=IMPATIENT),
        Case("Erlang A mean work", queue_system(4, 10, 480), worked, impatient[1] * 10, scenario=IMPATIENT),
        Case("closed MVA, 20 users", tandem(1, 10, 8), mean, closed_mva([10, 8], 200, 20), scenario=loop(20, 0.2)),
        Case("closed MVA, 5 users", tandem(1, 10, 8), mean, closed_mva([10, 8], 50, 5), scenario=loop(5, 0.05)),
    )  # fmt: skip


def mmc_quantile(servers: int, service: float, rate: float, share: float) -> float:
    """Return a quantile of the response time of M/M/c by bisection of its distribution."""
    offered = rate / service
    waits = erlang_c(servers, offered)
    spare = servers * service - rate

    def above(time_ms: float) -> float:
        fast = math.exp(-service * time_ms)
        return fast + waits * service / (spare - service) * (fast - math.exp(-spare * time_ms))

    low, high = 0.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle) > 1 - share else (low, middle)
    return low


def two_steps(rate: float) -> System:
    """Return one server that works twice for each request: an Erlang-2 service made of two exponential steps."""
    return sketch.system(
        [sketch.component("station", workers=1)],
        [sketch.operation("serve", "station", sketch.work(5), sketch.work(5))],
        {"serve": rate},
    )


def sketch_infinite() -> System:
    """Return a station without a limit of workers."""
    return sketch.system([sketch.component("station")], [sketch.operation("serve", "station", sketch.work(10))], {"serve": 500})


def measure(case: Case, requests: int) -> tuple[float, float]:
    """Return the simulated value of a case and its half-width, relative to the exact one."""
    users = case.scenario.arrivals.users
    rate = sum(workload.rate_per_s.value for workload in case.system.workloads)
    if users:
        rate = users[0].count / (users[0].think_s + case.exact / 1000.0)
    duration = requests / REPLICATIONS / rate
    scenario = structs.replace(case.scenario, duration_s=duration, warmup_s=duration / 100, slice_s=duration, law=case.law)
    program = compile_program(complete(case.system), scenario)
    tallies = spread(simulate, [(program, replication_seed(7, at)) for at in range(REPLICATIONS)], None, None, 0, REPLICATIONS)
    interval = mean_interval([case.measured(tally) for tally in tallies])
    return interval.value, (interval.high - interval.low) / 2 / case.exact


def main() -> None:
    """Print every case."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    print(f"{requests:,} requests a case in {REPLICATIONS} replications")
    print(f"{'case':28} {'exact':>12} {'simulated':>12} {'error':>9} {'± 95 %':>8}  CPU s")
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    for case in (each for each in cases() if word in each.name):
        start = time.process_time()
        value, half = measure(case, requests)
        error = value / case.exact - 1
        print(f"{case.name:28} {case.exact:12.5f} {value:12.5f} {error:+9.3%} {half:8.3%}  {time.process_time() - start:.1f}")


if __name__ == "__main__":
    main()

"""Random small systems against an independent model: SimPy processes written from the meaning of the steps, not from the kernel."""

import math
import random
from collections.abc import Generator
from typing import Any

import pytest

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.lab.load.statistics import mean_interval
from backend_expert.model import Branch, Call, Estimate, Kind, Parallel, Query, Repeat, Step, System, Wait, Work

simpy = pytest.importorskip("simpy", reason="SimPy is not installed: pip install simpy")

SYSTEMS = 24
REPLICATIONS = 8
REQUESTS = 500
Process = Generator[Any, Any, bool]


def random_system(seed: int) -> System:
    """Return three layers of services over a store, at a load that no layer can carry for long in some of them."""
    generator = random.Random(seed)
    pick = generator.choice

    def steps(level: int) -> tuple[Step, ...]:
        kinds = ["work", "wait", "query"] + ["call", "call", "parallel", "repeat", "branch"] * (level < 2)
        return tuple(step(level, pick(kinds)) for _ in range(generator.randint(1, 3)))

    def step(level: int, kind: str) -> Step:
        if kind == "work":
            return sketch.work(pick([1, 4]))
        if kind == "wait":
            return sketch.wait(pick([2, 8]))
        if kind == "query":
            return sketch.query("db/t", pick([2, 5]), pool=pick([None, 2, 5]), timeout_ms=pick([None, 30]))
        if kind == "parallel":
            return Parallel(branches=((step(level, "call"),), (step(level, "query"),)), first=pick([0, 1]))
        if kind == "repeat":
            return Repeat(count=Estimate(pick([2, 3])), steps=(step(level, "query"),))
        if kind == "branch":
            return Branch(probability=Estimate(0.4), then=(step(level, "call"),), otherwise=(step(level, "work"),))
        return sketch.call(
            f"op {level + 1}", timeout_ms=pick([None, 20, 60]), attempts=pick([1, 2, 3]), backoff_ms=pick([None, 10]),
            pool=pick([None, 3]), optional=pick([False, True]),
        )  # fmt: skip

    services = [sketch.component(f"s{level}", workers=pick([2, 4, 16]), queue_limit=pick([None, None, 4])) for level in range(3)]
    return sketch.system(
        [*services, sketch.component("db", kind=Kind.DATABASE, workers=4)],
        [sketch.operation(f"op {level}", f"s{level}", *steps(level)) for level in range(3)],
        {"op 0": pick([20.0, 60.0, 120.0])},
        datasets=["db/t"],
    )


class Model:
    """The system in SimPy."""

    def __init__(self, system: System, seed: int) -> None:
        self.env = simpy.Environment()
        self.random = random.Random(seed)
        self.system = system
        self.slots: dict[str, Any] = {}
        self.bounds: dict[str, float] = {}
        for component in system.components:
            deployment = component.deployment
            assert deployment is not None
            assert deployment.workers is not None
            self.slots[component.name] = simpy.Resource(self.env, round(deployment.workers.value))
            self.bounds[component.name] = deployment.queue_limit.value if deployment.queue_limit is not None else math.inf
        self.pools: dict[tuple[str, str, float], Any] = {}
        self.latencies: list[float] = []
        self.ended = 0

    def spend(self, mean: float) -> Any:
        return self.env.timeout(self.random.expovariate(1 / mean))

    def serve(self, component: str, steps: tuple[Step, ...]) -> Process:
        slots = self.slots[component]
        if slots.count == slots.capacity and len(slots.queue) >= self.bounds[component]:
            return False
        with slots.request() as slot:
            yield slot
            return (yield from self.steps(component, steps))

    def steps(self, component: str, steps: tuple[Step, ...]) -> Process:
        for step in steps:
            if not (yield from self.step(component, step)):
                return False
        return True

    def step(self, component: str, step: Step) -> Process:
        match step:
            case Work():
                assert step.cpu_ms is not None
                yield self.spend(step.cpu_ms.value)
            case Wait():
                yield self.spend(step.time_ms.value)
            case Query():
                assert step.time_ms is not None
                work = (sketch.work(step.time_ms.value),)
                return (yield from self.call(component, "db", work, step))
            case Call():
                operation = self.system.operation(step.operation)
                return (yield from self.call(component, operation.component, operation.steps, step))
            case Repeat():
                for _ in range(round(step.count.value)):
                    if not (yield from self.steps(component, step.steps)):
                        return False
            case Branch():
                taken = step.then if self.random.random() < step.probability.value else step.otherwise
                return (yield from self.steps(component, taken))
            case Parallel():
                return (yield from self.parallel(component, step))
        return True

    def parallel(self, component: str, step: Parallel) -> Process:
        running = [self.env.process(self.steps(component, branch)) for branch in step.branches]
        needed, good = step.first or len(running), 0
        while good < needed:
            if len(running) + good < needed:
                return False
            yield simpy.AnyOf(self.env, running)
            over = [each for each in running if each.triggered and each.processed]
            running = [each for each in running if each not in over]
            good += sum(each.value for each in over)
        return True

    def call(self, caller: str, callee: str, steps: tuple[Step, ...], step: Query | Call) -> Process:
        policy = step.policy
        attempts = round(policy.retry.attempts.value) if policy.retry is not None else 1
        for attempt in range(1, attempts + 1):
            if (yield from self.attempt(caller, callee, steps, step)):
                return True
            if attempt < attempts and policy.retry is not None and policy.retry.backoff_ms is not None:
                yield self.env.timeout(policy.retry.backoff_ms.value * 2 ** (attempt - 1))
        return bool(policy.optional)

    def attempt(self, caller: str, callee: str, steps: tuple[Step, ...], step: Query | Call) -> Process:
        policy = step.policy
        expiry = self.env.timeout(policy.timeout_ms.value) if policy.timeout_ms is not None else self.env.event()
        permit = None
        if policy.pool is not None:
            size = policy.pool.size.value
            pool = self.pools.setdefault((caller, callee, size), simpy.Resource(self.env, round(size)))
            permit = pool.request()
            yield permit | expiry
        try:
            if permit is not None and not permit.triggered:
                return False
            child = self.env.process(self.serve(callee, steps))
            yield child | expiry
            return bool(child.processed and child.value)
        finally:
            if permit is not None:
                permit.cancel() if not permit.triggered else pool.release(permit)

    def request(self) -> Generator[Any, Any, None]:
        start = self.env.now
        entry = self.system.operation("op 0")
        good = yield from self.serve(entry.component, entry.steps)
        self.ended += 1
        if good:
            self.latencies.append(self.env.now - start)

    def traffic(self) -> Generator[Any, Any, None]:
        rate = self.system.workloads[0].rate_per_s.value / 1000
        for _ in range(REQUESTS):
            yield self.env.timeout(self.random.expovariate(rate))
            self.env.process(self.request())

    def run(self) -> tuple[float, float]:
        """Return the success ratio and the mean latency of the first requests after an empty start."""
        self.env.process(self.traffic())
        self.env.run()
        return len(self.latencies) / REQUESTS, sum(self.latencies) / max(len(self.latencies), 1)


def simulated(system: System, seed: int) -> tuple[float, float]:
    """Return the same from the lab: traffic from an empty start, and time for every answer after it stops."""
    duration = REQUESTS / system.workloads[0].rate_per_s.value
    arrivals = load.Arrivals((load.Segment(0, 1.0), load.Segment(duration, 0.0)))
    scenario = load.Scenario(duration + 120, warmup_s=0, arrivals=arrivals, slice_s=duration + 120, patience_s=None)
    outcome = load.run(system, scenario, seed)
    assert outcome.in_flight == 0
    return outcome.success_ratio, outcome.mean_ms or 0.0


def disagreement(seed: int) -> float:
    """Return by how many standard errors the two simulators differ, the worse of success ratio and mean latency."""
    system = random_system(seed)
    theirs = [Model(system, 1000 * seed + at).run() for at in range(REPLICATIONS)]
    ours = [simulated(system, 1000 * seed + at) for at in range(8 * REPLICATIONS)]
    worst = 0.0
    for which, least in ((0, 0.002), (1, 0.02)):
        one, other = [each[which] for each in theirs], [each[which] for each in ours]
        left, right = mean_interval(one), mean_interval(other)
        error = math.hypot((left.high - left.low) / 2, (right.high - right.low) / 2)
        worst = max(worst, abs(left.value - right.value) / max(error, least))
    return worst


@pytest.mark.parametrize("seed", range(SYSTEMS))
def test_two_simulators_agree(seed: int) -> None:
    assert disagreement(seed) < 1.6, "in units of the 95 % half-width of the difference; beyond 1.6 once in about 600"

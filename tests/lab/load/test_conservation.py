"""What must hold of every system, on random ones."""

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.lab.load.experiment import simulate
from backend_expert.lab.load.program import compile_program
from backend_expert.lab.load.vocabulary import Counter
from backend_expert.model import (
    Autoscaling,
    Branch,
    Breaker,
    CacheGet,
    CachePut,
    Compensate,
    Component,
    Estimate,
    Hedge,
    Kind,
    Lock,
    OutlierEjection,
    Parallel,
    Policy,
    Pool,
    Publish,
    RateLimit,
    Repeat,
    Reply,
    Retry,
    Step,
    System,
    Transaction,
    WarmUp,
)
from backend_expert.model.assume import complete

SERVICES = ("a", "b", "c")
times = st.sampled_from([0.0, 0.5, 3.0, 12.0])
maybe_time = st.none() | st.sampled_from([4.0, 20.0, 90.0]).map(Estimate)
some = st.sampled_from([1.0, 2.0, 4.0]).map(Estimate)
policies = st.builds(
    Policy,
    timeout_ms=maybe_time,
    retry=st.none()
    | st.builds(
        Retry,
        attempts=some,
        backoff_ms=maybe_time,
        backoff_cap_ms=maybe_time,
        jitter=st.sampled_from(["none", "full", "decorrelated"]),
        budget=st.none() | st.just(Estimate(0.2)),
    ),
    breaker=st.none()
    | st.just(Breaker(Estimate(0.5), window_s=Estimate(2), minimum_calls=Estimate(5), open_s=Estimate(0.5), probes=Estimate(2))),
    pool=st.none() | st.builds(Pool, size=some, wait_ms=maybe_time, queue=st.none() | some),
    hedge=st.none() | st.builds(Hedge, delay_ms=st.just(Estimate(5))),
    cancels=st.booleans(),
    deadline_propagated=st.booleans(),
    optional=st.booleans(),
)


def blocks(level: int) -> st.SearchStrategy[tuple[Step, ...]]:
    """Return programs of the service of a level.

    It calls only services of later levels and locks only rows of its own, so nothing calls or waits in a circle.
    """
    targets = [f"{service} {number}" for service in SERVICES[level + 1 :] for number in (1, 2)]
    calls = st.builds(
        lambda name, policy: structs.replace(sketch.call(name), policy=policy), st.sampled_from(targets or [""]), policies
    )
    leaf: st.SearchStrategy[Step] = st.one_of(
        times.map(sketch.work),
        times.map(sketch.wait),
        st.just(Reply()),
        st.builds(
            lambda step, policy: structs.replace(step, policy=policy), times.map(lambda t: sketch.query("db/t", t)), policies
        ),
        st.builds(lambda policy: Publish(topic="mq/events", policy=policy), policies),
        *([calls] * 3 if targets else []),
    )
    program = st.lists(leaf, max_size=3).map(tuple)
    put = CachePut(dataset="cache/c", time_ms=Estimate(0.1), expiry_s=Estimate(0.05), expiry_jitter=Estimate(0.3))
    several = st.lists(program, min_size=1, max_size=3).map(tuple)
    nested = st.one_of(
        leaf,
        program.map(lambda inner: Transaction(store="db", steps=(sketch.query("db/t", 1.0, pool=2), *inner))),
        program.map(lambda inner: Lock(resource=f"row of {SERVICES[level]}", steps=inner)),
        st.builds(Parallel, branches=several, first=st.integers(0, 2)),
        st.builds(Repeat, count=st.sampled_from([0.0, 1.5, 3.0]).map(Estimate), steps=program),
        st.builds(Branch, probability=st.just(Estimate(0.4)), then=program, otherwise=program),
        st.builds(Compensate, steps=program, undo=program),
        st.builds(
            lambda miss, coalesced, policy: CacheGet(
                dataset="cache/c",
                hit_ratio=Estimate(0.5),
                time_ms=Estimate(0.1),
                on_miss=(*miss, put),
                coalesced=coalesced,
                policy=policy,
            ),
            program,
            st.booleans(),
            st.just(Policy()) | policies,
        ),
    )
    return st.lists(nested, min_size=1, max_size=3).map(tuple)


deployments = st.fixed_dictionaries(
    {
        "reserved": st.none() | st.just(Estimate(0.4)),
        "rate_limit": st.none() | st.just(RateLimit(rate_per_s=Estimate(20), burst=Estimate(3))),
        "outliers": st.none()
        | st.just(OutlierEjection(error_ratio=Estimate(0.3), slower=Estimate(2), period_s=Estimate(0.5), ejected_s=Estimate(1))),
        "warm_up": st.none() | st.just(WarmUp(lasting_s=Estimate(1), slowdown=Estimate(4))),
        "queue_discipline": st.sampled_from(["fifo", "lifo", "codel", "deadline"]),
        "balancing": st.sampled_from(["round-robin", "random", "least-outstanding", "two-choices"]),
        "autoscaling": st.none() | st.just(Autoscaling(minimum=1, maximum=3, target=5)),
        "startup_s": st.just(Estimate(0.5)),
    }
)


def deployed(component: Component, changes: dict[str, object]) -> Component:
    assert component.deployment is not None
    return structs.replace(component, deployment=structs.replace(component.deployment, **changes))


@st.composite
def systems(draw: st.DrawFn) -> System:
    components = [
        deployed(
            sketch.component(
                name,
                workers=draw(st.sampled_from([1, 3, 20])),
                replicas=draw(st.integers(1, 3)),
                cores=draw(st.sampled_from([0.5, 1, 20])),
                queue_limit=draw(st.none() | st.sampled_from([0, 5])),
                event_loop=draw(st.booleans()),
            ),
            draw(st.just({}) | deployments),
        )
        for name in SERVICES
    ]
    stores = [
        deployed(
            sketch.component("db", kind=Kind.DATABASE, workers=4, replicas=draw(st.integers(1, 3))),
            {"reads": draw(st.sampled_from(["primary", "replicas"]))},
        ),
        sketch.component("cache", kind=Kind.CACHE, workers=1),
        sketch.component("mq", kind=Kind.BROKER, workers=4),
    ]
    operations = [
        structs.replace(
            sketch.operation(f"{service} {number}", service, *draw(blocks(level))),
            critical=draw(st.sampled_from([None, True, False])),
        )
        for level, service in enumerate(SERVICES)
        for number in (1, 2)
    ]
    consumer = sketch.consumer("consume", "c", "mq/events", sketch.work(1), concurrency=2, deliveries=draw(st.none() | st.just(2)))
    prefetch = draw(st.none() | st.sampled_from([0.0, 1.0, 5.0]).map(Estimate))
    consumer = structs.replace(consumer, trigger=structs.replace(consumer.trigger, prefetch=prefetch))
    return sketch.system(
        [*components, *stores],
        [*operations, consumer],
        {"a 1": draw(st.sampled_from([5.0, 60.0])), "a 2": 10.0},
        datasets=["db/t", "cache/c"],
        topics=["mq/events"],
        network_ms=draw(st.sampled_from([0.0, 0.2])),
    )


faults = st.lists(
    st.one_of(
        st.builds(lambda name, by: load.slow(name, by, 2, 2), st.sampled_from(["b", "db"]), st.sampled_from([0.5, 20.0])),
        st.builds(
            lambda name, silent, instances: load.crash(name, 1.5, 1.5, silent=silent, instances=instances),
            st.sampled_from([*SERVICES, "db", "mq"]),
            st.booleans(),
            st.none() | st.just(1),
        ),
        st.builds(lambda name: load.errors(name, 0.3, 1, 3), st.sampled_from([*SERVICES, "db"])),
        st.just(load.flush("cache", 2)),
        st.builds(lambda name: load.steal(name, 0.8, 1, 3), st.sampled_from([*SERVICES, "db"])),
    ),
    max_size=3,
).map(tuple)

scenarios = st.builds(
    lambda broken, leaving, users: load.Scenario(
        5,
        warmup_s=1,
        faults=broken,
        patience_s=0.5,
        leaving=leaving,
        arrivals=load.closed({"a 1": (30, 0.05), "a 2": (3, 1.0)}) if users else load.constant(),
    ),
    faults,
    st.sampled_from(["never", "constant", "exponential"]),
    st.booleans(),
)

NO_SHRINKING = (Phase.explicit, Phase.generate)
"""A random system does not shrink in reasonable time; the seed of the failing one is enough to look at it."""

thorough = settings(max_examples=120, deadline=None, derandomize=True, phases=NO_SHRINKING, suppress_health_check=list(HealthCheck))


@thorough
@given(systems(), scenarios, st.integers(1, 1000))
def test_every_request_ends_in_exactly_one_way(system: System, scenario: load.Scenario, seed: int) -> None:
    outcome = load.run(system, scenario, seed)
    for part in (outcome, *outcome.entries):
        assert part.offered == part.succeeded + part.late + part.failed + part.shed + part.in_flight
        assert part.in_flight >= 0
    assert 0 <= outcome.success_ratio <= 1
    assert outcome.wasted_s <= outcome.work_s + 1e-9
    for delivery in outcome.deliveries:
        assert delivery.unfinished >= 0
    for component in outcome.components:
        assert -1e-9 <= component.utilisation <= 1 + 1e-9
        assert component.queue >= -1e-9
    for pool in outcome.pools:
        assert -1e-9 <= pool.utilisation <= 1 + 1e-9
        assert pool.queue >= -1e-9


@settings(thorough, max_examples=30)
@given(systems(), scenarios, st.integers(1, 1000))
def test_the_same_seed_gives_the_same_bytes(system: System, scenario: load.Scenario, seed: int) -> None:
    first, second = load.run(system, scenario, seed), load.run(system, scenario, seed)
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert msgspec.json.decode(msgspec.json.encode(first), type=load.Outcome) == first


@settings(thorough, max_examples=30)
@given(systems(), faults)
def test_nothing_changes_when_nothing_changes(system: System, broken: tuple[load.Fault, ...]) -> None:
    comparison = load.compare(system, structs.replace(system), load.Scenario(4, faults=broken), replications=2)
    assert comparison.verdict == "no-difference"
    assert all(each.difference == load.Interval(0.0, 0.0, 0.0) for each in comparison.measures)
    assert comparison.before == comparison.after


@settings(thorough, max_examples=60)
@given(systems(), st.integers(1, 100))
def test_when_traffic_stops_everything_is_given_back(system: System, seed: int) -> None:
    """After the last request has ended no slot, core, permit or lock is held and nobody waits."""
    import numpy as np

    from backend_expert.lab.load import workspace
    from backend_expert.lab.load.compiled import kernel
    from backend_expert.lab.load.vocabulary import Status

    arrivals = load.Arrivals((load.Segment(0, 1.0), load.Segment(1, 0.0)))
    program = compile_program(complete(system), load.Scenario(600, warmup_s=0, arrivals=arrivals, slice_s=10))
    run = workspace.make(program, seed)
    while (status := kernel()(run.state, 1_000_000)) != Status.DONE:
        if status == Status.GROW:
            run = workspace.grow(run)
    assert not np.any(run.table("frames")["live"])
    assert not np.any(run.table("gates")["busy"])
    assert not np.any(run.table("gates")["waiting"])
    assert not np.any(run.table("instances")["load"])
    assert np.all(run.table("keys")["flight"] == -1)
    assert run.state["free_nodes"][0] >= len(run.table("nodes")) - 2 * len(run.table("rings"))
    assert run.state["free_frames"][0] == len(run.table("frames"))


def test_littles_law_holds_on_the_time_integrals() -> None:
    system = sketch.system([sketch.component("s", workers=3)], [sketch.operation("op", "s", sketch.work(10))], {"op": 240})
    arrivals = load.Arrivals((load.Segment(0, 1.0), load.Segment(990, 0.0)))
    scenario = load.Scenario(1000, warmup_s=0, slice_s=1000, patience_s=None, arrivals=arrivals)
    tally = simulate(compile_program(complete(system), scenario), 1)
    assert tally.in_flight.sum() == 0
    inside = float(tally.busy.sum() + tally.queued.sum())
    assert abs(inside / tally.entry_sums.sum() - 1) < 1e-9
    assert tally.counts[:, Counter.OFFERED].sum() == tally.counts[:, Counter.SUCCEEDED].sum()

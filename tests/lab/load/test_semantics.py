"""Each feature has one exact meaning: constant times and so few requests that they never meet make every latency exact."""

import pytest
from msgspec import structs

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import (
    Branch,
    CacheGet,
    CachePut,
    Compensate,
    Deployment,
    Estimate,
    Kind,
    Lock,
    Operation,
    Parallel,
    Policy,
    Pool,
    Publish,
    Repeat,
    Reply,
    System,
    Transaction,
    replace_component,
)

CONSTANT = load.Law("constant", 0)
RARE = 0.2  # requests a second: a meeting within a second is rare, and medians do not see it


def median(system: System, duration: float = 600.0) -> float:
    outcome = load.run(system, load.Scenario(duration, law=CONSTANT, patience_s=None))
    assert outcome.p50_ms is not None
    return outcome.p50_ms


def near(value: float) -> object:
    return pytest.approx(value, rel=0.01)


SELECT = (sketch.work(10),)


def two(*steps, inner=SELECT, workers=50, **options) -> System:
    """Return `web` that calls `db`."""
    return sketch.system(
        [sketch.component("web", workers=workers), sketch.component("db", workers=50), sketch.component("cache", kind=Kind.CACHE)],
        [sketch.operation("GET /", "web", *steps), sketch.operation("select", "db", *inner)],
        {"GET /": RARE},
        datasets=["db/t", "cache/c"],
        **options,
    )


def test_a_call_takes_the_work_of_both_and_the_way_there_and_back() -> None:
    assert median(two(sketch.work(5), sketch.call("select"))) == near(15)
    outcome = load.run(
        two(sketch.call("select"), network_ms=3.0), load.Scenario(20_000, law=CONSTANT, patience_s=None, slice_s=100)
    )
    assert outcome.mean_ms == pytest.approx(16, rel=0.05)


def test_a_repeated_query_takes_its_time_each_time() -> None:
    assert median(two(Repeat(count=Estimate(7), steps=(sketch.query("db/t", 3),)))) == near(21)
    nested = Repeat(count=Estimate(3), steps=(Repeat(count=Estimate(4), steps=(sketch.query("db/t", 1),)),))
    assert median(two(nested)) == near(12)


def test_a_fractional_count_is_right_on_average() -> None:
    outcome = load.run(
        two(Repeat(count=Estimate(2.5), steps=(sketch.query("db/t", 10),))), load.Scenario(20_000, law=CONSTANT, slice_s=100)
    )
    assert outcome.mean_ms == pytest.approx(25, rel=0.03)


def test_parallel_branches_take_as_long_as_the_slowest_or_the_first_few() -> None:
    branches = ((sketch.query("db/t", 10),), (sketch.query("db/t", 30),), (sketch.query("db/t", 20),))
    assert median(two(Parallel(branches=branches))) == near(30)
    assert median(two(Parallel(branches=branches, first=2))) == near(20)
    assert median(two(Parallel(branches=branches, first=1))) == near(10)


def test_a_branch_is_taken_as_often_as_it_says() -> None:
    step = Branch(probability=Estimate(0.3), then=(sketch.work(100),), otherwise=(sketch.work(10),))
    outcome = load.run(two(step), load.Scenario(20_000, law=CONSTANT, slice_s=100))
    assert outcome.mean_ms == pytest.approx(0.3 * 100 + 0.7 * 10, rel=0.05)


def test_a_timeout_ends_the_wait_and_the_work_goes_on_for_nobody() -> None:
    system = two(sketch.call("select", timeout_ms=50), inner=(sketch.work(200),))
    outcome = load.run(system, load.Scenario(600, law=CONSTANT))
    assert outcome.success_ratio == 0
    assert outcome.failed == outcome.offered
    assert outcome.timeouts == outcome.offered
    assert outcome.wasted_executions >= outcome.offered - 1
    assert outcome.wasted_s == pytest.approx(outcome.work_s, rel=0.02)


def test_an_optional_call_that_fails_does_not_fail_the_request() -> None:
    system = two(sketch.work(5), sketch.call("select", timeout_ms=50, optional=True), inner=(sketch.work(200),))
    assert median(system) == near(55)


def test_retries_start_at_the_timeout_and_wait_their_backoff() -> None:
    slow_db = (sketch.work(200),)
    outcome = load.run(two(sketch.call("select", timeout_ms=50, attempts=3), inner=slow_db), load.Scenario(600, law=CONSTANT))
    assert outcome.retries == 2 * outcome.offered
    patient = two(sketch.call("select", timeout_ms=50, attempts=3, backoff_ms=100, optional=True), inner=slow_db)
    assert median(patient) == near(50 + 100 + 50 + 200 + 50)


def test_jitter_draws_the_pause_between_nothing_and_the_backoff() -> None:
    system = two(
        sketch.call("select", timeout_ms=50, attempts=2, backoff_ms=100, jitter="full", optional=True), inner=(sketch.work(200),)
    )
    outcome = load.run(system, load.Scenario(10_000, law=CONSTANT, slice_s=100))
    assert outcome.mean_ms == pytest.approx(50 + 50 + 50, rel=0.03)
    assert outcome.p99_ms == pytest.approx(200, rel=0.03)


def test_a_retry_budget_bounds_the_retries() -> None:
    def retries(budget: float | None) -> float:
        system = two(sketch.call("select", timeout_ms=5, attempts=4, budget=budget), inner=(sketch.work(20),))
        outcome = load.run(system, load.Scenario(10_000, law=CONSTANT, slice_s=100))
        return outcome.retries / outcome.offered

    assert retries(None) == pytest.approx(3, rel=0.01)
    assert retries(0.1) == pytest.approx(0.1, rel=0.15)


def test_a_breaker_opens_and_stops_the_calls() -> None:
    broken = Policy(timeout_ms=Estimate(50))
    system = two(sketch.call("select", timeout_ms=50), inner=(sketch.work(200),))
    breaker = {"failure_ratio": Estimate(0.5), "window_s": Estimate(100), "minimum_calls": Estimate(5), "open_s": Estimate(60)}
    from backend_expert.model import Breaker

    guarded = structs.replace(broken, breaker=Breaker(**breaker, probes=Estimate(1)))
    step = structs.replace(sketch.call("select"), policy=guarded)
    outcome = load.run(two(step, inner=(sketch.work(200),)), load.Scenario(2000, law=CONSTANT, slice_s=10))
    unguarded = load.run(system, load.Scenario(2000, law=CONSTANT, slice_s=10))
    assert sum(call.attempts for call in outcome.calls) < 0.3 * sum(call.attempts for call in unguarded.calls)
    assert sum(call.rejected_by_breaker for call in outcome.calls) > 0.6 * outcome.offered


def test_a_hedge_takes_the_first_answer() -> None:
    slow_first = (Branch(probability=Estimate(0.5), then=(sketch.work(100),), otherwise=(sketch.work(10),)),)
    outcome = load.run(
        two(sketch.call("select", hedge_ms=20), inner=slow_first), load.Scenario(10_000, law=CONSTANT, slice_s=100, warmup_s=0)
    )
    # 10 ms in half of the cases, 20 + 10 in a quarter, 100 in the rest.
    assert outcome.mean_ms == pytest.approx(0.5 * 10 + 0.25 * 30 + 0.25 * 100, rel=0.05)


def test_a_pool_makes_calls_wait_in_the_caller() -> None:
    def slowest(pool: int | None) -> float:
        branches = tuple((sketch.query("db/t", 10, pool=pool),) for _ in range(6))
        return median(two(Parallel(branches=branches)))

    assert slowest(None) == near(10)
    assert slowest(2) == near(30)
    assert slowest(1) == near(60)


def test_a_pool_refuses_who_waits_too_long() -> None:
    limited = Policy(pool=Pool(size=Estimate(1), wait_ms=Estimate(15)), optional=True)
    branches = tuple((structs.replace(sketch.query("db/t", 10), policy=limited),) for _ in range(4))
    outcome = load.run(two(Parallel(branches=branches)), load.Scenario(600, law=CONSTANT))
    assert outcome.p50_ms == near(20)
    assert outcome.pools[0].refused == pytest.approx(2 * outcome.offered, rel=0.01)


def test_a_transaction_holds_its_connection_across_calls() -> None:
    query = sketch.query("db/t", 10, pool=1)
    both = tuple((Transaction(store="db", steps=(query, sketch.call("select"), query)),) for _ in range(2))
    assert median(two(Parallel(branches=both))) == near(60)


def test_a_failure_inside_a_transaction_gives_the_connection_back() -> None:
    query = sketch.query("db/t", 10, pool=1)
    step = Transaction(store="db", steps=(query, sketch.call("select", timeout_ms=5)))
    outcome = load.run(two(step), load.Scenario(600, law=CONSTANT))
    assert outcome.failed == outcome.offered
    assert outcome.pools[0].utilisation == pytest.approx(RARE * 0.015, rel=0.2)


def test_a_lock_lets_one_in_at_a_time() -> None:
    both = tuple((Lock(resource="row 1", steps=(sketch.work(10),)),) for _ in range(3))
    assert median(two(Parallel(branches=both))) == near(30)


def test_compensation_runs_when_a_step_fails_and_the_request_still_fails() -> None:
    step = Compensate(steps=(sketch.call("select", timeout_ms=5),), undo=(sketch.query("db/t", 40),))
    outcome = load.run(two(step), load.Scenario(600, law=CONSTANT))
    assert outcome.failed == outcome.offered
    assert {call.attempts for call in outcome.calls} == {2 * outcome.offered}


def test_a_reply_answers_while_the_rest_runs_on_and_keeps_the_slot() -> None:
    system = two(sketch.work(5), Reply(), sketch.work(50))
    assert median(system) == near(5)
    outcome = load.run(two(sketch.work(5), Reply(), sketch.work(50), workers=1), load.Scenario(5000, law=CONSTANT, slice_s=100))
    web = next(each for each in outcome.components if each.component == "web")
    assert web.utilisation == pytest.approx(RARE * 0.055, rel=0.1)


def test_a_cache_answers_its_share_and_fills_again_after_a_flush() -> None:
    get = CacheGet(
        dataset="cache/c",
        hit_ratio=Estimate(0.8),
        time_ms=Estimate(1),
        on_miss=(sketch.query("db/t", 100), CachePut(dataset="cache/c", time_ms=Estimate(1))),
    )
    system = structs.replace(two(get), workloads=sketch.system([], [], {"GET /": 20}).workloads)
    calm = load.run(system, load.Scenario(1000, law=CONSTANT, slice_s=100))
    assert calm.mean_ms == pytest.approx(0.8 * 1 + 0.2 * 102, rel=0.05)
    flushed = load.run(system, load.Scenario(400, law=CONSTANT, slice_s=10, faults=(load.flush("cache", 100),)))
    before, after, late = (flushed.series.latency_p50_ms[at] for at in (9, 10, 39))
    assert before == near(1)
    assert after == near(102)
    assert late == near(1)
    restarted = load.run(system, load.Scenario(400, law=CONSTANT, slice_s=10, faults=(load.crash("cache", 100, 1),)))
    assert restarted.series.latency_p50_ms[11] == near(102), "a cache comes back empty"


def consumer_system(deliveries: int | None, *steps, concurrency: int = 1) -> System:
    return sketch.system(
        [sketch.component("web", workers=50), sketch.component("mq", kind=Kind.BROKER), sketch.component("worker", workers=50),
         sketch.component("db", workers=50)],
        [
            sketch.operation("POST /", "web", sketch.work(1), Publish(topic="mq/orders")),
            sketch.consumer("handle", "worker", "mq/orders", *steps, concurrency=concurrency, deliveries=deliveries),
            sketch.operation("select", "db", sketch.work(100)),
        ],
        {"POST /": 2.0},
        topics=["mq/orders"],
    )  # fmt: skip


def test_a_message_is_handled_after_the_reply() -> None:
    system = consumer_system(None, sketch.work(100))
    outcome = load.run(system, load.Scenario(500, law=CONSTANT))
    assert outcome.p50_ms == near(1.05)
    worker = next(each for each in outcome.components if each.component == "worker")
    assert worker.workload_s == pytest.approx(0.1 * outcome.offered, rel=0.01)


def test_consumers_work_as_many_at_a_time_as_they_say() -> None:
    slow_consumer = load.run(consumer_system(None, sketch.work(400)), load.Scenario(500, law=CONSTANT))
    queue = next(pool for pool in slow_consumer.pools if "orders" in pool.name)
    # M/D/1 at load 0.8: 0.8² / (2 · 0.2) wait.
    assert queue.queue == pytest.approx(1.6, rel=0.25)


def test_a_failed_delivery_comes_again_until_the_dead_letters() -> None:
    outcome = load.run(consumer_system(3, sketch.call("select", timeout_ms=10), concurrency=20), load.Scenario(500, law=CONSTANT))
    assert outcome.dead_letters == pytest.approx(outcome.offered, rel=0.05)
    deliveries = next(call for call in outcome.calls if call.callee == "worker")
    assert deliveries.attempts == pytest.approx(3 * outcome.offered, rel=0.05)


def test_a_full_queue_turns_requests_away() -> None:
    system = sketch.system(
        [sketch.component("web", workers=1, queue_limit=0)], [sketch.operation("GET /", "web", sketch.work(100))], {"GET /": 10}
    )
    outcome = load.run(system, load.Scenario(500, law=CONSTANT))
    assert outcome.shed / outcome.offered == pytest.approx(0.5, rel=0.05)  # Erlang B with one server and one Erlang


def test_an_event_loop_works_on_one_request_but_waits_for_many() -> None:
    def outcome(event_loop: bool, *steps) -> load.Outcome:
        return load.run(
            sketch.system(
                [sketch.component("web", workers=1, cores=1, event_loop=event_loop)],
                [sketch.operation("GET /", "web", *steps)],
                {"GET /": 20},
            ),
            load.Scenario(300, law=CONSTANT),
        )

    assert outcome(True, sketch.wait(40)).p99_ms == near(40)
    blocking = outcome(False, sketch.wait(40))
    assert blocking.mean_ms == pytest.approx(40 + 0.8 * 40 / (2 * 0.2), rel=0.2)
    assert outcome(True, sketch.work(40)).mean_ms == pytest.approx(blocking.mean_ms or 0, rel=0.01)


def test_an_event_loop_turns_requests_away_while_too_much_work_waits_for_its_thread() -> None:
    def outcome(queue_limit: int | None, *steps) -> load.Outcome:
        return load.run(
            sketch.system(
                [sketch.component("web", workers=1000, event_loop=True, queue_limit=queue_limit)],
                [sketch.operation("GET /", "web", *steps)],
                {"GET /": 150},
            ),
            load.Scenario(60, patience_s=1.0),
        )

    overloaded, bounded = outcome(None, sketch.work(10)), outcome(20, sketch.work(10))
    assert overloaded.success_ratio < 0.2
    assert bounded.success_ratio == pytest.approx(100 / 150, rel=0.05)
    assert bounded.p99_ms is not None
    assert bounded.p99_ms < 400
    assert outcome(0, sketch.wait(1000)).shed == 0, "waiting for others is no work for the thread"


def test_a_fraction_of_a_core_stretches_the_work() -> None:
    system = sketch.system(
        [sketch.component("web", workers=10, cores=0.5)], [sketch.operation("GET /", "web", sketch.work(10))], {"GET /": RARE}
    )
    assert median(system) == near(20)


def test_workers_share_the_cores_of_their_instance() -> None:
    branches = tuple((sketch.work(10),) for _ in range(4))
    system = sketch.system(
        [sketch.component("web", workers=10, cores=2)],
        [sketch.operation("GET /", "web", Parallel(branches=branches))],
        {"GET /": RARE},
    )
    assert median(system) == near(20)


def test_replicas_share_the_requests_and_a_store_has_one_primary() -> None:
    def outcome(kind: Kind) -> load.Outcome:
        system = sketch.system(
            [sketch.component("s", kind=kind, workers=1, replicas=2)], [sketch.operation("op", "s", sketch.work(10))], {"op": 60}
        )
        return load.run(system, load.Scenario(500))

    assert outcome(Kind.SERVICE).mean_ms < 20
    assert outcome(Kind.DATABASE).mean_ms == pytest.approx(10 / (1 - 0.6), rel=0.1)


def test_a_slow_component_takes_longer_while_it_lasts() -> None:
    outcome = load.run(
        two(sketch.call("select")), load.Scenario(600, law=CONSTANT, slice_s=100, faults=(load.slow("db", 5, 200, 100),))
    )
    assert [round(each or 0) for each in outcome.series.latency_p50_ms] == [10, 10, 50, 10, 10, 10]


def test_a_crash_of_one_of_two_instances_is_noticed_and_one_of_one_is_not_survived() -> None:
    def outcome(replicas: int, silent: bool = False) -> load.Outcome:
        system = two(sketch.call("select", timeout_ms=500))
        system = structs.replace(system, workloads=sketch.system([], [], {"GET /": 50}).workloads)
        database = sketch.component("db", workers=50, replicas=replicas)
        return load.run(replace_component(system, database), load.Scenario(60, faults=(load.crash("db", 20, 20, silent=silent),)))

    alone, pair = outcome(1), outcome(2)
    assert alone.success_ratio == pytest.approx(2 / 3, rel=0.03)
    assert alone.series.success_ratio[30] == 0
    assert pair.success_ratio > 0.98
    assert pair.series.success_ratio[30] == 1
    unnoticed = outcome(2, silent=True)  # no probe: the balancer never learns
    assert unnoticed.series.success_ratio[30] == pytest.approx(0.5, abs=0.1)
    assert unnoticed.timeouts > 300


def test_a_partition_makes_callers_wait_for_their_timeout() -> None:
    outcome = load.run(
        two(sketch.call("select", timeout_ms=50)),
        load.Scenario(600, law=CONSTANT, slice_s=100, faults=(load.partition("web", "db", 200, 100),)),
    )
    ratios = [round(each or 0, 2) for each in outcome.series.success_ratio]
    assert ratios[0] == ratios[1] == ratios[4] == 1
    assert ratios[2] == 0


def test_lost_and_failed_calls_come_at_their_rate() -> None:
    for fault in (load.loss("web", "db", 0.3, 0, 4999), load.errors("db", 0.3, 0, 4999)):
        outcome = load.run(
            two(sketch.call("select", timeout_ms=50)), load.Scenario(5000, law=CONSTANT, slice_s=100, faults=(fault,))
        )
        assert outcome.success_ratio == pytest.approx(0.7, abs=0.05)


def test_cancellation_stops_the_work_that_nobody_waits_for() -> None:
    def work(cancels: bool | None) -> float:
        step = sketch.call("select", timeout_ms=50)
        step = structs.replace(step, policy=structs.replace(step.policy, cancels=cancels))
        outcome = load.run(two(step, inner=tuple(sketch.work(40) for _ in range(5))), load.Scenario(600, law=CONSTANT))
        return outcome.work_s / outcome.offered

    assert work(None) == pytest.approx(0.2, rel=0.03)
    assert work(True) == pytest.approx(0.08, rel=0.03)


def test_a_deadline_travels_with_the_call() -> None:
    def timeouts(propagated: bool | None) -> int:
        step = sketch.call("middle", timeout_ms=50)
        step = structs.replace(step, policy=structs.replace(step.policy, deadline_propagated=propagated))
        system = sketch.system(
            [sketch.component("a", workers=50), sketch.component("b", workers=50), sketch.component("c", workers=50)],
            [
                sketch.operation("GET /", "a", step),
                sketch.operation("middle", "b", sketch.call("inner", timeout_ms=1000, attempts=5)),
                sketch.operation("inner", "c", sketch.work(2000)),
            ],
            {"GET /": RARE},
        )
        outcome = load.run(system, load.Scenario(2000, law=CONSTANT, slice_s=100))
        return round(sum(call.attempts for call in outcome.calls if call.callee == "c") / outcome.offered)

    assert timeouts(None) == 5
    assert timeouts(True) == 1


def test_an_autoscaler_adds_instances_after_their_start() -> None:
    from backend_expert.model import Autoscaling

    system = sketch.system(
        [sketch.component("web", workers=10, cores=1)], [sketch.operation("GET /", "web", sketch.work(10))], {"GET /": 50}
    )
    web = system.component("web")
    deployment = structs.replace(
        web.deployment or Deployment(), autoscaling=Autoscaling(minimum=1, maximum=8, target=60), startup_s=Estimate(20)
    )
    scaled = replace_component(system, structs.replace(web, deployment=deployment))
    scenario = load.Scenario(300, arrivals=load.ramp(5, 20, 1), patience_s=1.0)
    alone, grown = load.run(system, scenario), load.run(scaled, scenario)
    assert alone.series.success_ratio[-10] == 0
    assert grown.series.success_ratio[-10] == 1
    assert grown.series.success_ratio[40] < 0.5, "no instance serves before it has started"


def test_operations_that_are_never_reached_cost_nothing() -> None:
    system = two(sketch.work(1))
    extra = Operation(name="unused", component="db", trigger=system.operations[0].trigger, steps=(sketch.call("select"),))
    more = structs.replace(system, operations=(*system.operations, extra))
    scenario = load.Scenario(100)
    assert load.run(more, scenario) == load.run(system, scenario)

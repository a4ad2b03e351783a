"""What is assumed where nobody said."""

from __future__ import annotations

from msgspec import structs

from backend_expert import model
from backend_expert.model.assume import assumptions, complete, estimates, with_values

SYSTEM = model.System(
    name="shop",
    components=(
        model.Component(name="card", kind=model.Kind.EXTERNAL),
        model.Component(
            name="orders",
            kind=model.Kind.SERVICE,
            technology="nestjs",
            deployment=model.Deployment(replicas=model.Estimate(3), ports=(model.Port(number=80, published=80),)),
        ),
        model.Component(name="postgres", kind=model.Kind.DATABASE, technology="postgresql"),
    ),
    operations=(
        model.Operation(name="card http", component="card", trigger=model.Trigger(kind="http")),
        model.Operation(
            name="orders http",
            component="orders",
            trigger=model.Trigger(kind="http"),
            steps=(
                model.Work(),
                model.Repeat(count=model.Estimate(3), steps=(model.Query(dataset="postgres/orders"),)),
                model.Call(operation="card http"),
            ),
        ),
    ),
    datasets=(model.Dataset(name="postgres/orders", store="postgres"),),
)


def test_a_completed_system_lacks_no_number_and_keeps_what_was_said() -> None:
    system = complete(SYSTEM)
    deployment = system.component("orders").deployment
    assert deployment is not None
    assert deployment.replicas == model.Estimate(3)
    assert deployment.event_loop is True
    assert [workload.operation for workload in system.workloads] == ["orders http"]
    query = next(step for step in model.walk(system.operation("orders http").steps) if isinstance(step, model.Query))
    assert query.policy.pool is not None
    assert query.policy.pool.size.assumed
    assert isinstance(system.operation("card http").steps[0], model.Wait)
    assert system.objectives


def test_completing_twice_changes_nothing() -> None:
    assert complete(complete(SYSTEM)) == complete(SYSTEM)


def test_every_assumption_has_a_path_a_reason_and_can_be_replaced() -> None:
    system = complete(SYSTEM)
    paths = [each.path for each in assumptions(system)]
    assert "operations/orders http/steps/1/steps/0/time_ms" in paths
    assert "components/orders/deployment/replicas" not in paths
    assert len(paths) == len(set(paths))
    assert all(each.reason.en and each.reason.pt for each in assumptions(system))
    changed = with_values(system, dict.fromkeys(paths, 7.0))
    values = dict(estimates(changed))
    assert {values[path].value for path in paths} == {7.0}
    assert {path: each.spread for path, each in values.items()} == {path: each.spread for path, each in estimates(system)}
    assert values["components/orders/deployment/replicas"].value == 3


def test_replacing_nothing_gives_an_equal_system() -> None:
    assert with_values(SYSTEM, {}) == SYSTEM


def test_keys_that_expire_and_rows_that_replicas_hold_get_a_popularity_and_others_none() -> None:
    put = model.CachePut(dataset="redis/carts", expiry_s=model.Estimate(60))
    cached = structs.replace(
        SYSTEM,
        components=(*SYSTEM.components, model.Component(name="redis", kind=model.Kind.CACHE)),
        operations=(
            *SYSTEM.operations,
            model.Operation(name="cart", component="orders", trigger=model.Trigger(kind="http"), steps=(put,)),
        ),
        datasets=(
            *SYSTEM.datasets,
            model.Dataset(name="redis/carts", store="redis"),
            model.Dataset(name="redis/other", store="redis"),
        ),
    )
    found = {each.name: each for each in complete(cached).datasets}
    assert found["redis/carts"].popularity is not None
    assert found["redis/carts"].rows is None, "their number follows from the hit ratio"
    assert found["redis/other"].popularity is None
    assert found["postgres/orders"].popularity is None
    replicated = complete(with_deployment(cached, "postgres", model.Deployment(reads="replicas")))
    rows = replicated.dataset("postgres/orders").rows
    assert rows is not None
    assert rows.assumed
    deployment = replicated.component("postgres").deployment
    assert deployment is not None
    assert deployment.replication_lag_ms is not None
    assert complete(replicated) == replicated


def test_a_limit_has_a_burst_and_an_ejection_its_bounds() -> None:
    stated = model.Deployment(
        rate_limit=model.RateLimit(rate_per_s=model.Estimate(40)),
        outliers=model.OutlierEjection(slower=model.Estimate(3)),
    )
    deployment = complete(with_deployment(SYSTEM, "orders", stated)).component("orders").deployment
    assert deployment is not None
    assert deployment.rate_limit is not None
    assert deployment.rate_limit.burst is not None
    assert deployment.rate_limit.burst.value == 40
    assert deployment.outliers is not None
    assert deployment.outliers.error_ratio is None, "whoever ejects by latency has not said that errors count"
    assert deployment.outliers.period_s is not None
    assert deployment.outliers.maximum_share is not None


def with_deployment(system: model.System, name: str, deployment: model.Deployment) -> model.System:
    return model.replace_component(system, structs.replace(system.component(name), deployment=deployment))

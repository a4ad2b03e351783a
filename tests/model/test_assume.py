"""What is assumed where nobody said."""

from __future__ import annotations

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

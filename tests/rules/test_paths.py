"""Chains, what they leave out, and who depends on whom."""

from __future__ import annotations

from backend_expert.model import System
from backend_expert.model.system_file import load
from backend_expert.rules.paths import (
    carries_messages,
    chains,
    dependents,
    most_needed_first,
    on_request_path,
    roots,
    serves_only_telemetry,
)

SHOP = """
components:
  gateway: {kind: gateway}
  orders: {kind: service}
  stock: {kind: service}
  reports: {kind: service}
  postgres: {kind: database}
  tempo: {kind: platform}
  traces: {kind: database}
  redis-queue: {kind: cache}
datasets:
  postgres/order: {store: postgres}
  traces/span: {store: traces}
operations:
  gateway POST /orders: {component: gateway, trigger: {kind: http}, steps: [{step: call, operation: orders POST /orders}]}
  orders POST /orders:
    component: orders
    trigger: {kind: http}
    steps:
      - {step: call, operation: stock POST /reservations}
      - {step: query, dataset: postgres/order}
  stock POST /reservations: {component: stock, trigger: {kind: http}, steps: [{step: call, operation: orders POST /orders}]}
  reports nightly: {component: reports, trigger: {kind: schedule}, steps: [{step: query, dataset: postgres/order}]}
  tempo store: {component: tempo, trigger: {kind: rpc}, steps: [{step: query, dataset: traces/span}]}
"""


def shown(system: System, limit: int = 10_000) -> list[str]:
    return [" ".join((path[0].caller, *(site.callee for site in path))) for path in chains(system, limit)]


def test_chains_begin_at_every_root_and_end_where_they_would_go_round() -> None:
    assert shown(load(SHOP)) == ["gateway orders postgres", "gateway orders stock orders", "reports postgres"]


def test_telemetry_is_no_root() -> None:
    assert "tempo store" not in [operation.name for operation in roots(load(SHOP))]


def test_a_call_that_is_only_assumed_ends_a_chain() -> None:
    text = SHOP.replace(
        "operation: orders POST /orders}]}\n  orders", "operation: orders POST /orders, certainty: assumed}]}\n  orders"
    )
    assert shown(load(text)) == ["reports postgres"]


def test_the_number_of_chains_is_bounded_and_every_root_gets_its_share() -> None:
    assert shown(load(SHOP), limit=2) == ["gateway orders postgres", "reports postgres"]


def test_dependents_are_transitive_and_leave_telemetry_out() -> None:
    behind = dependents(load(SHOP))
    assert behind["postgres"] == {"gateway", "orders", "stock", "reports"}
    assert behind["traces"] == frozenset()


def test_a_store_of_telemetry_serves_only_telemetry() -> None:
    system = load(SHOP)
    assert serves_only_telemetry(system, "traces")
    assert not serves_only_telemetry(system, "postgres")
    assert not serves_only_telemetry(system, "redis-queue")


def test_workloads_add_to_the_request_path_and_never_hide_the_rest() -> None:
    stated = load(SHOP + "workloads:\n  nightly: {operation: reports nightly, rate_per_s: 1}\n")
    assert {"postgres", "orders", "gateway", "reports"} <= on_request_path(stated)


def test_doors_come_first_then_what_most_depend_on() -> None:
    system = load(SHOP)
    names = [each.name for each in most_needed_first(system, [system.component(name) for name in ("stock", "postgres", "gateway")])]
    assert names == ["gateway", "postgres", "stock"]


def test_a_cache_named_as_a_queue_carries_messages() -> None:
    system = load(SHOP)
    assert carries_messages(system.component("redis-queue"))
    assert not carries_messages(system.component("postgres"))

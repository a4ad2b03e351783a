"""Who can be reached from outside, and what a gateway has checked already."""

from __future__ import annotations

import pytest

from backend_expert.model import System
from backend_expert.model.system_file import load
from backend_expert.rules.security.exposure import checked_at_the_gateway, exposed
from backend_expert.rules.security.route_without_authentication import route_without_authentication


def shop(gateway: str, orders: str = "guards: []") -> System:
    return load(f"""
components:
  edge: {{kind: gateway}}
  orders: {{kind: service}}
  stock: {{kind: service}}
  db: {{kind: database}}
datasets: {{db/order: {{store: db}}}}
operations:
  edge ALL /orders:
    component: edge
    trigger: {{kind: http, name: ALL /orders}}
    {gateway}
    steps: [{{step: call, operation: orders POST /orders}}]
  orders POST /orders:
    component: orders
    trigger: {{kind: http, name: POST /orders}}
    {orders}
    steps: [{{step: query, dataset: db/order, action: insert}}, {{step: call, operation: stock POST /taken}}]
  stock POST /taken:
    component: stock
    trigger: {{kind: http, name: POST /taken}}
    guards: []
    steps: [{{step: query, dataset: db/order, action: update}}]
""")


def test_what_a_gateway_passes_on_can_be_reached_and_what_is_behind_that_cannot() -> None:
    assert exposed(shop("")) == {"edge", "orders"}


def test_a_gateway_that_asks_for_a_login_has_asked() -> None:
    asks = shop("guards: [{name: token, kind: authentication}]")
    assert checked_at_the_gateway(asks) == {"orders"}
    assert list(route_without_authentication(asks)) == []


@pytest.mark.parametrize(("orders", "found"), [("guards: []", 1), ("guards: [{name: check}]", 0), ("guards: null", 0)])
def test_a_guard_that_may_be_a_login_counts_as_one(orders: str, found: int) -> None:
    assert len(list(route_without_authentication(shop("", orders)))) == found

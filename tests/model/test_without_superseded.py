"""Guesses about a component give way to what somebody told, peer by peer."""

from __future__ import annotations

from backend_expert.model import System, dependencies, without_superseded
from backend_expert.model.system_file import load

GUESSED = """
schema: backend-expert/system/1
components:
  gateway: {kind: gateway}
  orders: {kind: service}
  payment: {kind: service}
  stock: {kind: service}
operations:
  gateway http:
    component: gateway
    trigger: {kind: http}
    certainty: assumed
    steps: [{step: call, operation: orders http}]
  orders http:
    component: orders
    trigger: {kind: http}
    certainty: assumed
    steps:
      - {step: call, operation: payment http}
      - {step: call, operation: stock http}
  payment http: {component: payment, trigger: {kind: http}, certainty: assumed}
  stock http: {component: stock, trigger: {kind: http}, certainty: assumed}
"""

TOLD = """
  orders POST /orders:
    component: orders
    trigger: {kind: http}
    steps: [{step: call, operation: payment POST /charges}]
  payment POST /charges: {component: payment, trigger: {kind: http}}
"""


def links(system: System) -> list[str]:
    return [str(each.link) for each in dependencies(system)]


def test_without_anything_told_nothing_changes() -> None:
    system = load(GUESSED)
    assert without_superseded(system) == system


def test_a_told_peer_replaces_the_guess_and_the_other_guess_stays() -> None:
    system = without_superseded(load(GUESSED + TOLD))
    assert links(system) == ["gateway → orders", "orders → payment", "orders → stock"]
    assert [step.operation for step in system.operation("orders http").steps] == ["stock http"]  # type: ignore[union-attr]


def test_a_guess_with_nothing_left_to_say_goes() -> None:
    names = [operation.name for operation in without_superseded(load(GUESSED + TOLD)).operations]
    assert "payment http" not in names
    assert "orders http" in names


def test_dependencies_are_the_same_before_and_after() -> None:
    system = load(GUESSED + TOLD)
    assert links(without_superseded(system)) == links(system)

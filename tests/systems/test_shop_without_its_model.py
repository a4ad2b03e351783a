"""What the code of the shop alone gives, beside what its system.yaml states by hand: the same steps in the same order."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from backend_expert import readers
from backend_expert.model import Branch, Query, Reply, Step, System, Wait, Work, dependencies, system_file
from backend_expert.model.graph import children

SHOP = Path(__file__).parents[2] / "examples" / "shop"
OUTSIDE = ("card-gateway", "mail-api")
"""Providers whose stand-in answers every path in one function: their operations stand in system.yaml alone."""

HAND_MADE = {"redis/carts": "redis/cart", "redis/products": "redis/product"}
"""Key spaces have no names in code but the beginnings of their keys."""


@pytest.fixture(scope="module")
def recovered(tmp_path_factory: pytest.TempPathFactory) -> System:
    copy = tmp_path_factory.mktemp("shop") / "shop"
    shutil.copytree(SHOP, copy, ignore=shutil.ignore_patterns("system.yaml", "node_modules", "dist"))
    return readers.read(copy).system


@pytest.fixture(scope="module")
def stated(recovered: System) -> System:
    return system_file.overlay(recovered, (SHOP / "system.yaml").read_text(encoding="utf-8"), "system.yaml")


def stated_names() -> list[str]:
    text = (SHOP / "system.yaml").read_text(encoding="utf-8")
    part = text[text.index("\noperations:") : text.index("\nworkloads:")]
    return [name for name in re.findall(r"^  (\S.*):$", part, re.MULTILINE) if not name.startswith(OUTSIDE)]


def steps(found: tuple[Step, ...]) -> list[tuple[str, str]]:
    """Return the steps that leave a component and what holds them, outer before inner, without branches and timings."""
    result: list[tuple[str, str]] = []
    for step in found:
        name = f"query {step.action}" if isinstance(step, Query) else type(step).__name__.lower()
        target = next((getattr(step, field) for field in ("operation", "dataset", "topic", "store") if hasattr(step, field)), "")
        target = next((outside for outside in OUTSIDE if target.startswith(outside)), HAND_MADE.get(target, target))
        if not isinstance(step, Work | Wait | Reply | Branch):
            result.append((name, target))
        for block in children(step):
            result.extend(steps(block))
    return result


def test_every_operation_that_is_stated_is_recovered(recovered: System):
    names = {operation.name for operation in recovered.operations}
    assert len(stated_names()) > 30
    assert set(stated_names()) <= names


@pytest.mark.parametrize("name", stated_names())
def test_the_steps_are_the_same(recovered: System, stated: System, name: str):
    found, truth = steps(recovered.operation(name).steps), steps(stated.operation(name).steps)
    if name == "inventory POST /reservations":
        # The model leaves out what happens when the stock is gone: the reservations so far are given back.
        assert found[:2] + found[5:] == truth
        assert [kind for kind, _ in found[2:5]] == ["transaction", "query delete", "query guarded-update"]
    else:
        assert found == truth


def test_the_policies_of_calls_are_the_same(recovered: System, stated: System):
    def calls(system: System, name: str) -> dict[str, object]:
        return {
            target: (policy.timeout_ms and policy.timeout_ms.value, policy.retry and policy.retry.attempts.value)
            for target, policy in _policies(system.operation(name).steps)
        }

    for name in stated_names():
        if not name.startswith("gateway"):
            assert calls(recovered, name) == calls(stated, name), name


def _policies(found: tuple[Step, ...]):
    for step in found:
        if hasattr(step, "operation"):
            yield next((outside for outside in OUTSIDE if step.operation.startswith(outside)), step.operation), step.policy
        for block in children(step):
            yield from _policies(block)


def test_consumers_acknowledge_as_stated(recovered: System, stated: System):
    for name in stated_names():
        if " on " in name:
            found, truth = recovered.operation(name).trigger, stated.operation(name).trigger
            fields = ("name", "group", "acknowledge", "maximum_deliveries", "dead_letter")
            assert [getattr(found, field) for field in fields] == [getattr(truth, field) for field in fields]


def test_who_depends_on_whom_is_the_same(recovered: System, stated: System):
    def edges(system: System) -> set[tuple[str, str, bool]]:
        return {(each.caller, each.callee, each.consumes) for each in dependencies(system)}

    assert edges(recovered) == edges(stated)


def test_laying_the_model_over_the_code_doubles_nothing(stated: System):
    triggers = [(each.component, each.trigger.kind, each.trigger.name) for each in stated.operations if each.trigger.name]
    assert len(triggers) == len(set(triggers))

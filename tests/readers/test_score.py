"""The score of the readers against a hand-made description, on a system small enough to count by hand."""

from __future__ import annotations

from types import ModuleType

import pytest

from backend_expert.model import Call, Component, Evidence, Kind, Operation, System, Trigger


@pytest.fixture(scope="module")
def score(script) -> ModuleType:
    return script("score")


def call(caller: str, callee: str, line: int) -> Operation:
    steps = (Call(operation=f"{callee} http", evidence=(Evidence("compose.yaml", line, "compose"),)),)
    return Operation(name=f"{caller} to {callee}", component=caller, trigger=Trigger(kind="http"), steps=steps)


def system() -> System:
    names = ("Web", "orders", "payment", "load", "extra")
    served = tuple(Operation(name=f"{name} http", component=name, trigger=Trigger(kind="http")) for name in names)
    calls = (call("Web", "orders", 12), call("Web", "payment", 90), call("orders", "Web", 5), call("load", "Web", 1))
    return System(
        name="shop",
        components=tuple(Component(name=name, kind=Kind.SERVICE) for name in names),
        operations=tuple(sorted(served + calls, key=lambda each: each.name)),
    )


TRUTH = {
    "system": "shop",
    "components": [
        {"name": "web", "core": True},
        {"name": "order-service", "aliases": ["orders"], "core": True},
        {"name": "payment", "core": True},
        {"name": "bank", "core": True},
        {"name": "load", "core": False},
    ],
    "calls": [
        {"from": "web", "to": "order-service", "core": True, "evidence": ["compose.yaml:20"]},
        {"from": "web", "to": "payment", "core": True, "evidence": ["compose.yaml:20"]},
        {"from": "payment", "to": "bank", "core": True, "evidence": ["payment.js:1"]},
        {"from": "load", "to": "web", "core": False, "evidence": ["compose.yaml:1"]},
    ],
}


def test_counts_by_hand(score: ModuleType) -> None:
    found = score.score(TRUTH, system(), 0.5)
    assert (found.components.right, found.components.wrong, found.components.missed) == (3, 1, 1)
    assert (found.edges.right, found.edges.wrong, found.edges.missed) == (2, 1, 1)
    assert found.near == 1
    assert found.edges.precision == found.edges.recall == found.edges.f1 == pytest.approx(2 / 3)
    assert found.remarks == (
        "component not in the description: extra",
        "component not found: bank",
        "edge not in the description: orderservice → web",
        "edge not found: payment → bank",
        "evidence elsewhere: web → payment (compose.yaml:90)",
    )


def test_a_derived_flow_counts_neither_way(score: ModuleType) -> None:
    found = score.score(TRUTH | {"derived_async": [{"from": "order-service", "to": "web"}]}, system(), 0.5)
    assert found.edges.wrong == 0


def test_the_table_has_a_line_for_each_system(score: ModuleType) -> None:
    lines = score.table([score.score(TRUTH, system(), 0.5)]).splitlines()
    assert lines[2] == "| shop | 0.75 / 0.75 / 0.75 | 2 / 1 / 1 | 0.67 / 0.67 / 0.67 | 1 of 2 | 0 | 0.50 s |"


def test_arguments_come_in_pairs(score: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert score.main(["one"]) == 2
    assert "TRUTH.json CHECKOUT" in capsys.readouterr().err

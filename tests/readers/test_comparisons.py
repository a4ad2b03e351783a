"""The comparisons of the benchmarks: what counts as the same route, and as the same order of steps."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def benchmark(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / "readers" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("GET", "/a/:id"), ("GET", "/a/{key}/"), True),
        (("GET", "/a/:id?"), ("GET", "/a/:id"), True),
        (("GET", "/a/:id(\\d+)"), ("GET", "/a/<id>"), True),
        (("GET", "/a"), ("POST", "/a"), False),
        (("GET", "/a/b"), ("GET", "/a/:b"), False),
    ],
)
def test_routes_that_are_the_same(one: tuple[str, str], other: tuple[str, str], same: bool):
    normal = benchmark("routes").normal
    assert (set(normal(*one)) == set(normal(*other))) is same


def test_a_route_for_all_methods_is_seven(capsys):
    routes = benchmark("routes")
    found = frozenset(routes.normal("ALL", "/a"))
    counts = routes.compare("x", found, frozenset({("GET", "/a"), ("GET", "/b")}))
    assert (counts.right, counts.wrong, counts.missed) == (1, 6, 1)
    assert "x: not found: GET /b" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("label", "found", "right"),
    [
        (["read user"], ["read users"], True),
        (["read auth-device"], ["read AuthDevice"], True),
        (["read user", "insert user"], ["insert users", "read users"], False),
        (["read user"], ["read users", "read users"], False),
        (["read user"], ["update users"], False),
        ([{"transaction": ["insert a"]}], [{"transaction": ["insert a"]}], True),
        ([{"transaction": ["insert a"]}], ["insert a"], False),
        ([{"aside": ["call mail"]}], [{"together": ["call mail"]}], False),
    ],
)
def test_steps_that_are_the_same(label: list[object], found: list[object], right: bool):
    assert benchmark("handlers").fits(label, found) is right


def test_the_labels_name_steps_that_exist():
    labels = yaml.safe_load((ROOT / "tests" / "readers" / "node" / "labelled_handlers.yaml").read_text(encoding="utf-8"))
    entries = [entry for repository in labels for entry in repository["handlers"]]
    assert len(entries) >= 40

    def words(steps: list[object]) -> list[str]:
        return [word for step in steps for word in (words(*step.values()) if isinstance(step, dict) else [step.split(" ")[0]])]

    assert {word for entry in entries for word in words(entry["steps"])} == {
        "read",
        "insert",
        "update",
        "delete",
        "call",
        "publish",
    }

"""The file form of the model: round trip, overlay, and errors that name the line."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_expert import model
from backend_expert.model import system_file
from backend_expert.model.system_file import SystemFileError, contradictions, dump, load, overlay

names = st.text("abcdefgh-on1e:. #'\"é", min_size=1, max_size=12)
evidence = st.builds(
    model.Evidence,
    file=st.from_regex(r"[a-z]{1,8}/[a-z]{1,8}\.yaml", fullmatch=True),
    line=st.integers(1, 9999),
    reader=st.sampled_from(["compose", "kubernetes", "system.yaml"]),
    end_line=st.just(0),
)
evidences = st.lists(evidence, max_size=2).map(tuple)
estimates = st.builds(
    model.Estimate,
    value=st.floats(0, 1e9, allow_nan=False),
    spread=st.floats(1, 100),
    certainty=st.sampled_from(model.Certainty),
    evidence=evidences,
)
maybe = st.none() | estimates
policies = st.builds(
    model.Policy,
    timeout_ms=maybe,
    retry=st.none() | st.builds(model.Retry, attempts=estimates, jitter=st.sampled_from(["none", "full", "decorrelated"])),
    pool=st.none() | st.builds(model.Pool, size=estimates),
    optional=st.none() | st.booleans(),
    absent=st.lists(st.sampled_from(model.Mechanism), max_size=2).map(tuple),
    evidence=evidences,
)


@st.composite
def systems(draw: st.DrawFn) -> model.System:
    """Draw a system whose names lead somewhere."""
    component_names = sorted(draw(st.sets(names, min_size=1, max_size=4)))
    components = tuple(
        model.Component(
            name=name,
            kind=draw(st.sampled_from(model.Kind)),
            technology=draw(names),
            aliases=tuple(draw(st.lists(names, max_size=2))),
            settings=tuple(
                model.Setting(name=draw(names), value=draw(st.text(max_size=8))) for _ in range(draw(st.integers(0, 2)))
            ),
            deployment=draw(st.none() | st.builds(model.Deployment, replicas=maybe, cpu_cores=maybe)),
            evidence=draw(evidences),
        )
        for name in component_names
    )
    operation_names = [f"{name} http" for name in component_names]
    leaves = st.one_of(
        st.builds(model.Work, cpu_ms=maybe, evidence=evidences),
        st.builds(model.Call, operation=st.sampled_from(operation_names), policy=policies),
        st.builds(model.Reply, status=st.integers(200, 599)),
    )
    programs = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(model.Repeat, count=estimates, steps=st.lists(inner, max_size=2).map(tuple)),
            st.builds(model.Parallel, branches=st.lists(st.lists(inner, max_size=2).map(tuple), max_size=2).map(tuple)),
        ),
        max_leaves=4,
    )
    operations = tuple(
        model.Operation(
            name=operation,
            component=name,
            trigger=model.Trigger(kind="http", name=draw(names)),
            steps=tuple(draw(st.lists(programs, max_size=3))),
        )
        for name, operation in zip(component_names, operation_names, strict=True)
    )
    return model.System(
        name=draw(names),
        components=components,
        operations=tuple(sorted(operations, key=lambda each: each.name)),
        network_ms=draw(maybe),
    )


@pytest.mark.parametrize(
    "text", ["\x85", "a\u2028b", "\u2029", "a\nb", "\r\n", "\ufeff", "tab\there", "null", "1e3", "~", "=", "0o17"]
)
def test_every_text_reads_back_as_it_was(text: str) -> None:
    setting = model.Setting(name=text, value=text)
    system = model.System(name=text, components=(model.Component(name="a", kind=model.Kind.SERVICE, settings=(setting,)),))
    assert load(dump(system)) == system


@given(systems())
@settings(max_examples=60, deadline=None)
def test_what_is_printed_reads_back_equal(system: model.System) -> None:
    text = dump(system)
    assert load(text) == system
    assert dump(load(text)) == text


BASE = model.System(
    name="shop",
    components=(
        model.Component(
            name="orders",
            kind=model.Kind.SERVICE,
            deployment=model.Deployment(
                replicas=model.Estimate(1, evidence=(model.Evidence("compose.yaml", 4, "compose"),)), networks=("inner",)
            ),
        ),
    ),
)


def test_an_overlay_wins_and_keeps_the_rest() -> None:
    text = """schema: backend-expert/system/1
components:
  orders:
    deployment:
      replicas: 3
  bank:
    kind: external
operations:
  orders POST /orders:
    component: orders
    trigger: {kind: http, name: POST /orders}
    steps:
      - step: call
        operation: bank charge
        policy: {absent: [timeout]}
  bank charge:
    component: bank
    trigger: {kind: rpc}
"""
    system = overlay(BASE, text)
    deployment = system.component("orders").deployment
    assert deployment is not None
    assert deployment.replicas == model.Estimate(3, evidence=(model.Evidence("system.yaml", 5, "system.yaml"),))
    assert deployment.networks == ("inner",)
    (step,) = system.operation("orders POST /orders").steps
    assert step.evidence == (model.Evidence("system.yaml", 13, "system.yaml"),)
    assert isinstance(step, model.Call)
    assert step.policy.lacks(model.Mechanism.TIMEOUT)
    (note,) = contradictions(BASE, system)
    assert "replicas is 1 in compose.yaml:4 and 3 in system.yaml:5" in note.en


def test_null_takes_a_component_away() -> None:
    assert overlay(BASE, "components:\n  orders: null\n").components == ()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: [", 1, "node content"),
        ("- a\n", 1, "schema: backend-expert/system/1"),
        ("schema: 7\n", 1, "this version reads"),
        ("name: a\nkomponents: {}\n", 2, "did you mean 'components'"),
        ("components:\n  a:\n    kind: servis\n", 3, "'service'"),
        ("components:\n  a:\n    technology: go\n", 2, "needs 'kind'"),
        ("components:\n  a: 3\n", 2, "mapping"),
        ("components:\n  a:\n    kind: service\n    deployment:\n      replicas: many\n", 5, "a number"),
        ("components:\n  a:\n    kind: service\n    deployment:\n      replicas: -1\n", 5, "from 0 up"),
        ("components:\n  a:\n    kind: service\n    deployment:\n      replicas: {value: 1, spread: 0.5}\n", 5, "spread"),
        ("components:\n  a: {kind: service}\noperations:\n  a x:\n    component: b\n    trigger: {kind: http}\n", 4, "'b'"),
        (
            "components: {a: {kind: service}}\noperations:\n a x: {component: a, trigger: {kind: rpc},\n  steps: [{step: cal}]}\n",
            4,
            "did you mean 'call'",
        ),
        ("workloads:\n  day: {operation: nothing, rate_per_s: 3}\n", 2, "does not exist"),
    ],
)
def test_an_error_names_the_line_and_what_to_do(text: str, line: int, words: str) -> None:
    with pytest.raises(SystemFileError) as caught:
        overlay(model.System(name="x"), text, "infra/system.yaml")
    assert caught.value.line == line
    assert str(caught.value).startswith(f"infra/system.yaml:{line}: ")
    assert words in caught.value.problem


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_system_or_a_clear_refusal(text: str) -> None:
    with contextlib.suppress(SystemFileError):
        assert load(dump(load(text))) == load(text)


def test_the_published_schema_is_the_one_of_the_types() -> None:
    published = Path(system_file.__file__).with_name("system.schema.json")
    assert json.loads(published.read_text(encoding="utf-8")) == json.loads(json.dumps(system_file.json_schema())), (
        "run make schemas"
    )

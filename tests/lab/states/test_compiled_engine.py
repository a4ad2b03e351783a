"""The compiled engine gives the runs of the plain one: same states, same transitions, same histories."""

import corpus
import pytest
from hypothesis import given, settings
from random_machines import machines

from backend_expert.lab.states import parse_flow
from backend_expert.lab.states.compile import compile_flow
from backend_expert.lab.states.compiled_engine import FIRST_SIZE, explore_compiled
from backend_expert.lab.states.explore import prepared, slices
from backend_expert.lab.states.expression import TRUE, Atom, number, variable
from backend_expert.lab.states.machine import Command, Machine, Variable
from backend_expert.lab.states.python_engine import explore_machine, in_engine_order
from backend_expert.model import Text


@settings(max_examples=200, deadline=None)
@given(machines())
def test_random_machines_run_alike(machine: Machine) -> None:
    machine = in_engine_order(machine)
    for requests_first in (True, False):
        plain = explore_machine(machine, limit=10**6, requests_first=requests_first)
        assert explore_compiled(machine, limit=10**6, requests_first=requests_first) == plain


@pytest.mark.parametrize("kind", corpus.KINDS)
@pytest.mark.parametrize("anomaly", corpus.CLASSES)
def test_flows_run_alike(anomaly: str, kind: str) -> None:
    machine = compile_flow(prepared(parse_flow(corpus.text_of(anomaly, kind, "transfer"))))
    for each in (*slices(machine), Machine(machine.variables, machine.commands, ())):
        assert explore_compiled(each, limit=3_000) == explore_machine(each, limit=3_000)


def test_arrays_grow() -> None:
    """Two counters that go up by themselves: more states than there is room for at first, and more bits than one word holds."""
    side = 300
    label = Text("up", "sobe")
    names = ("a", "b")
    idle = tuple(Variable(f"idle{index}", 0, 2**20 - 1, 2**20 - 1) for index in range(3))
    up = tuple(
        Command(label, label, ((Atom(variable(name) - number(side - 1), "<="),),), ((name, variable(name) + number(1)),))
        for name in names
    )
    machine = Machine((*(Variable(name, 0, side) for name in names), *idle), up, ())
    assert machine.bits > 64
    run = explore_compiled(machine, limit=10**6)
    assert run.states == (side + 1) ** 2 > FIRST_SIZE
    assert run.transitions == 2 * side * (side + 1)
    assert run.exhausted


def test_a_history_too_long_for_its_depths_goes_to_the_plain_engine() -> None:
    steps = 2**15 + 10
    label = Text("up", "sobe")
    up = Command(label, label, ((Atom(variable("n") - number(steps - 1), "<="),),), (("n", variable("n") + number(1)),))
    machine = Machine((Variable("n", 0, steps),), (up,), ())
    run = explore_compiled(machine, limit=10**6)
    assert run == explore_machine(machine, limit=10**6)
    assert run.states == steps + 1


def test_narrow_counters_are_named() -> None:
    label = Text("up", "sobe")
    up = Command(label, label, TRUE, (("n", variable("n") + number(1)),))
    machine = Machine((Variable("n", -1, 3),), (up,), ())
    assert explore_compiled(machine, limit=100) == explore_machine(machine, limit=100)
    assert explore_compiled(machine, limit=100).saturated == ("n",)

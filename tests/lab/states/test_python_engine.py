"""The generated engine agrees with the plainest explorer that there is, and its histories replay."""

from hypothesis import given, settings
from random_machines import RESTLESS, machines, plainly

from backend_expert.lab.states.expression import Atom, Linear, holds, number, variable
from backend_expert.lab.states.machine import Command, Machine, Property, Variable, sliced
from backend_expert.lab.states.python_engine import explore_machine, in_engine_order
from backend_expert.model import Text


def cost_of(machine: Machine, path: tuple[int, ...]) -> int:
    return sum(1001 if machine.commands[index].kind == "fault" else 1 for index in path)


@settings(max_examples=150, deadline=None)
@given(machines())
def test_engine_agrees_with_the_plain_explorer(machine: Machine) -> None:
    machine = in_engine_order(machine)
    states, transitions, best = plainly(machine)
    counted = explore_machine(Machine(machine.variables, machine.commands, ()), limit=10**6)
    assert (counted.states, counted.transitions) == (states, transitions)
    run = explore_machine(machine, limit=10**6)
    costs = {index: cost_of(machine, path) for index, path in run.violations}
    assert {index: RESTLESS if best.get(index) == RESTLESS else cost for index, cost in costs.items()} == best
    assert run.exhausted is not bool(best)


@settings(max_examples=100, deadline=None)
@given(machines())
def test_slices_keep_the_answer(machine: Machine) -> None:
    each = Property("y", "always", ((Atom(variable("y") - number(3), "="),),))
    whole = in_engine_order(Machine(machine.variables, machine.commands, (each,)))
    part = in_engine_order(sliced(whole, (each,)))
    before, after = explore_machine(whole, limit=10**6), explore_machine(part, limit=10**6)
    assert after.states <= before.states
    assert [cost_of(whole, path) for _, path in before.violations] == [cost_of(part, path) for _, path in after.violations]


def counter(*, high: int, saturates: bool) -> Machine:
    up = Command(
        Text("up", "sobe"), Text("up", "sobe"), (((Atom(variable("n") - number(9), "<=")),),), (("n", variable("n") + number(1)),)
    )
    return Machine(
        (Variable("n", 0, high, saturates=saturates),),
        (up,),
        (Property("never", "always", ((Atom(variable("n") + number(1), "<="),),)),),
    )


def test_a_counter_that_is_too_narrow_is_named() -> None:
    assert explore_machine(counter(high=3, saturates=False), limit=100).saturated == ("n",)
    assert explore_machine(counter(high=3, saturates=True), limit=100).saturated == ()


def test_the_limit_stops_the_run() -> None:
    run = explore_machine(counter(high=20, saturates=True), limit=5)
    assert run.capped
    assert not run.exhausted


def test_fewest_faults_come_before_fewest_steps() -> None:
    at = lambda value: Atom(Linear((("p", 1),), -value), "=")  # noqa: E731
    step = lambda a, b: Command(Text("s", "s"), Text("s", "s"), ((at(a),),), (("p", number(b)),))  # noqa: E731
    short = Command(
        Text("f", "f"),
        Text("f", "f"),
        ((at(0), Atom(number(1) - variable("crash"), "<=")),),
        (("p", number(3)), ("crash", number(0))),
        "fault",
    )
    machine = Machine(
        (Variable("p", 0, 3, role="control"), Variable("crash", 0, 1, 1, role="budget")),
        (step(0, 1), step(1, 2), step(2, 3), short),
        (Property("arrived", "always", ((at(3),),)),),
    )
    path = explore_machine(in_engine_order(machine), limit=100).history(0)
    assert path is not None
    assert len(path) == 3
    assert holds(((at(3),),), {"p": 3})

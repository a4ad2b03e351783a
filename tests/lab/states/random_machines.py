"""Random small machines, and the plainest explorer that there is: what the engines are measured against."""

import random

from hypothesis import strategies as st

from backend_expert.lab.states.expression import Atom, Linear, holds, number, variable
from backend_expert.lab.states.machine import Command, Machine, Property, Variable
from backend_expert.model import Text

RESTLESS = -1
"""The cost of a property that is broken only where nothing comes to rest."""


def machines() -> st.SearchStrategy[Machine]:
    """Return random machines for property tests."""
    return st.randoms(use_true_random=False).map(drawn)


def drawn(source: random.Random) -> Machine:
    """Return a machine of two processes and two counters with a budget for faults; counters stop at their bounds."""
    variables = (
        Variable("p", 0, 3, role="control"),
        Variable("q", 0, 3, role="control"),
        Variable("x", -1, 3, source.randint(0, 2), saturates=True),
        Variable("y", 0, 3, 0, saturates=True),
        Variable("crash", 0, 2, source.randint(0, 2), role="budget"),
    )
    commands = []
    for index in range(source.randint(3, 9)):
        process = source.choice(("p", "q"))
        guard = [Atom(Linear(((process, 1),), -source.randint(0, 3)), "=")]
        if source.random() < 0.5:
            factor = source.choice((-1, 1))
            relation = source.choice(("=", "!=", "<="))
            guard.append(Atom(Linear(((source.choice(("x", "y")), factor),), source.randint(-2, 2)), relation))
        update = {process: number(source.randint(0, 3))}
        target = source.choice(("x", "y"))
        update[target] = source.choice(
            (number(0), number(2), variable("x") + number(1), variable("y") - number(1), variable("x") + variable("y"))
        )
        kind = source.choice(("internal", "internal", "environment", "request", "fault"))
        if kind == "fault":
            guard.append(Atom(number(1) - variable("crash"), "<="))
            update["crash"] = variable("crash") - number(1)
        commands.append(
            Command(Text(f"c{index}", f"c{index}"), Text("c", "c"), (tuple(guard),), tuple(sorted(update.items())), kind)  # type: ignore[arg-type]
        )
    bad = ((Atom(Linear((("x", 1), ("y", 1)), -source.randint(2, 5)), "="),),)
    when = source.choice(("always", "quiescent"))
    return Machine(variables, tuple(commands), (Property("sum", when, bad),))  # type: ignore[arg-type]


def plainly(machine: Machine) -> tuple[int, int, dict[int, int]]:
    """Return distinct states, transitions, and for each property the least `faults * 1000 + steps` (or `RESTLESS`), by the book."""
    bounds = {variable.name: (variable.low, variable.high) for variable in machine.variables}
    names = tuple(bounds)
    start = tuple(variable.initial for variable in machine.variables)
    distance = {start: 0}
    successors: dict[tuple[int, ...], list[tuple[str, int, tuple[int, ...]]]] = {}
    todo = [start]
    while todo:
        values = todo.pop()
        state = dict(zip(names, values, strict=True))
        found = []
        for command in machine.commands:
            if holds(command.guard, state):
                after = dict(state)
                for name, value in command.update:
                    low, high = bounds[name]
                    after[name] = min(max(value.value(state), low), high)
                found.append((command.kind, 1001 if command.kind == "fault" else 1, tuple(after.values())))
        successors[values] = found
        todo += [target for _, _, target in found if target not in successors and target not in todo]
    changed = True
    while changed:
        changed = False
        for values, found in successors.items():
            if values in distance:
                for _, cost, target in found:
                    if distance[values] + cost < distance.get(target, 10**9):
                        distance[target] = distance[values] + cost
                        changed = True
    calm = {
        values for values, found in successors.items() if all(kind != "internal" or target == values for kind, _, target in found)
    }
    growing = True
    while growing:
        reached = {v for v, found in successors.items() if any(kind == "internal" and target in calm for kind, _, target in found)}
        growing = not reached <= calm
        calm |= reached
    best: dict[int, int] = {}
    for values, cost in distance.items():
        state = dict(zip(names, values, strict=True))
        settled = all(kind != "internal" or target == values for kind, _, target in successors[values])
        for index, each in enumerate(machine.properties):
            if holds(each.bad, state) and (each.when == "always" or settled):
                best[index] = min(best.get(index, 10**9), cost)
    for values in sorted(set(distance) - calm):
        state = dict(zip(names, values, strict=True))
        for index, each in enumerate(machine.properties):
            if holds(each.bad, state) and each.when == "quiescent":
                best.setdefault(index, RESTLESS)
    return len(distance), sum(len(found) for found in successors.values()), best

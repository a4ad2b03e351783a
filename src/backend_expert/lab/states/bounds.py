"""Where an update can leave the bounds of its variable, so that engines check there and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from backend_expert.lab.states.expression import Clause, Guard, Linear
from backend_expert.lab.states.machine import Command, Machine, Variable

Interval = tuple[int, int]


def update_interval(value: Linear, guard: Guard, variables: Mapping[str, Variable]) -> Interval:
    """Return the least and the greatest value that a sum can have where the guard holds."""
    known = {name: (variables[name].low, variables[name].high) for name in sorted(value.names)}
    ends = [_ends(value, _tightened(clause, known)) for clause in guard]
    return min(low for low, _ in ends), max(high for _, high in ends)


def leaves_bounds(machine: Machine, command: Command, name: str, value: Linear) -> bool:
    """Tell whether an update of a command may leave the bounds of its variable."""
    if not command.guard:
        return False
    variables = {each.name: each for each in machine.variables}
    low, high = update_interval(value, command.guard, variables)
    return low < variables[name].low or high > variables[name].high


def _ends(value: Linear, known: Mapping[str, Interval]) -> Interval:
    low = high = value.constant
    for name, factor in value.terms:
        ends = (factor * known[name][0], factor * known[name][1])
        low, high = low + min(ends), high + max(ends)
    return low, high


def _tightened(clause: Clause, known: Mapping[str, Interval]) -> dict[str, Interval]:
    result = dict(known)
    for atom in clause:
        if len(atom.linear.terms) != 1 or abs(atom.linear.terms[0][1]) != 1 or atom.linear.terms[0][0] not in result:
            continue
        name, factor = atom.linear.terms[0]
        low, high = result[name]
        edge = -atom.linear.constant * factor
        if atom.relation == "=":
            low, high = max(low, edge), min(high, edge)
        elif atom.relation == "<=" and factor == 1:
            high = min(high, edge)
        elif atom.relation == "<=":
            low = max(low, edge)
        elif edge == low:
            low += 1
        elif edge == high:
            high -= 1
        result[name] = (low, high) if low <= high else known[name]
    return result

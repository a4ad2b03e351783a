"""Replay the commands of a history and tell them in sentences, with what each step changed."""

from __future__ import annotations

from backend_expert.lab.states.expression import holds
from backend_expert.lab.states.machine import Machine
from backend_expert.lab.states.verdict import Change, Event, History
from backend_expert.lab.states.world import World


class ReplayError(Exception):
    """Report a history that its own machine does not allow: a defect of this lab, never of the flow."""


def told(machine: Machine, path: tuple[int, ...], world: World) -> History:
    """Return the history of a path through a machine; raise `ReplayError` when a step is not enabled or leaves its bounds."""
    state = {variable.name: variable.initial for variable in machine.variables}
    start = dict(state)
    shown = {variable.name for variable in machine.variables if variable.role == "state"}
    events = []
    for count, index in enumerate(path, 1):
        command = machine.commands[index]
        if not holds(command.guard, state):
            raise ReplayError(f"step {count} ({command.label.en}) is not enabled")
        after = {**state, **{name: value.value(state) for name, value in command.update}}
        changes = tuple(
            Change(name, spoken(world, name, state[name]), spoken(world, name, after[name]))
            for name in after
            if name in shown and after[name] != state[name]
        )
        events.append(
            Event(
                count,
                command.actor,
                command.target,
                command.kind,
                command.label,
                command.arrow,
                command.fault,
                command.evidence,
                changes,
                command.fine,
            )
        )
        state = after
    final = tuple((name, spoken(world, name, state[name])) for name in state if name in shown and state[name] != start[name])
    return History(tuple(events), final)


def spoken(world: World, name: str, value: int) -> str:
    """Return a value in the words of the flow: a status by its name, a missing row as a dash."""
    table, _, column = name.rpartition(".")
    table = table.partition("[")[0]
    for each in world.flow.tables:
        if each.name == table:
            for declared in each.columns:
                if declared.name == column and declared.values:
                    return next((word for word in declared.values if world.words[word] == value), "-")
    return str(value)

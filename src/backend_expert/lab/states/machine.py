"""A flow as guarded commands over bounded integers: what the engines run and the oracles print."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, structs

from backend_expert.lab.states.expression import Guard, Linear, names_of
from backend_expert.model import Evidence, Text

Kind = Literal["internal", "environment", "request", "fault"]


class Variable(Struct, frozen=True):
    """A bounded integer.

    `control` variables say where a process stands; `budget` variables are read and spent by faults alone. A value outside the
    bounds is held at the bound: for a variable that `saturates` this is exact (it is only ever compared with less), for any other
    the run ends without a verdict.
    """

    name: str
    low: int
    high: int
    initial: int = 0
    role: Literal["state", "control", "budget"] = "state"
    saturates: bool = False


class Command(Struct, frozen=True):
    """One step of the world: when it may happen and what it changes, all at once.

    `internal` commands happen by themselves, sooner or later; `environment` and `fault` commands may also never
    happen, and so may a `request`, with which a client starts something new. `actor`
    does it to `target` (lanes of the sequence diagram, equal for a local step); `fault` names the budget that it spends. `fine` is
    false for a step that does not get what it wants: an error, a refused row.
    """

    label: Text
    arrow: Text
    guard: Guard
    update: tuple[tuple[str, Linear], ...]
    kind: Kind = "internal"
    actor: str = ""
    target: str = ""
    evidence: Evidence | None = None
    fault: str = ""
    fine: bool = True


class Property(Struct, frozen=True):
    """A statement about states: `bad` holds where it is broken; `quiescent` ones are read where nothing internal is enabled."""

    name: str
    when: Literal["always", "quiescent"]
    bad: Guard


class Machine(Struct, frozen=True):
    """Variables, commands and properties, in a fixed order that every engine keeps."""

    variables: tuple[Variable, ...]
    commands: tuple[Command, ...]
    properties: tuple[Property, ...]

    @property
    def bits(self) -> int:
        """Return the bits that a packed state needs."""
        return sum((variable.high - variable.low).bit_length() for variable in self.variables)


def sliced(machine: Machine, chosen: tuple[Property, ...]) -> Machine:
    """Return the machine with only what can influence the chosen properties (cone of influence).

    Budgets pull in nobody: otherwise every fault would join the slice. Dropping commands that only spend a budget leaves the slice
    more faults, never fewer, so the slice is exact for safety: a property never reads a budget.
    """
    budgets = {variable.name for variable in machine.variables if variable.role == "budget"}
    relevant = set().union(*(names_of(each.bad) for each in chosen)) if chosen else set()
    written = [frozenset(name for name, _ in command.update) - budgets for command in machine.commands]
    growing = True
    while growing:
        before = len(relevant)
        for command, targets in zip(machine.commands, written, strict=True):
            if targets & relevant:
                relevant |= names_of(command.guard) - budgets
                for name, value in command.update:
                    if name in relevant:
                        relevant |= value.names - budgets
        growing = len(relevant) > before
    kept = []
    for command, targets in zip(machine.commands, written, strict=True):
        if targets & relevant:
            update = tuple((name, value) for name, value in command.update if name in relevant or name in budgets)
            kept.append(structs.replace(command, update=update))
    used = relevant | {name for command in kept for name in names_of(command.guard) | {name for name, _ in command.update}}
    variables = tuple(variable for variable in machine.variables if variable.name in used)
    return Machine(variables, tuple(kept), chosen)

"""Print machines as TLA+ and count their states with TLC, which knows no bit widths: equal counts also show that nothing overflowed."""

import re
import subprocess
from pathlib import Path

from backend_expert.lab.states.expression import Atom, Guard, Linear
from backend_expert.lab.states.machine import Machine, Variable

RELATIONS = {"=": "=", "!=": "#", "<=": "<="}


def model_of(machine: Machine) -> str:
    """Return the machine as a module `model`, with one disjunct for each command."""
    slot = {variable.name: f"v{index}" for index, variable in enumerate(machine.variables)}
    bounds = {variable.name: variable for variable in machine.variables}
    first = [f"{slot[variable.name]} = {variable.initial}" for variable in machine.variables]
    steps = []
    for command in machine.commands:
        written = {name for name, _ in command.update}
        parts = [_guard(command.guard, slot)]
        parts += [f"{slot[name]}' = {_held(_sum(value, slot), bounds[name])}" for name, value in command.update]
        kept = [slot[each.name] for each in machine.variables if each.name not in written]
        parts += [f"UNCHANGED <<{', '.join(kept)}>>"] if kept else []
        steps.append("(" + " /\\ ".join(parts) + ")")
    return "\n".join(
        [
            "---- MODULE model ----",
            "EXTENDS Integers",
            f"VARIABLES {', '.join(slot.values())}",
            "Init == " + " /\\ ".join(first),
            "Next == " + "\n  \\/ ".join(steps),
            "====",
            "",
        ]
    )


def states_of(machine: Machine, jar: Path, folder: Path) -> int:
    """Return the distinct states that TLC finds."""
    (folder / "model.tla").write_text(model_of(machine), encoding="utf-8")
    (folder / "model.cfg").write_text("INIT Init\nNEXT Next\n", encoding="utf-8")
    # -deadlock: do not take a state without a step for an error.
    run = subprocess.run(
        ["java", "-cp", str(jar), "tlc2.TLC", "-deadlock", "-workers", "1", "-metadir", str(folder), "model"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    found = re.findall(r"(\d+) distinct states found, 0 states left", run.stdout)
    if not found:
        raise RuntimeError(f"TLC did not finish:\n{run.stdout[-2000:]}{run.stderr[-500:]}")
    return int(found[-1])


def _sum(value: Linear, slot: dict[str, str]) -> str:
    return " + ".join([f"({factor}) * {slot[name]}" for name, factor in value.terms] + [f"({value.constant})"])


def _guard(guard: Guard, slot: dict[str, str]) -> str:
    clauses = [" /\\ ".join(_atom(atom, slot) for atom in clause) or "TRUE" for clause in guard]
    return "(" + (" \\/ ".join(f"({clause})" for clause in clauses) or "FALSE") + ")"


def _atom(atom: Atom, slot: dict[str, str]) -> str:
    return f"(({_sum(atom.linear, slot)}) {RELATIONS[atom.relation]} 0)"


def _held(value: str, variable: Variable) -> str:
    low, high = variable.low, variable.high
    return f"(LET x == {value} IN IF x < ({low}) THEN ({low}) ELSE IF x > ({high}) THEN ({high}) ELSE x)"

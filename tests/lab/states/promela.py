"""Print machines as Promela and count their states with SPIN: an oracle that shares no code with the engines."""

import re
import shutil
import subprocess
from pathlib import Path

from backend_expert.lab.states.expression import Atom, Guard, Linear
from backend_expert.lab.states.machine import Machine

AVAILABLE = shutil.which("spin") is not None and shutil.which("gcc") is not None
MISSING = "SPIN or a C compiler is not installed: apt-get install spin gcc"


def model_of(machines: list[Machine]) -> str:
    """Return a model that first chooses one of the machines and then runs it: its states are those of all of them, and the first one."""
    most = max(len(machine.variables) for machine in machines)
    wide = max(len(command.update) for machine in machines for command in machine.commands)
    lines = ["byte m;"]
    lines += [f"short v{index};" for index in range(most)]
    lines += [f"hidden int t{index};" for index in range(wide)]
    lines += ["active proctype world() {", "  do"]
    for number, machine in enumerate(machines, 1):
        slot = {variable.name: f"v{index}" for index, variable in enumerate(machine.variables)}
        bounds = {variable.name: (variable.low, variable.high) for variable in machine.variables}
        chosen = "; ".join(f"v{index} = {variable.initial}" for index, variable in enumerate(machine.variables))
        lines.append(f"  :: d_step {{ m == 0 -> m = {number}; {chosen} }}")
        for command in machine.commands:
            reads = [f"t{index} = {_sum(value, slot)}" for index, (_, value) in enumerate(command.update)]
            writes = [_held(f"t{index}", slot[name], *bounds[name]) for index, (name, _) in enumerate(command.update)]
            lines.append(f"  :: d_step {{ (m == {number}) && {_guard(command.guard, slot)} -> {'; '.join(reads + writes)} }}")
    return "\n".join([*lines, "  od", "}"]) + "\n"


def states_of(machines: list[Machine], folder: Path) -> int:
    """Return the distinct states that SPIN finds in the machines together, without the one before the choice."""
    (folder / "model.pml").write_text(model_of(machines), encoding="utf-8")
    # -o1 -o2 -o3: SPIN must not leave out variables that are never read, nor merge steps.
    for command in (
        ["spin", "-o1", "-o2", "-o3", "-a", "model.pml"],
        ["gcc", "-O1", "-w", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    run = subprocess.run(["./pan", "-E", "-m1000000", "-w22"], cwd=folder, check=True, capture_output=True, text=True, timeout=300)
    found = re.search(r"(\d+) states, stored", run.stdout)
    assert found is not None, run.stdout
    assert "max search depth too small" not in run.stdout
    return int(found[1]) - 1


def _sum(value: Linear, slot: dict[str, str]) -> str:
    return " + ".join([f"({factor}) * {slot[name]}" for name, factor in value.terms] + [f"({value.constant})"])


def _guard(guard: Guard, slot: dict[str, str]) -> str:
    clauses = [" && ".join(_atom(atom, slot) for atom in clause) or "true" for clause in guard]
    return "(" + (" || ".join(f"({clause})" for clause in clauses) or "false") + ")"


def _atom(atom: Atom, slot: dict[str, str]) -> str:
    return f"({_sum(atom.linear, slot)} {'==' if atom.relation == '=' else atom.relation} 0)"


def _held(value: str, name: str, low: int, high: int) -> str:
    return f"{name} = ({value} < ({low}) -> ({low}) : ({value} > ({high}) -> ({high}) : {value}))"

"""The plain engine: one generated Python function per machine, breadth first, fewest faults before fewest steps."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from types import CodeType

from msgspec import Struct

from backend_expert.lab.states.bounds import leaves_bounds
from backend_expert.lab.states.expression import Atom, Guard, Linear
from backend_expert.lab.states.machine import Command, Machine

State = tuple[int, ...]
Found = list[tuple[int, State]]
Successors = Callable[[State, Found, Found, Found, Found], None]


class Run(Struct, frozen=True):
    """What one exploration saw.

    `violations` holds, for each broken property, its index and the commands (indices into the machine) of the history with the
    fewest faults and, among those, the fewest steps. `capped` tells that the cap on states stopped the run; `saturated` names the
    variables that left their bounds.
    """

    states: int
    transitions: int
    violations: tuple[tuple[int, tuple[int, ...]], ...]
    capped: bool
    saturated: tuple[str, ...]
    exhausted: bool

    def history(self, index: int) -> tuple[int, ...] | None:
        """Return the commands of the history that breaks a property, or `None`."""
        return dict(self.violations).get(index)


def control_of(machine: Machine, command: Command) -> tuple[str, int] | None:
    """Return the process and place at which a command can run, where its guard says one."""
    control = {variable.name for variable in machine.variables if variable.role == "control"}
    for atom in command.guard[0] if command.guard else ():
        if (
            atom.relation == "="
            and len(atom.linear.terms) == 1
            and atom.linear.terms[0][0] in control
            and all(atom in clause for clause in command.guard)
        ):
            name, factor = atom.linear.terms[0]
            return name, -atom.linear.constant * factor
    return None


def in_engine_order(machine: Machine) -> Machine:
    """Return the machine with its commands grouped by process and place, the order in which every engine tries them."""
    place = {variable.name: index for index, variable in enumerate(machine.variables)}

    def order(command: Command) -> tuple[int, int]:
        found = control_of(machine, command)
        return (place[found[0]], found[1]) if found else (len(place), 0)

    return Machine(machine.variables, tuple(sorted(machine.commands, key=order)), machine.properties)


def source(machine: Machine) -> str:
    """Return the Python source of the functions `successors` and `broken` of a machine in engine order."""
    slot = {variable.name: f"v{index}" for index, variable in enumerate(machine.variables)}
    unpack = f"    {', '.join(slot.values())}, = s" if slot else "    pass"
    lines = ["def successors(s, internal, environment, request, fault):", unpack]
    here: tuple[str, int] | None = None
    for index, command in enumerate(machine.commands):
        found = control_of(machine, command)
        if found is not None and found != here:
            first = here is None or here[0] != found[0]
            lines.append(f"    {'if' if first else 'elif'} {slot[found[0]]} == {found[1]}:")
        here = found
        indent = "        " if found else "    "
        guard = _without(command.guard, found)
        if guard != ((),):
            lines.append(f"{indent}if {_guard(guard, slot)}:")
            indent += "    "
        lines.append(f"{indent}{command.kind}.append(({index}, ({_next(machine, command, slot)})))")
    lines += ["", "def broken(s):", unpack, "    always = []", "    at_rest = []"]
    for index, each in enumerate(machine.properties):
        lines.append(
            f"    if {_guard(each.bad, slot)}: {'always' if each.when == 'always' else 'at_rest'}.append({index})"
            if each.bad
            else "    pass"
        )
    lines.append("    return always, at_rest")
    return "\n".join(lines) + "\n"


def _without(guard: Guard, found: tuple[str, int] | None) -> Guard:
    if found is None:
        return guard

    def other(atom: Atom) -> bool:
        linear = atom.linear
        return not (atom.relation == "=" and len(linear.terms) == 1 and linear.terms[0][0] == found[0])

    return tuple(tuple(atom for atom in clause if other(atom)) for clause in guard)


def _guard(guard: Guard, slot: dict[str, str]) -> str:
    clauses = [" and ".join(_atom(atom, slot) for atom in clause) or "True" for clause in guard]
    return " or ".join(f"({each})" for each in clauses) if len(clauses) > 1 else (clauses or ["False"])[0]


def _atom(atom: Atom, slot: dict[str, str]) -> str:
    positive = tuple((name, factor) for name, factor in atom.linear.terms if factor > 0)
    negative = tuple((name, -factor) for name, factor in atom.linear.terms if factor < 0)
    constant = atom.linear.constant
    left = _sum(Linear(positive, max(constant, 0)), slot)
    right = _sum(Linear(negative, max(-constant, 0)), slot)
    return f"{left} {'==' if atom.relation == '=' else atom.relation} {right}"


def _sum(value: Linear, slot: dict[str, str]) -> str:
    parts = [slot[name] if factor == 1 else f"{factor}*{slot[name]}" for name, factor in value.terms]
    if value.constant or not parts:
        parts.append(str(value.constant))
    return " + ".join(parts)


def _next(machine: Machine, command: Command, slot: dict[str, str]) -> str:
    changed = dict(command.update)
    parts = []
    for variable in machine.variables:
        if variable.name not in changed:
            parts.append(slot[variable.name])
            continue
        text = _sum(changed[variable.name], slot)
        if leaves_bounds(machine, command, variable.name, changed[variable.name]):
            text = f"hold({text}, {variable.low}, {variable.high}, {variable.name!r}, {variable.saturates})"
        parts.append(text)
    return ", ".join(parts) + ","


def functions(machine: Machine, left_bounds: set[str]) -> tuple[Successors, Callable[[State], tuple[list[int], list[int]]]]:
    """Return the two functions of a machine; names of variables that leave their bounds are added to `left_bounds`."""

    def hold(value: int, low: int, high: int, name: str, saturates: bool) -> int:
        if low <= value <= high:
            return value
        if not saturates:
            left_bounds.add(name)
        return low if value < low else high

    space: dict[str, object] = {"hold": hold}
    exec(_code(source(machine)), space)  # noqa: S102 - our own text, made of numbers and slots only
    return space["successors"], space["broken"]  # type: ignore[return-value]


@lru_cache(maxsize=256)
def _code(text: str) -> CodeType:
    """Return the compiled text: after a remedy most slices are what they were before."""
    return compile(text, "<states>", "exec")


def explore_machine(machine: Machine, *, limit: int, requests_first: bool = True) -> Run:
    """Explore every state of a machine in engine order, up to a limit of distinct states.

    States are taken by faults spent, then by depth, so the first broken state of a property ends its shortest history with the fewest
    faults. With `requests_first` false a request counts like a fault: histories with few requests are found before all the ways in which
    two requests can meet have been seen. Exploration stops early only when every property is broken.

    A state from which the internal steps never come to rest (a message that fails and comes back for ever) counts as being at rest.
    """
    left_bounds: set[str] = set()
    successors, broken = functions(machine, left_bounds)
    initial = tuple(variable.initial for variable in machine.variables)
    index = {initial: 0}
    states = [initial]
    parents, commands, depths = array("q", [-1]), array("i", [-1]), array("i", [0])
    done = bytearray(1)
    found: dict[int, int] = {}
    transitions = 0
    capped = False
    arriving: deque[int] = deque([0])
    wanted = len(machine.properties)
    while arriving and not capped and not (wanted and len(found) == wanted):
        inside: deque[int] = deque()
        later: deque[int] = deque()
        while arriving or inside:
            first = arriving if not inside or (arriving and depths[arriving[0]] <= depths[inside[0]]) else inside
            here = first.popleft()
            if done[here]:
                continue
            done[here] = 1
            state = states[here]
            internal: Found = []
            environment: Found = []
            request: Found = []
            fault: Found = []
            successors(state, internal, environment, request, fault)
            always, at_rest = broken(state)
            for number in always:
                found.setdefault(number, here)
            if at_rest and all(target == state for _, target in internal):
                for number in at_rest:
                    found.setdefault(number, here)
            if wanted and len(found) == wanted:
                break
            transitions += len(internal) + len(environment) + len(request) + len(fault)
            depth = depths[here] + 1
            for group, queue in (
                (internal, inside),
                (environment, inside),
                (request, inside if requests_first else later),
                (fault, later),
            ):
                for number, target in group:
                    known = index.get(target)
                    if known is None:
                        known = index[target] = len(states)
                        states.append(target)
                        parents.append(here)
                        commands.append(number)
                        depths.append(depth)
                        done.append(0)
                    elif done[known] or depths[known] <= depth:
                        continue
                    else:
                        parents[known], commands[known], depths[known] = here, number, depth
                    queue.append(known)
            if len(states) > limit:
                capped = True
                break
        arriving = later
    open_ = [number for number, each in enumerate(machine.properties) if each.when == "quiescent" and number not in found]
    if open_ and not capped:
        restless = _restless(states, index, successors)
        for here in sorted(restless, key=lambda each: (depths[each], each)):
            for number in broken(states[here])[1]:
                found.setdefault(number, here)
    violations = []
    for number, end in sorted(found.items()):
        path = []
        while end > 0:
            path.append(commands[end])
            end = parents[end]
        violations.append((number, tuple(reversed(path))))
    stopped = bool(wanted) and len(found) == wanted
    return Run(len(states), transitions, tuple(violations), capped, tuple(sorted(left_bounds)), not capped and not stopped)


def _restless(states: list[State], index: dict[State, int], successors: Successors) -> list[int]:
    """Return the states from which no internal way leads to rest.

    Later states are looked at first: nearly all of them are marked in the first pass, and no edge has to be kept.
    """
    waiting = list(range(len(states) - 1, -1, -1))
    calm = bytearray(len(states))
    while True:
        left = []
        for here in waiting:
            internal: Found = []
            successors(states[here], internal, [], [], [])
            targets = [index[target] for _, target in internal if target != states[here]]
            if not targets or any(calm[target] for target in targets):
                calm[here] = 1
            else:
                left.append(here)
        if len(left) == len(waiting) or not left:
            return left
        waiting = left

"""State counts agree with SPIN, and with the published counts of protocols that others have checked."""

import random
from pathlib import Path

import corpus
import promela
import pytest
from random_machines import drawn

from backend_expert.lab.states import parse_flow
from backend_expert.lab.states.compile import compile_flow
from backend_expert.lab.states.compiled_engine import explore_compiled
from backend_expert.lab.states.explore import prepared
from backend_expert.lab.states.expression import FALSE, TRUE, Guard, Linear, both, is_value, number, opposite
from backend_expert.lab.states.machine import Command, Machine, Variable
from backend_expert.lab.states.python_engine import explore_machine, in_engine_order
from backend_expert.model import Text

LABEL = Text("step", "passo")
WORKING, PREPARED, COMMITTED, ABORTED = range(4)


def states(machine: Machine) -> int:
    return explore_machine(in_engine_order(Machine(machine.variables, machine.commands, ())), limit=10**7).states


def command(guard: Guard, **update: int) -> Command:
    return Command(LABEL, LABEL, guard, tuple((name, Linear((), value)) for name, value in sorted(update.items())))


def transaction_commit(members: int) -> Machine:
    """Return TCommit of Gray and Lamport, Consensus on Transaction Commit (2006)."""
    names = [f"rm{index}" for index in range(members)]
    ready = both(*(either_of(name, PREPARED, COMMITTED) for name in names))
    none_committed = both(*(opposite(is_value(name, COMMITTED)) for name in names))
    commands = []
    for name in names:
        commands.append(command(is_value(name, WORKING), **{name: PREPARED}))
        commands.append(command(both(is_value(name, PREPARED), ready), **{name: COMMITTED}))
        commands.append(command(both(either_of(name, WORKING, PREPARED), none_committed), **{name: ABORTED}))
    return Machine(tuple(Variable(name, 0, 3) for name in names), tuple(commands), ())


def two_phase_commit(members: int) -> Machine:
    """Return TwoPhase of the same paper: a transaction manager, and messages that are never taken out of the set."""
    names = range(members)
    variables = [Variable(f"rm{r}", 0, 3) for r in names] + [Variable(f"heard{r}", 0, 1) for r in names]
    variables += [Variable(f"sent{r}", 0, 1) for r in names] + [Variable("manager", 0, 2)]
    waiting = is_value("manager", 0)
    commands = [
        command(both(waiting, *(is_value(f"heard{r}", 1) for r in names)), manager=1),
        command(waiting, manager=2),
    ]
    for r in names:
        commands.append(command(both(waiting, is_value(f"sent{r}", 1)), **{f"heard{r}": 1}))
        commands.append(command(is_value(f"rm{r}", WORKING), **{f"rm{r}": PREPARED, f"sent{r}": 1}))
        commands.append(command(is_value(f"rm{r}", WORKING), **{f"rm{r}": ABORTED}))
        commands.append(command(is_value("manager", 1), **{f"rm{r}": COMMITTED}))
        commands.append(command(is_value("manager", 2), **{f"rm{r}": ABORTED}))
    return Machine(tuple(variables), tuple(commands), ())


def either_of(name: str, *values: int) -> Guard:
    guard = FALSE
    for value in values:
        guard = (*guard, *is_value(name, value))
    return guard


@pytest.mark.parametrize(
    ("machine", "published"), [(transaction_commit(3), 34), (two_phase_commit(3), 288), (two_phase_commit(5), 8_832)]
)
def test_published_counts(machine: Machine, published: int) -> None:
    assert states(machine) == published
    assert explore_compiled(machine, limit=10**6).states == published


def test_a_machine_without_commands_has_one_state() -> None:
    assert states(Machine((Variable("x", 0, 1),), (Command(LABEL, LABEL, FALSE, (("x", number(1)),)),), ())) == 1
    assert states(Machine((Variable("x", 0, 1),), (Command(LABEL, LABEL, TRUE, (("x", number(1)),)),), ())) == 2


@pytest.mark.skipif(not promela.AVAILABLE, reason=promela.MISSING)
def test_spin_finds_the_states_of_random_machines(tmp_path: Path) -> None:
    machines = [drawn(random.Random(seed)) for seed in range(60)]
    assert promela.states_of(machines, tmp_path) == sum(states(machine) for machine in machines)


@pytest.mark.skipif(not promela.AVAILABLE, reason=promela.MISSING)
@pytest.mark.parametrize("kind", ["bad", "fixed"])
def test_spin_finds_the_states_of_flows(kind: str, tmp_path: Path) -> None:
    flows = [prepared(parse_flow(corpus.text_of(anomaly, kind, "order"))) for anomaly in ("oversell", "skew", "zombie-write")]
    machines = [compile_flow(flow) for flow in flows]
    assert promela.states_of(machines, tmp_path) == sum(states(machine) for machine in machines)

"""Deadlocks: two transactions that each wait for a row the other has locked, of which the database ends one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from backend_expert.lab.states import words
from backend_expert.lab.states.commands import Commands, evidence_of
from backend_expert.lab.states.expression import both
from backend_expert.lab.states.flow import Read
from backend_expert.lab.states.process import Process
from backend_expert.lab.states.program import Early, Group, Node, tables_written
from backend_expert.lab.states.statements import Path
from backend_expert.lab.states.world import Instance

Place = tuple[Process, Node, Instance]


def deadlocks(commands: Commands, processes: tuple[Process, ...]) -> None:
    """Add the end of every deadlock of two transactions, with either of them as the victim.

    PostgreSQL looks for a circle after `deadlock_timeout` and MySQL at once; both roll one of its transactions back. Circles of three and
    more are left as they are: with the usual bounds of two requests there are none.
    """
    waiting = [place for process in processes for place in _places(process) if _wanted(place)]
    for victim, other in permutations(waiting, 2):
        if victim[0] is not other[0] and _wanted(victim) & _held(other) and _wanted(other) & _held(victim):
            process, node, instance = victim
            for path in process.go(Path(), node, node.edges["conflict"], instance, fine=False):
                commands.add(
                    words.does(process.handler.name, instance, words.DEADLOCK),
                    both(process.here(node, instance), other[0].here(other[1], other[2])),
                    path,
                    actor=process.handler.actor,
                    evidence=evidence_of(node),
                )


def _places(process: Process) -> Iterator[Place]:
    for node in process.program.nodes:
        if node.situation.locked and "conflict" in node.edges:
            for instance in process.instances:
                yield process, node, instance


def _held(place: Place) -> frozenset[str]:
    """Return the locks of the rows that a place has locked."""
    return _locks(place, place[1].situation.locked)


def _wanted(place: Place) -> frozenset[str]:
    """Return the locks that the next statement of a place waits for."""
    process, node, _ = place
    match node.operation:
        case Early(step):
            tables = tables_written((step,))
        case Group(steps):
            tables = tables_written(steps)
        case Read(lock=True) as read:
            tables = frozenset({read.source.rpartition(".")[0]})
        case _:
            tables = frozenset()
    return _locks(place, (tables & process.world.locked) - node.situation.locked)


def _locks(place: Place, tables: frozenset[str]) -> frozenset[str]:
    process, _, instance = place
    return frozenset(process.world.row_lock(process.world.flow.table(name), instance) for name in sorted(tables))

"""A machine as flat arrays of numbers, and the arrays in which an exploration is kept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.states.expression import Guard, Linear
from backend_expert.lab.states.machine import Machine
from backend_expert.lab.states.python_engine import control_of

Numbers = NDArray[Any]
Cursors = Numbers

RELATIONS = {"=": 0, "!=": 1, "<=": 2}
KINDS = {"internal": 0, "environment": 1, "request": 2, "fault": 3}
WORD_BITS = 64


class Tables(NamedTuple):
    """A machine in engine order.

    Variables have bounds and a place in the packed state. Commands, clauses, atoms, updates and terms are ranges into each other: the
    clauses of command `k` are `command_clauses[k]` to `command_clauses[k + 1]`, and so on. A process row says which commands belong to a
    value of its control variable.
    """

    low: Numbers
    high: Numbers
    saturates: Numbers
    word: Numbers
    shift: Numbers
    mask: Numbers
    process_variable: Numbers
    process_row: Numbers
    row_first: Numbers
    row_last: Numbers
    free_first: int
    command_kind: Numbers
    command_clauses: Numbers
    command_updates: Numbers
    clause_atoms: Numbers
    atom_relation: Numbers
    atom_constant: Numbers
    atom_terms: Numbers
    update_target: Numbers
    update_constant: Numbers
    update_terms: Numbers
    term_variable: Numbers
    term_factor: Numbers
    property_clauses: Numbers
    property_always: Numbers


class Store(NamedTuple):
    """The states found so far with how each was reached, the hash table over them, the queues, and what was found.

    With states of 128 bits that is 24 bytes a state, 5 to 11 in the table, and 4 for each time that one waits in a queue.
    """

    states: Numbers
    parent: Numbers
    command: Numbers
    depth: Numbers
    table: Numbers
    arriving: Numbers
    inside: Numbers
    later: Numbers
    found: Numbers
    narrow: Numbers


class _Writer:
    """Write guards and sums one after another and remember where each begins."""

    def __init__(self, machine: Machine) -> None:
        self.slot = {variable.name: index for index, variable in enumerate(machine.variables)}
        self.term_variable: list[int] = []
        self.term_factor: list[int] = []
        self.clause_atoms = [0]
        self.atom_relation: list[int] = []
        self.atom_constant: list[int] = []
        self.atom_starts: list[int] = []
        self.update_target: list[int] = []
        self.update_constant: list[int] = []
        self.update_starts: list[int] = []

    def terms(self, value: Linear) -> int:
        start = len(self.term_variable)
        for name, factor in value.terms:
            self.term_variable.append(self.slot[name])
            self.term_factor.append(factor)
        return start

    def guard(self, guard: Guard) -> None:
        for clause in guard:
            for atom in clause:
                self.atom_starts.append(self.terms(atom.linear))
                self.atom_relation.append(RELATIONS[atom.relation])
                self.atom_constant.append(atom.linear.constant)
            self.clause_atoms.append(len(self.atom_relation))


def tables_of(machine: Machine) -> Tables:
    """Return the tables of a machine in engine order."""
    writer = _Writer(machine)
    command_clauses, command_updates = [0], [0]
    # Terms of guards come first and those of updates after them, so that ranges of both are unbroken.
    for command in machine.commands:
        writer.guard(command.guard)
        command_clauses.append(len(writer.clause_atoms) - 1)
    property_clauses = [len(writer.clause_atoms) - 1]
    for each in machine.properties:
        writer.guard(each.bad)
        property_clauses.append(len(writer.clause_atoms) - 1)
    atom_terms = [*writer.atom_starts, len(writer.term_variable)]
    for command in machine.commands:
        for name, value in command.update:
            writer.update_starts.append(writer.terms(value))
            writer.update_target.append(writer.slot[name])
            writer.update_constant.append(value.constant)
        command_updates.append(len(writer.update_target))
    update_terms = [*writer.update_starts, len(writer.term_variable)]
    word, shift = _places(machine)
    process_variable, process_row, row_first, row_last, free_first = _rows(machine)
    return Tables(
        low=_numbers(variable.low for variable in machine.variables),
        high=_numbers(variable.high for variable in machine.variables),
        saturates=np.array([variable.saturates for variable in machine.variables], np.uint8),
        word=_numbers(word),
        shift=np.array(shift, np.uint64),
        mask=np.array([(1 << (variable.high - variable.low).bit_length()) - 1 for variable in machine.variables], np.uint64),
        process_variable=_numbers(process_variable),
        process_row=_numbers(process_row),
        row_first=_numbers(row_first),
        row_last=_numbers(row_last),
        free_first=free_first,
        command_kind=_numbers(KINDS[command.kind] for command in machine.commands),
        command_clauses=_numbers(command_clauses),
        command_updates=_numbers(command_updates),
        clause_atoms=_numbers(writer.clause_atoms),
        atom_relation=_numbers(writer.atom_relation),
        atom_constant=_numbers(writer.atom_constant),
        atom_terms=_numbers(atom_terms),
        update_target=_numbers(writer.update_target),
        update_constant=_numbers(writer.update_constant),
        update_terms=_numbers(update_terms),
        term_variable=_numbers(writer.term_variable),
        term_factor=_numbers(writer.term_factor),
        property_clauses=_numbers(property_clauses),
        property_always=_numbers(int(each.when == "always") for each in machine.properties),
    )


def _numbers(values: Any) -> Numbers:
    return np.array(list(values), np.int64)


def _places(machine: Machine) -> tuple[list[int], list[int]]:
    """Return the word and the shift of each variable: no variable crosses a word."""
    words, shifts = [], []
    word = used = 0
    for variable in machine.variables:
        bits = (variable.high - variable.low).bit_length()
        if used + bits > WORD_BITS:
            word, used = word + 1, 0
        words.append(word)
        shifts.append(used)
        used += bits
    return words, shifts


def _rows(machine: Machine) -> tuple[list[int], list[int], list[int], list[int], int]:
    """Return, for each control variable that starts commands, where its rows begin, and the commands of each of its values."""
    places = [control_of(machine, command) for command in machine.commands]
    free_first = next((index for index, place in enumerate(places) if place is None), len(places))
    process_variable: list[int] = []
    process_row: list[int] = []
    row_first: list[int] = []
    row_last: list[int] = []
    for slot, variable in enumerate(machine.variables):
        mine = [index for index, place in enumerate(places) if place is not None and place[0] == variable.name]
        if not mine:
            continue
        process_variable.append(slot)
        process_row.append(len(row_first))
        for value in range(variable.low, variable.high + 1):
            here = [index for index in mine if places[index] == (variable.name, value)]
            row_first.append(here[0] if here else 0)
            row_last.append(here[-1] + 1 if here else 0)
    return process_variable, process_row, row_first, row_last, free_first

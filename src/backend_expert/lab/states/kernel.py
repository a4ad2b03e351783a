"""The compiled explorer: one function that interprets the tables of any machine, so it is compiled once and never for a model.

It does exactly what the plain engine does, in the same order, and gives the same runs. Import it through `compiled_engine`, which says
where the machine code is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from backend_expert.lab.states.tables import Cursors, Store, Tables

FINISHED, CAPPED, TOO_DEEP, READY, LEVEL_DONE, TABLE_FULL, INSIDE_FULL, LATER_FULL = range(8)
UNFINISHED = (LEVEL_DONE, TABLE_FULL, INSIDE_FULL, LATER_FULL)

# Cursors: what the explorer needs to go on after its arrays have grown.
COUNT, TRANSITIONS, ARRIVING_HEAD, ARRIVING_TAIL, INSIDE_HEAD, INSIDE_TAIL, LATER_TAIL, FOUND = range(8)

INTERNAL, ENVIRONMENT, REQUEST, FAULT = 0, 1, 2, 3

DONE = 0x8000
"""The bit of a state's depth that says it has been expanded; the others hold depths up to `DEEPEST`."""

DEEPEST = DONE - 1

_HASH = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio: the multiplier of Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, 6.4)."""


Array = Any
"""What numba sees as an array or a number: it types the functions below by their arguments."""


@njit(forceinline=True)
def _hashed(words: Array, mask: Array) -> Array:
    """Return the first place of a packed state in the table."""
    mixed = np.uint64(0)
    for word in range(words.shape[0]):
        mixed = (mixed ^ words[word]) * _HASH
        mixed ^= mixed >> np.uint64(29)
    return np.intp(mixed & mask)


@njit(cache=True, nogil=True)
def rehash(states: Array, count: int, table: Array) -> None:
    """Fill an empty table with the states known so far; a place holds 1 + the number of its state, and 0 while it is free."""
    mask = np.uint64(table.shape[0] - 1)
    for index in range(count):
        place = _hashed(states[index], mask)
        while table[place] > 0:
            place = (place + 1) & np.intp(mask)
        table[place] = index + 1


@njit(forceinline=True)
def _holds(
    values: Array,
    first: Array,
    last: Array,
    clause_atoms: Array,
    atom_terms: Array,
    atom_relation: Array,
    atom_constant: Array,
    term_variable: Array,
    term_factor: Array,
) -> Array:
    """Tell whether every comparison of some clause from `first` to `last` holds."""
    for clause in range(first, last):
        fine = True
        for atom in range(clause_atoms[clause], clause_atoms[clause + 1]):
            total = atom_constant[atom]
            for term in range(atom_terms[atom], atom_terms[atom + 1]):
                total += term_factor[term] * values[term_variable[term]]
            relation = atom_relation[atom]
            if (relation == 0 and total != 0) or (relation == 1 and total == 0) or (relation == 2 and total > 0):
                fine = False
                break
        if fine:
            return True
    return False


@njit(forceinline=True)
def _next_waiting(arriving: Array, inside: Array, depth: Array, cursors: Array) -> Array:
    """Take the waiting state of least depth; of two alike, the one that waited since the level before."""
    take_inside = cursors[ARRIVING_HEAD] == cursors[ARRIVING_TAIL]
    if not take_inside and cursors[INSIDE_HEAD] != cursors[INSIDE_TAIL]:
        take_inside = depth[arriving[cursors[ARRIVING_HEAD]]] & DEEPEST > depth[inside[cursors[INSIDE_HEAD]]] & DEEPEST
    if take_inside:
        here = inside[cursors[INSIDE_HEAD]]
        cursors[INSIDE_HEAD] += 1
    else:
        here = arriving[cursors[ARRIVING_HEAD]]
        cursors[ARRIVING_HEAD] += 1
    return here


@njit(forceinline=True)
def _room(table: Array, inside: Array, later: Array, cursors: Array, most: Array) -> Array:
    """Tell whether this level of faults is done, and whether every array has room for one more step."""
    if cursors[ARRIVING_HEAD] == cursors[ARRIVING_TAIL] and cursors[INSIDE_HEAD] == cursors[INSIDE_TAIL]:
        return LEVEL_DONE if cursors[LATER_TAIL] else FINISHED
    if 4 * (cursors[COUNT] + most) >= 3 * table.shape[0]:
        return TABLE_FULL
    if cursors[INSIDE_TAIL] + most >= inside.shape[0]:
        waiting = cursors[INSIDE_TAIL] - cursors[INSIDE_HEAD]
        for index in range(waiting):
            inside[index] = inside[cursors[INSIDE_HEAD] + index]
        cursors[INSIDE_HEAD], cursors[INSIDE_TAIL] = 0, waiting
        if 2 * waiting + most >= inside.shape[0]:
            return INSIDE_FULL
    return LATER_FULL if cursors[LATER_TAIL] + most >= later.shape[0] else READY


@njit(cache=True, nogil=True)
def explore(tables: Tables, store: Store, cursors: Cursors, limit: int, requests_first: bool) -> int:
    """Go on with an exploration until it or a level of faults is done, or an array is full; what was found is in the arrays."""
    # Every array has a local name: taken out of the tuple in the loops, each access would count references.
    low, high, saturates, words, shifts, masks = tables.low, tables.high, tables.saturates, tables.word, tables.shift, tables.mask
    process_variable, process_row, row_first, row_last = (
        tables.process_variable,
        tables.process_row,
        tables.row_first,
        tables.row_last,
    )
    kinds, command_clauses, command_updates = tables.command_kind, tables.command_clauses, tables.command_updates
    clause_atoms, atom_terms = tables.clause_atoms, tables.atom_terms
    atom_relation, atom_constant = tables.atom_relation, tables.atom_constant
    term_variable, term_factor = tables.term_variable, tables.term_factor
    update_target, update_constant, update_terms = tables.update_target, tables.update_constant, tables.update_terms
    property_clauses, property_always = tables.property_clauses, tables.property_always
    states, parents, commands, depths = store.states, store.parent, store.command, store.depth
    table, arriving, inside, later_queue = store.table, store.arriving, store.inside, store.later
    found, narrow = store.found, store.narrow

    width = states.shape[1]
    variables = low.shape[0]
    wanted = found.shape[0]
    processes = process_variable.shape[0]
    most = kinds.shape[0]
    mask = np.uint64(table.shape[0] - 1)
    values = np.zeros(variables, np.int64)
    enabled = np.zeros(most + 1, np.int64)
    made = np.zeros((most + 1, width), np.uint64)
    while True:
        status = _room(table, inside, later_queue, cursors, most)
        if status != READY:
            return int(status)
        here = _next_waiting(arriving, inside, depths, cursors)
        if depths[here] & DONE:
            continue
        depth = np.int64(depths[here]) + 1
        if depth > DEEPEST:
            return TOO_DEEP
        depths[here] |= DONE
        for name in range(variables):
            values[name] = np.int64((states[here, words[name]] >> shifts[name]) & masks[name]) + low[name]

        # Which commands are enabled: those of the place where each process stands, then those of no process.
        count = 0
        settled = True
        for process in range(processes + 1):
            start, end = tables.free_first, most
            if process < processes:
                control = process_variable[process]
                row = process_row[process] + values[control] - low[control]
                start, end = row_first[row], row_last[row]
            for command in range(start, end):
                if not _holds(
                    values,
                    command_clauses[command],
                    command_clauses[command + 1],
                    clause_atoms,
                    atom_terms,
                    atom_relation,
                    atom_constant,
                    term_variable,
                    term_factor,
                ):
                    continue
                for word in range(width):
                    made[count, word] = states[here, word]
                for update in range(command_updates[command], command_updates[command + 1]):
                    total = update_constant[update]
                    for term in range(update_terms[update], update_terms[update + 1]):
                        total += term_factor[term] * values[term_variable[term]]
                    target = update_target[update]
                    if total < low[target] or total > high[target]:
                        narrow[target] |= 1 - saturates[target]
                        total = low[target] if total < low[target] else high[target]
                    word = words[target]
                    kept = made[count, word] & ~(masks[target] << shifts[target])
                    made[count, word] = kept | (np.uint64(total - low[target]) << shifts[target])
                if kinds[command] == INTERNAL:
                    for word in range(width):
                        settled = settled and made[count, word] == states[here, word]
                enabled[count] = command
                count += 1
        for number in range(wanted):
            if (
                found[number] < 0
                and (settled or property_always[number])
                and _holds(
                    values,
                    property_clauses[number],
                    property_clauses[number + 1],
                    clause_atoms,
                    atom_terms,
                    atom_relation,
                    atom_constant,
                    term_variable,
                    term_factor,
                )
            ):
                found[number] = here
                cursors[FOUND] += 1
        if wanted > 0 and cursors[FOUND] == wanted:
            return FINISHED
        cursors[TRANSITIONS] += count
        for kind in range(4):
            put_off = kind == FAULT or (kind == REQUEST and not requests_first)
            for each in range(count):
                if kinds[enabled[each]] != kind:
                    continue
                place = _hashed(made[each], mask)
                known = np.intp(table[place]) - 1
                while known >= 0:
                    same = True
                    for word in range(width):
                        same = same and states[known, word] == made[each, word]
                    if same:
                        break
                    place = (place + 1) & np.intp(mask)
                    known = np.intp(table[place]) - 1
                if known < 0:
                    known = np.intp(cursors[COUNT])
                    cursors[COUNT] += 1
                    table[place] = cursors[COUNT]
                    for word in range(width):
                        states[known, word] = made[each, word]
                elif depths[known] & DONE or depths[known] <= depth:
                    continue
                parents[known], commands[known], depths[known] = here, enabled[each], depth
                if put_off:
                    later_queue[cursors[LATER_TAIL]] = known
                    cursors[LATER_TAIL] += 1
                else:
                    inside[cursors[INSIDE_TAIL]] = known
                    cursors[INSIDE_TAIL] += 1
        if cursors[COUNT] > limit:
            return CAPPED


@njit(cache=True, nogil=True)
def settle(tables: Tables, states: Array, count: int, table: Array, calm: Array) -> None:
    """Mark every state from which an internal way leads to rest, the later states first, until a pass marks nothing more."""
    low, high, words, shifts, masks = tables.low, tables.high, tables.word, tables.shift, tables.mask
    kinds, command_clauses, command_updates = tables.command_kind, tables.command_clauses, tables.command_updates
    clause_atoms, atom_terms = tables.clause_atoms, tables.atom_terms
    atom_relation, atom_constant = tables.atom_relation, tables.atom_constant
    term_variable, term_factor = tables.term_variable, tables.term_factor
    update_target, update_constant, update_terms = tables.update_target, tables.update_constant, tables.update_terms
    process_variable, process_row = tables.process_variable, tables.process_row
    row_first, row_last = tables.row_first, tables.row_last
    width, variables, processes, most = states.shape[1], low.shape[0], process_variable.shape[0], kinds.shape[0]
    mask = np.uint64(table.shape[0] - 1)
    values = np.zeros(variables, np.int64)
    made = np.zeros(width, np.uint64)
    marking = True
    while marking:
        marking = False
        for here in range(count - 1, -1, -1):
            if calm[here]:
                continue
            for name in range(variables):
                values[name] = np.int64((states[here, words[name]] >> shifts[name]) & masks[name]) + low[name]
            resting = True
            for process in range(processes + 1):
                start, end = tables.free_first, most
                if process < processes:
                    control = process_variable[process]
                    row = process_row[process] + values[control] - low[control]
                    start, end = row_first[row], row_last[row]
                for command in range(start, end):
                    if kinds[command] != INTERNAL or not _holds(
                        values,
                        command_clauses[command],
                        command_clauses[command + 1],
                        clause_atoms,
                        atom_terms,
                        atom_relation,
                        atom_constant,
                        term_variable,
                        term_factor,
                    ):
                        continue
                    for word in range(width):
                        made[word] = states[here, word]
                    for update in range(command_updates[command], command_updates[command + 1]):
                        total = update_constant[update]
                        for term in range(update_terms[update], update_terms[update + 1]):
                            total += term_factor[term] * values[term_variable[term]]
                        target = update_target[update]
                        total = min(max(total, low[target]), high[target])
                        word = words[target]
                        kept = made[word] & ~(masks[target] << shifts[target])
                        made[word] = kept | (np.uint64(total - low[target]) << shifts[target])
                    same = True
                    for word in range(width):
                        same = same and made[word] == states[here, word]
                    if same:
                        continue
                    resting = False
                    place = _hashed(made, mask)
                    known = np.intp(table[place]) - 1
                    while True:
                        same = True
                        for word in range(width):
                            same = same and states[known, word] == made[word]
                        if same:
                            break
                        place = (place + 1) & np.intp(mask)
                        known = np.intp(table[place]) - 1
                    if calm[known]:
                        calm[here] = 1
            if resting:
                calm[here] = 1
            marking = marking or calm[here] == 1


@njit(cache=True, nogil=True)
def first_broken(tables: Tables, states: Array, depths: Array, calm: Array, count: int, number: int) -> int:
    """Return the state of least depth, of those that never come to rest, in which a property is broken; -1 when there is none."""
    low, words, shifts, masks = tables.low, tables.word, tables.shift, tables.mask
    values = np.zeros(low.shape[0], np.int64)
    best = -1
    for here in range(count):
        if calm[here] or (best >= 0 and depths[here] & DEEPEST >= depths[best] & DEEPEST):
            continue
        for name in range(low.shape[0]):
            values[name] = np.int64((states[here, words[name]] >> shifts[name]) & masks[name]) + low[name]
        if _holds(
            values,
            tables.property_clauses[number],
            tables.property_clauses[number + 1],
            tables.clause_atoms,
            tables.atom_terms,
            tables.atom_relation,
            tables.atom_constant,
            tables.term_variable,
            tables.term_factor,
        ):
            best = here
    return best

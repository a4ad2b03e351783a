"""Memory of one run: planned with the program, filled for a seed, grown when the kernel asks for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.load import layout
from backend_expert.lab.load.block import Block, Place, address, packed, places
from backend_expert.lab.load.labels import hashed
from backend_expert.lab.load.layout import TABLES
from backend_expert.lab.load.profile import segments
from backend_expert.lab.load.scenario import ModelError, Scenario

if TYPE_CHECKING:
    from backend_expert.lab.load.program import Program

FIRST_FRAMES = 256
FRAME_LIMIT = 1 << 22
GROWTH = 4
ITEMS_PER_FRAME = 2  # that the stack can hold of a frame at a time: it is lost, and it was granted a place

WORKING = frozenset({"heap", "stack", "frames", "nodes", "segments"})
"""Tables of which a program says only how long they are, and those that may differ from seed to seed."""

ZEROED = ("entries", "slices", "cells", "integrals")
"""Tables that are zero at the start; to clear memory is ten times as quick as to copy it."""


class Plan(NamedTuple):
    """The memory of a run before its seed is known: what is copied, where the rest lies, and the state but for the addresses."""

    tables: Block
    zeroed: Mapping[str, Place]
    zeroed_bytes: int
    state: NDArray[Any]
    offsets: NDArray[np.int64]  # of each table in its block: first those that are copied


class Run(NamedTuple):
    """The state of a run and the tables it points to."""

    state: NDArray[Any]
    tables: Block
    zeroed: Block
    moved: dict[str, NDArray[Any]]  # tables that have outgrown their block
    entries: int  # of requests from outside; the others are of messages

    def table(self, name: str) -> NDArray[Any]:
        """Return a table as it is now."""
        if name in self.moved:
            return self.moved[name]
        return self.zeroed.table(name) if name in ZEROED else self.tables.table(name)


def slice_count(scenario: Scenario) -> int:
    """Return the number of slices of a scenario, a short last one included."""
    return max(1, math.ceil(scenario.duration_s / scenario.slice_s - 1e-9))


def plan(tables: Mapping[str, NDArray[Any]], scenario: Scenario, entries: int, deliveries: int, width: int) -> Plan:
    """Return the memory plan of a program: its tables, entries from outside, deliveries of messages, and its widest parallel step."""
    slices = slice_count(scenario)
    margin = 16 + 2 * width
    frames = FIRST_FRAMES + 2 * margin
    users = int(tables["workloads"]["users"].sum())
    room = {
        "heap": frames + len(tables["controls"]) + len(tables["workloads"]) + users + 2 * margin,
        "stack": ITEMS_PER_FRAME * frames + margin,
        "frames": frames,
        "nodes": 2 * frames,
    }
    empty = {name: np.zeros(count, TABLES[name]) for name, count in room.items()}
    copied = packed(empty | dict(tables) | {"segments": segments(scenario, 0)})
    counts = {
        "entries": entries + deliveries,
        "slices": slices,
        "cells": entries * slices,
        "integrals": (slices + 1) * len(tables["gates"]),
    }
    zeroed, size = places({name: (counts[name], TABLES[name]) for name in ZEROED})
    where = {**copied.places, **zeroed}
    state = _state(scenario, margin)
    _note_lengths(state[0], {name: place.rows for name, place in where.items()})
    return Plan(
        tables=copied,
        zeroed=zeroed,
        zeroed_bytes=size,
        state=state,
        offsets=np.array([where[name].offset for name in TABLES], np.int64),
    )


def _state(scenario: Scenario, margin: int) -> NDArray[Any]:
    state = np.zeros(1, layout.STATE)
    patience = math.inf if scenario.patience_s is None else scenario.patience_s * 1000.0
    leaves = scenario.leaving != "never"
    state["warm"] = scenario.warmup_s * 1000.0
    state["end"] = (scenario.warmup_s + scenario.duration_s) * 1000.0
    state["patience"], state["stay"] = (math.inf, patience) if leaves else (patience, -1.0)
    state["constant_stay"] = scenario.leaving == "constant"
    state["slice"] = scenario.slice_s * 1000.0
    state["slice_rate"] = 1.0 / state["slice"]
    state["slice_count"] = slice_count(scenario)
    state["margin"] = margin
    return state


def _note_lengths(row: Any, counts: Mapping[str, int]) -> None:
    """Write the lengths of tables into the state."""
    row["heap_room"], row["stack_room"] = counts["heap"], counts["stack"]
    row["frame_count"], row["node_count"] = counts["frames"], counts["nodes"]
    row["gate_count"], row["group_count"], row["call_count"] = counts["gates"], counts["groups"], counts["calls"]
    row["workload_count"], row["segment_count"] = counts["workloads"], counts["segments"]
    row["control_count"], row["cache_count"] = counts["controls"], counts["caches"]


def make(program: Program, seed: int) -> Run:
    """Return the memory of one run at its start."""
    planned = program.plan
    tables = planned.tables.copied()
    zeroed = Block(np.zeros(planned.zeroed_bytes, np.uint8), planned.zeroed)
    state = planned.state.copy()
    addresses = state.view(np.int64)[: len(TABLES)]
    addresses[:] = planned.offsets
    addresses[: -len(ZEROED)] += address(tables)
    addresses[-len(ZEROED) :] += address(zeroed)
    run = Run(state, tables, zeroed, {}, len(program.entries))
    workloads = tables.table("workloads")
    workloads["key"] = [hashed(f"{seed}/{name}/{at}") for at, name in enumerate(program.streams)]
    arrivals = program.scenario.arrivals
    if arrivals.users:
        closed = np.flatnonzero(workloads["users"])
        zeroed.table("entries")["closed"][workloads["entry"][closed]] = closed + 1
    if arrivals.bursts is not None:
        run = _moved(run, {"segments": segments(program.scenario, seed)})
    for first, space in program.key_spaces:
        random = np.random.default_rng(hashed(f"{seed}/keys/{first}")).random((2, len(space.shares)))
        tables.table("keys")["until"][first : first + len(space.shares)] = space.expiries(random)
    return run


def _moved(run: Run, tables: dict[str, NDArray[Any]]) -> Run:
    """Return the run with tables in the place of its own, their addresses and lengths written into the state."""
    run = run._replace(moved=run.moved | tables)
    addresses = run.state.view(np.int64)[: len(TABLES)]
    for at, name in enumerate(TABLES):
        if name in tables:
            addresses[at] = tables[name].ctypes.data
    _note_lengths(run.state[0], {name: len(run.table(name)) for name in TABLES})
    return run


def grow(run: Run) -> Run:
    """Return the run with the tables that are nearly full made longer; raise `ModelError` past any reasonable size."""
    state = run.state[0]
    heap, stack, frames, nodes = (run.table(name) for name in ("heap", "stack", "frames", "nodes"))
    margin = int(state["margin"])
    longer: dict[str, NDArray[Any]] = {}
    if state["free_frames"] < margin:
        count = GROWTH * len(frames)
        if count > FRAME_LIMIT:
            raise ModelError(
                f"More than {len(frames):,} requests are in flight {state['now'] / 1000.0:.0f} s after the start and nothing bounds "
                "them: state a timeout or a queue_limit, or make the scenario shorter."
            )
        longer["frames"] = _longer(frames, count, "child", state, "free_frame", "free_frames")
        longer["stack"] = _enlarged(stack, ITEMS_PER_FRAME * count + margin)
    elif len(stack) - state["stacked"] < margin:
        longer["stack"] = _enlarged(stack, GROWTH * len(stack))
    if state["free_nodes"] < margin:
        longer["nodes"] = _longer(nodes, GROWTH * len(nodes), "next", state, "free_node", "free_nodes")
    if len(heap) - state["events_pending"] < margin:
        longer["heap"] = _enlarged(heap, GROWTH * len(heap))
    return _moved(run, longer)


def _enlarged(array: NDArray[Any], count: int) -> NDArray[Any]:
    larger = np.zeros(count, array.dtype)
    larger[: len(array)] = array
    return larger


def _longer(array: NDArray[Any], count: int, link: str, state: Any, head: str, free: str) -> NDArray[Any]:
    """Return a larger array whose new rows are chained in front of its free ones."""
    larger = _enlarged(array, count)
    old = len(array)
    larger[link][old : count - 1] = np.arange(old + 1, count)
    larger[link][count - 1] = state[head]
    state[head] = old
    state[free] += count - old
    return larger

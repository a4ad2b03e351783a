"""Memory of one run: made for the program, sized for the start, grown when the kernel asks for it."""

from __future__ import annotations

import math
import random
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.load import layout
from backend_expert.lab.load.labels import hashed
from backend_expert.lab.load.layout import Workspace
from backend_expert.lab.load.program import Program
from backend_expert.lab.load.scenario import Arrivals, ModelError, Scenario

FIRST_FRAMES = 256
FRAME_LIMIT = 1 << 22
GROWTH = 4
ITEMS_PER_FRAME = 2  # that the stack can hold of a frame at a time: it is lost, and it was granted a place
UNCHANGED = frozenset({"program", "sites", "branches"})


class Run(NamedTuple):
    """The state of a run and the tables it points to."""

    state: NDArray[Any]
    tables: Workspace
    entries: int  # of requests from outside; the others are of messages


def slice_count(scenario: Scenario) -> int:
    """Return the number of slices of a scenario, a short last one included."""
    return max(1, math.ceil(scenario.duration_s / scenario.slice_s - 1e-9))


def make(program: Program, seed: int) -> Run:
    """Return the memory of one run at its start."""
    scenario = program.scenario
    slices = slice_count(scenario)
    tables = {name: table if name in UNCHANGED else table.copy() for name, table in program.tables.items()}
    tables["workloads"]["key"] = [hashed(f"{seed}/{name}/{at}") for at, name in enumerate(program.streams)]
    for first, space in program.key_spaces:
        random = np.random.default_rng(hashed(f"{seed}/keys/{first}")).random((2, len(space.shares)))
        tables["keys"]["until"][first : first + len(space.shares)] = space.expiries(random)
    margin = 16 + 2 * program.width
    frames = FIRST_FRAMES + 2 * margin
    state = np.zeros(1, layout.STATE)
    state["warm"] = scenario.warmup_s * 1000.0
    state["end"] = (scenario.warmup_s + scenario.duration_s) * 1000.0
    state["patience"] = math.inf if scenario.patience_s is None else scenario.patience_s * 1000.0
    state["stay"] = -1.0
    if scenario.leaving != "never":
        state["stay"], state["patience"] = state["patience"], math.inf
    state["constant_stay"] = scenario.leaving == "constant"
    state["slice"] = scenario.slice_s * 1000.0
    state["slice_rate"] = 1.0 / state["slice"]
    state["slice_count"] = slices
    state["margin"] = margin
    entries = np.zeros(len(program.entries) + len(program.deliveries), layout.ENTRY)
    entries["users"] = -1
    closed = np.flatnonzero(tables["workloads"]["users"])
    entries["users"][tables["workloads"]["entry"][closed]] = closed
    users = int(tables["workloads"]["users"].sum())
    workspace = Workspace(
        heap=np.empty(frames + len(tables["controls"]) + len(tables["workloads"]) + users + 2 * margin, layout.EVENT),
        stack=np.empty(ITEMS_PER_FRAME * frames + margin, layout.ITEM),
        frames=np.zeros(frames, layout.FRAME),
        nodes=np.zeros(2 * frames, layout.NODE),
        segments=_segments(scenario, seed),
        entries=entries,
        slices=np.zeros(slices, layout.SLICE),
        cells=np.zeros(len(program.entries) * slices, layout.CELL),
        integrals=np.zeros((slices + 1) * len(tables["gates"]), layout.INTEGRAL),
        **tables,
    )
    return _addressed(Run(state, workspace, len(program.entries)))


def _addressed(run: Run) -> Run:
    """Write the addresses of the tables, the first fields of the state, and their lengths into it."""
    state, w = run.state, run.tables
    state.view(np.int64)[: len(w)] = [table.ctypes.data for table in w]
    row = state[0]
    row["heap_room"], row["stack_room"] = len(w.heap), len(w.stack)
    row["frame_count"], row["node_count"] = len(w.frames), len(w.nodes)
    row["gate_count"], row["group_count"], row["call_count"] = len(w.gates), len(w.groups), len(w.calls)
    row["workload_count"], row["segment_count"], row["control_count"] = len(w.workloads), len(w.segments), len(w.controls)
    row["cache_count"] = len(w.caches)
    return run


def grow(run: Run) -> Run:
    """Return the run with the tables that are nearly full made longer; raise `ModelError` past any reasonable size."""
    state, w = run.state[0], run.tables
    margin = int(state["margin"])
    if state["free_frames"] < margin:
        count = GROWTH * len(w.frames)
        if count > FRAME_LIMIT:
            raise ModelError(
                f"More than {len(w.frames):,} requests are in flight {state['now'] / 1000.0:.0f} s after the start and nothing bounds "
                "them: state a timeout or a queue_limit, or make the scenario shorter."
            )
        w = w._replace(
            frames=_longer(w.frames, count, "child", state, "free_frame", "free_frames"),
            stack=_enlarged(w.stack, ITEMS_PER_FRAME * count + margin),
        )
    if state["free_nodes"] < margin:
        w = w._replace(nodes=_longer(w.nodes, GROWTH * len(w.nodes), "next", state, "free_node", "free_nodes"))
    if len(w.heap) - state["events_pending"] < margin:
        w = w._replace(heap=_enlarged(w.heap, GROWTH * len(w.heap)))
    if len(w.stack) - state["stacked"] < margin:
        w = w._replace(stack=_enlarged(w.stack, GROWTH * len(w.stack)))
    return _addressed(run._replace(tables=w))


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


def _segments(scenario: Scenario, seed: int) -> NDArray[Any]:
    """Return the factor over time as straight pieces from the start of the warm-up to the end of all time."""
    warm = scenario.warmup_s * 1000.0
    pieces = _pieces(scenario.arrivals, warm)
    if scenario.arrivals.bursts is not None:
        pieces = _with_bursts(pieces, scenario, seed)
    return np.array(pieces, layout.SEGMENT)


def _pieces(arrivals: Arrivals, warm: float) -> list[tuple[float, float, float, float]]:
    pieces = []
    segments = arrivals.segments
    for at, segment in enumerate(segments):
        start = 0.0 if at == 0 else warm + segment.start_s * 1000.0
        end = warm + segments[at + 1].start_s * 1000.0 if at + 1 < len(segments) else math.inf
        last = segment.factor if segment.end_factor is None else segment.end_factor
        slope = (last - segment.factor) / (end - start) if math.isfinite(end) else 0.0
        pieces.append((start, end, segment.factor, slope))
    return pieces


def _with_bursts(
    pieces: list[tuple[float, float, float, float]], scenario: Scenario, seed: int
) -> list[tuple[float, float, float, float]]:
    """Return the pieces cut at random switching times, the busy and calm ones with factors of their own."""
    bursts = scenario.arrivals.bursts
    assert bursts is not None
    generator = random.Random(f"bursts {seed}")  # noqa: S311 - a reproducible draw, no secret
    end = (scenario.warmup_s + scenario.duration_s) * 1000.0
    stays = []
    time, busy = 0.0, False
    while time < end:
        stay = generator.expovariate(1.0 / (1000.0 * (bursts.mean_busy_s if busy else bursts.mean_calm_s)))
        stays.append((time, time + stay, bursts.busy_factor if busy else bursts.calm_factor))
        time, busy = time + stay, not busy
    stays.append((time, math.inf, bursts.calm_factor))
    cut = []
    for start, stop, factor, slope in pieces:
        for left, right, times in stays:
            begin, finish = max(start, left), min(stop, right)
            if begin < finish:
                cut.append((begin, finish, times * (factor + slope * (begin - start)), times * slope))
    return cut

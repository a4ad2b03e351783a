"""The compiled engine: the same runs as the plain one, ten times as fast, for machines with hundreds of thousands of states and more."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import tempfile
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from backend_expert.lab.states.machine import Machine
from backend_expert.lab.states.python_engine import Run

if TYPE_CHECKING:
    from backend_expert.lab.states.tables import Cursors, Store, Tables

FIRST_SIZE = 1 << 16
"""States for which there is room at first; the arrays double when they are full, and half of the hash table stays free."""

MOST_COMMANDS = 30_000
"""Commands that a 16-bit number can name, with room to spare; a larger machine is for the plain engine. Real flows have up to 500."""


def explore_compiled(machine: Machine, *, limit: int, requests_first: bool = True) -> Run:
    """Explore every state of a machine in engine order, up to a limit of distinct states; the run equals that of the plain engine.

    The first call on a machine (of iron) compiles the kernel, which takes some seconds; the machine code is kept.
    """
    import numpy as np

    from backend_expert.lab.states.tables import tables_of

    kernel = _kernel()
    tables = tables_of(machine)
    store = _first_store(machine, tables)
    cursors = np.zeros(8, np.int64)
    cursors[kernel.COUNT] = 1
    cursors[kernel.ARRIVING_TAIL] = 1
    kernel.rehash(store.states, 1, store.table)
    while True:
        status = kernel.explore(tables, store, cursors, limit, requests_first)
        if status == kernel.STATES_FULL:
            store = _more_states(store, cursors, kernel)
        elif status == kernel.QUEUE_FULL:
            store = _longer_queues(store)
        else:
            break
    capped = status == kernel.CAPPED
    if not capped:
        _judge_restless(machine, tables, store, int(cursors[kernel.COUNT]), kernel)
    return _run(machine, store, cursors, kernel, capped=capped)


def _judge_restless(machine: Machine, tables: Tables, store: Store, count: int, kernel: ModuleType) -> None:
    """Read properties of states at rest in those from which nothing comes to rest, too."""
    import numpy as np

    waiting = [n for n, each in enumerate(machine.properties) if each.when == "quiescent" and store.found[n] < 0]
    if waiting:
        calm = np.zeros(count, np.uint8)
        kernel.settle(tables, store.states, count, store.table, calm)
        for number in waiting:
            store.found[number] = kernel.first_broken(tables, store.states, store.depth, calm, count, number)


def _first_store(machine: Machine, tables: Tables) -> Store:
    import numpy as np

    from backend_expert.lab.states.tables import Store

    width = int(tables.word.max(initial=0)) + 1
    states = np.zeros((FIRST_SIZE, width), np.uint64)
    for index, variable in enumerate(machine.variables):
        states[0, tables.word[index]] |= np.uint64((variable.initial - variable.low) << int(tables.shift[index]))
    return Store(
        states=states,
        parent=np.full(FIRST_SIZE, -1, np.int32),
        command=np.full(FIRST_SIZE, -1, np.int16),
        depth=np.zeros(FIRST_SIZE, np.int32),
        done=np.zeros(FIRST_SIZE, np.uint8),
        table=np.full(2 * FIRST_SIZE, -1, np.int32),
        arriving=np.zeros(FIRST_SIZE, np.int32),
        inside=np.zeros(FIRST_SIZE, np.int32),
        later=np.zeros(FIRST_SIZE, np.int32),
        found=np.full(len(machine.properties), -1, np.int64),
        narrow=np.zeros(len(machine.variables), np.uint8),
    )


def _doubled(array: Any) -> Any:
    import numpy as np

    return np.concatenate((array, np.zeros_like(array)))


def _more_states(store: Store, cursors: Cursors, kernel: ModuleType) -> Store:
    import numpy as np

    table = np.full(2 * store.table.shape[0], -1, np.int32)
    states = _doubled(store.states)
    kernel.rehash(states, int(cursors[kernel.COUNT]), table)
    return store._replace(
        states=states,
        parent=_doubled(store.parent),
        command=_doubled(store.command),
        depth=_doubled(store.depth),
        done=_doubled(store.done),
        table=table,
    )


def _longer_queues(store: Store) -> Store:
    return store._replace(arriving=_doubled(store.arriving), inside=_doubled(store.inside), later=_doubled(store.later))


def _run(machine: Machine, store: Store, cursors: Cursors, kernel: ModuleType, *, capped: bool) -> Run:
    violations = []
    for number, end in enumerate(store.found):
        if end < 0:
            continue
        path = []
        here = int(end)
        while here > 0:
            path.append(int(store.command[here]))
            here = int(store.parent[here])
        violations.append((number, tuple(reversed(path))))
    stopped = bool(machine.properties) and len(violations) == len(machine.properties)
    narrow = tuple(sorted(variable.name for variable, left in zip(machine.variables, store.narrow, strict=True) if left))
    states, transitions = int(cursors[kernel.COUNT]), int(cursors[kernel.TRANSITIONS])
    return Run(states, transitions, tuple(violations), capped, narrow, not capped and not stopped)


@functools.cache
def _kernel() -> ModuleType:
    """Return the kernel, its machine code kept in the user's cache under a digest of its source."""
    from numba.core import config

    settings: Any = config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(_cache_directory())
    try:
        from backend_expert.lab.states import kernel
    finally:
        settings.CACHE_DIR = before
    return kernel


def _cache_directory() -> Path:
    """Return where the machine code is kept; a temporary directory where the user's cache cannot be written."""
    package = resources.files(__package__ or "backend_expert.lab.states")
    digest = hashlib.sha256(importlib.metadata.version("numba").encode())
    for name in ("kernel.py", "tables.py"):
        digest.update(package.joinpath(name).read_bytes())
    stated = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    base = Path(stated) if stated else Path.home() / ".cache"
    place = base / "backend-expert" / f"states-{digest.hexdigest()[:16]}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        writable = os.access(place, os.W_OK)
    except OSError:
        writable = False
    return place if writable else Path(tempfile.mkdtemp(prefix="backend-expert-states-"))

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
from backend_expert.lab.states.python_engine import Run, explore_machine

if TYPE_CHECKING:
    from backend_expert.lab.states.tables import Cursors, Store, Tables

FIRST_SIZE = 1 << 16
"""Places in the hash table and the queues at first; they double when they are full."""

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
    store = _first_store(machine, tables, limit)
    cursors = np.zeros(8, np.int64)
    cursors[[kernel.COUNT, kernel.ARRIVING_TAIL]] = 1
    kernel.rehash(store.states, 1, store.table)
    while (status := kernel.explore(tables, store, cursors, limit, requests_first)) in kernel.UNFINISHED:
        if status == kernel.LEVEL_DONE:
            store = store._replace(arriving=store.later, later=np.zeros(FIRST_SIZE, np.int32))
            cursors[[kernel.ARRIVING_HEAD, kernel.INSIDE_HEAD, kernel.INSIDE_TAIL]] = 0
            cursors[kernel.ARRIVING_TAIL], cursors[kernel.LATER_TAIL] = cursors[kernel.LATER_TAIL], 0
        elif status == kernel.INSIDE_FULL:
            store = store._replace(inside=_doubled(store.inside))
        elif status == kernel.LATER_FULL:
            store = store._replace(later=_doubled(store.later))
        else:
            size = 2 * store.table.shape[0]
            store = store._replace(table=np.zeros(1, np.int32))  # The old table goes before the new one comes: both are large.
            store = store._replace(table=np.zeros(size, np.int32))
            kernel.rehash(store.states, int(cursors[kernel.COUNT]), store.table)
    if status == kernel.TOO_DEEP:
        return explore_machine(machine, limit=limit, requests_first=requests_first)
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


def _first_store(machine: Machine, tables: Tables, limit: int) -> Store:
    """Return the store of a machine in its first state.

    There is room for as many states as may be found: what is asked of the system as zeros takes no memory before it is written, and
    arrays that grow would stand there twice while they are copied.
    """
    import numpy as np

    from backend_expert.lab.states.tables import Store

    width = int(tables.word.max(initial=0)) + 1
    most = limit + len(machine.commands) + 1
    states = np.zeros((most, width), np.uint64)
    for index, variable in enumerate(machine.variables):
        states[0, tables.word[index]] |= np.uint64((variable.initial - variable.low) << int(tables.shift[index]))
    return Store(
        states=states,
        parent=np.zeros(most, np.int32),
        command=np.zeros(most, np.int16),
        depth=np.zeros(most, np.uint16),
        table=np.zeros(FIRST_SIZE, np.int32),
        arriving=np.zeros(FIRST_SIZE, np.int32),
        inside=np.zeros(FIRST_SIZE, np.int32),
        later=np.zeros(FIRST_SIZE, np.int32),
        found=np.full(len(machine.properties), -1, np.int64),
        narrow=np.zeros(len(machine.variables), np.uint8),
    )


def _doubled(array: Any) -> Any:
    import numpy as np

    longer = np.zeros(2 * array.shape[0], array.dtype)
    longer[: array.shape[0]] = array
    return longer


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

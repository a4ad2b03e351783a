"""Let every reader look at a repository: each by itself, several at once where that pays, none where nothing changed since it last did."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

from backend_expert.readers import kept
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.repository import Repository

Reader = Callable[[Repository], Iterator[Fragment]]

WORTH_KEEPING = 300
"""Files from which a repository takes longer to read than its entries: with fewer, 40 public systems take 0.1 s or less."""

WORTH_PROCESSES = 1_000
"""Files from which processes pay: starting two takes as long as reading about 100 files (0.05 s)."""


def gather(readers: Mapping[str, Reader], repository: Repository, keep: bool) -> list[Fragment]:
    """Return the fragments of all readers in the order of their names, and list in the repository what they left out.

    With `keep`, findings are taken from the user's cache directory and left there. They pass through their encoded form wherever they come
    from, so that the result is the same bytes.
    """
    names = sorted(readers)
    place = kept.directory() if keep and len(repository.files) >= WORTH_KEEPING else None
    entries = {name: place / kept.entry_name(name, repository) for name in names} if place is not None else {}
    digests = repository.view()
    known = {name: kept.load(entry, digests) for name, entry in entries.items()}
    found = {name: each for name, each in known.items() if each is not None}
    waiting = [name for name in names if name not in found]
    for name, content in zip(waiting, _read(readers, waiting, repository), strict=True):
        found[name] = kept.decoded(content)
        if name in entries:
            kept.save(entries[name], content)
    for name in names:
        for left in found[name].unread:
            repository.leave(left.file, left.reason, left.line, left.partly)
    return [fragment for name in names for fragment in found[name].fragments]


def _read(readers: Mapping[str, Reader], names: Sequence[str], repository: Repository) -> list[bytes]:
    """Return what each reader finds, encoded; in processes of their own where the repository is large and they can be forked.

    A process is forked only from one without other threads, whose locks nobody would release in it.
    """
    cores = os.cpu_count() or 1
    forkable = sys.platform == "linux" and threading.active_count() == 1 and not multiprocessing.current_process().daemon
    if len(names) < 2 or cores < 2 or len(repository.files) < WORTH_PROCESSES or not forkable:
        return [_found(readers[name], repository) for name in names]
    try:
        with ProcessPoolExecutor(min(cores, len(names)), mp_context=multiprocessing.get_context("fork")) as pool:
            return [future.result() for future in [pool.submit(_found, readers[name], repository.view()) for name in names]]
    except (BrokenExecutor, OSError):
        # No room for more processes, or one of them was killed: one process needs less of everything.
        return [_found(readers[name], repository) for name in names]


def _found(reader: Reader, repository: Repository) -> bytes:
    view = repository.view()
    fragments = tuple(reader(view))
    return kept.encoded(kept.Found(fragments, tuple(view.unread), tuple(sorted(view.looked.items()))))

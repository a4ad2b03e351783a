"""The files of relations: sizes without content. Sparse files hold no disk, whatever size they claim."""

from __future__ import annotations

import os
from pathlib import Path

from backend_expert.lab.planner.btree import BLOCK, chain_page, metapage

SEGMENT_BLOCKS = 131_072
"""Blocks of one file of a relation: 1 GB; every file but the last must be exactly that long (md.c)."""

MOST_BLOCKS = 2**32 - 2
"""The largest block number of PostgreSQL plus one (MaxBlockNumber is 0xFFFFFFFE): 32 TB."""


def set_length(first: Path, blocks: int) -> None:
    """Make the relation whose first file is `first` exactly `blocks` long, with holes; later files get owner and mode of the first."""
    if not 0 <= blocks <= MOST_BLOCKS:
        raise ValueError(f"a relation has 0 to {MOST_BLOCKS} blocks, not {blocks}")
    owner = first.stat()
    count = max(1, -(-blocks // SEGMENT_BLOCKS))
    for number in range(count):
        segment = first if number == 0 else first.with_name(f"{first.name}.{number}")
        length = min(SEGMENT_BLOCKS, blocks - number * SEGMENT_BLOCKS) * BLOCK
        handle = _opened(segment, create=number > 0)
        try:
            os.ftruncate(handle, length)
            if number and (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(handle, owner.st_uid, owner.st_gid)
        finally:
            os.close(handle)
    number = count
    while (beyond := first.with_name(f"{first.name}.{number}")).exists():
        beyond.unlink()
        number += 1


def length(first: Path) -> int:
    """Return how many blocks the relation has."""
    blocks, number, segment = 0, 0, first
    while segment.exists():
        blocks += segment.stat().st_size // BLOCK
        number += 1
        segment = first.with_name(f"{first.name}.{number}")
    return blocks


def hide(first: Path) -> int:
    """Make the relation look empty by its first file alone, at once whatever its size; return what `show` needs to undo it."""
    handle = _opened(first)
    try:
        size = os.fstat(handle).st_size
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)
    return size


def show(first: Path, size: int) -> None:
    """Undo `hide`."""
    handle = _opened(first)
    try:
        os.ftruncate(handle, size)
    finally:
        os.close(handle)


def write_tree(first: Path, pages: int, height: int) -> None:
    """Turn the file of an empty B-tree into one of `pages` blocks and the given height; raise `NotABtree` when it is none."""
    with os.fdopen(_opened(first), "r+b") as file:
        changed = metapage(file.read(BLOCK), height)
        file.seek(0)
        file.write(changed)
        for level in range(height + 1):
            file.seek((level + 1) * BLOCK)
            file.write(chain_page(level, height))
    set_length(first, max(pages, height + 2))


def _opened(file: Path, *, create: bool = False) -> int:
    """Open a file of the data directory; never through a link: as root we write where another user may have put one."""
    return os.open(file, os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if create else 0), 0o600)

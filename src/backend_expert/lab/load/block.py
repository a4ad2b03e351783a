"""Tables of several record types in one block of memory: copied at once, and reached by one address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
"""A line of the processor's caches."""


class Place(NamedTuple):
    """Where a table begins in its block, how many rows it has, and of which type."""

    offset: int
    rows: int
    dtype: np.dtype[Any]


class Block(NamedTuple):
    """A block of memory and the tables in it."""

    memory: NDArray[np.uint8]
    places: Mapping[str, Place]

    def table(self, name: str) -> NDArray[Any]:
        """Return a table, not a copy of it."""
        offset, rows, dtype = self.places[name]
        return np.ndarray(rows, dtype, self.memory, offset)

    def tables(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield the tables by name."""
        for name in self.places:
            yield name, self.table(name)

    def copied(self) -> Block:
        """Return a block of its own with the same content."""
        return Block(self.memory.copy(), self.places)


def places(tables: Mapping[str, tuple[int, np.dtype[Any]]]) -> tuple[dict[str, Place], int]:
    """Return where tables of so many rows lie in one block, and the size of the block in bytes."""
    found, end = {}, 0
    for name, (count, dtype) in tables.items():
        found[name] = Place(end, count, dtype)
        end += -(-count * dtype.itemsize // ALIGNMENT) * ALIGNMENT
    return found, max(end, ALIGNMENT)


def packed(tables: Mapping[str, NDArray[Any]]) -> Block:
    """Return a block with copies of tables."""
    where, size = places({name: (len(table), table.dtype) for name, table in tables.items()})
    block = Block(np.zeros(size, np.uint8), where)
    for name, table in tables.items():
        block.table(name)[:] = table
    return block


def address(block: Block) -> int:
    """Return where a block lies in memory."""
    return int(block.memory.__array_interface__["data"][0])

"""Indexes that could go: exact duplicates, those another one starts with, and those nobody reads."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from backend_expert.lab.planner.catalogue import Catalogue, ExistingIndex
from backend_expert.lab.planner.statistics import Statistics


class Removable(Struct, frozen=True):
    """An index that could be dropped: why, the index that takes over (empty: none), and how often production read it (-1: unknown)."""

    index: ExistingIndex
    kind: Literal["duplicate", "prefix", "unused"]
    instead: str = ""
    scans: int = -1


def removable(catalogue: Catalogue, statistics: Statistics | None = None) -> tuple[Removable, ...]:
    """Return the indexes that could go, by table and name.

    Never an index that is there for a rule: unique, primary, of a constraint, or the replica identity; and a partial index, one on an
    expression, or one with other operator classes, collations or directions is never taken for the same as another.
    """
    scans = {(usage.schema, usage.index): usage.scans for usage in statistics.usage} if statistics is not None else {}
    found = []
    for index in catalogue.indexes:
        if not index.removable or index.kind == "I":
            continue
        used = scans.get((index.schema, index.name), -1)
        rivals = [each for each in catalogue.indexes if each.table == index.table and each.oid != index.oid]
        instead = next((each for each in rivals if _same(index, each) and _stays(each, index)), None)
        if instead is not None:
            found.append(Removable(index, "duplicate", instead.name, used))
            continue
        wider = next((each for each in rivals if _begins(index, each)), None)
        if wider is not None:
            found.append(Removable(index, "prefix", wider.name, used))
        elif used == 0:
            found.append(Removable(index, "unused", "", 0))
    return tuple(found)


def _same(index: ExistingIndex, other: ExistingIndex) -> bool:
    if index.partial or other.partial or not index.plain or not other.plain:
        return _tail(index.definition) == _tail(other.definition)
    ours = (index.method, index.columns, index.options)
    return ours == (other.method, other.columns, other.options) and set(index.included) <= {*other.included, *other.columns}


def _tail(definition: str) -> str:
    return definition.partition(" USING ")[2]


def _stays(other: ExistingIndex, index: ExistingIndex) -> bool:
    """Tell which of two equal indexes stays: the one with a rule, then the one that includes more, then the first by name."""
    rank = (other.removable, -len(other.included), other.name)
    return rank < (index.removable, -len(index.included), index.name)


def _begins(index: ExistingIndex, other: ExistingIndex) -> bool:
    """Tell whether the other index starts with all columns of this one, in the same order and kind."""
    if not (index.plain and other.plain and index.method == other.method == "btree") or len(other.columns) <= len(index.columns):
        return False
    if index.included and not set(index.included) <= {*other.columns, *other.included}:
        return False
    ours, theirs = index.options.split(), other.options.split()
    width, wide = len(index.columns), len(other.columns)
    # The three vectors (operator class, collation, direction) follow each other; classes have one entry a key column.
    same = all(ours[kind * width : (kind + 1) * width] == theirs[kind * wide : kind * wide + width] for kind in range(3))
    return same and other.columns[:width] == index.columns

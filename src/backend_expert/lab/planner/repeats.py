"""Statements of a workload that run once for each row of another one: the pattern of N+1, in the counts of the server."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from backend_expert.lab.planner.workload import Statement, Workload

_MANY_CALLS = 100
_FOLD = 10
_BY_KEY = re.compile(r"^select\b.*\bwhere\s+[\w\".]+\s*=\s*\?\s*(?:limit \?)?$", re.DOTALL)


class Repeated(Struct, frozen=True):
    """A lookup of one row that runs about once for each row that `parent` returns: `times` for each run of it."""

    parent: Statement
    lookup: Statement
    times: float


def repeats(workload: Workload) -> Iterator[Repeated]:
    """Yield lookups of one row by key that run about as often as a list of the same workload returns rows.

    It is a coincidence of counts, not a trace: calls and rows must agree within a half, and the lookup run ten times as often.
    """
    lists = [
        each
        for each in workload.statements
        if each.rows > each.calls * 2 and each.calls > 0 and each.fingerprint.startswith("select")
    ]
    for each in workload.statements:
        single = 0 <= each.rows <= each.calls * 1.05
        if each.calls < _MANY_CALLS or not single or not _BY_KEY.match(each.fingerprint):
            continue
        parent = next((other for other in lists if other is not each and _fits(each.calls, other.calls, other.rows)), None)
        if parent is not None:
            yield Repeated(parent, each, each.calls / parent.calls)


def _fits(calls: float, parent_calls: float, parent_rows: float) -> bool:
    return calls >= parent_calls * _FOLD and 0.5 * parent_rows <= calls <= 1.5 * parent_rows

"""Rows of the kernel's tables, reached by address.

A function that takes thirty arrays is slow to call and slow to compile: numba passes seven words for each. The kernel therefore passes one
record, the state, which holds the address of every table; `frame_at(w.frames, f)` is the record at that address, without a copy.
Nothing checks bounds, as in C: indices come from the compiler of programs and from the kernel itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from backend_expert.lab.load import layout

Index = int | np.signedinteger[Any]
"""A row, a code or a count: compiled code sees 64 bits in any case."""

State = Any
"""The one record of `layout.STATE`."""

Record = Any
"""A row of a table, by reference."""

Key = np.uint64
"""64 bits that a random draw is made of."""


def _table(dtype: np.dtype[Any]) -> Callable[[Index, Index], Record]:
    """Return the function (address, index) → record of one table."""
    record = from_dtype(dtype)
    size = dtype.itemsize

    def row_at(_context: Any, _address: Any, _index: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            address, index = arguments
            offset = builder.mul(index, context.get_constant(types.int64, size))
            return builder.inttoptr(builder.add(address, offset), context.get_value_type(record))

        return record(types.int64, types.int64), generate

    return cast("Callable[[Index, Index], Record]", intrinsic(row_at))


event_at = _table(layout.EVENT)
item_at = _table(layout.ITEM)
frame_at = _table(layout.FRAME)
node_at = _table(layout.NODE)
gate_at = _table(layout.GATE)
ring_at = _table(layout.RING)
site_at = _table(layout.SITE)
row_at = _table(layout.ROW)
branch_at = _table(layout.BRANCH)
group_at = _table(layout.GROUP)
instance_at = _table(layout.INSTANCE)
breaker_at = _table(layout.BREAKER)
budget_at = _table(layout.BUDGET)
limit_at = _table(layout.LIMIT)
cache_at = _table(layout.CACHE)
key_at = _table(layout.KEY)
link_at = _table(layout.LINK)
calls_at = _table(layout.CALLS)
workload_at = _table(layout.WORKLOAD)
segment_at = _table(layout.SEGMENT)
control_at = _table(layout.CONTROL)
scaler_at = _table(layout.SCALER)
outliers_at = _table(layout.OUTLIERS)
entry_at = _table(layout.ENTRY)
slice_at = _table(layout.SLICE)
cell_at = _table(layout.CELL)
integral_at = _table(layout.INTEGRAL)

"""Constants at the ends of a column: there the loaded server looks at its real index, which the lab has not got.

For a comparison in the first or last bucket of a histogram the planner reads the smallest or largest value from an index that starts
with the column (`get_actual_variable_range`, selfuncs.c); the lab's empty index leaves it the bound of the histogram. Measured: 149 rows
against 136; from the second bucket on the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from backend_expert.lab.planner.catalogue import Table
from backend_expert.lab.planner.laboratory import Lab
from backend_expert.lab.planner.plan import Plan
from backend_expert.lab.planner.whatif import Hypothetical

_COMPARISON = re.compile(
    r"""\(?(?:\w+\.)? (?:(?P<name>[a-z_]\w*)|"(?P<quoted>(?:[^"]|"")+)") \)?(?:::[\w ]+)? \s (?:<|<=|>|>=) \s
        (?:'(?P<text>(?:[^']|'')*)'::(?P<type>[a-z][\w ]*(?:\([\d,]+\))?) | (?P<number>-?\d+(?:\.\d+)?)\b)""",
    re.VERBOSE,
)
"""A comparison with a constant as EXPLAIN prints it, folded: `(placed_at > '2024-02-10 00:00:00+00'::timestamp with time zone)`."""

_AT_AN_END = """
SELECT coalesce(bool_or({value} <= bounds[2] OR {value} >= bounds[array_length(bounds, 1) - 1]), false)
FROM (SELECT histogram_bounds::text::{type}[] AS bounds FROM pg_catalog.pg_stats
      WHERE schemaname = %(schema)s AND tablename = %(table)s AND attname = %(column)s AND histogram_bounds IS NOT NULL) ends
WHERE array_length(bounds, 1) > 2"""


def at_an_end(plan: Plan, lab: Lab, used: Iterable[Hypothetical]) -> tuple[str, ...]:
    """Return the columns that a plan compares with a constant in an outermost bucket and that an index starts with, as `table.column`."""
    leading = {(index.table, index.columns[0]) for index in lab.catalogue.indexes if index.method == "btree" and index.columns}
    leading |= {
        (table.oid, made.definition.columns[0])
        for made in used
        if made.definition.method == "btree"
        and (table := lab.catalogue.named(made.definition.table, made.definition.schema)) is not None
    }
    found = {
        f"{table.name}.{column}"
        for table, column, value in _comparisons(plan, lab)
        if (table.oid, column) in leading and _in_an_outermost_bucket(lab, table, column, value)
    }
    return tuple(sorted(found))


def _comparisons(plan: Plan, lab: Lab) -> Iterator[tuple[Table, str, str]]:
    for node in plan.root.walk():
        table = lab.catalogue.named(node.relation) if node.relation else None
        if table is None:
            continue
        for match in _COMPARISON.finditer(node.detail):
            column = match["name"] or match["quoted"].replace('""', '"')
            value = match["number"] if match["text"] is None else match["text"].replace("''", "'")
            if table.column(column) is not None:
                yield table, column, value


def _in_an_outermost_bucket(lab: Lab, table: Table, column: str, value: str) -> bool:
    found = table.column(column)
    assert found is not None
    # The type is the server's own spelling of it; value and names are parameters.
    query = _AT_AN_END.format(value=f"%(value)s::text::{found.type}", type=found.type)
    row = lab.asked(query, {"schema": table.schema, "table": table.name, "column": column, "value": value})
    return row is None or bool(row[0])  # a value of another type that cannot be compared here: nobody knows, so it may be

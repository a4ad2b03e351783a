"""Plan a statement in two forms, with the index that the better one needs visible to both."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from backend_expert.lab.planner import evidence
from backend_expert.lab.planner.analysis import analyse
from backend_expert.lab.planner.answer import Compared
from backend_expert.lab.planner.catalogue import Catalogue
from backend_expert.lab.planner.evidence import Evidence
from backend_expert.lab.planner.laboratory import NotPlanned
from backend_expert.lab.planner.whatif import IndexDefinition, Key, Workbench


class Form(Struct, frozen=True):
    """A statement as it is and in a better form, which may need an index on `columns` of a table (none: it needs none)."""

    statement: str
    better: str
    schema: str = ""
    table: str = ""
    columns: tuple[str, ...] = ()


def compared(bench: Workbench, forms: Iterable[Form], base: Evidence) -> tuple[Compared, ...]:
    """Return the forms that the server can plan, both of them; one that does not suit the types of the schema is left out.

    It works on the bench that made the other indexes of the lab: only that one knows what has to be hidden.
    """
    try:
        return tuple(each for form in forms if (each := _compared(bench, form, base)) is not None)
    finally:
        bench.show(())


def _compared(bench: Workbench, form: Form, base: Evidence) -> Compared | None:
    lab = bench.lab
    index = _needed(lab.catalogue, form)
    shown = () if index is None else (index,)
    bench.show(shown)
    first, second = (analyse(text, lab.catalogue) for text in (form.statement, form.better))
    if first is None or second is None:
        return None
    try:
        before = lab.explain(form.statement, generic=first.generic)
        after = lab.explain(form.better, generic=second.generic)
    except NotPlanned:
        return None
    found = evidence.of_plan(base, second, after, lab, bench.all_found(shown))
    made = bench.found(index) if index is not None else None
    names = dict.fromkeys(made.names, str(index)) if made is not None else {}
    return Compared(
        statement=form.statement,
        better=form.better,
        needs="" if index is None else str(index),
        create="" if index is None else f"{index.sql(index.name, concurrently=True)};",
        before=before.cost,
        after=after.cost,
        level=found.level,
        plan_before=before.lines(names),
        plan_after=after.lines(names),
    )


def _needed(catalogue: Catalogue, form: Form) -> IndexDefinition | None:
    """Return the index that the better form could use, unless the schema has one that starts with its columns."""
    table = catalogue.named(form.table, form.schema) if form.columns else None
    if table is None:
        return None
    wanted = form.columns
    if any(index.columns[: len(wanted)] == wanted and not index.partial for index in catalogue.indexes_of(table)):
        return None
    return IndexDefinition(table.schema, table.name, tuple(map(Key, wanted)))

"""Let the database refuse the second row."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.flows import change_handlers, table_named
from backend_expert.lab.states.flow import Ack, Flow, Handler, Insert, Invariant, Reply, Step, Stop, rewrite
from backend_expert.model import Dataset, Finding, Index, System


def _refused_by_the_table(flow: Flow, invariant: Invariant) -> Flow:
    """Add a unique index on the natural key, or on the key of the request, and handle its error."""
    name = table_named(flow, invariant.of)
    if not name or flow.table(name).unique:
        return flow
    table = flow.table(name)
    unique = structs.replace(table, unique="natural" if table.natural else "request")
    tables = tuple(unique if each.name == name else each for each in flow.tables)
    return structs.replace(change_handlers(flow, lambda handler: _handled(handler, name)), tables=tables)


@remedy(
    "unique-constraint",
    en="Let the database refuse the second row",
    pt="Deixe o banco recusar a segunda linha",
    addresses=("uniqueness-only-in-code",),
    considers=("consistency",),
    effort="hours",
    in_flow=_refused_by_the_table,
    closes=("duplicate-entity", "double-effect"),
)
def unique_constraint(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - two requests are enough
    """Return the system in which a unique index holds the columns that the finding names."""
    datasets = tuple(_indexed(dataset, finding) for dataset in system.datasets)
    return system if datasets == system.datasets else structs.replace(system, datasets=datasets)


def _indexed(dataset: Dataset, finding: Finding) -> Dataset:
    place, _, columns = finding.subject.rpartition(" by ")
    index = Index(columns=tuple(columns.split(", ")), unique=True)
    wanted = place == f"{finding.components[0]} {dataset.name}" and index not in dataset.indexes
    return structs.replace(dataset, indexes=(*dataset.indexes, index)) if wanted else dataset


def _handled(handler: Handler, table: str) -> Handler:
    refused: tuple[Step, ...] = (Reply(409), Stop()) if handler.entry else (Ack(), Stop()) if handler.consumes else (Stop(),)

    def change(step: Step) -> Step:
        if isinstance(step, Insert) and step.table == table and step.on_duplicate is None:
            return structs.replace(step, on_duplicate=refused)
        return step

    return structs.replace(handler, steps=rewrite(handler.steps, change))

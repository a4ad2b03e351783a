"""Build the index that a filter or a foreign key lacks."""

from __future__ import annotations

from msgspec.structs import replace

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import with_dataset
from backend_expert.model import Dataset, Finding, Index, System


@remedy(
    "build-index",
    en="Build the indexes that the statements lack, without blocking writers",
    pt="Crie os índices que faltam aos comandos, sem bloquear quem grava",
    addresses=("filter-without-index", "foreign-key-without-index"),
    considers=("performance", "low-latency", "scalability"),
    effort="hours",
)
def build_index(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - an index is missing at any load
    """Return the system in which the finding's table has an index on the finding's columns, unless one begins with them."""

    def indexed(table: Dataset) -> Dataset:
        if any(index.columns[: len(finding.columns)] == finding.columns for index in table.indexes):
            return table
        return replace(table, indexes=(*table.indexes, Index(columns=finding.columns)))

    return with_dataset(system, finding.dataset, indexed)

"""Build the index that a filter or a foreign key lacks."""

from __future__ import annotations

from msgspec.structs import replace

from backend_expert.advice.catalogue import remedy
from backend_expert.model import Finding, Index, System


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
    return replace(
        system,
        datasets=tuple(
            replace(each, indexes=(*each.indexes, Index(columns=finding.columns)))
            if each.name == finding.dataset
            and not any(index.columns[: len(finding.columns)] == finding.columns for index in each.indexes)
            else each
            for each in system.datasets
        ),
    )

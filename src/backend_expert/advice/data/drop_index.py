"""Drop an index that does nothing another one does not, or that nobody reads."""

from __future__ import annotations

from msgspec.structs import replace

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import with_dataset
from backend_expert.model import Dataset, Finding, System


@remedy(
    "drop-index",
    en="Drop the indexes that only cost, and keep the way back",
    pt="Remova os índices que só custam, e guarde o caminho de volta",
    addresses=("duplicate-or-prefix-index", "unused-index"),
    considers=("performance", "maintainability"),
    effort="hours",
)
def drop_index(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - an index is superfluous at any load
    """Return the system without the index that the finding names; its subject ends with the name."""
    name = finding.subject.removeprefix(f"{finding.dataset} (").removesuffix(")")

    def kept(table: Dataset) -> Dataset:
        left = (each for each in table.indexes if each.unique or name not in (each.name, ", ".join(each.columns)))
        return replace(table, indexes=tuple(left))

    return with_dataset(system, finding.dataset, kept)

"""Drop an index that does nothing another one does not, or that nobody reads."""

from __future__ import annotations

from msgspec.structs import replace

from backend_expert.advice.catalogue import remedy
from backend_expert.model import Finding, System


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
    return replace(
        system,
        datasets=tuple(
            replace(
                each,
                indexes=tuple(
                    index for index in each.indexes if index.unique or name not in (index.name, ", ".join(index.columns))
                ),
            )
            if each.name == finding.dataset
            else each
            for each in system.datasets
        ),
    )

"""Answer a list in pages with a maximum."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import with_steps
from backend_expert.model import Action, Finding, Operation, Query, Step, System


@remedy(
    "bounded-page",
    en="Answer in pages with a maximum, each from the key of the last row",
    pt="Responda em páginas com um máximo, cada uma a partir da chave da última linha",
    addresses=("unbounded-result",),
    considers=("performance", "scalability"),
    effort="hours",
)
def bounded_page(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the table is as long at any load
    """Return the system in which the finding's reads of a whole table end at a stated number of rows."""

    def limited(operation: Operation, step: Step) -> Step:
        whole = isinstance(step, Query) and step.action is Action.READ and step.limited is False
        if isinstance(step, Query) and whole and finding.subject == f"{operation.component} {step.dataset} whole":
            return structs.replace(step, limited=True)
        return step

    return with_steps(system, limited)

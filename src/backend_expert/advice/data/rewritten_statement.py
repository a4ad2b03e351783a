"""Write a statement so that an index can serve it."""

from __future__ import annotations

from msgspec.structs import replace

from backend_expert.advice.catalogue import remedy
from backend_expert.model import Finding, Operation, Query, Step, System, rewrite_system


@remedy(
    "rewritten-statement",
    en="Write the statements so that an index can serve them",
    pt="Escreva os comandos de forma que um índice possa atendê-los",
    addresses=("non-sargable-predicate", "implicit-cast-defeats-index", "not-in-nullable", "offset-pagination"),
    considers=("performance", "low-latency", "scalability"),
    effort="hours",
)
def rewritten_statement(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the form matters at any load
    """Return the system with the finding's statements in their better forms; unchanged where there is none."""
    better = {each.statement: each.better for each in finding.rewrites}

    def change(_: Operation, step: Step) -> Step:
        return replace(step, statement=better[step.statement]) if isinstance(step, Query) and step.statement in better else step

    return rewrite_system(system, change) if better else system

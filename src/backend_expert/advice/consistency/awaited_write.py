"""Wait for a write, and let its error decide about the answer."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import with_steps
from backend_expert.model import Action, Finding, Operation, Parallel, Publish, Query, Step, System, walk
from backend_expert.model.graph import Remote, callee


@remedy(
    "awaited-write",
    en="Wait for the write and let its error decide about the answer",
    pt="Espere a gravação e deixe o erro dela decidir a resposta",
    addresses=("ignored-remote-error", "unawaited-write"),
    considers=("consistency", "resilience"),
    effort="hours",
)
def awaited_write(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a write is lost at any load
    """Return the system in which the finding's components wait for their unwatched writes and pass on the errors they swallowed."""
    links = {(link.caller, link.callee) for link in finding.links}

    def awaited(operation: Operation, step: Step) -> Step | tuple[Step, ...]:
        if operation.component not in finding.components:
            return step
        if finding.rule == "unawaited-write" and isinstance(step, Parallel) and step.detached == "bare":
            inner = tuple(each for branch in step.branches for each in branch)
            return inner if any(_changes(each) for each in walk(inner)) else step
        if finding.rule == "ignored-remote-error" and isinstance(step, Publish | Query) and _changes(step) and step.policy.optional:
            told = (operation.component, callee(system, step)) in links
            return structs.replace(step, policy=structs.replace(step.policy, optional=False)) if told else step
        return step

    return with_steps(system, awaited)


def _changes(step: Step) -> bool:
    return isinstance(step, Remote) and not (isinstance(step, Query) and step.action is Action.READ)

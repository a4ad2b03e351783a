"""Stores in the handlers of languages whose statements are not followed: taken to be used by every one, as far as nobody tells better."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import structs

from backend_expert.model import STORES, Certainty, Component, Operation, Query, Step, Work, walk
from backend_expert.readers.code import Code
from backend_expert.readers.edges import Edge
from backend_expert.readers.programs import Programs, dataset_name
from backend_expert.readers.source_code.placing import owners

CALL_LEVEL = frozenset({"python", "java", "go", "csharp", "php"})
"""Languages read at the level of calls: routes, consumers, HTTP calls and messages, no statements."""

_WITHOUT_DATA = re.compile(
    r"/(health\w*|healthz?|livez?|readyz?|ready|live(ness)?|metrics|ping|version|info|status|favicon\.ico|docs)/?$"
)
"""Routes that answer without looking anything up."""


def with_stores(made: Programs, components: Mapping[str, Component], edges: Iterable[Edge], codes: Iterable[Code]) -> Programs:
    """Return the programs with one query for each store of a component in its handlers, first of all steps.

    Its certainty is that of the use of the store, as in an operation that is only assumed. A component that serves gRPC keeps its stores
    where they are: the HTTP routes beside such a service tell of its health and little else.
    """
    remote = {operation.component for operation in made.operations if operation.trigger.kind == "rpc"}
    told = {name for code in codes if code.language in CALL_LEVEL for name in owners(code.directory, components)} - remote
    used: dict[str, list[Edge]] = {}
    for edge in edges:
        if edge.caller in told and components[edge.callee].kind in STORES:
            used.setdefault(edge.caller, []).append(edge)
    operations = tuple(
        _with_queries(operation, used[operation.component])
        if operation.component in used and operation.certainty is not Certainty.ASSUMED
        else operation
        for operation in made.operations
    )
    return structs.replace(made, operations=operations)


def _with_queries(operation: Operation, edges: Iterable[Edge]) -> Operation:
    known = {step.dataset.partition("/")[0] for step in walk(operation.steps) if isinstance(step, Query)}
    queries: list[Step] = [
        Query(dataset=dataset_name(edge), certainty=edge.certainty, evidence=edge.evidence, policy=edge.policy)
        for edge in edges
        if edge.callee not in known
    ]
    if _WITHOUT_DATA.search(operation.trigger.name) or not queries:
        return operation
    works = next((place for place, step in enumerate(operation.steps) if not isinstance(step, Work)), len(operation.steps))
    return structs.replace(operation, steps=(*operation.steps[:works], *queries, *operation.steps[works:]))

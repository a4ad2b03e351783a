"""Let the callee know a repeated request by its key."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.flows import change_handlers, change_steps, only_store, table_named, written
from backend_expert.advice.place import added, component_of, synchronous_sites, with_policies, with_steps
from backend_expert.lab import states
from backend_expert.lab.states.flow import walk as walk_flow
from backend_expert.model import (
    Action,
    Call,
    CallSite,
    Dataset,
    Finding,
    Kind,
    Mechanism,
    Operation,
    Policy,
    Query,
    Step,
    System,
    Transaction,
    walk,
)

KNOWN_ALREADY = "INSERT INTO idempotency_key (key, answer) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING"


def in_flow(flow: states.Flow, invariant: states.Invariant) -> states.Flow:
    """Make whoever has the effect recognise the request: the external system of the invariant, else our own API."""
    system = invariant.of.partition(".")[0]
    if any(each.name == system for each in flow.externals):
        return _at_the_other_side(flow, system)
    return _at_the_api(flow, table_named(flow, invariant.of))


def _at_the_other_side(flow: states.Flow, system: str) -> states.Flow:
    """Make the external system recognise the request, whatever attempt or delivery asks."""

    def change(step: states.Step) -> states.Step:
        own = isinstance(step, states.Effect) and step.external.partition(".")[0] == system and step.key is not None
        return structs.replace(step, key="request") if isinstance(step, states.Effect) and own else step

    changed = change_steps(flow, change)
    externals = tuple(structs.replace(each, key="request") if each.name == system else each for each in flow.externals)
    return changed if externals == flow.externals else structs.replace(changed, externals=externals)


def _at_the_api(flow: states.Flow, table: str) -> states.Flow:
    """Store the key in the transaction of the first write: at the entry when clients try again, and where the table is written."""
    repeated = _repeated(flow)
    names: dict[str, None] = {}

    def keyed(handler: states.Handler) -> states.Handler:
        if handler.name not in repeated or not (handler.entry or table in written(handler.steps)):
            return handler
        name = f"{handler.actor}.request_key"
        changed = _with_key(handler, name)
        if changed is not handler:
            names[name] = None
        return changed

    changed = change_handlers(flow, keyed)
    keys = tuple(states.Table(name, per="request", unique="request") for name in names)
    return structs.replace(changed, tables=(*flow.tables, *keys)) if keys else flow


def _repeated(flow: states.Flow) -> frozenset[str]:
    """Return the handlers that may run twice for one request: entries whose clients try again, and what is called more than once."""
    found = {handler.name for handler in flow.handlers if handler.entry and flow.bounds.retry}
    calls = [
        (handler.name, step) for handler in flow.handlers for step in walk_flow(handler.steps) if isinstance(step, states.Call)
    ]
    growing = True
    while growing:
        more = {step.handler for caller, step in calls if step.attempts > 1 or caller in found} - found
        found |= more
        growing = bool(more)
    return frozenset(found)


def _with_key(handler: states.Handler, name: str) -> states.Handler:
    """Return the handler with the key in its first transaction, or in a new one around its first statements that write."""
    if any(isinstance(step, states.Insert) and step.table == name for step in walk_flow(handler.steps)):
        return handler
    status = next((step.status for step in handler.steps if isinstance(step, states.Reply) and step.status < 400), 200)
    key = states.Insert(name, on_duplicate=(states.Reply(status), states.Stop()), evidence=handler.evidence)
    steps = handler.steps
    for index, step in enumerate(steps):
        if isinstance(step, states.Transaction):
            inside = structs.replace(step, steps=(key, *step.steps))
            return structs.replace(handler, steps=(*steps[:index], inside, *steps[index + 1 :]))
        end = next((place for place in range(index, len(steps)) if not only_store(steps[place])), len(steps))
        if written(steps[index:end]):
            inside = states.Transaction((key, *steps[index:end]), evidence=step.evidence)
            return structs.replace(handler, steps=(*steps[:index], inside, *steps[end:]))
    return handler


@remedy(
    "idempotency-key",
    en="Send an idempotency key, and answer a repeat from what was stored",
    pt="Envie uma chave de idempotência e responda a repetição com o que foi gravado",
    addresses=("retry-of-non-idempotent-call",),
    considers=("consistency", "resilience"),
    effort="days",
    in_flow=in_flow,
    closes=("double-effect", "duplicate-entity"),
)
def idempotency_key(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - one lost answer is enough
    """Return the system in which the finding's retried calls carry a key, which the callee stores in the transaction of its first write.

    A third party stores its keys itself. A callee of ours that writes to no database gets no place for the key: only the call changes.
    """
    sites = tuple(site for site in synchronous_sites(system, finding) if _repeats_without_a_key(site))
    changed = with_policies(system, sites, _keyed)
    for name in dict.fromkeys(site.step.operation for site in sites if isinstance(site.step, Call)):
        changed = _remembering(changed, name)
    return changed


def _repeats_without_a_key(site: CallSite) -> bool:
    policy = site.step.policy
    repeats = policy.retry is not None and policy.retry.attempts.value > 1
    return isinstance(site.step, Call) and repeats and policy.lacks(Mechanism.IDEMPOTENCY_KEY)


def _keyed(site: CallSite) -> Policy:
    policy = site.step.policy
    absent = tuple(each for each in policy.absent if each is not Mechanism.IDEMPOTENCY_KEY)
    return structs.replace(policy, idempotency_key=True, absent=absent)


def _remembering(system: System, name: str) -> System:
    """Return the system in which an operation stores the key together with its first write to a database."""
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    write = next((step for step in walk(system.operation(name).steps) if _changes_database(system, step, stores)), None)
    if not isinstance(write, Query) or any(
        isinstance(step, Query) and step.statement == KNOWN_ALREADY for step in walk(system.operation(name).steps)
    ):
        return system
    store, _, table = write.dataset.partition("/")
    database, dot, _ = table.rpartition(".")
    keys = Dataset(name=f"{store}/{database}{dot}idempotency_key", store=stores[write.dataset])
    key = Query(dataset=keys.name, action=Action.INSERT, statement=KNOWN_ALREADY)
    around = next(
        (step for step in walk(system.operation(name).steps) if isinstance(step, Transaction) and write in walk(step.steps)), None
    )

    def stored(operation: Operation, step: Step) -> Step:
        if operation.name != name or step != (around or write):
            return step
        if isinstance(step, Transaction):
            return structs.replace(step, steps=(key, *step.steps))
        return Transaction(store=keys.store, steps=(key, step))

    return with_steps(structs.replace(system, datasets=added(system.datasets, keys)), stored)


def _changes_database(system: System, step: Step, stores: dict[str, str]) -> bool:
    if not isinstance(step, Query) or step.action is Action.READ:
        return False
    component = component_of(system, stores.get(step.dataset, ""))
    return component is not None and component.kind is Kind.DATABASE

"""Let the callee know a repeated request by its key."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import added, component_of, synchronous_sites, with_policies, with_steps
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


@remedy(
    "idempotency-key",
    en="Send an idempotency key, and answer a repeat from what was stored",
    pt="Envie uma chave de idempotência e responda a repetição com o que foi gravado",
    addresses=("retry-of-non-idempotent-call",),
    considers=("consistency", "resilience"),
    effort="days",
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

"""Give each service a store of its own."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import added, free_name, with_steps
from backend_expert.model import CacheGet, CachePut, Dataset, Finding, Operation, Query, Step, System, Transaction, call_sites


@remedy(
    "database-per-service",
    en="Give each service a store of its own",
    pt="Dê a cada serviço um banco só dele",
    addresses=("shared-datastore",),
    considers=("scalability", "maintainability", "fault-tolerance"),
    effort="weeks",
)
def database_per_service(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - ownership does not follow the load
    """Return the system with the datasets that one service alone uses moved to a store of that service.

    The service with the most datasets keeps the old store, so that the least data moves. Data that several services use stays:
    it needs an owner and an interface first, which no tool can choose.
    """
    changed = system
    sharers = frozenset(link.caller for link in finding.links)
    for name in dict.fromkeys((*finding.components, *(link.callee for link in finding.links))):
        changed = _split(changed, name, sharers)
    return changed


def _split(system: System, store: str, sharers: frozenset[str]) -> System:
    shared = next((each for each in system.components if each.name == store and each.stateful), None)
    if shared is None:
        return system
    alone = {dataset: user for dataset, user in _used_by_one(system, store).items() if not sharers or user in sharers}
    owners = sorted(set(alone.values()), key=lambda owner: (-sum(each == owner for each in alone.values()), owner))
    everyone = {site.caller for site in call_sites(system) if site.callee == store}
    leaving = owners if everyone - set(owners) else owners[1:]
    changed = system
    moved: dict[str, str] = {}
    for owner in leaving:
        home = free_name(changed, f"{owner}-{shared.technology or 'db'}")
        changed = structs.replace(
            changed, components=added(changed.components, structs.replace(shared, name=home, aliases=(), evidence=()))
        )
        moved |= {dataset: home for dataset, user in alone.items() if user == owner}
    return _moved(changed, moved) if moved else system


def _used_by_one(system: System, store: str) -> dict[str, str]:
    users: dict[str, set[str]] = {}
    for site in call_sites(system):
        if site.callee == store and isinstance(site.step, Query | CacheGet | CachePut):
            users.setdefault(site.step.dataset, set()).add(site.caller)
    return {dataset: min(names) for dataset, names in users.items() if len(names) == 1}


def _moved(system: System, homes: dict[str, str]) -> System:
    names = {dataset: f"{home}/{dataset.partition('/')[2]}" for dataset, home in homes.items()}
    datasets: tuple[Dataset, ...] = ()
    for dataset in system.datasets:
        if dataset.name in homes:
            dataset = structs.replace(dataset, name=names[dataset.name], store=homes[dataset.name])
        datasets = added(datasets, dataset)

    def redirected(operation: Operation, step: Step) -> Step:  # noqa: ARG001 - the steps alone say where they go
        if isinstance(step, Query | CacheGet | CachePut) and step.dataset in names:
            return structs.replace(step, dataset=names[step.dataset])
        if isinstance(step, Transaction):
            inside = {homes_of for each in step.steps if (homes_of := _store_of(each, names, homes)) is not None}
            return structs.replace(step, store=inside.pop()) if len(inside) == 1 else step
        return step

    return with_steps(structs.replace(system, datasets=datasets), redirected)


def _store_of(step: Step, names: dict[str, str], homes: dict[str, str]) -> str | None:
    moved = {names[dataset]: home for dataset, home in homes.items()}
    return moved.get(step.dataset) if isinstance(step, Query | CacheGet | CachePut) else None

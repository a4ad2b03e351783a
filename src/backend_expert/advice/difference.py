"""Say in words what differs between two systems, so that an action can never claim more than the change makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from msgspec import structs

from backend_expert.advice.demand import mean
from backend_expert.model import (
    CacheGet,
    Call,
    CallSite,
    Component,
    Deployment,
    Estimate,
    Operation,
    Policy,
    Publish,
    Query,
    Repeat,
    Step,
    System,
    Text,
    Transaction,
    call_sites,
    policy_of,
    walk,
)
from backend_expert.model.wording import figure, named, sentence, together

Kind = TypeVar("Kind", CacheGet, Call, Publish, Repeat, Transaction)


def differences(before: System, after: System) -> tuple[Text, ...]:
    """Return one sentence for each kind of change, in the order of the model; equal systems give none."""
    if before == after:
        return ()
    return (*_components(before, after), *_datasets(before, after), *_policies(before, after), *_steps(before, after))


def changed_components(before: System, after: System) -> tuple[str, ...]:
    """Return the components that the change touches, callers before callees, in order of name."""
    old = {component.name: component for component in before.components}
    touched = {component.name for component in after.components if old.get(component.name) != component}
    steps = {operation.name: operation for operation in before.operations}
    touched |= {operation.component for operation in after.operations if steps.get(operation.name) != operation}
    return tuple(sorted(touched))


def _components(before: System, after: System) -> Iterator[Text]:
    old = {component.name: component for component in before.components}
    new = [component for component in after.components if component.name not in old]
    if new:
        what = named([f"{component.name} ({component.technology})" for component in new])
        yield sentence("Add {what}.", "Acrescente {what}.", what=what)
    alike: dict[Text, list[str]] = {}
    for component in after.components:
        previous = old.get(component.name)
        if previous is not None and previous != component:
            alike.setdefault(together(tuple(_deployment(previous, component)), "; "), []).append(component.name)
    for change, names in alike.items():
        yield sentence("{where}: {change}.", "{where}: {change}.", where=named(names, most=5), change=change)


def _deployment(before: Component, after: Component) -> Iterator[Text]:
    was, now = before.deployment or Deployment(), after.deployment or Deployment()
    for numbers, one in (
        ((was.replicas, now.replicas), Text("instances", "instâncias")),
        ((was.workers, now.workers), Text("workers", "workers")),
    ):
        if numbers[0] != numbers[1]:
            yield sentence(
                "{word} {was} → {now}", "{word} {was} → {now}", word=one, was=_number(numbers[0]), now=_number(numbers[1])
            )
    if was.queue_limit != now.queue_limit:
        limit = _number(now.queue_limit)
        yield sentence(
            "at most {limit} waiting requests in an instance", "no máximo {limit} requisições em espera por instância", limit=limit
        )
    if was.ports != now.ports:
        numbers_shown = named([str(port.number) for port in was.ports if port not in now.ports])
        yield sentence("port {ports} no longer published", "porta {ports} deixa de ser publicada", ports=numbers_shown)
    for volume in now.volumes:
        if volume not in was.volumes:
            yield sentence(
                "volume {source} on {path}", "volume {source} em {path}", source=f"`{volume.source}`", path=f"`{volume.path}`"
            )
    if was.probes != now.probes:
        asked = named([f"{probe.kind} {probe.target}".strip() for probe in now.probes])
        yield sentence("health probes {probes}", "health checks {probes}", probes=asked)


def _policies(before: System, after: System) -> Iterator[Text]:
    changes: dict[str, list[Text]] = {}
    for site, policy in _changed_policies(before, after):
        known = changes.setdefault(str(site.link), [])
        known += [change for change in _policy(policy_of(site.step), policy) if change not in known]
    alike: dict[Text, list[str]] = {}
    for link, several in changes.items():
        alike.setdefault(together(several, "; "), []).append(link)
    for change, links in alike.items():
        yield sentence("{where}: {change}.", "{where}: {change}.", where=named(links, most=5), change=change)


def _changed_policies(before: System, after: System) -> Iterator[tuple[CallSite, Policy]]:
    """Yield the calls that stand in both systems with different policies, the old site with the new policy."""
    waiting: dict[tuple[str, str, object], list[Policy]] = {}
    for site in call_sites(after):
        waiting.setdefault(_place(site), []).append(policy_of(site.step))
    for site in call_sites(before):
        candidates = waiting.get(_place(site))
        if candidates:
            policy = candidates.pop(0)
            if policy != policy_of(site.step):
                yield site, policy


def _place(site: CallSite) -> tuple[str, str, object]:
    target = getattr(site.step, "operation", None) or getattr(site.step, "dataset", None) or getattr(site.step, "topic", "")
    return site.operation, type(site.step).__name__, target


def _policy(before: Policy, after: Policy) -> Iterator[Text]:
    if after.breaker is not None and before.breaker is None:
        ratio, window, pause = mean(after.breaker.failure_ratio), mean(after.breaker.window_s), mean(after.breaker.open_s)
        yield sentence(
            "breaker, open for {pause} s when {ratio} % of the calls of {window} s fail",
            "breaker, aberto por {pause} s quando {ratio} % das chamadas de {window} s falham",
            ratio=100 * ratio,
            window=window,
            pause=pause,
        )
    if after.timeout_ms is not None and after.timeout_ms != before.timeout_ms:
        was = Text("none", "nenhum") if before.timeout_ms is None else sentence("{ms} ms", "{ms} ms", ms=before.timeout_ms.value)
        yield sentence("timeout {was} → {now} ms", "timeout {was} → {now} ms", was=was, now=after.timeout_ms.value)
    if after.retry is None and before.retry is not None:
        yield Text("no retries", "sem retries")
    elif after.retry is not None and after.retry != before.retry:
        yield sentence(
            "at most {attempts} attempts, pauses with full jitter, retries at most {budget} % of the calls",
            "no máximo {attempts} tentativas, pausas com jitter total, retries em no máximo {budget} % das chamadas",
            attempts=after.retry.attempts.value,
            budget=100 * mean(after.retry.budget),
        )
    if after.pool is not None and after.pool != before.pool:
        size = _number(before.pool.size if before.pool is not None else None)
        yield sentence("pool {size} → {now}", "pool {size} → {now}", size=size, now=after.pool.size.value)


def _steps(before: System, after: System) -> Iterator[Text]:
    """Yield what the programs do in another way: calls handed to a queue, reads behind a cache, loops batched, transactions cut."""
    old = {operation.name: operation for operation in before.operations}
    for operation in after.operations:
        previous = old.get(operation.name)
        if previous is not None and previous.steps != operation.steps:
            for change in _program(previous, operation, after):
                yield sentence("`{operation}`: {change}.", "`{operation}`: {change}.", operation=operation.name, change=change)


def _program(before: Operation, after: Operation, system: System) -> Iterator[Text]:
    cached = _new(before, after, CacheGet)
    if cached:
        stores = named(sorted({system.dataset(step.dataset).store for step in cached}))
        datasets = named(sorted({step.dataset.rpartition("/")[2] for step in cached}))
        yield sentence(
            "look {datasets} up in {stores} first", "consulte {datasets} primeiro em {stores}", datasets=datasets, stores=stores
        )
    published = _new(before, after, Publish)
    if published:
        callees = named(sorted({system.operation(step.operation).component for step in _new(after, before, Call)}))
        yield sentence(
            "publish to {topics} and do not wait for {callees}",
            "publique em {topics} e não espere por {callees}",
            topics=named(sorted({step.topic for step in published})),
            callees=callees,
        )
    loops = _all(before, Repeat)
    for loop in loops if len(loops) > len(_all(after, Repeat)) else ():
        called = named(sorted({each.operation for each in loop.steps if isinstance(each, Call)}))
        if called.en:
            yield sentence(
                "one call of {called} in place of {count}",
                "uma chamada a {called} no lugar de {count}",
                called=called,
                count=loop.count.value,
            )
            continue
        read = named(sorted({each.dataset for each in loop.steps if isinstance(each, Query)}))
        yield sentence(
            "one statement on {read} in place of {count}",
            "uma instrução em {read} no lugar de {count}",
            read=read,
            count=loop.count.value,
        )
    if _calls_inside(before) > _calls_inside(after):
        stores = named(sorted({transaction.store for transaction in _all(before, Transaction)}))
        yield sentence(
            "no remote call inside the transaction on {stores}",
            "nenhuma chamada remota dentro da transação em {stores}",
            stores=stores,
        )


def _new(before: Operation, after: Operation, kind: type[Kind]) -> tuple[Kind, ...]:
    """Return the steps of a kind that only `after` has, compared without what protects them and where their store stands."""
    there = [_bare(step) for step in _all(before, kind)]
    return tuple(step for step in _all(after, kind) if _bare(step) not in there)


def _all(operation: Operation, kind: type[Kind]) -> tuple[Kind, ...]:
    return tuple(step for step in walk(operation.steps) if isinstance(step, kind))


def _bare(step: Step) -> Step:
    match step:
        case CacheGet():
            return structs.replace(step, policy=Policy(), on_miss=(), dataset=step.dataset.partition("/")[2])
        case Call() | Publish():
            return structs.replace(step, policy=Policy())
        case _:
            return step


def _calls_inside(operation: Operation) -> int:
    """Return how many calls stand inside transactions."""
    return sum(isinstance(step, Call) for transaction in _all(operation, Transaction) for step in walk(transaction.steps))


def _datasets(before: System, after: System) -> Iterator[Text]:
    names = {dataset.name for dataset in before.datasets}
    kept = {dataset.name for dataset in after.datasets}
    gone = [dataset for dataset in before.datasets if dataset.name not in kept]
    homes: dict[str, list[str]] = {}
    for dataset in after.datasets:
        origin = next((each for each in gone if each.name.partition("/")[2] == dataset.name.partition("/")[2]), None)
        if dataset.name not in names and origin is not None:
            homes.setdefault(dataset.store, []).append(origin.name)
    for store, moved in homes.items():
        yield sentence("Move {moved} to `{store}`.", "Mova {moved} para `{store}`.", moved=named(moved, most=6), store=store)


def _number(estimate: Estimate | None) -> Text:
    return Text("unknown", "desconhecido") if estimate is None else figure(estimate.value)

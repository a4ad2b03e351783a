"""Say in words what differs between two systems, so that an action can never claim more than the change makes."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.advice.demand import mean
from backend_expert.advice.program_difference import programs
from backend_expert.model import (
    CallSite,
    Component,
    Deployment,
    Estimate,
    Policy,
    System,
    Text,
    call_sites,
    policy_of,
)
from backend_expert.model.wording import figure, named, sentence, together

DISCIPLINES = {
    "codel": Text("a queue that drops what has waited too long (CoDel)", "fila que descarta o que esperou demais (CoDel)"),
    "deadline": Text("a queue that drops what nobody waits for", "fila que descarta o que ninguém mais espera"),
    "fifo": Text("a queue in the order of arrival", "fila na ordem de chegada"),
    "lifo": Text("a queue that serves the newest first", "fila que atende o mais novo primeiro"),
}


def differences(before: System, after: System) -> tuple[Text, ...]:
    """Return one sentence for each kind of change, in the order of the model; equal systems give none."""
    if before == after:
        return ()
    return (
        *_components(before, after),
        *_datasets(before, after),
        *_topics(before, after),
        *_policies(before, after),
        *programs(before, after),
    )


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
    yield from _admission(was, now)
    if now.reads == "replicas" and was.reads != now.reads:
        yield Text("reads outside transactions go to the copies", "leituras fora de transações vão para as cópias")
    if was.ports != now.ports:
        closed = [str(port.number) for port in was.ports if port not in now.ports]
        yield sentence(
            f"port{'s' * (len(closed) > 1)} {{ports}} no longer published",
            "porta {ports} deixa de ser publicada" if len(closed) == 1 else "portas {ports} deixam de ser publicadas",
            ports=named(closed),
        )
    for volume in now.volumes:
        if volume not in was.volumes:
            yield sentence(
                "volume {source} on {path}", "volume {source} em {path}", source=f"`{volume.source}`", path=f"`{volume.path}`"
            )
    gone = [
        volume.path
        for volume in was.volumes
        if volume not in now.volumes and volume.path not in {each.path for each in now.volumes}
    ]
    if gone:
        yield sentence("no volume on {paths}", "nenhum volume em {paths}", paths=named(gone))
    yield from _settings(before, after)
    if now.autoscaling is not None and now.autoscaling != was.autoscaling:
        scaling = now.autoscaling
        yield sentence(
            "autoscaling from {least} to {most} instances at {target} % of the processor",
            "autoscaling de {least} a {most} instâncias com {target} % do processador",
            least=scaling.minimum,
            most=scaling.maximum,
            target=scaling.target or 0.0,
        )
    if now.queue_discipline is not None and now.queue_discipline != was.queue_discipline:
        yield DISCIPLINES[now.queue_discipline]
    if was.user != now.user:
        yield sentence("user {was} → {now}", "usuário {was} → {now}", was=f"`{was.user}`", now=f"`{now.user}`")
    if now.disruption_budget and not was.disruption_budget:
        yield Text("evict at most one instance at a time", "no máximo uma instância removida por vez")
    if was.probes != now.probes:
        asked = named([f"{probe.kind} {':' * probe.target.isdecimal()}{probe.target}".strip() for probe in now.probes])
        yield sentence("health probes {probes}", "health checks {probes}", probes=asked)


def _admission(was: Deployment, now: Deployment) -> Iterator[Text]:
    """Yield whom an instance lets in."""
    if now.reserved is not None and now.reserved != was.reserved:
        yield sentence(
            "{share} % of the places only for what is critical",
            "{share} % dos lugares só para o que é crítico",
            share=100 * now.reserved.value,
        )
    if now.rate_limit is not None and now.rate_limit != was.rate_limit:
        yield sentence(
            "at most {rate} requests/s in an instance, {burst} at once",
            "no máximo {rate} requisições/s por instância, {burst} de uma vez",
            rate=now.rate_limit.rate_per_s.value,
            burst=mean(now.rate_limit.burst),
        )


def _settings(before: Component, after: Component) -> Iterator[Text]:
    """Yield what changes beside the deployment: the image, and the settings that are added, referred to or left out."""
    if before.image != after.image:
        yield sentence("image {was} → {now}", "imagem {was} → {now}", was=f"`{before.image}`", now=f"`{after.image}`")
    old, new = ({each.name: each for each in component.settings} for component in (before, after))
    referred = [name for name, each in new.items() if each.secret and (name not in old or old[name].value != each.value)]
    if referred:
        comes = "{names} vem de um cofre de segredos" if len(referred) == 1 else "{names} vêm de um cofre de segredos"
        yield sentence("{names} from a secret store", comes, names=named(referred, most=4))
    gone = [f"{name}={each.value}" for name, each in old.items() if name not in new and not each.secret]
    if gone:
        yield sentence("no {names}", "sem {names}", names=named(gone, most=4))


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
    if before.optional and after.optional is False:
        yield Text("an error of it decides about the answer", "um erro dela decide a resposta")
    if after.idempotency_key and not before.idempotency_key:
        yield Text("an idempotency key with every request", "uma chave de idempotência em cada requisição")
    if after.deadline_propagated and not before.deadline_propagated:
        yield Text(
            "hand the deadline down and cancel what nobody waits for", "repasse o deadline e cancele o que ninguém mais espera"
        )
    if after.hedge is not None and after.hedge != before.hedge:
        yield sentence(
            "a second request after {ms} ms, the first answer wins",
            "uma segunda requisição após {ms} ms, vale a primeira resposta",
            ms=after.hedge.delay_ms.value,
        )
    if after.pool is not None and after.pool != before.pool:
        size = _number(before.pool.size if before.pool is not None else None)
        yield sentence("pool {size} → {now}", "pool {size} → {now}", size=size, now=after.pool.size.value)


def _datasets(before: System, after: System) -> Iterator[Text]:
    names = {dataset.name for dataset in before.datasets}
    kept = {dataset.name for dataset in after.datasets}
    gone = [dataset for dataset in before.datasets if dataset.name not in kept]
    homes: dict[str, list[str]] = {}
    for dataset in after.datasets:
        origin = next((each for each in gone if each.name.partition("/")[2] == dataset.name.partition("/")[2]), None)
        if dataset.name not in names and origin is not None:
            homes.setdefault(dataset.store, []).append(origin.name)
    known = {dataset.name: dataset.indexes for dataset in before.datasets}
    for dataset in after.datasets:
        for index in dataset.indexes:
            if index.unique and index not in known.get(dataset.name, (index,)):
                yield sentence(
                    "Unique index on {columns} of {table}.",
                    "Índice único em {columns} de {table}.",
                    columns=named(index.columns),
                    table=f"`{dataset.table}`",
                )
    for store, moved in homes.items():
        yield sentence("Move {moved} to `{store}`.", "Mova {moved} para `{store}`.", moved=named(moved, most=6), store=store)


def _topics(before: System, after: System) -> Iterator[Text]:
    durable = {topic.name: topic.durable for topic in before.topics}
    kept = [topic.name for topic in after.topics if topic.durable and durable.get(topic.name, True) is False]
    if kept:
        yield sentence("Declare {topics} durable.", "Declare {topics} como durável.", topics=named(kept, most=5))
    declarers = {topic.name: set(topic.declared_by or ()) for topic in before.topics}
    for topic in after.topics:
        more = sorted(set(topic.declared_by or ()) - declarers.get(topic.name, set(topic.declared_by or ())))
        if more:
            yield sentence(
                "Declare {topic} in {components} too.",
                "Declare {topic} também em {components}.",
                topic=f"`{topic.name}`",
                components=named(more),
            )


def _number(estimate: Estimate | None) -> Text:
    return Text("unknown", "desconhecido") if estimate is None else figure(estimate.value)

"""Say in words what the programs of a system do in another way after a change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from msgspec import structs

from backend_expert.advice.course_difference import courses
from backend_expert.model import (
    Ack,
    Action,
    CacheGet,
    CachePut,
    Call,
    Operation,
    Policy,
    Publish,
    Query,
    Repeat,
    Step,
    System,
    Text,
    Transaction,
    Trigger,
    walk,
)
from backend_expert.model.wording import named, sentence

Kind = TypeVar("Kind", Ack, CacheGet, CachePut, Call, Publish, Query, Repeat, Transaction)


def programs(before: System, after: System) -> Iterator[Text]:
    """Yield what operations do in another way: calls handed to a queue, reads behind a cache, loops batched, messages stored first."""
    old = {operation.name: operation for operation in before.operations}
    for operation in after.operations:
        previous = old.get(operation.name)
        if previous is not None and previous != operation:
            changes = (
                *_trigger(previous.trigger, operation.trigger),
                *courses(previous, operation),
                *_caches(previous, operation),
                *_program(previous, operation, after),
            )
            for change in changes:
                yield sentence("`{operation}`: {change}.", "`{operation}`: {change}.", operation=operation.name, change=change)


def _trigger(before: Trigger, after: Trigger) -> Iterator[Text]:
    if after.acknowledge == "after" and before.acknowledge != "after":
        yield Text("acknowledge after the last effect", "confirme (ack) depois do último efeito")
    if after.prefetch is not None and after.prefetch != before.prefetch:
        yield sentence(
            "at most {count} unacknowledged messages an instance (prefetch)",
            "no máximo {count} mensagens sem confirmação por instância (prefetch)",
            count=after.prefetch.value,
        )
    if after.dead_letter and not before.dead_letter:
        yield sentence(
            "at most {times} deliveries, then a dead-letter queue",
            "no máximo {times} entregas, depois uma fila de dead letter",
            times=after.maximum_deliveries or 0,
        )


def _caches(before: Operation, after: Operation) -> Iterator[Text]:
    """Yield how caches are filled in another way, and what is turned away first."""
    if after.critical is False and before.critical is not False:
        yield Text("turn it away first", "recuse primeiro")
    joined = [
        step.dataset
        for step, old in zip(_all(after, CacheGet), _all(before, CacheGet), strict=False)
        if step.coalesced and not old.coalesced
    ]
    if joined:
        yield sentence(
            "one miss of a key of {caches} at a time asks, the others wait for its answer",
            "um só miss por chave de {caches} de cada vez consulta; os outros esperam a resposta dele",
            caches=named(list(dict.fromkeys(joined))),
        )
    spread = [
        (step.dataset, step.expiry_jitter.value)
        for step, old in zip(_all(after, CachePut), _all(before, CachePut), strict=False)
        if step.expiry_jitter is not None and step.expiry_jitter != old.expiry_jitter
    ]
    if spread:
        yield sentence(
            "expiries of {caches} {share} % longer or shorter at random",
            "expirações de {caches} {share} % maiores ou menores ao acaso",
            caches=named(list(dict.fromkeys(name for name, _ in spread))),
            share=100 * spread[0][1],
        )


def _program(before: Operation, after: Operation, system: System) -> Iterator[Text]:
    cached = _new(before, after, CacheGet)
    if cached:
        stores = named(sorted({system.dataset(step.dataset).store for step in cached}))
        datasets = named(sorted({step.dataset.rpartition("/")[2] for step in cached}))
        yield sentence(
            "look {datasets} up in {stores} first", "consulte {datasets} primeiro em {stores}", datasets=datasets, stores=stores
        )
    yield from _stored(before, after)
    yield from _sure(before, after)
    called_less = _new(after, before, Call)
    published = _new(before, after, Publish)
    if published and called_less:
        callees = named(sorted({system.operation(step.operation).component for step in called_less}))
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


def _stored(before: Operation, after: Operation) -> Iterator[Text]:
    """Yield what is written besides, or in another way: messages stored with the row, keys, conditions in the statement."""
    queries = {_place(step) for step in _all(before, Query)}
    inserted = [step.dataset for step in _new(before, after, Query) if step.action is Action.INSERT and _place(step) not in queries]
    sent = [step.topic for step in _new(after, before, Publish)]
    if inserted and sent:
        yield sentence(
            "insert into {outbox} in the transaction of the row; a relay publishes to {topics}",
            "insira em {outbox} na transação da linha; um relay publica em {topics}",
            outbox=named(list(dict.fromkeys(inserted))),
            topics=named(list(dict.fromkeys(sent))),
        )
    elif inserted:
        yield sentence(
            "insert into {rows} in the same transaction",
            "insira em {rows} na mesma transação",
            rows=named(list(dict.fromkeys(inserted))),
        )
    guarded = [step.dataset for step in _new(before, after, Query) if step.action is Action.GUARDED_UPDATE]
    if guarded:
        yield sentence(
            "update {rows} in one statement with its condition, and look at how many rows it changed",
            "altere {rows} em uma instrução com a condição dentro e confira quantas linhas mudaram",
            rows=named(list(dict.fromkeys(guarded))),
        )
    if before.trigger == after.trigger and _acknowledges_last(after) and not _acknowledges_last(before):
        yield Text("acknowledge after the last effect", "confirme (ack) depois do último efeito")


def _acknowledges_last(operation: Operation) -> bool:
    return bool(operation.steps) and isinstance(operation.steps[-1], Ack)


def _sure(before: Operation, after: Operation) -> Iterator[Text]:
    """Yield the topics to which messages are published more surely than before."""
    old, new = ({step.topic: (step.confirmed, step.persistent) for step in _all(each, Publish)} for each in (before, after))
    surer = [topic for topic, promise in new.items() if topic in old and old[topic] != promise]
    if surer:
        yield sentence(
            "wait for the broker to confirm persistent messages to {topics}",
            "espere o broker confirmar mensagens persistentes para {topics}",
            topics=named(surer),
        )


def _place(step: Query) -> tuple[str, Action]:
    return step.dataset, step.action


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
        case Publish():
            return structs.replace(step, policy=Policy(), confirmed=None, persistent=None)
        case Call():
            return structs.replace(step, policy=Policy())
        case Query():
            return structs.replace(step, policy=Policy(), dataset=step.dataset.partition("/")[2])
        case _:
            return step


def _calls_inside(operation: Operation) -> int:
    """Return how many calls stand inside transactions."""
    return sum(isinstance(step, Call) for transaction in _all(operation, Transaction) for step in walk(transaction.steps))

"""Put the handlers of code in the place of the operations that were only assumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, structs

from backend_expert.model import (
    Branch,
    CacheGet,
    CachePut,
    Certainty,
    Component,
    Kind,
    Operation,
    Parallel,
    Publish,
    Query,
    Repeat,
    Step,
    System,
    Text,
    Topic,
    Transaction,
    rewrite_system,
    walk,
    without_superseded,
)
from backend_expert.model.graph import children
from backend_expert.readers.code import Code, Handler, Table
from backend_expert.readers.edges import Edge
from backend_expert.readers.fragment import Address
from backend_expert.readers.handlers.channels import Channels, Published
from backend_expert.readers.handlers.gateways import passed_on
from backend_expert.readers.handlers.peers import Peers, Placed, undescribed
from backend_expert.readers.handlers.schemas import describe
from backend_expert.readers.handlers.writing import Writer
from backend_expert.readers.programs import Programs, operation_name
from backend_expert.readers.settings import name_words
from backend_expert.readers.source_code.placing import SHARED_LIMIT, owners

RUNNING = frozenset({Kind.SERVICE, Kind.WORKER, Kind.GATEWAY, Kind.EXTERNAL})
"""Kinds of components that run code of the repository."""

_NOTED = 10


class Told(Struct, frozen=True):
    """The operations, datasets and topics with what code tells, and notes on what it does not."""

    components: dict[str, Component]
    programs: Programs
    notes: tuple[Text, ...]


def with_handlers(
    components: Mapping[str, Component],
    edges: Iterable[Edge],
    made: Programs,
    codes: Iterable[Code],
    proxied: Iterable[Address],
    tables: Iterable[Table] = (),
) -> Told:
    """Return the programs with the handlers of code among them.

    A handler takes the place of an assumed operation of its name. A step whose target no file tells is left out, and a note says so.
    """
    codes = tuple(codes)
    known = _with_undescribed(components, codes)
    placed = _placed(known, tuple(edges), codes)
    channels = Channels(each.code for each in placed)
    published = _published(placed, channels)
    named = {operation.name: operation for operation in made.operations}
    begun = [
        (each, operation)
        for each in placed
        for handler in each.code.handlers
        for operation in _named(each, handler, channels, published)
    ]
    operations = named | {operation.name: operation for _, operation in begun}
    served: dict[str, list[Operation]] = {}
    for _, operation in begun:
        served.setdefault(operation.component, []).append(operation)
    datasets = {dataset.name: dataset for dataset in made.datasets}
    topics = {topic.name: topic for topic in made.topics}
    writers = {id(each): Writer(each, served, channels, operations, datasets, topics) for each in placed}
    for each, operation in begun:
        writer = writers[id(each)]
        operations[operation.name] = structs.replace(operation, steps=writer.steps(operation.steps))
        if operation.trigger.kind == "message":
            writer.topic(operation.trigger.name.partition("/")[0], operation.trigger.name.partition("/")[2], operation)
    operations |= {each.name: each for each in passed_on(proxied, known, served, named)}
    describe(datasets, placed, tables)
    topics = _carried(topics, placed, operations.values(), channels)
    programs = Programs(
        tuple(operations[name] for name in sorted(operations)),
        tuple(datasets[name] for name in sorted(datasets)),
        tuple(topics[name] for name in sorted(topics)),
    )
    return Told(known, programs, tuple(_notes(placed)))


def trimmed(system: System) -> System:
    """Return the system without what code tells better: assumed uses, and names that stood for all data or channels of a product."""
    taken = {
        (operation.component, operation.trigger.name.partition("/")[0])
        for operation in system.operations
        if operation.trigger.kind == "message" and operation.certainty is not Certainty.ASSUMED
    }

    def told_by_consumers(operation: Operation, step: Step) -> Step | tuple[Step, ...]:
        guessed = step.certainty is Certainty.ASSUMED and operation.certainty is Certainty.ASSUMED
        if not isinstance(step, Publish) or not guessed:
            return step
        return () if (operation.component, step.topic.partition("/")[0]) in taken else step

    system = without_superseded(rewrite_system(system, told_by_consumers))
    system = without_superseded(rewrite_system(system, lambda _, step: () if _is_empty(step) else step))
    used: set[str] = set()
    for operation in system.operations:
        used |= {step.dataset for step in walk(operation.steps) if isinstance(step, Query | CacheGet | CachePut)}
        used |= {step.topic for step in walk(operation.steps) if isinstance(step, Publish)}
        used |= {operation.trigger.name} if operation.trigger.kind == "message" else set()
    told = {dataset.store for dataset in system.datasets if dataset.name in used} | {
        topic.broker for topic in system.topics if topic.name in used
    }
    return structs.replace(
        system,
        datasets=tuple(each for each in system.datasets if each.name in used or each.store not in told or each.columns),
        topics=tuple(each for each in system.topics if each.name in used or each.broker not in told),
    )


def _is_empty(step: Step) -> bool:
    return isinstance(step, Branch | Repeat | Parallel | Transaction) and not any(any(block) for block in children(step))


def _with_undescribed(components: Mapping[str, Component], codes: tuple[Code, ...]) -> dict[str, Component]:
    """Return the components with the stores and brokers that only code tells of, each owned by who uses it."""
    found = dict(components)
    for code in sorted(codes, key=lambda code: code.directory):
        for name in _running(code, components):
            if components[name].kind in RUNNING:
                for made in undescribed(components[name], code.targets, components):
                    found.setdefault(made.name, made)
    return found


def _placed(components: Mapping[str, Component], edges: tuple[Edge, ...], codes: tuple[Code, ...]) -> list[Placed]:
    found = []
    for code in sorted(codes, key=lambda code: code.directory):
        running = tuple(name for name in _running(code, components) if components[name].kind in RUNNING)
        for name in running:
            peers = Peers(components[name], components, edges)
            led = {target.key: peer for target in code.targets if (peer := peers.find(target)) is not None}
            handlers = tuple(handler for handler in code.handlers if name in _meant(handler, code, running))
            found.append(Placed(components[name], structs.replace(code, handlers=handlers), led))
    return found


def _meant(handler: Handler, code: Code, running: tuple[str, ...]) -> frozenset[str]:
    """Return which components of one code base run a handler: those whose names share the most words with its path in it."""
    paths = (line.file.removeprefix(f"{code.directory}/") for line in handler.operation.evidence[:1])
    place = {word for path in paths for part in path.split("/") for word in name_words(part)}
    shared = {name: len(place.intersection(name_words(name))) for name in running}
    return frozenset(name for name in running if shared[name] == max(shared.values()))


def _running(code: Code, components: Mapping[str, Component]) -> tuple[str, ...]:
    """Return the components that run a program: all that are built from its very directory, else those built from above it."""
    same = tuple(
        name for name, component in sorted(components.items()) if component.source == code.directory and not component.stateful
    )
    return same if 0 < len(same) <= SHARED_LIMIT else owners(code.directory, components)


def _published(placed: Iterable[Placed], channels: Channels) -> list[Published]:
    found = set()
    for each in placed:
        targets = {target.key: target for target in each.code.targets}
        for handler in each.code.handlers:
            for step in walk(handler.operation.steps):
                if isinstance(step, Publish) and step.topic in each.found:
                    given = channels.published(each.found[step.topic].component.name, targets[step.topic])
                    if given is not None:
                        found.add(given)
    return sorted(found)


def _named(placed: Placed, handler: Handler, channels: Channels, published: list[Published]) -> list[Operation]:
    """Return the operations of a handler under their names; a consumer has one for each topic that reaches it."""
    component = placed.component.name
    operation = structs.replace(handler.operation, component=component)
    trigger = operation.trigger
    if trigger.kind != "message":
        name = f"{component} {trigger.name}" if trigger.name else operation_name(component, "http")
        return [structs.replace(operation, name=name)]
    target = next((each for each in placed.code.targets if each.key == handler.target), None)
    broker = placed.found.get(handler.target)
    if target is None or broker is None:
        return []
    return [
        structs.replace(
            operation,
            name=f"{component} on {topic}",
            trigger=structs.replace(trigger, name=f"{broker.component.name}/{topic}"),
        )
        for topic in channels.taken(broker.component.name, target, published)
    ]


def _carried(
    topics: Mapping[str, Topic], placed: Iterable[Placed], operations: Iterable[Operation], channels: Channels
) -> dict[str, Topic]:
    """Return the topics with what carries them: whether messages outlive the broker, and whose code makes sure that a queue is there."""
    codes = {each.component.name: each.code for each in placed}
    declares = {
        name: {queue.name for queue in code.queues} | {binding.queue for binding in code.bindings} for name, code in codes.items()
    }
    users: dict[str, set[str]] = {}
    queues: dict[str, set[str]] = {}
    for operation in operations:
        if operation.trigger.kind == "message":
            queues.setdefault(operation.trigger.name, set()).add(operation.trigger.group)
            users.setdefault(operation.trigger.name, set()).add(operation.component)
        for step in walk(operation.steps):
            if isinstance(step, Publish):
                users.setdefault(step.topic, set()).add(operation.component)
    found = {}
    for name, topic in topics.items():
        plain = name.partition("/")[2]
        carrying = {plain, *queues.get(name, ())}
        durable = channels.durable(plain, {plain: min(queues.get(name, {""}))})
        declared = tuple(sorted(each for each in declares if declares[each] & carrying))
        # A broker whose queues nobody declares makes them by itself; what some languages declare, nobody looked for.
        sought = {component for component, code in codes.items() if code.queues_sought}
        seen = users.get(name, set()) <= sought and any(declares[each] for each in users.get(name, ()))
        found[name] = structs.replace(topic, durable=durable, declared_by=declared if seen else None)
    return found


def _notes(placed: Iterable[Placed]) -> Iterable[Text]:
    """Yield what could not be followed: calls to addresses that no file tells."""
    notes = []
    for each in placed:
        lost = [
            target
            for target in each.code.targets
            if target.key not in each.found and target.protocol == "http" and target.method != "MESSAGE" and target.evidence
        ]
        name = each.component.name
        if lost:
            place = lost[0].evidence[0]
            notes.append(
                Text(
                    f"{name}: {len(lost)} HTTP calls in its code lead to addresses that no file tells, the first at {place}.",
                    f"{name}: {len(lost)} chamadas HTTP no código vão a endereços que nenhum arquivo informa, a primeira em {place}.",
                )
            )
        if not each.code.complete:
            notes.append(
                Text(
                    f"{name}: its code is larger than what is followed; what was not found in it proves nothing.",
                    f"{name}: o código é maior do que o que é seguido; o que não foi encontrado nele não prova nada.",
                )
            )
    return notes[:_NOTED]

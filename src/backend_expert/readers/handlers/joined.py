"""Put the handlers of code in the place of the operations that were only assumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct, structs

from backend_expert.model import (
    Branch,
    CacheGet,
    CachePut,
    Call,
    Certainty,
    Compensate,
    Component,
    Dataset,
    Evidence,
    Kind,
    Lock,
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
    Trigger,
    rewrite,
    rewrite_system,
    walk,
    without_superseded,
)
from backend_expert.model.graph import children
from backend_expert.readers.code import Code, Handler, Table, Target
from backend_expert.readers.edges import Edge
from backend_expert.readers.fragment import Address
from backend_expert.readers.handlers.channels import Channels, Published
from backend_expert.readers.handlers.gateways import passed_on
from backend_expert.readers.handlers.peers import Peers, Placed, undescribed
from backend_expert.readers.handlers.routes import answering
from backend_expert.readers.handlers.schemas import describe
from backend_expert.readers.programs import Programs, operation_name, topic_name
from backend_expert.readers.source_code.placing import SHARED_LIMIT, owners

_Remote = TypeVar("_Remote", Call, Query | CacheGet | CachePut, Publish)

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
    for each, operation in begun:
        writer = _Writer(each, served, channels, operations, datasets, topics)
        operations[operation.name] = structs.replace(operation, steps=writer.steps(operation.steps))
        if operation.trigger.kind == "message":
            writer.topic(operation.trigger.name.partition("/")[0], operation.trigger.name.partition("/")[2], operation)
    operations |= {each.name: each for each in passed_on(proxied, known, served, named)}
    describe(datasets, placed, tables)
    topics = _durable(topics, operations.values(), channels)
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
        for name in _running(code, components):
            if components[name].kind in RUNNING:
                peers = Peers(components[name], components, edges)
                led = {target.key: peer for target in code.targets if (peer := peers.find(target)) is not None}
                found.append(Placed(components[name], code, led))
    return found


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


class _Writer:
    """Write the steps of one program with the names of the system in the place of its targets."""

    def __init__(
        self,
        placed: Placed,
        served: Mapping[str, list[Operation]],
        channels: Channels,
        operations: dict[str, Operation],
        datasets: dict[str, Dataset],
        topics: dict[str, Topic],
    ) -> None:
        self.placed = placed
        self.served = served
        self.channels = channels
        self.operations = operations
        self.datasets = datasets
        self.topics = topics
        self.targets = {target.key: target for target in placed.code.targets}

    def steps(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Return the steps with the names of the system; those that lead nowhere are left out."""
        return rewrite(steps, self._step)

    def _step(self, step: Step) -> Step | tuple[Step, ...]:
        match step:
            case Call():
                return self._call(step)
            case Query() | CacheGet() | CachePut():
                name = self._dataset(step.dataset, step)
                if name is None:
                    return step.on_miss if isinstance(step, CacheGet) else ()
                return self._led(structs.replace(step, dataset=name), step.dataset)
            case Publish():
                return self._publish(step)
            case Transaction():
                store = self.placed.found.get(step.store)
                if store is None or not step.steps:
                    return step.steps
                return structs.replace(step, store=store.component.name)
            case Repeat() | Lock():
                return step if step.steps else ()
            case Parallel():
                return step if any(step.branches) else ()
            case Branch():
                return step if step.then or step.otherwise else ()
            case Compensate():
                return step if step.steps and step.undo else step.steps
            case _:
                return step

    def _call(self, step: Call) -> Step | tuple[Step, ...]:
        target = self.targets[step.operation]
        if target.method == "MESSAGE":
            return self._through_broker(step, target)
        found = self.placed.found.get(step.operation)
        if found is None:
            return ()
        component = found.component
        if component.stateful:
            return ()
        if target.protocol == "grpc":
            return self._procedure(step, component, target)
        if target.protocol == "tcp":
            pattern = "".join(piece.text for piece in target.path)
            named = f"{component.name} {pattern}"
            return structs.replace(
                step, operation=self._operation(component, named if named in self.operations else "", "tcp"), protocol="tcp"
            )
        protocol = found.protocol or "http"
        answer = answering(self.served.get(component.name, ()), target.method, found.path)
        name = answer.name if answer is not None else self._operation(component, "", protocol)
        return self._led(structs.replace(step, operation=name, protocol=protocol), step.operation)

    def _procedure(self, step: Call, component: Component, target: Target) -> Call:
        """Return a call of a procedure: servers and clients write the first letter of its name differently."""
        asked = "".join(piece.text for piece in target.path).rpartition(".")[2].lower()
        same = [
            each.name
            for each in self.served.get(component.name, ())
            if each.trigger.kind == "rpc" and each.trigger.name.rpartition(".")[2].lower() == asked
        ]
        name = same[0] if len(same) == 1 else self._operation(component, "", "grpc")
        return self._led(structs.replace(step, operation=name, protocol="grpc"), step.operation)

    def _operation(self, component: Component, name: str, protocol: str) -> str:
        """Return the operation that stands for everything a component answers, made where there is none."""
        if name:
            return name
        served = "http" if protocol in {"", "https", "tcp", "ws", "wss"} else protocol
        name = operation_name(component.name, served)
        if name not in self.operations:
            self.operations[name] = Operation(
                name=name,
                component=component.name,
                trigger=Trigger(kind="rpc" if served == "grpc" else "http"),
                certainty=Certainty.ASSUMED,
                evidence=component.evidence[:1],
            )
        return name

    def _through_broker(self, step: Call, target: Target) -> Step | tuple[Step, ...]:
        pattern = "".join(piece.text for piece in target.path)
        answering_to = [
            name
            for name, operation in sorted(self.operations.items())
            if operation.trigger.kind == "rpc"
            and operation.trigger.name == pattern
            and operation.component != self.placed.component.name
        ]
        if len(answering_to) != 1:
            return ()
        return structs.replace(step, operation=answering_to[0], protocol=target.protocol or "amqp")

    def _dataset(self, key: str, step: Query | CacheGet | CachePut) -> str | None:
        found = self.placed.found.get(key)
        if found is None:
            return None
        target = self.targets[key]
        store = found.component.name
        # The number of a Redis database names nothing; the key space does.
        database = "" if found.component.kind is Kind.CACHE else found.database
        named = ".".join(part for part in (database, target.dataset) if part)
        name = f"{store}/{named or found.database or '*'}"
        before = self.datasets.get(name)
        evidence = tuple(dict.fromkeys((*(before.evidence if before is not None else ()), *step.evidence[:1])))
        self.datasets[name] = Dataset(
            name=name,
            store=store,
            database=database,
            columns=before.columns if before is not None else (),
            indexes=before.indexes if before is not None else (),
            references=before.references if before is not None else (),
            certainty=before.certainty if before is not None else Certainty.RECOVERED,
            evidence=evidence[:5],
        )
        return name

    def _publish(self, step: Publish) -> Step | tuple[Step, ...]:
        found = self.placed.found.get(step.topic)
        if found is None:
            return ()
        broker = found.component.name
        published = self.channels.published(broker, self.targets[step.topic])
        if published is None:
            name = topic_name(broker)
            self.topics.setdefault(name, Topic(name=name, broker=broker, certainty=Certainty.ASSUMED, evidence=step.evidence[:1]))
            return structs.replace(step, topic=name)
        topic = self.channels.topic(published)
        self.topic(broker, topic, step)
        key = published.key if published.key != topic else step.key
        return self._led(structs.replace(step, topic=f"{broker}/{topic}", key=key), step.topic)

    def _led(self, step: _Remote, target: str) -> _Remote:
        """Return a step with the lines of its client and of the setting that holds the address among its evidence."""
        client: tuple[Evidence, ...] = () if isinstance(step, Call) else self.targets[target].evidence
        evidence = tuple(dict.fromkeys((*step.evidence, *client, *self.placed.found[target].evidence)))
        return structs.replace(step, evidence=evidence)

    def topic(self, broker: str, topic: str, told: Publish | Operation) -> None:
        """Keep a topic with the line that names it."""
        name = f"{broker}/{topic}"
        before = self.topics.get(name)
        evidence = tuple(dict.fromkeys((*(before.evidence if before is not None else ()), *told.evidence[:1])))
        self.topics[name] = Topic(name=name, broker=broker, certainty=Certainty.RECOVERED, evidence=evidence[:5])


def _durable(topics: Mapping[str, Topic], operations: Iterable[Operation], channels: Channels) -> dict[str, Topic]:
    """Return the topics with whether their messages outlive the broker."""
    groups = {
        operation.trigger.name.partition("/")[2]: operation.trigger.group
        for operation in operations
        if operation.trigger.kind == "message"
    }
    return {
        name: structs.replace(topic, durable=channels.durable(name.partition("/")[2], groups)) for name, topic in topics.items()
    }


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
        from_caller = [target for target in lost if target.from_caller]
        if from_caller:
            place = from_caller[0].evidence[0]
            notes.append(
                Text(
                    f"{name} calls an address that comes with the request ({place}): whom it calls, nobody can tell from the files.",
                    f"{name} chama um endereço que vem na requisição ({place}): os arquivos não dizem quem é chamado.",
                )
            )
        unknown = [target for target in lost if not target.from_caller]
        if unknown:
            place = unknown[0].evidence[0]
            notes.append(
                Text(
                    f"{name}: {len(unknown)} HTTP calls in its code lead to addresses that no file tells, the first at {place}.",
                    f"{name}: {len(unknown)} chamadas HTTP no código vão a endereços que nenhum arquivo informa, a primeira em {place}.",
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

"""Write the steps of a program with the names of the system: components, operations, datasets and topics in the place of its targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec import structs

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
    Topic,
    Transaction,
    Trigger,
    rewrite,
)
from backend_expert.readers.code import Target
from backend_expert.readers.handlers.channels import Channels
from backend_expert.readers.handlers.peers import Placed
from backend_expert.readers.handlers.routes import answering
from backend_expert.readers.programs import operation_name, topic_name

_Remote = TypeVar("_Remote", Call, Query | CacheGet | CachePut, Publish)


class Writer:
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
        if target.from_caller:
            return structs.replace(step, operation=self._operation(component, "", protocol), protocol=protocol)
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

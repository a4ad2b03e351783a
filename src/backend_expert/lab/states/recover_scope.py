"""What belongs to a flow: the operations that an entry reaches, and which of them change something."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend_expert.model import Action, Call, Kind, Operation, Publish, Query, Step, System
from backend_expert.model.graph import walk


class Scope:
    """The operations that an entry of a system reaches by calls, messages and the relays of its outboxes, in the order they are met.

    `changing` are those that change something themselves or through what they call. `renewed` are those in which a repetition further
    up makes new rows, because the operation that makes the first row is itself repeated. `unread` are called, but nobody has read them.
    """

    def __init__(self, system: System, entry: Operation) -> None:
        self.system = system
        self.entry = entry
        self.operations = {operation.name: operation for operation in system.operations}
        self.kinds = {component.name: component.kind for component in system.components}
        self.outboxes = outboxes(system)
        self.reached = self._reach()
        self.changing = self._changing()
        self.renewed = self._renewed()
        self.unread = tuple(dict.fromkeys(step.operation for step in self._calls() if self._unread(step)))

    @property
    def steps(self) -> Iterator[tuple[Operation, Step]]:
        """Yield every step of the operations that are reached, with its operation."""
        for operation in self.reached:
            for step in walk(operation.steps):
                yield operation, step

    def effect(self, step: Call) -> bool:
        """Tell whether a call changes the world outside: a GET does not."""
        operation = self.operations.get(step.operation)
        return operation is not None and self._outside(operation) and not _only_reads(operation)

    def stored(self, step: Query) -> tuple[str, ...]:
        """Return the topics that a row of an outbox is published to: the one that its statement names, else all of its relay."""
        topics = self.outboxes.get(step.dataset, ()) if step.action is Action.INSERT else ()
        named = tuple(topic for topic in topics if topic.rpartition("/")[2] in step.statement)
        return named or topics

    def _outside(self, operation: Operation) -> bool:
        return self.kinds.get(operation.component) is Kind.EXTERNAL

    def _reach(self) -> tuple[Operation, ...]:
        found: dict[str, Operation] = {}
        waiting = [self.entry.name]
        while waiting:
            operation = self.operations.get(waiting.pop(0))
            if operation is None or operation.name in found or self._outside(operation):
                continue
            found[operation.name] = operation
            for step in walk(operation.steps):
                match step:
                    case Call():
                        waiting.append(step.operation)
                    case Publish():
                        waiting += self._consumers(step.topic)
                    case Query():
                        waiting += [name for topic in self.stored(step) for name in self._consumers(topic)]
                    case _:
                        pass
        return tuple(found.values())

    def _consumers(self, topic: str) -> list[str]:
        return [each.name for each in self.system.operations if each.trigger.kind == "message" and each.trigger.name == topic]

    def _changing(self) -> frozenset[str]:
        found: set[str] = set()
        growing = True
        while growing:
            before = len(found)
            for operation, step in self.steps:
                match step:
                    case Query() if step.action is not Action.READ:
                        found.add(operation.name)
                    case Publish():
                        found.add(operation.name)
                    case Call() if step.operation in found or self.effect(step):
                        found.add(operation.name)
                    case _:
                        pass
            growing = len(found) > before
        return frozenset(found)

    def _renewed(self) -> frozenset[str]:
        """Return everything from the first operation that inserts on, where the entry or a caller on the way to it tries again."""
        for place, operation in enumerate(self.reached):
            if any(isinstance(step, Query) and step.action is Action.INSERT for step in walk(operation.steps)):
                above = (step for each in self.reached[:place] for step in walk(each.steps))
                repeated = any(isinstance(step, Call) and _retried(step) for step in above)
                return frozenset(each.name for each in self.reached[place:]) if repeated else frozenset()
        return frozenset()

    def _calls(self) -> Iterator[Call]:
        return (step for _, step in self.steps if isinstance(step, Call))

    def _unread(self, step: Call) -> bool:
        """Tell whether a call goes to an operation of ours that would change something, by its verb, and whose steps nobody knows."""
        operation = self.operations.get(step.operation)
        return operation is not None and not operation.steps and not self._outside(operation) and not _only_reads(operation)


def outboxes(system: System) -> dict[str, tuple[str, ...]]:
    """Return the datasets that a relay publishes from, with its topics: a job that reads rows, publishes, and marks or deletes them."""
    found: dict[str, tuple[str, ...]] = {}
    for operation in system.operations:
        steps = tuple(walk(operation.steps))
        if operation.trigger.kind not in {"schedule", "start"}:
            continue
        topics = tuple(dict.fromkeys(step.topic for step in steps if isinstance(step, Publish)))
        queries = [step for step in steps if isinstance(step, Query)]
        read = {step.dataset for step in queries if step.action is Action.READ}
        for step in queries:
            if topics and step.action is not Action.READ and step.action is not Action.INSERT and step.dataset in read:
                found[step.dataset] = tuple(dict.fromkeys((*found.get(step.dataset, ()), *topics)))
    return found


def _only_reads(operation: Operation) -> bool:
    """Tell whether an operation changes nothing, by its verb; an HTTP request without a known verb is taken for a GET, as it mostly is."""
    name = operation.trigger.name or operation.name
    if re.search(r"\b(POST|PUT|PATCH|DELETE)\b", name):
        return False
    return operation.trigger.kind == "http" or re.search(r"\b(GET|HEAD|OPTIONS)\b", name) is not None


def _retried(step: Call) -> bool:
    return step.policy.retry is not None and step.policy.retry.attempts.value > 1

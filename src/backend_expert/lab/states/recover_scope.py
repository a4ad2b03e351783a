"""What belongs to a flow: the operations that an entry reaches, and which of them change something."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend_expert.model import Action, Call, Certainty, Kind, Operation, Publish, Query, Reply, Step, System, Work
from backend_expert.model.graph import walk


class Scope:
    """The operations that an entry of a system reaches by calls, messages and the relays of its outboxes, in the order they are met.

    `changing` are those that change something themselves or through what they call. `renewed` are those in which a repetition further
    up makes new rows, because the operation that makes the first row is itself repeated.
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

    @property
    def steps(self) -> Iterator[tuple[Operation, Step]]:
        """Yield every step of the operations that are reached, with its operation."""
        for operation in self.reached:
            for step in walk(operation.steps):
                yield operation, step

    def effect(self, step: Call, caller: Operation) -> bool:
        """Tell whether a call has an effect that only its callee sees: in somebody else's system, or behind a handler that was not read.

        A GET has none, nor what a GET of ours calls without a known verb, nor what a caller is only thought to call.
        """
        operation = self.operations.get(step.operation)
        if operation is None or not (self._outside(operation) or _unread(operation)):
            return False
        if self.guessed(step) and caller.certainty is Certainty.ASSUMED:
            return False
        return _changes(operation) if _verb(operation) else _changes(caller)

    def guessed(self, step: Call) -> bool:
        """Tell whether a call only may have an effect: its verb is not known, or its handler was not read."""
        operation = self.operations[step.operation]
        return not _verb(operation) or not self._outside(operation)

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
                    case Call() if step.operation in found or self.effect(step, operation):
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


def _unread(operation: Operation) -> bool:
    """Tell whether nobody knows what an operation does: nothing stands in it but work that is assumed."""
    assumed = any(step.certainty is Certainty.ASSUMED for step in operation.steps)
    return all(isinstance(step, Work | Reply) for step in operation.steps) and (assumed or not operation.steps)


def _verb(operation: Operation) -> str:
    """Return the HTTP verb in the name of an operation; other protocols have none that would matter."""
    named = re.search(r"\b(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE)\b", operation.trigger.name or operation.name)
    return named[1] if named else "" if operation.trigger.kind == "http" else operation.trigger.kind


def _changes(operation: Operation) -> bool:
    return _verb(operation) not in {"GET", "HEAD", "OPTIONS"}


def _retried(step: Call) -> bool:
    return step.policy.retry is not None and step.policy.retry.attempts.value > 1

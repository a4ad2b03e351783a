"""The commands of a machine as they are made, and the lanes that they are drawn between."""

from __future__ import annotations

from backend_expert.lab.states import words
from backend_expert.lab.states.expression import (
    Guard,
    at_least,
    both,
    number,
    variable,
)
from backend_expert.lab.states.flow import (
    Flow,
    Read,
    Step,
    Topic,
    walk,
)
from backend_expert.lab.states.invariants import counted_quantities
from backend_expert.lab.states.machine import Command, Kind
from backend_expert.lab.states.process import Process
from backend_expert.lab.states.program import Acquire, Await, Early, Group, Node, Release
from backend_expert.lab.states.statements import Path
from backend_expert.lab.states.world import (
    Instance,
    World,
)
from backend_expert.model import Evidence, Text


class Commands:
    """Collect the commands of a flow; `counted` names the quantities of which every taking is counted."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.world = World(flow)
        self.counted = counted_quantities(flow)
        self.made: list[Command] = []

    def add(
        self,
        said: words.Said,
        guard: Guard,
        path: Path,
        *,
        kind: Kind = "internal",
        actor: str,
        target: str = "",
        evidence: Evidence | None = None,
        fault: str = "",
        fine: bool = True,
    ) -> None:
        """Add a command; `guard` is about the values before it, so are the conditions and values of the path."""
        whole = both(guard, path.guard)
        values = dict(path.values)
        if fault:
            if self.budget(fault) == 0:
                return
            whole = both(whole, at_least(fault, 1))
            values[fault] = variable(fault) - number(1)
            kind = "fault"
        changes = tuple((name, value) for name, value in values.items() if value != variable(name))
        if whole and changes:
            self.made.append(
                Command(said.sentence, said.arrow, whole, changes, kind, actor, target or actor, evidence, fault, fine)
            )

    def budget(self, fault: str) -> int:
        """Return how often a fault may happen."""
        return dict(self.flow.bounds.faults)[fault]

    def on(
        self,
        process: Process,
        node: Node,
        instance: Instance,
        what: Text,
        path: Path,
        *,
        edge: object = "next",
        target: str = "",
        fault: str = "",
        fine: bool = True,
    ) -> None:
        """Add the commands that leave a node by one edge."""
        for each in process.go(path, node, node.edges[edge], instance, fine=fine):
            self.add(
                words.does(process.handler.name, instance, what),
                process.here(node, instance),
                each,
                actor=process.handler.actor,
                target=target,
                evidence=evidence_of(node),
                fault=fault,
                fine=fine,
            )


def client_lane(instance: Instance) -> str:
    """Return the lane of a client."""
    return f"client {instance.request + 1}"


def broker_lane(topic: Topic) -> str:
    """Return the lane of a topic: the broker where its name says it (`rabbitmq/order.created`)."""
    return topic.name.partition("/")[0]


def store_lane(steps: tuple[Step, ...]) -> str:
    """Return the lane of the store that the steps go to: the part of a table's name before the first dot."""
    for step in walk(steps):
        match step:
            case Read():
                return step.source.removeprefix("sum(").partition(".")[0]
            case _ if hasattr(step, "table"):
                return str(step.table).partition(".")[0]
            case _ if hasattr(step, "column"):
                return str(step.column).partition(".")[0]
            case _:
                continue
    return ""


def evidence_of(node: Node) -> Evidence | None:
    """Return where the step of a place was read."""
    operation = node.operation
    match operation:
        case Group():
            return next((step.evidence for step in operation.steps if step.evidence), None)
        case Early() | Await():
            return operation.step.evidence
        case Acquire() | Release():
            return operation.lock.evidence
        case str():
            return None
        case _:
            return operation.evidence

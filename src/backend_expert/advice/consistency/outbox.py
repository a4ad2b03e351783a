"""Write the event into the transaction of the row, and let a relay publish it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct, structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.flows import change_handlers, only_store
from backend_expert.advice.place import added, component_of, with_steps
from backend_expert.lab import states
from backend_expert.lab.states.flow import rewrite
from backend_expert.lab.states.flow import walk as walk_flow
from backend_expert.model import (
    Action,
    Dataset,
    Finding,
    Kind,
    Operation,
    Publish,
    Query,
    Step,
    System,
    Transaction,
    Trigger,
    walk,
)


class Move(Struct, frozen=True):
    """The write of an operation beside which its messages are stored from now on."""

    write: Query
    messages: tuple[Publish, ...]
    store: str
    outbox: str


def in_flow(flow: states.Flow, invariant: states.Invariant) -> states.Flow:
    """Move every direct publish into the transaction of the row that it tells of."""
    return stored_with_the_row(flow, invariant, "outbox")


def stored_with_the_row(flow: states.Flow, invariant: states.Invariant, via: Literal["outbox", "cdc"]) -> states.Flow:
    """Return the flow whose direct publishes (of the invariant's topic, else all) take effect with the row that they tell of."""
    topics = {topic.name for topic in flow.topics}
    wanted = {invariant.of} & topics or topics
    return change_handlers(flow, lambda handler: _stored(handler, wanted, via))


def _stored(handler: states.Handler, topics: set[str], via: Literal["outbox", "cdc"]) -> states.Handler:
    def inside(step: states.Step) -> states.Step:
        if not isinstance(step, states.Transaction) or not any(isinstance(each, states.Insert) for each in walk_flow(step.steps)):
            return step
        return structs.replace(step, steps=tuple(_by_relay(each, via) if _direct(each, topics) else each for each in step.steps))

    steps = rewrite(handler.steps, inside)
    for publish in [step for step in steps if _direct(step, topics)]:
        moved = _beside_the_row(tuple(each for each in steps if each is not publish), _by_relay(publish, via))
        steps = steps if moved is None else moved
    return structs.replace(handler, steps=steps)


def _direct(step: states.Step, topics: set[str]) -> bool:
    return isinstance(step, states.Publish) and not step.via and step.topic in topics


def _by_relay(step: states.Step, via: Literal["outbox", "cdc"]) -> states.Step:
    """Return a publish that a relay makes later, which waits for the broker."""
    assert isinstance(step, states.Publish)
    return structs.replace(step, via=via, confirmed=True)


def _beside_the_row(steps: tuple[states.Step, ...], publish: states.Step) -> tuple[states.Step, ...] | None:
    """Return the steps with the publish beside the insert: in its transaction, or in a new one; nothing where no row is inserted."""
    for index, step in enumerate(steps):
        if isinstance(step, states.Transaction) and any(isinstance(each, states.Insert) for each in walk_flow((step,))):
            return (*steps[:index], structs.replace(step, steps=(*step.steps, publish)), *steps[index + 1 :])
    inserts = [index for index, step in enumerate(steps) if isinstance(step, states.Insert)]
    if not inserts:
        return None
    start = inserts[-1]
    end = start + 1
    while end < len(steps) and only_store(steps[end]):
        end += 1
    together = states.Transaction((*steps[start:end], publish), evidence=steps[start].evidence)
    return (*steps[:start], together, *steps[end:])


@remedy(
    "outbox",
    en="Store the event in the transaction of the row, and let a relay publish it",
    pt="Grave o evento na transação da linha e deixe um relay publicá-lo",
    addresses=("dual-write",),
    considers=("consistency", "eventually-consistent", "asynchronous-communication"),
    effort="days",
    in_flow=in_flow,
    closes=("lost-event", "phantom-event", "stuck", "half-compensated"),
)
def outbox(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - a lost event is lost at any load
    """Return the system in which the finding's operations insert their messages into an outbox, and a relay publishes them.

    The insert stands in the transaction of the first write, or in a new one around both. The relay of the component reads what is
    stored, publishes it with confirms and marks it, over and over. Only writes to databases count: an outbox needs a transaction.
    """
    moves = dict(_moves(system, finding))
    if not moves:
        return system
    stored: set[str] = set()

    def rewritten(operation: Operation, step: Step) -> Step | tuple[Step, ...]:
        move = moves.get(operation.name)
        if move is None:
            return step
        if step in move.messages:
            return ()
        inserts = tuple(Query(dataset=move.outbox, action=Action.INSERT) for _ in move.messages)
        if operation.name in stored:
            return step
        if isinstance(step, Transaction) and move.write in walk(step.steps):
            stored.add(operation.name)
            return structs.replace(step, steps=(*step.steps, *inserts))
        if step == move.write and not _in_transaction(operation, move.write):
            stored.add(operation.name)
            return Transaction(store=move.store, steps=(step, *inserts))
        return step

    changed = with_steps(system, rewritten)
    for name, move in moves.items():
        changed = structs.replace(
            changed,
            datasets=added(changed.datasets, Dataset(name=move.outbox, store=move.store)),
            operations=_with_relay(changed.operations, system.operation(name).component, move),
        )
    return changed


def _moves(system: System, finding: Finding) -> Iterator[tuple[str, Move]]:
    """Yield, for each operation of the finding that can have an outbox, its write and the messages that go with it."""
    if not finding.links:
        return
    link = finding.links[-1]
    brokers = {topic.name: topic.broker for topic in system.topics}
    stores = {dataset.name: dataset.store for dataset in system.datasets}
    for operation in system.operations:
        steps = tuple(walk(operation.steps))
        writes = [step for step in steps if isinstance(step, Query) and step.action is not Action.READ]
        messages = tuple(step for step in steps if isinstance(step, Publish) and brokers.get(step.topic) == link.callee)
        write = next((step for step in writes if _in_database(system, stores.get(step.dataset, ""))), None)
        repeated = operation.trigger.kind == "message" and operation.trigger.acknowledge == "after"
        stored = any("outbox" in step.dataset for step in writes)
        if operation.component == link.caller and messages and write is not None and not stored and not repeated:
            yield operation.name, Move(write, messages, stores[write.dataset], _beside(write.dataset))


def _in_database(system: System, store: str) -> bool:
    component = component_of(system, store)
    return component is not None and component.kind is Kind.DATABASE


def _in_transaction(operation: Operation, write: Query) -> bool:
    return any(isinstance(step, Transaction) and write in walk(step.steps) for step in walk(operation.steps))


def _beside(dataset: str) -> str:
    """Return the outbox in the database of a dataset: `postgres/shop.orders` gives `postgres/shop.outbox`."""
    store, _, table = dataset.partition("/")
    database, dot, _ = table.rpartition(".")
    return f"{store}/{database}{dot}outbox"


def _with_relay(operations: tuple[Operation, ...], component: str, move: Move) -> tuple[Operation, ...]:
    """Return the operations with the relay of the component, which publishes these messages too."""
    name = f"{component} relays {move.outbox}"
    old = next((each for each in operations if each.name == name), None)
    known = [step for step in old.steps if isinstance(step, Publish)] if old is not None else []
    new = [structs.replace(each, confirmed=True, persistent=True, evidence=()) for each in move.messages]
    relay = Operation(
        name=name,
        component=component,
        trigger=Trigger(kind="schedule", name="outbox"),
        steps=(
            Query(dataset=move.outbox, action=Action.READ),
            *dict.fromkeys((*known, *new)),
            Query(dataset=move.outbox, action=Action.UPDATE),
        ),
    )
    return added(tuple(each for each in operations if each is not old), relay)

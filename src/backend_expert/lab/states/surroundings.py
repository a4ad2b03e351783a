"""What brokers, relays, locks, caches and replicas do by themselves."""

from __future__ import annotations

from backend_expert.lab.states import queues, words
from backend_expert.lab.states.commands import Commands, broker_lane, store_lane
from backend_expert.lab.states.expression import (
    TRUE,
    Guard,
    at_least,
    both,
    compare,
    is_value,
    number,
    total,
    variable,
)
from backend_expert.lab.states.flow import (
    CacheGet,
    Handler,
    Lock,
    Read,
    Topic,
    walk,
)
from backend_expert.lab.states.process import DEAD, FREE
from backend_expert.lab.states.statements import Path
from backend_expert.lab.states.world import (
    Instance,
)


def broker(commands: Commands, topic: Topic) -> None:
    """Add what may happen to the messages of a topic: duplicates, losses, a restart, and the relay of its outbox."""
    lane = broker_lane(topic)
    relayed = any(step.topic == topic.name and step.via for step in commands.world.publishes)
    groups = commands.flow.consumers(topic.name)
    for instance in commands.world.instances:
        for group in groups:
            queue = commands.world.queue(topic, group, instance)
            if group.acknowledge == "explicit":
                path = Path(at_least(queue, 1)).assign(queue, variable(queue) + number(1))
                commands.add(
                    words.does(group.name, instance, words.duplicated(topic.name)), TRUE, path, actor=lane, fault="duplicate"
                )
            for path in queues.lost(commands.world, topic, group, instance):
                commands.add(words.does(group.name, instance, words.lost(topic.name)), TRUE, path, actor=lane, fault="loss")
        if relayed:
            _relay(commands, topic, instance)
    if not topic.durable and groups:
        waiting = [commands.world.queue(topic, group, instance) for instance in commands.world.instances for group in groups]
        path = Path(_at_least_one(waiting))
        for group in groups:
            path = Path(path.guard, {**path.values, **queues.forgotten(commands.world, topic, group).values})
        commands.add(words.itself(words.broker_restarts(topic.name)), TRUE, path, actor=lane, fault="crash")


def _relay(commands: Commands, topic: Topic, instance: Instance) -> None:
    """Send what the outbox holds, then mark it: a crash between the two sends it again."""
    waiting = commands.world.outbox(topic, instance)
    sent = commands.world.flag(f"{topic.name} sent, not marked[{instance.key}]")
    lane = broker_lane(topic)
    ready = both(at_least(waiting, 1), is_value(sent, 0))
    for path in queues.put(commands.world, topic, instance):
        said = words.does("relay", instance, words.relays(topic.name))
        commands.add(said, ready, path.assign(sent, number(1)), actor="relay", target=lane)
    marked = Path(is_value(sent, 1)).assign(sent, number(0)).assign(waiting, variable(waiting) - number(1))
    commands.add(words.does("relay", instance, words.RELAY_MARKS), at_least(waiting, 1), marked, actor="relay")
    died = Path(is_value(sent, 1)).assign(sent, number(0))
    commands.add(words.does("relay", instance, words.RELAY_CRASHES), TRUE, died, actor="relay", fault="crash")


def locks(commands: Commands, handler: Handler) -> None:
    """The lease of a holder that died runs out by itself; a lock without a lease stays taken."""
    for step in walk(handler.steps):
        if isinstance(step, Lock) and step.lease:
            for instance in commands.world.instances:
                holder = commands.world.holder(step, instance)
                if any(
                    name == holder and command.label == words.LEASE_OF_DEAD
                    for command in commands.made
                    for name, _ in command.update
                ):
                    continue
                commands.add(
                    words.itself(words.LEASE_OF_DEAD),
                    is_value(holder, DEAD),
                    Path(TRUE, {holder: number(FREE)}),
                    actor=step.resource,
                )


def copies(commands: Commands, handler: Handler) -> None:
    """Replicas catch up, caches drop entries."""
    made = {name for command in commands.made for name, _ in command.update if command.label in {words.EVICTS, words.CATCHES_UP}}
    for step in walk(handler.steps):
        for instance in commands.world.instances:
            if isinstance(step, CacheGet):
                name, _ = commands.world.cached(step.column, instance)
                if name not in made:
                    made.add(name)
                    path = Path(TRUE, {name: number(0)})
                    commands.add(words.itself(words.EVICTS), at_least(name, 1), path, kind="environment", actor="cache")
            elif isinstance(step, Read) and step.replica:
                table, column = commands.world.split(step.source)
                name, main = commands.world.replica(table, column, instance), commands.world.column(table, column, instance)
                if name not in made:
                    made.add(name)
                    late = compare(variable(name), "!=", variable(main))
                    commands.add(
                        words.itself(words.CATCHES_UP), late, Path(TRUE, {name: variable(main)}), actor=store_lane((step,))
                    )


def _at_least_one(names: list[str]) -> Guard:
    """Return the guard that one of several counters is not zero."""
    return compare(total(names), ">=", number(1))

"""A flow becomes a machine: every process, message, client and fault as guarded commands."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from backend_expert.lab.states import queues, words
from backend_expert.lab.states.commands import Commands, broker_lane, client_lane
from backend_expert.lab.states.deadlocks import deadlocks
from backend_expert.lab.states.expression import (
    ExpressionError,
    at_least,
    both,
    is_value,
    number,
)
from backend_expert.lab.states.flow import (
    Flow,
    FlowError,
    Handler,
)
from backend_expert.lab.states.invariants import properties, stated
from backend_expert.lab.states.machine import Machine
from backend_expert.lab.states.places import drive
from backend_expert.lab.states.process import DEAD, Process
from backend_expert.lab.states.python_engine import in_engine_order
from backend_expert.lab.states.statements import Path
from backend_expert.lab.states.surroundings import broker, copies, locks
from backend_expert.lab.states.world import (
    CLIENT_BROKEN,
    CLIENT_IDLE,
    CLIENT_SERVED,
    CLIENT_WAITS,
    Instance,
)
from backend_expert.model import Text


def compile_flow(flow: Flow) -> Machine:
    """Return the machine of a flow, in engine order; raise `FlowError` where the flow does not fit together."""
    try:
        return _machine(Commands(flow))
    except ExpressionError as error:
        raise FlowError(f"Flow {flow.name!r} cannot be explored: {error}.") from None


def _machine(commands: Commands) -> Machine:
    holders = count(DEAD + 1)
    processes: list[Process] = []
    for handler in commands.flow.handlers:
        if not handler.called:
            processes += _processes(commands, handler, holders)
    for process in processes:
        drive(commands, process)
    deadlocks(commands, tuple(each for process in processes for each in process.family()))
    for topic in commands.flow.topics:
        broker(commands, topic)
    for handler in commands.flow.handlers:
        locks(commands, handler)
        copies(commands, handler)
    checked = properties(commands.flow, commands.world)
    made = Machine(tuple(commands.world.variables.values()), tuple(commands.made), checked)
    return in_engine_order(made)


def _processes(commands: Commands, handler: Handler, holders: Iterator[int]) -> tuple[Process, ...]:
    if handler.consumes:
        commands.flow.topic(handler.consumes)
        workers = tuple(
            Process(
                commands.world, handler, f"{handler.name} worker {index}" if handler.workers > 1 else handler.name, None, holders
            )
            for index in range(1, handler.workers + 1)
        )
        for index, worker in enumerate(workers):
            _receive(commands, worker, workers[:index])
        return workers
    found = []
    for instance in commands.world.instances:
        process = Process(commands.world, handler, f"{handler.name}[{instance.key}]", instance, holders)
        found.append(process)
        if handler.sweeps:
            _sweep(commands, process, instance)
        elif handler.after:
            _follow(commands, process, instance)
        else:
            _request(commands, process, instance)
    return tuple(found)


def _request(commands: Commands, process: Process, instance: Instance) -> None:
    """The client sends its request, and perhaps again when the connection broke."""
    handler = process.handler
    client = commands.world.client(handler, instance)
    actor = client_lane(instance)
    idle = is_value(client, CLIENT_IDLE)
    for path in process.start(Path().assign(client, number(CLIENT_WAITS)), instance):
        if instance.attempt == 0:
            commands.add(
                words.does(handler.name, instance, words.SENDS),
                idle,
                path,
                kind="request",
                actor=actor,
                target=handler.actor,
                evidence=handler.evidence,
            )
        else:
            before = commands.world.client(handler, Instance(instance.request, instance.attempt - 1))
            guard = both(idle, is_value(before, CLIENT_BROKEN))
            commands.add(
                words.does(handler.name, instance, words.SENDS_AGAIN),
                guard,
                path,
                actor=actor,
                target=handler.actor,
                evidence=handler.evidence,
                fault="retry",
            )
    if commands.budget("retry"):
        commands.add(
            words.does(handler.name, instance, words.GIVES_UP),
            is_value(client, CLIENT_WAITS),
            Path().assign(client, number(CLIENT_BROKEN)),
            actor=actor,
            fault="timeout",
        )


def _follow(commands: Commands, process: Process, instance: Instance) -> None:
    """The client goes on with a second request when the first is answered."""
    handler = process.handler
    first = commands.flow.handler(handler.after)
    if not first.entry:
        raise FlowError(f"Handler {handler.name!r} comes after {first.name!r}, which no client calls.")
    client = commands.world.client(handler, instance)
    guard = both(is_value(client, CLIENT_IDLE), is_value(commands.world.client(first, instance), CLIENT_SERVED))
    for path in process.start(Path().assign(client, number(CLIENT_WAITS)), instance):
        commands.add(
            words.does(handler.name, instance, words.SENDS),
            guard,
            path,
            kind="environment",
            actor=client_lane(instance),
            target=handler.actor,
            evidence=handler.evidence,
        )


def _receive(commands: Commands, process: Process, busier: tuple[Process, ...]) -> None:
    """A free worker takes a waiting message; of several free workers the first, because they are alike."""
    handler = process.handler
    topic = commands.flow.topic(handler.consumes)
    free = both(is_value(process.at, 0), *(at_least(each.at, 1) for each in busier))
    for instance in commands.world.instances:
        taken = queues.taken(commands.world, topic, handler, instance)
        for path in (started for way in taken for started in process.start(way, instance)):
            commands.add(
                words.does(handler.name, instance, words.receives(topic.name)),
                free,
                path,
                actor=broker_lane(topic),
                target=handler.actor,
                evidence=handler.evidence,
            )


def _sweep(commands: Commands, process: Process, instance: Instance) -> None:
    """A job takes up every instance that fulfils its condition."""
    guard = stated(commands.world, process.handler.sweeps, instance)
    for path in process.start(Path(), instance):
        commands.add(
            words.does(process.handler.name, instance, Text("the job takes it up", "o job o encontra")),
            both(is_value(process.at, 0), guard),
            path,
            actor=process.handler.actor,
            evidence=process.handler.evidence,
        )

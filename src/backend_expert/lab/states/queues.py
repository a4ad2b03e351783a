"""What waits for a group of consumers: how messages come in, are handed out, come back, and are done with.

A queue is a counter for each attempt, so its messages come in any order. In an ordered topic those that tell of one row (a partition key)
form a stream: each attempt has its place in it, the first is handed out, and nobody gets the next before that one is done with. A
duplicate stands beside its original, and a message that comes back is handed out again before any other, as a log does it that is read
again from the last confirmed place.
"""

from __future__ import annotations

from backend_expert.lab.states.expression import at_least, both, is_value, number, variable
from backend_expert.lab.states.flow import Handler, Topic
from backend_expert.lab.states.machine import Variable
from backend_expert.lab.states.statements import Path
from backend_expert.lab.states.world import Instance, World


def put(world: World, topic: Topic, instance: Instance) -> tuple[Path, ...]:
    """Return the paths on which a message of an attempt comes to wait for every group of a topic."""
    paths = [Path()]
    for group in world.flow.consumers(topic.name):
        queue = world.queue(topic, group, instance)
        paths = [path.assign(queue, variable(queue) + number(1)) for path in paths]
        if topic.ordered:
            stream = _Stream(world, topic, group, instance)
            place = stream.place(instance)
            paths = [
                each
                for path in paths
                for each in (
                    path.where(at_least(place, 1)),
                    path.where(is_value(place, 0))
                    .assign(stream.length, variable(stream.length) + number(1))
                    .assign(place, variable(stream.length)),
                )
            ]
    return tuple(paths)


def lost(world: World, topic: Topic, group: Handler, instance: Instance) -> tuple[Path, ...]:
    """Return the paths on which a waiting message of an attempt, in an ordered topic the next one, is there no more."""
    queue = world.queue(topic, group, instance)
    if not topic.ordered:
        return (Path(at_least(queue, 1)).assign(queue, variable(queue) - number(1)),)
    stream = _Stream(world, topic, group, instance)
    following = both(is_value(stream.place(instance), 1), is_value(stream.hand, 0))
    copy = Path(both(following, at_least(queue, 2))).assign(queue, variable(queue) - number(1))
    last = Path(both(following, is_value(queue, 1))).assign(queue, number(0))
    last = last.assign(stream.length, variable(stream.length) - number(1))
    for each in stream.instances:
        # Held at 0 for those who do not wait: a place saturates.
        last = last.assign(stream.place(each), variable(stream.place(each)) - number(1))
    return last, copy


def taken(world: World, topic: Topic, group: Handler, instance: Instance) -> tuple[Path, ...]:
    """Return the paths on which a group is handed a message of an attempt."""
    paths = lost(world, topic, group, instance)
    if not topic.ordered or group.acknowledge == "receipt":
        return paths
    stream = _Stream(world, topic, group, instance)
    held = number(stream.number(instance))
    back = Path(is_value(stream.hand, stream.number(instance) + len(world.instances))).assign(stream.hand, held)
    return *(path.assign(stream.hand, held) for path in paths), back


def returned(world: World, group: Handler, instance: Instance, path: Path) -> Path:
    """Return the path on which a message that was handed out waits again."""
    topic = world.flow.topic(group.consumes)
    if topic.ordered:
        stream = _Stream(world, topic, group, instance)
        return path.assign(stream.hand, number(stream.number(instance) + len(world.instances)))
    queue = world.queue(topic, group, instance)
    return path.assign(queue, variable(queue) + number(1))


def settled(world: World, group: Handler, instance: Instance, path: Path) -> Path:
    """Return the path on which a message that was handed out is done with."""
    topic = world.flow.topic(group.consumes)
    return path.assign(_Stream(world, topic, group, instance).hand, number(0)) if topic.ordered else path


def forgotten(world: World, topic: Topic, group: Handler) -> Path:
    """Return the path on which nothing waits for a group any more."""
    path = Path()
    for instance in world.instances:
        path = path.assign(world.queue(topic, group, instance), number(0))
        if topic.ordered:
            stream = _Stream(world, topic, group, instance)
            path = path.assign(stream.place(instance), number(0)).assign(stream.length, number(0))
    return path


class _Stream:
    """The variables of what waits for a group with one partition key.

    `hand` is 0, the number of the attempt whose message somebody works on, or that and the number of attempts when it came back.
    """

    def __init__(self, world: World, topic: Topic, group: Handler, instance: Instance) -> None:
        table = world.flow.table(topic.ordered)
        key = world.row_key(table, instance)
        self.instances = tuple(each for each in world.instances if world.row_key(table, each) == key)
        self.numbers = {each: 1 + position for position, each in enumerate(world.instances)}
        self.name = f"{topic.name} for {group.name}"
        self.world = world
        self.length = world.declare(Variable(f"{self.name} length{key}", 0, len(self.instances)))
        self.hand = world.declare(Variable(f"{self.name} in hand{key}", 0, 2 * len(world.instances)))

    def number(self, instance: Instance) -> int:
        """Return the number of an attempt, from 1."""
        return self.numbers[instance]

    def place(self, instance: Instance) -> str:
        """Return the variable of an attempt's place in the stream: 1 is next, 0 waits not."""
        return self.world.declare(Variable(f"{self.name} place[{instance.key}]", 0, len(self.instances), saturates=True))

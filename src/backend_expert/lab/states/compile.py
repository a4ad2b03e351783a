"""A flow becomes a machine: every process, message, client and fault as guarded commands."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from backend_expert.lab.states import words
from backend_expert.lab.states.expression import (
    TRUE,
    ExpressionError,
    Guard,
    at_least,
    both,
    compare,
    is_value,
    number,
    opposite,
    total,
    variable,
)
from backend_expert.lab.states.flow import (
    Ack,
    Branch,
    CacheGet,
    CachePut,
    Call,
    Effect,
    Flow,
    FlowError,
    Handler,
    Lock,
    Observe,
    Parallel,
    Publish,
    Read,
    Reply,
    Step,
    Topic,
    UpdateWhere,
    walk,
)
from backend_expert.lab.states.invariants import counted_quantities, properties, stated
from backend_expert.lab.states.machine import Command, Kind, Machine
from backend_expert.lab.states.process import DEAD, FREE, Process
from backend_expert.lab.states.program import Acquire, Await, Early, Group, Node, Release
from backend_expert.lab.states.python_engine import in_engine_order
from backend_expert.lab.states.statements import Outcome, Path, run
from backend_expert.lab.states.world import (
    CLIENT_BROKEN,
    CLIENT_IDLE,
    CLIENT_REFUSED,
    CLIENT_SERVED,
    CLIENT_WAITS,
    Instance,
    World,
)
from backend_expert.model import Evidence, Text


def compile_flow(flow: Flow) -> Machine:
    """Return the machine of a flow, in engine order; raise `FlowError` where the flow does not fit together."""
    try:
        return _Compiler(flow).machine()
    except ExpressionError as error:
        raise FlowError(f"Flow {flow.name!r} cannot be explored: {error}.") from None


class _Compiler:
    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.world = World(flow)
        self.counted = counted_quantities(flow)
        self.commands: list[Command] = []

    def machine(self) -> Machine:
        holders = count(DEAD + 1)
        for handler in self.flow.handlers:
            if handler.called:
                continue
            for process in self.processes(handler, holders):
                self.drive(process)
        for topic in self.flow.topics:
            self.broker(topic)
        for handler in self.flow.handlers:
            self.locks(handler)
            self.copies(handler)
        checked = properties(self.flow, self.world)
        machine = Machine(tuple(self.world.variables.values()), tuple(self.commands), checked)
        return in_engine_order(machine)

    def processes(self, handler: Handler, holders: Iterator[int]) -> tuple[Process, ...]:
        if handler.consumes:
            self.flow.topic(handler.consumes)
            workers = tuple(
                Process(
                    self.world, handler, f"{handler.name} worker {index}" if handler.workers > 1 else handler.name, None, holders
                )
                for index in range(1, handler.workers + 1)
            )
            for index, worker in enumerate(workers):
                self.receive(worker, workers[:index])
            return workers
        found = []
        for instance in self.world.instances:
            process = Process(self.world, handler, f"{handler.name}[{instance.key}]", instance, holders)
            found.append(process)
            if handler.sweeps:
                self.sweep(process, instance)
            elif handler.after:
                self.follow(process, instance)
            else:
                self.request(process, instance)
        return tuple(found)

    def add(
        self,
        label: Text,
        guard: Guard,
        path: Path,
        *,
        kind: Kind = "internal",
        actor: str,
        target: str = "",
        evidence: Evidence | None = None,
        fault: str = "",
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
            self.commands.append(Command(label, whole, changes, kind, actor, target or actor, evidence, fault))

    def budget(self, fault: str) -> int:
        return dict(self.flow.bounds.faults)[fault]

    # What starts a process

    def request(self, process: Process, instance: Instance) -> None:
        """The client sends its request, and perhaps again when the connection broke."""
        handler = process.handler
        client = self.world.client(handler, instance)
        actor = client_lane(instance)
        idle = is_value(client, CLIENT_IDLE)
        for path in process.start(Path().assign(client, number(CLIENT_WAITS)), instance):
            if instance.attempt == 0:
                self.add(
                    words.does(handler.name, instance, words.SENDS),
                    idle,
                    path,
                    kind="request",
                    actor=actor,
                    target=handler.actor,
                    evidence=handler.evidence,
                )
            else:
                before = self.world.client(handler, Instance(instance.request, instance.attempt - 1))
                guard = both(idle, is_value(before, CLIENT_BROKEN))
                self.add(
                    words.does(handler.name, instance, words.SENDS_AGAIN),
                    guard,
                    path,
                    actor=actor,
                    target=handler.actor,
                    evidence=handler.evidence,
                    fault="retry",
                )
        if self.budget("retry"):
            self.add(
                words.does(handler.name, instance, words.GIVES_UP),
                is_value(client, CLIENT_WAITS),
                Path().assign(client, number(CLIENT_BROKEN)),
                actor=actor,
                fault="timeout",
            )

    def follow(self, process: Process, instance: Instance) -> None:
        """The client goes on with a second request when the first is answered."""
        handler = process.handler
        first = self.flow.handler(handler.after)
        if not first.entry:
            raise FlowError(f"Handler {handler.name!r} comes after {first.name!r}, which no client calls.")
        client = self.world.client(handler, instance)
        guard = both(is_value(client, CLIENT_IDLE), is_value(self.world.client(first, instance), CLIENT_SERVED))
        for path in process.start(Path().assign(client, number(CLIENT_WAITS)), instance):
            self.add(
                words.does(handler.name, instance, words.SENDS),
                guard,
                path,
                kind="environment",
                actor=client_lane(instance),
                target=handler.actor,
                evidence=handler.evidence,
            )

    def receive(self, process: Process, busier: tuple[Process, ...]) -> None:
        """A free worker takes a waiting message; of several free workers the first, because they are alike."""
        handler = process.handler
        topic = self.flow.topic(handler.consumes)
        free = both(is_value(process.at, 0), *(at_least(each.at, 1) for each in busier))
        for instance in self.world.instances:
            queue = self.world.queue(topic, handler, instance)
            taken = Path().assign(queue, variable(queue) - number(1))
            for path in process.start(taken, instance):
                self.add(
                    words.does(handler.name, instance, words.receives(topic.name)),
                    both(free, at_least(queue, 1)),
                    path,
                    actor=broker_lane(topic),
                    target=handler.actor,
                    evidence=handler.evidence,
                )

    def sweep(self, process: Process, instance: Instance) -> None:
        """A job takes up every instance that fulfils its condition."""
        guard = condition_of(self.world, process.handler.sweeps, instance)
        for path in process.start(Path(), instance):
            self.add(
                words.does(process.handler.name, instance, Text("the job takes it up", "o job o encontra")),
                both(is_value(process.at, 0), guard),
                path,
                actor=process.handler.actor,
                evidence=process.handler.evidence,
            )

    # What a process does

    def drive(self, process: Process) -> None:
        """Add the commands of every place of a process and of the processes below it."""
        durable = self.after_durable(process)
        for instance in process.instances:
            for node in process.program.nodes:
                self.place(process, node, instance)
                if node in durable:
                    self.crash(process, node, instance)
        for children in process.children.values():
            for child in children:
                self.drive(child)

    def after_durable(self, process: Process) -> frozenset[Node]:
        """Return the places where a crash differs from an earlier one: right after something that outlives the process."""
        found: set[Node] = set()

        def reach(node: Node) -> None:
            if isinstance(node.operation, Branch):
                for each in node.edges.values():
                    reach(each)
            elif not node.final:
                found.add(node)

        for node in process.program.nodes:
            if isinstance(node.operation, Await):
                found.add(node)
            if not isinstance(node.operation, Read | CacheGet | Observe | Early | Release):
                for edge in node.edges.values():
                    reach(edge)
        if process.handler.acknowledge == "receipt" and process.handler.consumes:
            reach(process.program.entry)
        return frozenset(found)

    def crash(self, process: Process, node: Node, instance: Instance) -> None:
        label = words.RECOVERS if node.after_crash is not None else words.CRASHES
        for path in process.die(node, instance):
            self.add(
                words.does(process.handler.name, instance, label),
                process.here(node, instance),
                path,
                actor=process.handler.actor,
                evidence=evidence_of(node),
                fault="crash",
            )

    def place(self, process: Process, node: Node, instance: Instance) -> None:
        operation = node.operation
        match operation:
            case Group():
                self.group(process, node, operation, instance)
            case Early():
                self.early(process, node, operation, instance)
            case Read():
                self.read(process, node, operation, instance)
            case CacheGet() | CachePut():
                self.cache(process, node, operation, instance)
            case Effect():
                self.effect(process, node, operation, instance)
            case Publish():
                self.publish(process, node, operation, instance)
            case Call() | Parallel():
                self.call(process, node, operation, instance)
            case Await():
                self.wait(process, node, operation, instance)
            case Ack():
                self.on(process, node, instance, words.ACKNOWLEDGES, Path(), target=self.topic_lane(process))
            case Reply():
                self.reply(process, node, operation, instance)
            case Acquire():
                holder = self.world.holder(operation.lock, instance)
                path = Path(is_value(holder, FREE)).assign(holder, number(process.holder))
                self.on(process, node, instance, words.locks(operation.lock.resource), path)
            case Release():
                self.release(process, node, operation.lock, instance)
            case Observe():
                self.observe(process, node, operation, instance)
            case _:
                raise FlowError(f"Step {type(operation).__name__} cannot stand here.")

    def topic_lane(self, process: Process) -> str:
        return broker_lane(self.flow.topic(process.handler.consumes)) if process.handler.consumes else ""

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
            )

    def group(self, process: Process, node: Node, group: Group, instance: Instance) -> None:
        context = process.context(node, instance, self.counted)
        view = process.view(node, instance)
        written = {name: value for name, value in view.items() if value.terms[0][0].startswith(f"{process.name} wrote ")}
        start = Path(TRUE, written)
        fresh = self.unchanged_since_snapshot(process, node, instance)
        label = words.group(group.steps, group.commits)
        lane = store_lane(group.steps)
        for outcome in run(context, group.steps, start):
            for path, what, edge in left_by(outcome, label):
                self.on(
                    process,
                    node,
                    instance,
                    what,
                    Path(both(path.guard, fresh), path.values),
                    edge=edge,
                    target=lane,
                    fine=edge != "error",
                )
        if fresh != TRUE:
            self.on(process, node, instance, words.CONFLICT, Path(opposite(fresh)), edge="conflict", target=lane, fine=False)

    def unchanged_since_snapshot(self, process: Process, node: Node, instance: Instance) -> Guard:
        """Return the guard that no row which the level watches was committed to since the snapshot."""
        if not node.situation.snapshot or node.situation.isolation not in {"snapshot", "serializable"}:
            return TRUE
        names = process.snapshot_names(node.situation.columns, instance)
        view = process.view(node, instance)
        return both(*(compare(variable(name), "=", view[name]) for name in names if name.endswith(".commits")))

    def early(self, process: Process, node: Node, early: Early, instance: Instance) -> None:
        context = process.context(node, instance, self.counted)
        view = process.view(node, instance)
        start = Path(TRUE, view)
        label = words.statement(early.step)
        lane = store_lane((early.step,))
        for outcome in run(context, (early.step,), start):
            if outcome.exit == "next":
                path = process.keep_private(node, outcome, early.step, instance)
                for table in sorted(node.edges["next"].situation.locked - node.situation.locked):
                    path = Path(path.guard, {**path.values, self.world.row_lock(self.flow.table(table), instance): number(1)})
                path = self.snapshot(process, node, instance, path)
                self.on(process, node, instance, label, path, target=lane)
            else:
                for path, what, edge in left_by(outcome, label):
                    self.on(process, node, instance, what, path, edge=edge, target=lane, fine=False)

    def snapshot(self, process: Process, node: Node, instance: Instance, path: Path) -> Path:
        """Copy what the transaction will read, at its first statement."""
        situation = node.situation
        if situation.snapshot or situation.isolation in {"", "read-committed"}:
            return path
        for name in process.snapshot_names(situation.columns, instance):
            copy = process.snapshot_copy(name)
            path = Path(path.guard, {**path.values, copy: variable(name)})
        return path

    def read(self, process: Process, node: Node, step: Read, instance: Instance) -> None:
        table, column = self.world.split(step.source)
        value = self.world.source(step.source, instance)
        path = Path()
        if step.replica:
            if step.source.startswith("sum(") or column == "rows":
                raise FlowError(f"Only single columns can be read from a replica, not {step.source!r}.")
            value = variable(self.world.replica(table, column, instance))
        elif node.situation.isolation:
            value = value.substitute(process.view(node, instance))
            path = self.snapshot(process, node, instance, path)
        if step.lock and node.situation.isolation == "read-committed" and table.name not in node.situation.locked:
            lock = self.world.row_lock(table, instance)
            path = path.where(is_value(lock, 0)).assign(lock, number(1))
        path = Path(path.guard, {**path.values, process.locals[step.into]: value})
        self.on(process, node, instance, words.statement(step), path, target=store_lane((step,)))

    def cache(self, process: Process, node: Node, step: CacheGet | CachePut, instance: Instance) -> None:
        name, shift = self.world.cached(step.column, instance)
        label = words.statement(step)
        if isinstance(step, CacheGet):
            hit = Path(at_least(name, 1), {process.locals[step.into]: variable(name) - number(shift)})
            self.on(process, node, instance, words.join(label, Text("hit", "acerto")), hit, target="cache")
            self.on(
                process,
                node,
                instance,
                words.join(label, Text("miss", "falta")),
                Path(is_value(name, 0)),
                edge="miss",
                target="cache",
            )
            return
        if not step.value:
            self.on(process, node, instance, label, Path(TRUE, {name: number(0)}), target="cache")
            return
        value = process.context(node, instance, self.counted).sum(step.value) + number(shift)
        newer = compare(variable(name), "<", value) if step.newer_only else TRUE
        self.on(process, node, instance, label, Path(newer, {name: value}), target="cache")
        if step.newer_only:
            kept = words.join(label, Text("the cache holds a newer one", "o cache tem um valor mais novo"))
            self.on(process, node, instance, kept, Path(opposite(newer)), target="cache")

    def effect(self, process: Process, node: Node, step: Effect, instance: Instance) -> None:
        lane = step.external.partition(".")[0]
        external = self.flow.external(lane)
        if step.undoes:
            counter = self.world.effect(step.undoes, instance)
            done = Path(at_least(counter, 1)).assign(counter, variable(counter) - number(1))
            repeated = Path(is_value(counter, 0))
        else:
            counter = self.world.effect(step.external, instance)
            same = [each for each in self.world.instances if each.request == instance.request]
            known = {"": [], "attempt": [counter], "request": [self.world.effect(step.external, each) for each in same]}[
                external.key
            ]
            new = compare(total(known), "<=", number(0)) if known else TRUE
            done = Path(new).assign(counter, variable(counter) + number(1))
            repeated = Path(opposite(new))
        for path, happens in ((done, True), (repeated, False)):
            if path.possible:
                self.on(process, node, instance, words.effect(step.external, happens), path, target=lane)
        if external.outcome == "unknown":
            for path in (done, repeated):
                if path.possible:
                    label = words.effect_times_out(step.external, True)
                    self.on(process, node, instance, label, path, edge="error", target=lane, fault="timeout", fine=False)
        label = words.effect_times_out(step.external, False)
        self.on(process, node, instance, label, Path(), edge="error", target=lane, fault="timeout", fine=False)

    def publish(self, process: Process, node: Node, step: Publish, instance: Instance) -> None:
        topic = self.flow.topic(step.topic)
        lane = broker_lane(topic)
        self.on(process, node, instance, words.publishes(topic.name), self.enqueued(topic, instance), target=lane)
        if not step.confirmed:
            self.on(process, node, instance, words.unconfirmed(topic.name), Path(), target=lane, fault="crash")

    def enqueued(self, topic: Topic, instance: Instance) -> Path:
        path = Path()
        for group in self.flow.consumers(topic.name):
            queue = self.world.queue(topic, group, instance)
            path = path.assign(queue, variable(queue) + number(1))
        return path

    def call(self, process: Process, node: Node, step: Call | Parallel, instance: Instance) -> None:
        children = process.children[step]
        idle = both(*(is_value(child.at, 0) for child in children))
        paths = [Path(idle)]
        for child in children:
            paths = [started for path in paths for started in child.start(path, instance)]
        name = step.handler if isinstance(step, Call) else f"{process.handler.name} branches"
        lane = children[0].handler.actor if isinstance(step, Call) else ""
        for path in paths:
            self.on(process, node, instance, words.calls(name), path, target=lane)
        if isinstance(step, Call):
            self.on(process, node, instance, words.REQUEST_LOST, Path(), edge="error", target=lane, fault="timeout", fine=False)

    def wait(self, process: Process, node: Node, operation: Await, instance: Instance) -> None:
        step = operation.step
        children = process.children[step]
        name = step.handler if isinstance(step, Call) else f"{process.handler.name} branches"
        fine = both(*(is_value(child.result, 1) for child in children))
        done = both(*(at_least(child.result, 1) for child in children))
        wrong = both(done, opposite(fine))
        forget = {child.result: number(0) for child in children}
        self.on(process, node, instance, words.answered(name, True), Path(fine, forget))
        self.on(process, node, instance, words.answered(name, False), Path(wrong, forget), edge="error", fine=False)
        if isinstance(step, Call):
            working = both(*(is_value(child.result, 0) for child in children))
            self.on(process, node, instance, words.GIVES_UP_CALL, Path(working), edge="error", fault="timeout", fine=False)

    def reply(self, process: Process, node: Node, step: Reply, instance: Instance) -> None:
        label = words.replies(step.status)
        if process.kind != "root":
            result = number(1 if step.status < 400 else 2)
            self.on(process, node, instance, label, Path(TRUE, {process.result: result}))
            return
        client = self.world.client(process.handler, instance)
        told = number(CLIENT_SERVED if step.status < 400 else CLIENT_REFUSED)
        lane = client_lane(instance)
        self.on(process, node, instance, label, Path(is_value(client, CLIENT_WAITS), {client: told}), target=lane)
        if self.budget("retry") and self.budget("timeout"):
            self.on(process, node, instance, label, Path(opposite(is_value(client, CLIENT_WAITS))), target=lane)

    def release(self, process: Process, node: Node, lock: Lock, instance: Instance) -> None:
        holder = self.world.holder(lock, instance)
        ours = is_value(holder, process.holder)
        label = words.unlocks(lock.resource)
        self.on(process, node, instance, label, Path(ours, {holder: number(FREE)}))
        if lock.lease:
            self.on(process, node, instance, label, Path(opposite(ours)))
            self.add(
                words.does(process.handler.name, instance, words.LEASE_EXPIRES),
                ours,
                Path(TRUE, {holder: number(FREE)}),
                actor=process.handler.actor,
                fault="pause",
            )

    def observe(self, process: Process, node: Node, step: Observe, instance: Instance) -> None:
        expected = process.context(node, instance, self.counted).condition(step.expected)
        flag = self.world.flag(f"{step.name} seen wrong")
        self.on(process, node, instance, Text("sees what it expects", "vê o que espera"), Path(expected))
        self.on(process, node, instance, words.SEES_OLD, Path(opposite(expected), {flag: number(1)}))

    # What brokers, locks, caches and replicas do by themselves

    def broker(self, topic: Topic) -> None:
        lane = broker_lane(topic)
        relayed = any(step.topic == topic.name and step.via for step in self.world.publishes)
        queues = []
        for instance in self.world.instances:
            for group in self.flow.consumers(topic.name):
                queue = self.world.queue(topic, group, instance)
                queues.append(queue)
                if group.acknowledge == "explicit":
                    path = Path(at_least(queue, 1)).assign(queue, variable(queue) + number(1))
                    self.add(
                        words.does(group.name, instance, words.duplicated(topic.name)), TRUE, path, actor=lane, fault="duplicate"
                    )
                path = Path(at_least(queue, 1)).assign(queue, variable(queue) - number(1))
                self.add(words.does(group.name, instance, words.lost(topic.name)), TRUE, path, actor=lane, fault="loss")
            if relayed:
                self.relay(topic, instance)
        if not topic.durable and queues:
            path = Path(at_least_one(queues), {queue: number(0) for queue in queues})
            self.add(words.broker_restarts(topic.name), TRUE, path, actor=lane, fault="crash")

    def relay(self, topic: Topic, instance: Instance) -> None:
        """Send what the outbox holds, then mark it: a crash between the two sends it again."""
        waiting = self.world.outbox(topic, instance)
        sent = self.world.flag(f"{topic.name} sent, not marked[{instance.key}]")
        path = self.enqueued(topic, instance).assign(sent, number(1))
        lane = broker_lane(topic)
        ready = both(at_least(waiting, 1), is_value(sent, 0))
        self.add(words.does("relay", instance, words.relays(topic.name)), ready, path, actor="relay", target=lane)
        marked = Path(is_value(sent, 1)).assign(sent, number(0)).assign(waiting, variable(waiting) - number(1))
        self.add(words.does("relay", instance, words.RELAY_MARKS), at_least(waiting, 1), marked, actor="relay")
        died = Path(is_value(sent, 1)).assign(sent, number(0))
        self.add(words.does("relay", instance, words.RELAY_CRASHES), TRUE, died, actor="relay", fault="crash")

    def locks(self, handler: Handler) -> None:
        """The lease of a holder that died runs out by itself; a lock without a lease stays taken."""
        for step in walk(handler.steps):
            if isinstance(step, Lock) and step.lease:
                for instance in self.world.instances:
                    holder = self.world.holder(step, instance)
                    if any(
                        name == holder and command.label == words.LEASE_OF_DEAD
                        for command in self.commands
                        for name, _ in command.update
                    ):
                        continue
                    self.add(words.LEASE_OF_DEAD, is_value(holder, DEAD), Path(TRUE, {holder: number(FREE)}), actor=step.resource)

    def copies(self, handler: Handler) -> None:
        """Replicas catch up, caches drop entries."""
        made = {
            name for command in self.commands for name, _ in command.update if command.label in {words.EVICTS, words.CATCHES_UP}
        }
        for step in walk(handler.steps):
            for instance in self.world.instances:
                if isinstance(step, CacheGet):
                    name, _ = self.world.cached(step.column, instance)
                    if name not in made:
                        made.add(name)
                        path = Path(TRUE, {name: number(0)})
                        self.add(words.EVICTS, at_least(name, 1), path, kind="environment", actor="cache")
                elif isinstance(step, Read) and step.replica:
                    table, column = self.world.split(step.source)
                    name, main = self.world.replica(table, column, instance), self.world.column(table, column, instance)
                    if name not in made:
                        made.add(name)
                        late = compare(variable(name), "!=", variable(main))
                        self.add(words.CATCHES_UP, late, Path(TRUE, {name: variable(main)}), actor=store_lane((step,)))


def left_by(outcome: Outcome, label: Text) -> Iterator[tuple[Path, Text, object]]:
    """Yield the path, sentence and edge of an outcome; whatever is not `next` rolls the group back."""
    if outcome.exit == "next":
        yield outcome.path, label, "next"
    elif outcome.exit == "error":
        yield Path(outcome.path.guard), words.join(label, words.REFUSED), "error"
    else:
        why = words.NO_ROW if isinstance(outcome.exit, UpdateWhere) else words.DUPLICATE_KEY
        yield Path(outcome.path.guard), words.join(label, why), outcome.exit


def at_least_one(names: list[str]) -> Guard:
    """Return the guard that one of several counters is not zero."""
    return compare(total(names), ">=", number(1))


def condition_of(world: World, text: str, instance: Instance) -> Guard:
    """Return the guard of a condition over columns as an instance sees them; raise `FlowError` when it cannot be read."""
    return stated(world, text, instance)


def client_lane(instance: Instance) -> str:
    """Return the lane of a client."""
    return f"client {instance.request + 1}"


def broker_lane(topic: Topic) -> str:
    """Return the lane of a topic."""
    return topic.name


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

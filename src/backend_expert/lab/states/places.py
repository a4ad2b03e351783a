"""What a process does at each place of its program, and how it dies there."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.lab.states import queues, words
from backend_expert.lab.states.commands import Commands, broker_lane, client_lane, evidence_of, store_lane
from backend_expert.lab.states.expression import (
    TRUE,
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
    CHECKED,
    LOCKING,
    Ack,
    Branch,
    CacheGet,
    CachePut,
    Call,
    Effect,
    FlowError,
    Lock,
    Observe,
    Parallel,
    Publish,
    Read,
    Reply,
    UpdateWhere,
)
from backend_expert.lab.states.process import FREE, Process
from backend_expert.lab.states.program import Acquire, Await, Early, Group, Node, Release
from backend_expert.lab.states.statements import Outcome, Path, run, touched
from backend_expert.lab.states.world import (
    CLIENT_REFUSED,
    CLIENT_SERVED,
    CLIENT_WAITS,
    Instance,
)
from backend_expert.model import Text


def drive(commands: Commands, process: Process) -> None:
    """Add the commands of every place of a process and of the processes below it."""
    durable = _after_durable(process)
    for instance in process.instances:
        for node in process.program.nodes:
            try:
                _place(commands, process, node, instance)
            except FlowError as error:
                where = evidence_of(node)
                raise FlowError(f"{where}: {error}" if where else str(error)) from None
            if node in durable:
                _crash(commands, process, node, instance)
    for children in process.children.values():
        for child in children:
            drive(commands, child)


def _after_durable(process: Process) -> frozenset[Node]:
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


def _crash(commands: Commands, process: Process, node: Node, instance: Instance) -> None:
    label = words.RECOVERS if node.after_crash is not None else words.CRASHES
    for path in process.die(node, instance):
        commands.add(
            words.does(process.handler.name, instance, label),
            process.here(node, instance),
            path,
            actor=process.handler.actor,
            evidence=evidence_of(node),
            fault="crash",
        )


def _place(commands: Commands, process: Process, node: Node, instance: Instance) -> None:
    operation = node.operation
    match operation:
        case Group():
            _group(commands, process, node, operation, instance)
        case Early():
            _early(commands, process, node, operation, instance)
        case Read():
            _read(commands, process, node, operation, instance)
        case CacheGet() | CachePut():
            _cache(commands, process, node, operation, instance)
        case Effect():
            _effect(commands, process, node, operation, instance)
        case Publish():
            _publish(commands, process, node, operation, instance)
        case Call() | Parallel():
            _call(commands, process, node, operation, instance)
        case Await():
            _wait(commands, process, node, operation, instance)
        case Ack():
            done = queues.settled(commands.world, process.handler, instance, Path()) if process.handler.consumes else Path()
            commands.on(process, node, instance, words.ACKNOWLEDGES, done, target=_topic_lane(commands, process))
        case Reply():
            _reply(commands, process, node, operation, instance)
        case Acquire():
            holder = commands.world.holder(operation.lock, instance)
            path = Path(is_value(holder, FREE)).assign(holder, number(process.holder))
            commands.on(process, node, instance, words.locks(operation.lock.resource), path)
        case Release():
            _release(commands, process, node, operation.lock, instance)
        case Observe():
            _observe(commands, process, node, operation, instance)
        case _:
            raise FlowError(f"Step {type(operation).__name__} cannot stand here.")


def _topic_lane(commands: Commands, process: Process) -> str:
    return broker_lane(commands.flow.topic(process.handler.consumes)) if process.handler.consumes else ""


def _group(commands: Commands, process: Process, node: Node, group: Group, instance: Instance) -> None:
    context = process.context(node, instance, commands.counted)
    view = process.view(node, instance)
    written = {name: value for name, value in view.items() if value.terms[0][0].startswith(f"{process.name} wrote ")}
    start = Path(TRUE, written)
    for reference in sorted(node.situation.written):
        if not reference.startswith("outbox:"):
            start = touched(context, commands.flow.table(reference.rpartition(".")[0]), start)
    fresh = _unchanged_since_snapshot(process, node, instance)
    label = words.group(group.steps, group.commits)
    lane = store_lane(group.steps)
    for outcome in run(context, group.steps, start):
        for path, what, edge in _left_by(outcome, label):
            commands.on(
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
        commands.on(process, node, instance, words.CONFLICT, Path(opposite(fresh)), edge="conflict", target=lane, fine=False)


def _left_by(outcome: Outcome, label: Text) -> Iterator[tuple[Path, Text, object]]:
    """Yield the path, sentence and edge of an outcome; whatever is not `next` rolls the group back."""
    if outcome.exit == "next":
        yield outcome.path, label, "next"
    elif outcome.exit == "error":
        yield Path(outcome.path.guard), words.join(label, words.REFUSED), "error"
    else:
        why = words.NO_ROW if isinstance(outcome.exit, UpdateWhere) else words.DUPLICATE_KEY
        yield Path(outcome.path.guard), words.join(label, why), outcome.exit


def _unchanged_since_snapshot(process: Process, node: Node, instance: Instance) -> Guard:
    """Return the guard that no row which the level watches was committed to since the snapshot."""
    if not node.situation.snapshot or node.situation.isolation not in CHECKED:
        return TRUE
    names = process.snapshot_names(node.situation.columns, instance)
    view = process.view(node, instance)
    return both(*(compare(variable(name), "=", view[name]) for name in names if name.endswith(".commits")))


def _early(commands: Commands, process: Process, node: Node, early: Early, instance: Instance) -> None:
    context = process.context(node, instance, commands.counted)
    view = process.view(node, instance)
    start = Path(TRUE, view)
    label = words.statement(early.step)
    lane = store_lane((early.step,))
    for outcome in run(context, (early.step,), start):
        if outcome.exit == "next":
            path = process.keep_private(node, outcome, early.step, instance)
            for table in sorted(node.edges["next"].situation.locked - node.situation.locked):
                path = Path(path.guard, {**path.values, commands.world.row_lock(commands.flow.table(table), instance): number(1)})
            path = _snapshot(process, node, instance, path)
            commands.on(process, node, instance, label, path, target=lane)
        else:
            for path, what, edge in _left_by(outcome, label):
                commands.on(process, node, instance, what, path, edge=edge, target=lane, fine=False)


def _snapshot(process: Process, node: Node, instance: Instance, path: Path) -> Path:
    """Copy what the transaction will read, at its first statement."""
    situation = node.situation
    if situation.snapshot or situation.isolation in {"", *LOCKING}:
        return path
    for name in process.snapshot_names(situation.columns, instance):
        copy = process.snapshot_copy(name)
        path = Path(path.guard, {**path.values, copy: variable(name)})
    return path


def _read(commands: Commands, process: Process, node: Node, step: Read, instance: Instance) -> None:
    table, column = commands.world.split(step.source)
    value = commands.world.source(step.source, instance)
    path = Path()
    if step.replica:
        if step.source.startswith("sum(") or column == "rows":
            raise FlowError(f"Only single columns can be read from a replica, not {step.source!r}.")
        value = variable(commands.world.replica(table, column, instance))
    elif node.situation.isolation:
        value = value.substitute(process.view(node, instance))
        path = _snapshot(process, node, instance, path)
    if step.lock and node.situation.isolation in LOCKING and table.name not in node.situation.locked:
        lock = commands.world.row_lock(table, instance)
        path = path.where(is_value(lock, 0)).assign(lock, number(1))
    path = Path(path.guard, {**path.values, process.locals[step.into]: value})
    commands.on(process, node, instance, words.statement(step), path, target=store_lane((step,)))


def _cache(commands: Commands, process: Process, node: Node, step: CacheGet | CachePut, instance: Instance) -> None:
    name, shift = commands.world.cached(step.column, instance)
    label = words.statement(step)
    if isinstance(step, CacheGet):
        hit = Path(at_least(name, 1), {process.locals[step.into]: variable(name) - number(shift)})
        commands.on(process, node, instance, words.join(label, Text("hit", "acerto")), hit, target="cache")
        commands.on(
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
        commands.on(process, node, instance, label, Path(TRUE, {name: number(0)}), target="cache")
        return
    value = process.context(node, instance, commands.counted).sum(step.value) + number(shift)
    newer = compare(variable(name), "<", value) if step.newer_only else TRUE
    commands.on(process, node, instance, label, Path(newer, {name: value}), target="cache")
    if step.newer_only:
        kept = words.join(label, Text("the cache holds a newer one", "o cache tem um valor mais novo"))
        commands.on(process, node, instance, kept, Path(opposite(newer)), target="cache")


def _effect(commands: Commands, process: Process, node: Node, step: Effect, instance: Instance) -> None:
    lane = step.external.partition(".")[0]
    external = commands.flow.external(lane)
    if step.undoes:
        counter = commands.world.effect(step.undoes, instance)
        done = Path(at_least(counter, 1)).assign(counter, variable(counter) - number(1))
        repeated = Path(is_value(counter, 0))
    else:
        counter = commands.world.effect(step.external, instance)
        key = external.key if step.key is None else step.key
        same = [each for each in commands.world.instances if each.request == instance.request]
        known = {"": [], "attempt": [counter], "request": [commands.world.effect(step.external, each) for each in same]}[key]
        new = compare(total(known), "<=", number(0)) if known else TRUE
        done = Path(new).assign(counter, variable(counter) + number(1))
        repeated = Path(opposite(new))
    for path, happens in ((done, True), (repeated, False)):
        if path.possible:
            commands.on(process, node, instance, words.effect(step.external, happens), path, target=lane)
    if external.outcome == "unknown":
        for path in (done, repeated):
            if path.possible:
                label = words.effect_times_out(step.external, True)
                commands.on(process, node, instance, label, path, edge="error", target=lane, fault="timeout", fine=False)
    label = words.effect_times_out(step.external, False)
    commands.on(process, node, instance, label, Path(), edge="error", target=lane, fault="timeout", fine=False)


def _publish(commands: Commands, process: Process, node: Node, step: Publish, instance: Instance) -> None:
    topic = commands.flow.topic(step.topic)
    lane = broker_lane(topic)
    for path in queues.put(commands.world, topic, instance):
        commands.on(process, node, instance, words.publishes(topic.name), path, target=lane)
    if not step.confirmed:
        commands.on(process, node, instance, words.unconfirmed(topic.name), Path(), target=lane, fault="crash")


def _call(commands: Commands, process: Process, node: Node, step: Call | Parallel, instance: Instance) -> None:
    children = process.children[step]
    idle = both(*(is_value(child.at, 0) for child in children))
    paths = [Path(idle)]
    for child in children:
        paths = [started for path in paths for started in child.start(path, instance)]
    name = step.handler if isinstance(step, Call) else f"{process.handler.name} branches"
    lane = children[0].handler.actor if isinstance(step, Call) else ""
    for path in paths:
        commands.on(process, node, instance, words.calls(name), path, target=lane)
    if isinstance(step, Call):
        commands.on(process, node, instance, words.REQUEST_LOST, Path(), edge="error", target=lane, fault="timeout", fine=False)


def _wait(commands: Commands, process: Process, node: Node, operation: Await, instance: Instance) -> None:
    step = operation.step
    children = process.children[step]
    name = step.handler if isinstance(step, Call) else f"{process.handler.name} branches"
    fine = both(*(is_value(child.result, 1) for child in children))
    done = both(*(at_least(child.result, 1) for child in children))
    wrong = both(done, opposite(fine))
    forget = {child.result: number(0) for child in children}
    commands.on(process, node, instance, words.answered(name, True), Path(fine, forget))
    commands.on(process, node, instance, words.answered(name, False), Path(wrong, forget), edge="error", fine=False)
    if isinstance(step, Call):
        working = both(*(is_value(child.result, 0) for child in children))
        commands.on(process, node, instance, words.GIVES_UP_CALL, Path(working), edge="error", fault="timeout", fine=False)


def _reply(commands: Commands, process: Process, node: Node, step: Reply, instance: Instance) -> None:
    label = words.replies(step.status)
    if process.kind != "root":
        result = number(1 if step.status < 400 else 2)
        commands.on(process, node, instance, label, Path(TRUE, {process.result: result}), target=process.caller)
        return
    client = commands.world.client(process.handler, instance)
    told = number(CLIENT_SERVED if step.status < 400 else CLIENT_REFUSED)
    lane = client_lane(instance)
    commands.on(process, node, instance, label, Path(is_value(client, CLIENT_WAITS), {client: told}), target=lane)
    if commands.budget("retry") and commands.budget("timeout"):
        commands.on(process, node, instance, label, Path(opposite(is_value(client, CLIENT_WAITS))), target=lane)


def _release(commands: Commands, process: Process, node: Node, lock: Lock, instance: Instance) -> None:
    holder = commands.world.holder(lock, instance)
    ours = is_value(holder, process.holder)
    label = words.unlocks(lock.resource)
    commands.on(process, node, instance, label, Path(ours, {holder: number(FREE)}))
    if lock.lease:
        commands.on(process, node, instance, label, Path(opposite(ours)))
        commands.add(
            words.does(process.handler.name, instance, words.LEASE_EXPIRES),
            ours,
            Path(TRUE, {holder: number(FREE)}),
            actor=process.handler.actor,
            fault="pause",
        )


def _observe(commands: Commands, process: Process, node: Node, step: Observe, instance: Instance) -> None:
    expected = process.context(node, instance, commands.counted).condition(step.expected)
    flag = commands.world.flag(f"{step.name} seen wrong")
    commands.on(process, node, instance, Text("sees what it expects", "vê o que espera"), Path(expected))
    commands.on(process, node, instance, words.SEES_OLD, Path(opposite(expected), {flag: number(1)}))

"""A handler as a graph of places between its visible steps: where another process may run, and where a crash may strike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Union

from msgspec import Struct, structs

from backend_expert.lab.states.flow import (
    CHECKED,
    LOCKING,
    Ack,
    Branch,
    CacheGet,
    CachePut,
    Call,
    Compensate,
    Delete,
    Effect,
    Fail,
    FlowError,
    Handler,
    Insert,
    Lock,
    Observe,
    Parallel,
    Publish,
    Read,
    Repeat,
    Reply,
    Step,
    Stop,
    Transaction,
    UpdateWhere,
    Write,
    blocks_of,
    walk,
)

NODE_LIMIT = 2_000
"""Most places one handler may have. A handler of a real flow has five to thirty; attempts inside branches reach this first."""

STEP_LIMIT = 120
"""Most steps of one handler with its loops unrolled: the graph is made by recursion, and Python allows a thousand calls."""

Statement = Insert | Write | UpdateWhere | Delete | Publish


class Group(Struct, frozen=True):
    """Statements that take effect at once: one auto-committed statement, or the end of a transaction from its last visible step."""

    steps: tuple[Step, ...]
    commits: bool = False


class Early(Struct, frozen=True):
    """A statement inside a transaction whose row lock others can notice: its value stays private until the commit."""

    step: Statement


class Acquire(Struct, frozen=True):
    """Take a lock."""

    lock: Lock


class Release(Struct, frozen=True):
    """Give a lock back."""

    lock: Lock


class Await(Struct, frozen=True):
    """Wait for the handler that was called, or for all branches of a parallel block."""

    step: Call | Parallel
    attempt: int = 1


Operation = Union[
    Group, Early, Read, CacheGet, CachePut, Effect, Call, Publish, Ack, Reply, Acquire, Release, Await, Parallel, Observe, Branch
]


class Situation(Struct, frozen=True):
    """What is known at a place by how it was reached: answered, acknowledged, inside which transaction and locks."""

    acked: bool = False
    replied: bool = False
    isolation: str = ""
    snapshot: bool = False
    columns: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()
    leases: tuple[Lock, ...] = ()
    failed: bool = False


class Node:
    """A place of a program: the operation that comes next, the situation, and where each outcome leads."""

    def __init__(self, operation: Operation | str, situation: Situation, after_crash: Node | None, attempt: int = 1) -> None:
        self.operation = operation
        self.situation = situation
        self.after_crash = after_crash
        self.attempt = attempt
        self.edges: dict[object, Node] = {}
        self.number = 0

    @property
    def final(self) -> str:
        """Return `end`, `stop`, `retry` or `dead` where the program is over, else the empty text."""
        return self.operation if isinstance(self.operation, str) else ""


Continue = Callable[[Situation], Node]
Failure = Callable[[Situation, str], Node]
"""What follows a failure: `retry` where trying again may help (a timeout, a conflict), `dead` where it cannot (a thrown error)."""


class Program(Struct, frozen=True):
    """A handler's graph: its nodes in the order of the program, numbered from 1."""

    handler: Handler
    entry: Node
    nodes: tuple[Node, ...]

    @property
    def children(self) -> tuple[Call | Parallel, ...]:
        """Return every call or parallel block once."""
        found = [node.operation for node in self.nodes if isinstance(node.operation, Call | Parallel)]
        return tuple(dict.fromkeys(found))


def silent(steps: tuple[Step, ...]) -> bool:
    """Tell whether nothing of the steps can be observed before a commit: only writes, and choices between them."""
    for step in steps:
        match step:
            case Insert() | Write() | UpdateWhere() | Delete():
                continue
            case Publish(via="outbox" | "cdc"):
                continue
            case Branch() if step.condition.split()[:1] != ["unknown"] and silent(step.then) and silent(step.otherwise):
                continue
            case _:
                return False
    return True


def columns_read(steps: tuple[Step, ...]) -> frozenset[str]:
    """Return the sources that the steps read."""
    return frozenset(step.source for step in walk(steps) if isinstance(step, Read))


def tables_written(steps: tuple[Step, ...]) -> frozenset[str]:
    """Return the tables that the steps write."""
    found = set()
    for step in walk(steps):
        match step:
            case Insert() | UpdateWhere() | Delete():
                found.add(step.table)
            case Write():
                found.add(step.column.rpartition(".")[0])
            case _:
                pass
    return frozenset(found)


def split_transaction(step: Transaction) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return the steps of a transaction that others can notice one by one, and the rest, which takes effect in the commit.

    A serializable transaction of reads and writes alone is one atomic step: some serial order gives the same result.
    """
    if step.isolation == "serializable" and all(isinstance(each, Read) or silent((each,)) for each in step.steps):
        return (), step.steps
    cut = len(step.steps)
    while cut and silent((step.steps[cut - 1],)):
        cut -= 1
    return step.steps[:cut], step.steps[cut:]


def locked_tables(handlers: tuple[Handler, ...]) -> frozenset[str]:
    """Return the tables on which some transaction holds a row lock that others can notice."""
    found: set[str] = set()
    for handler in handlers:
        for step in walk(handler.steps):
            if isinstance(step, Transaction) and step.isolation in LOCKING:
                early, _ = split_transaction(step)
                found |= tables_written(early)
                found |= {each.source.rpartition(".")[0] for each in walk(early) if isinstance(each, Read) and each.lock}
    return frozenset(found)


def versioned_tables(handlers: tuple[Handler, ...]) -> frozenset[str]:
    """Return the tables of which a transaction with a snapshot checks the version."""
    found: set[str] = set()
    for handler in handlers:
        for step in walk(handler.steps):
            if isinstance(step, Transaction) and step.isolation in CHECKED:
                early, _ = split_transaction(step)
                if early:
                    found |= tables_written(step.steps)
                if early and step.isolation == "serializable":
                    found |= {table_of(source) for source in columns_read(step.steps)}
    return frozenset(found)


def table_of(source: str) -> str:
    """Return the table of a column reference, with or without `sum(...)`."""
    return source.removeprefix("sum(").removesuffix(")").rpartition(".")[0]


def program_of(handler: Handler, *, answers: bool) -> Program:
    """Return the graph of a handler, which answers somebody or not; raise `FlowError` when it is too large."""
    if _unrolled(handler.steps) > STEP_LIMIT:
        raise FlowError(
            f"Handler {handler.name!r} unfolds to more than {STEP_LIMIT} steps; lower the counts of its loops or split it."
        )
    return _Builder(handler).program(answers)


def _unrolled(steps: tuple[Step, ...]) -> int:
    """Return how many steps there are when every loop is written out, or a number past the limit."""
    count = 0
    for step in steps:
        times = step.count if isinstance(step, Repeat) else 1
        count += 1 + times * sum(_unrolled(block) for block in blocks_of(step))
        if count > STEP_LIMIT:
            break
    return count


class _Builder:
    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.made = 0
        self.finals = {name: Node(name, Situation(), None) for name in ("end", "stop", "retry", "dead")}

    def program(self, answers: bool) -> Program:
        start = Situation(acked=not self.handler.consumes or self.handler.acknowledge == "receipt", replied=not answers)
        entry = self.block(self.handler.steps, start, lambda s: self.finish("end", s), lambda _, final: self.finals[final], None)
        nodes: dict[Node, None] = {}
        self._number(entry, nodes)
        for number, node in enumerate(nodes, 1):
            node.number = number
        return Program(self.handler, entry, tuple(nodes))

    def _number(self, start: Node, nodes: dict[Node, None]) -> None:
        stack = [start]
        while stack:
            node = stack.pop()
            if node.final or node in nodes:
                continue
            if not isinstance(node.operation, Branch):
                nodes[node] = None
            reached = [*node.edges.values(), *([node.after_crash] if node.after_crash else [])]
            stack.extend(reversed([each for each in reached if each not in nodes]))

    def node(self, operation: Operation, situation: Situation, after_crash: Node | None, attempt: int = 1) -> Node:
        self.made += 1
        if self.made > NODE_LIMIT:
            raise FlowError(
                f"Handler {self.handler.name!r} unfolds to more than {NODE_LIMIT:,} steps; lower the counts of its loops."
            )
        return Node(operation, situation, after_crash, attempt)

    def finish(self, final: str, situation: Situation) -> Node:
        """Return what a handler does at its end: acknowledge and answer if it has not, then be done."""
        if not situation.acked:
            node = self.node(Ack(), situation, None)
            node.edges["next"] = self.finish(final, structs.replace(situation, acked=True))
            return node
        if not situation.replied:
            node = self.node(Reply(), situation, None)
            node.edges["next"] = self.finish(final, structs.replace(situation, replied=True))
            return node
        return self.finals[final]

    def block(self, steps: tuple[Step, ...], here: Situation, then: Continue, fail: Failure, crash: Node | None) -> Node:
        """Return the place before the steps; `then` and `fail` give the places after success and after a failure."""
        if not steps:
            return then(here)
        rest: dict[Situation, Node] = {}

        def onward(situation: Situation) -> Node:
            if situation not in rest:
                rest[situation] = self.block(steps[1:], situation, then, fail, crash)
            return rest[situation]

        return self.step(steps[0], here, onward, fail, crash)

    def step(self, step: Step, here: Situation, then: Continue, fail: Failure, crash: Node | None) -> Node:
        match step:
            case Insert() | Write() | UpdateWhere() | Delete():
                return self.statement(step, here, then, fail, crash)
            case Publish() if step.via:
                return self.statement(step, here, then, fail, crash)
            case Effect() | Call():
                return self.attempt(step, 1, here, then, fail, crash)
            case Transaction():
                return self.transaction(step, here, then, fail, crash)
            case Lock():
                return self.lock(step, here, then, fail, crash)
            case Compensate():
                return self.compensate(step, here, then, fail, crash)
            case Repeat():
                return self.block(step.steps * step.count, here, then, fail, crash)
            case Branch():
                node = self.node(step, here, crash)
                node.edges["then"] = self.block(step.then, here, then, fail, crash)
                node.edges["otherwise"] = self.block(step.otherwise, here, then, fail, crash)
                return node
            case Fail():
                return fail(here, "dead")
            case Stop():
                return self.stop(here, crash)
            case Ack() if not self.handler.consumes:
                raise FlowError(f"Handler {self.handler.name!r} acknowledges, but it consumes no topic; remove the step.")
            case _:
                return self.plain(step, here, then, fail, crash)

    def plain(self, step: Step, here: Situation, then: Continue, fail: Failure, crash: Node | None) -> Node:
        """Return the place of a step with one way on."""
        assert isinstance(step, Read | CacheGet | CachePut | Publish | Ack | Reply | Parallel | Observe)
        node = self.node(step, here, crash)
        after = here
        match step:
            case Ack():
                after = structs.replace(here, acked=True)
            case Reply():
                after = structs.replace(here, replied=True)
            case Read():
                after = self.after_read(step, here)
            case CacheGet():
                node.edges["miss"] = self.block(step.on_miss, here, then, fail, crash)
            case Parallel():
                wait = self.node(Await(step), here, crash)
                wait.edges["next"], wait.edges["error"] = then(here), fail(_failed(here), "retry")
                node.edges["next"] = wait
                return node
            case _:
                pass
        node.edges["next"] = then(after)
        if here.locked and after.locked - here.locked:
            node.edges["conflict"] = fail(_outside(here), "retry")
        return node

    def after_read(self, step: Read, here: Situation) -> Situation:
        """Return the situation after a read: it may have taken a snapshot or a row lock."""
        if here.isolation in LOCKING and step.lock:
            return structs.replace(here, locked=here.locked | {step.source.rpartition(".")[0]})
        return structs.replace(here, snapshot=True) if here.isolation else here

    def stop(self, here: Situation, crash: Node | None) -> Node:
        if not here.isolation:
            return self.finish("stop", here)
        node = self.node(Group((), commits=True), here, crash)
        node.edges["next"] = self.finish("stop", _outside(here))
        return node

    def statement(self, step: Statement, here: Situation, then: Continue, fail: Failure, crash: Node | None) -> Node:
        if not here.isolation:
            return self.group(Group((step,)), here, then, fail, crash)
        node = self.node(Early(step), here, crash)
        after = structs.replace(here, written=here.written | columns_of(step), snapshot=True)
        if here.isolation in LOCKING:
            after = structs.replace(after, locked=here.locked | tables_written((step,)))
        node.edges["next"] = then(after)
        if here.locked and after.locked - here.locked:
            node.edges["conflict"] = fail(_outside(here), "retry")
        self.exits(node, (step,), here, lambda s: then(after if s.isolation else s), fail, crash)
        return node

    def group(self, group: Group, here: Situation, then: Continue, fail: Failure, crash: Node | None) -> Node:
        node = self.node(group, here, crash)
        node.edges["next"] = then(_outside(here))
        node.edges["conflict"] = fail(_outside(here), "retry")
        self.exits(node, group.steps, _outside(here), then, fail, crash)
        return node

    def exits(
        self, node: Node, steps: tuple[Step, ...], here: Situation, then: Continue, fail: Failure, crash: Node | None
    ) -> None:
        """Add the ways out of a group: a duplicate key, an update of no row, a failure inside."""
        for step in walk(steps):
            match step:
                case Insert() if step.on_duplicate is not None:
                    node.edges[step] = self.block(step.on_duplicate, _outside(here), then, fail, crash)
                case UpdateWhere() if step.on_none is not None and not silent(step.on_none):
                    node.edges[step] = self.block(step.on_none, _outside(here), then, fail, crash)
                case _:
                    pass
        node.edges["error"] = fail(_outside(here), "dead")

    def attempt(
        self, step: Effect | Call, attempt: int, here: Situation, then: Continue, fail: Failure, crash: Node | None
    ) -> Node:
        node = self.node(step, here, crash, attempt)
        if attempt < step.attempts:
            error = self.attempt(step, attempt + 1, here, then, fail, crash)
        elif step.on_error is not None:
            error = self.block(step.on_error, _failed(here), then, fail, crash)
        else:
            error = fail(_failed(here), "retry")
        node.edges["error"] = error
        if isinstance(step, Effect):
            node.edges["next"] = then(here)
            return node
        wait = self.node(Await(step, attempt), here, crash)
        wait.edges["next"], wait.edges["error"] = then(here), error
        node.edges["next"] = wait
        return node

    def transaction(self, step: Transaction, here: Situation, then: Continue, fail: Failure, crash: Node | None) -> Node:
        if here.isolation:
            return self.block(step.steps, here, then, fail, crash)
        early, rest = split_transaction(step)
        if not early:
            return self.group(Group(rest, commits=True), here, then, fail, crash)
        inside = structs.replace(here, isolation=step.isolation, columns=self.snapshot_of(step))
        return self.block(
            early,
            inside,
            lambda s: self.group(Group(rest, commits=True), s, then, fail, crash),
            lambda s, final: fail(_outside(s), final),
            crash,
        )

    def snapshot_of(self, step: Transaction) -> frozenset[str]:
        """Return what a transaction copies at its first statement: what it reads, and the commit counts of the rows it watches."""
        if step.isolation in LOCKING:
            return frozenset()
        read = columns_read(step.steps) if step.isolation != "conflict-checked" else frozenset()
        watched = tables_written(step.steps) if step.isolation in CHECKED else frozenset()
        counts = {f"{table}.commits" for table in watched}
        if step.isolation == "serializable":
            counts |= {
                f"sum({table_of(each)}.commits)" if each.startswith("sum(") else f"{table_of(each)}.commits" for each in read
            }
        return read | counts

    def lock(self, step: Lock, here: Situation, then: Continue, fail: Failure, crash: Node | None) -> Node:
        def release(situation: Situation, onward: Continue) -> Node:
            node = self.node(Release(step), situation, crash)
            after = structs.replace(situation, leases=tuple(each for each in situation.leases if each != step))
            node.edges["next"] = onward(after)
            return node

        def failed(situation: Situation, final: str) -> Node:
            return release(situation, lambda s: fail(s, final))

        node = self.node(Acquire(step), here, crash)
        inside = structs.replace(here, leases=(*here.leases, step))
        node.edges["next"] = self.block(step.steps, inside, lambda s: release(s, then), failed, crash)
        return node

    def compensate(self, step: Compensate, here: Situation, then: Continue, fail: Failure, crash: Node | None) -> Node:
        recovery = crash
        if step.durable:
            answered = structs.replace(here, replied=True)
            recovery = self.block(step.undo, answered, lambda s: self.finish("stop", s), fail, None)
            for node in _reached(recovery):
                node.after_crash = recovery

        def undo(situation: Situation, final: str) -> Node:
            return self.block(step.undo, situation, lambda s: fail(s, final), fail, recovery)

        return self.block(step.steps, here, then, undo, recovery)


def columns_of(step: Statement) -> frozenset[str]:
    """Return the columns that a statement writes; an insert or a delete writes `rows` too."""
    match step:
        case Write():
            return frozenset({step.column})
        case UpdateWhere():
            return frozenset(f"{step.table}.{column}" for column, _ in step.set)
        case Insert():
            return frozenset({f"{step.table}.rows", *(f"{step.table}.{column}" for column, _ in step.set)})
        case Delete():
            return frozenset({f"{step.table}.rows"})
        case Publish():
            return frozenset({f"outbox:{step.topic}"})


def _outside(here: Situation) -> Situation:
    return structs.replace(here, isolation="", snapshot=False, columns=frozenset(), written=frozenset(), locked=frozenset())


def _failed(here: Situation) -> Situation:
    return structs.replace(here, failed=True)


def _reached(start: Node) -> tuple[Node, ...]:
    seen: dict[Node, None] = {}
    stack = [start]
    while stack:
        node = stack.pop()
        if node.final or node in seen:
            continue
        seen[node] = None
        stack.extend(node.edges.values())
    return tuple(seen)


def settles(node: Node) -> bool:
    """Tell whether the message has been handled once this place is reached: only the normal end is ahead, and nothing had failed.

    Ways that stop early do not count: somebody else did the work, or nobody.
    """
    finals, effects = set(), False
    for each in _reached(node):
        effects = effects or has_effect(each)
        finals |= {edge.final for edge in each.edges.values() if edge.final}
    finals |= {node.final} - {""}
    return "end" in finals and "stop" not in finals and not effects and not node.situation.failed


def has_effect(node: Node) -> bool:
    """Tell whether a place changes something that outlives the process and is not the end of the conversation itself."""
    return isinstance(node.operation, Group | Early | Effect | Call | Publish | Await | Parallel | CachePut)

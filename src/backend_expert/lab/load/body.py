"""Turn the steps of one operation into rows of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_expert.lab.load.deliveries import consumers
from backend_expert.lab.load.labels import Label
from backend_expert.lab.load.layout import CACHE_DEPTH, LOOP_DEPTH
from backend_expert.lab.load.places import pool_name, value
from backend_expert.lab.load.scenario import ModelError
from backend_expert.lab.load.vocabulary import Op
from backend_expert.model import (
    Ack,
    Action,
    Branch,
    CacheGet,
    CachePut,
    Call,
    Compensate,
    Estimate,
    Kind,
    Lock,
    Operation,
    Parallel,
    Publish,
    Query,
    Repeat,
    Reply,
    Step,
    Transaction,
    Wait,
    Work,
    walk,
)

if TYPE_CHECKING:
    from backend_expert.lab.load.program import Compiler

PUBLISH_MS = 0.05
"""Broker time of one message: RabbitMQ's team measured 20-30 thousand persistent messages a second on one queue (RabbitMQ 3.11 blog)."""


class Body:
    """The rows of one operation."""

    def __init__(self, compiler: Compiler, operation: Operation) -> None:
        self.compiler = compiler
        self.operation = operation
        self.seen: dict[tuple[str, str], int] = {}
        self.open_transactions: list[str] = []
        self.open_look_ups: list[str] = []
        self.depth = 0

    def compile(self) -> None:
        """Emit the whole operation; messages that were handed ahead wait in their instance until a consumer is free."""
        trigger = self.operation.trigger
        if trigger.kind == "message" and trigger.prefetch is not None:
            gate = consumers(self.compiler, self.operation)
            self.holding(f"{self.operation.name}/consumer", self.operation.steps, gate, 1, None)
        else:
            self.steps(self.operation.steps, None)
        self.compiler.emit(Op.END, self.operation.name, None)

    def key(self, step: Step, target: str = "") -> str:
        """Name a step by what it does and how often that was done before it, so that it keeps its draws when others come between."""
        what = (type(step).__name__, target)
        ordinal = self.seen[what] = self.seen.get(what, 0) + 1
        return f"{self.operation.name}/{what[0]}/{target}/{ordinal}"

    def steps(self, steps: tuple[Step, ...], handler: Label | None) -> None:
        """Emit steps one after another; a failing one goes on at `handler`."""
        for step in steps:
            self.step(step, handler)

    def step(self, step: Step, handler: Label | None) -> None:
        """Emit one step."""
        compiler, home = self.compiler, self.operation.component
        match step:
            case Work():
                outside = compiler.components[home].kind is Kind.EXTERNAL
                compiler.emit(
                    Op.SLEEP if outside else Op.WORK, self.key(step), handler, mean=value(step.cpu_ms, 0.0), law=compiler.law(home)
                )
            case Wait():
                compiler.emit(Op.SLEEP, self.key(step), handler, mean=step.time_ms.value, law=compiler.law(home))
            case Call():
                self.call(step, handler)
            case Query():
                self.store(step, "query", handler)
            case CachePut():
                self.cache_put(step, handler)
            case CacheGet():
                self.cache_get(step, handler)
            case Publish():
                self.publish(step, handler)
            case Reply():
                compiler.emit(Op.REPLY, self.key(step), handler)
            case Transaction():
                self.transaction(step, handler)
            case Lock():
                gate = compiler.guards.lock(step.resource, step.capacity)
                self.holding(self.key(step), step.steps, gate, 0, handler)
            case Parallel():
                self.parallel(step, handler)
            case Repeat():
                self.repeat(step, handler)
            case Branch():
                self.branch(step, handler)
            case Compensate():
                self.compensate(step, handler)
            case Ack():
                pass

    def call(self, step: Call, handler: Label | None) -> None:
        """Emit the call of an operation."""
        compiler = self.compiler
        target = compiler.start_of(step.operation)
        callee = compiler.operations[step.operation]
        site = compiler.policy_site(
            self.operation.component, callee.component, target, step.policy, sheddable=callee.critical is False
        )
        compiler.emit(Op.CALL, self.key(step, step.operation), handler, a=site)

    def store(self, step: Query | CacheGet | CachePut, verb: str, handler: Label | None, left_out: int = 0) -> None:
        """Emit the call of a store; when it succeeds so many rows after it are left out."""
        compiler = self.compiler
        dataset = compiler.datasets.get(step.dataset)
        if dataset is None or dataset.store not in compiler.components:
            raise ModelError(f"{self.operation.name} uses the dataset {step.dataset!r}, whose store the system does not have.")
        mean = value(step.time_ms, 0.0)
        target = compiler.implicit(f"{dataset.store}/{verb}/{mean!r}", dataset.store, mean)
        pooled = dataset.store not in self.open_transactions
        query = step if isinstance(step, Query) else None
        replicas = compiler.replicas(dataset.store) if query is not None else None
        read = pooled and query is not None and query.action is Action.READ
        site = compiler.policy_site(
            self.operation.component, dataset.store, target, step.policy, pooled=pooled, replicas=replicas if read else None
        )
        compiler.emit(Op.CALL, self.key(step, step.dataset), handler, a=site, b=left_out)
        if query is not None and replicas is not None:
            self.replicated(query, read, handler)

    def replicated(self, step: Query, read: bool, handler: Label | None) -> None:
        """Emit that a write is on its way to the replicas, or the question whether a read came before it: a hit is a stale read."""
        caches = self.compiler.caches
        row, key = caches.row(step.dataset), self.key(step, f"{step.dataset}~")
        if step.action is not Action.READ:
            self.compiler.emit(Op.FILL, key, handler, b=row, c=-1, mean=caches.life_ms(step.dataset))
        elif read:
            self.compiler.emit(Op.LOOKUP, key, handler, a=len(self.compiler.rows) + 1, b=row, c=-1)

    def cache_get(self, step: CacheGet, handler: Label | None) -> None:
        """Emit a look-up, and what a miss does; a look-up that fails and may fail is a miss."""
        compiler = self.compiler
        depth = len(self.open_look_ups)
        if depth == CACHE_DEPTH:
            raise ModelError(f"{self.operation.name} nests CacheGet steps more than {CACHE_DEPTH} deep; leave the inner ones out.")
        after, missed = Label(), Label()
        cache = compiler.caches.row(step.dataset)
        key = self.key(step, f"{step.dataset}?")
        self.store(step, "get", handler, left_out=2 if step.policy.optional else 0)
        if step.policy.optional:
            compiler.emit(Op.LOOKUP, key, handler, b=cache, c=depth, mean=-1.0)
            compiler.emit(Op.JUMP, key, handler, a=missed)
        compiler.emit(Op.LOOKUP, key, handler, a=after, b=cache, c=depth, mean=compiler.caches.hit_ratio(step))
        missed.row = len(compiler.rows)
        self.open_look_ups.append(step.dataset)
        if step.coalesced:
            undo = Label()
            compiler.emit(Op.JOIN, key, handler, a=after, b=cache, c=depth)
            self.on_miss(step, undo)
            compiler.emit(Op.LAND, key, handler, a=1, b=cache, c=depth)
            compiler.emit(Op.JUMP, key, handler, a=after)
            undo.row = compiler.emit(Op.LAND, key, handler, a=0, b=cache, c=depth)
            compiler.emit(Op.FAIL, key, handler)
        else:
            self.on_miss(step, handler)
        self.open_look_ups.pop()
        after.row = len(compiler.rows)

    def on_miss(self, step: CacheGet, handler: Label | None) -> None:
        """Emit what a miss does, with the put that no step of the system states."""
        self.steps(step.on_miss, handler)
        if step.dataset not in self.compiler.filled:
            self.fill(step, None, 0.0, handler)

    def cache_put(self, step: CachePut, handler: Label | None) -> None:
        """Emit a put; one that fails and may fail puts nothing."""
        after = Label()
        self.store(step, "put", handler, left_out=1 if step.policy.optional else 0)
        if step.policy.optional:
            self.compiler.emit(Op.JUMP, self.operation.name, handler, a=after)
        self.fill(step, step.expiry_s, value(step.expiry_jitter, 0.0), handler)
        after.row = len(self.compiler.rows)

    def fill(self, step: CacheGet | CachePut, expiry_s: Estimate | None, jitter: float, handler: Label | None) -> None:
        """Emit the coming of a key into a cache: that of the open look-up of its dataset, or one that is drawn."""
        caches = self.compiler.caches
        looked_up = [depth for depth, dataset in enumerate(self.open_look_ups) if dataset == step.dataset]
        self.compiler.emit(
            Op.FILL,
            self.key(step, f"{step.dataset}!"),
            handler,
            b=caches.row(step.dataset),
            c=looked_up[-1] if looked_up else -1,
            mean=caches.life_ms(step.dataset) if expiry_s is None else 1000.0 * expiry_s.value,
            shape=jitter,
        )

    def publish(self, step: Publish, handler: Label | None) -> None:
        """Emit the way of a message to its broker."""
        compiler = self.compiler
        topic = compiler.topics.get(step.topic)
        if topic is None or topic.broker not in compiler.components:
            raise ModelError(f"{self.operation.name} publishes to {step.topic!r}, whose broker the system does not have.")
        target = compiler.implicit(f"{topic.name}/publish", topic.broker, PUBLISH_MS, topic.name)
        site = compiler.policy_site(self.operation.component, topic.broker, target, step.policy)
        op = Op.SPAWN if step.confirmed is False else Op.CALL
        compiler.emit(op, self.key(step, step.topic), handler, a=site)

    def transaction(self, step: Transaction, handler: Label | None) -> None:
        """Emit steps that hold one connection of the pool to their store."""
        compiler, home = self.compiler, self.operation.component
        stores = {dataset.name: dataset.store for dataset in compiler.datasets.values()}
        queries = [each for each in walk(step.steps) if isinstance(each, Query) and stores.get(each.dataset) == step.store]
        pool = next((each.policy.pool for each in queries if each.policy.pool is not None), None)
        if pool is None or step.store in self.open_transactions:
            self.steps(step.steps, handler)
            return
        gate = compiler.guards.pool(pool_name(home, step.store), compiler.instances_of(home), pool)
        self.open_transactions.append(step.store)
        self.holding(self.key(step), step.steps, gate, 1, handler)
        self.open_transactions.pop()

    def holding(self, key: str, steps: tuple[Step, ...], gate: int, stride: int, handler: Label | None) -> None:
        """Emit steps that hold a place of a gate, given back when they end and when they fail."""
        compiler = self.compiler
        undo, after = Label(), Label()
        compiler.emit(Op.ACQUIRE, key, handler, a=gate, b=stride)
        self.steps(steps, undo)
        compiler.emit(Op.RELEASE, key, handler, a=gate, b=stride)
        compiler.emit(Op.JUMP, key, handler, a=after)
        undo.row = compiler.emit(Op.RELEASE, key, handler, a=gate, b=stride)
        compiler.emit(Op.FAIL, key, handler)
        after.row = len(compiler.rows)

    def parallel(self, step: Parallel, handler: Label | None) -> None:
        """Emit branches that run at once."""
        compiler = self.compiler
        if not step.branches:
            return
        key = self.key(step)
        after = Label()
        labels = [Label() for _ in step.branches]
        first = len(compiler.branches)
        compiler.branches.extend((label, -1) for label in labels)
        needed = min(step.first, len(labels)) or len(labels)
        compiler.width = max(compiler.width, len(labels))
        compiler.emit(Op.PARALLEL, key, handler, a=first, b=len(labels), c=needed)
        compiler.emit(Op.JUMP, key, handler, a=after)
        for label, branch in zip(labels, step.branches, strict=True):
            label.row = len(compiler.rows)
            self.steps(branch, None)
            compiler.emit(Op.END, key, None)
        after.row = len(compiler.rows)

    def repeat(self, step: Repeat, handler: Label | None) -> None:
        """Emit a loop."""
        compiler = self.compiler
        if self.depth == LOOP_DEPTH:
            raise ModelError(
                f"{self.operation.name} nests Repeat steps more than {LOOP_DEPTH} deep; give the inner ones one count."
            )
        key = self.key(step)
        after = Label()
        compiler.emit(Op.LOOP, key, handler, a=after, c=self.depth, mean=step.count.value)
        first = len(compiler.rows)
        self.depth += 1
        self.steps(step.steps, handler)
        self.depth -= 1
        compiler.emit(Op.AGAIN, key, handler, a=first, c=self.depth)
        after.row = len(compiler.rows)

    def branch(self, step: Branch, handler: Label | None) -> None:
        """Emit a choice."""
        compiler = self.compiler
        key = self.key(step, step.condition)
        otherwise, after = Label(), Label()
        compiler.emit(Op.CHANCE, key, handler, a=otherwise, mean=step.probability.value)
        self.steps(step.then, handler)
        compiler.emit(Op.JUMP, key, handler, a=after)
        otherwise.row = len(compiler.rows)
        self.steps(step.otherwise, handler)
        after.row = len(compiler.rows)

    def compensate(self, step: Compensate, handler: Label | None) -> None:
        """Emit steps and what undoes them when one fails."""
        compiler = self.compiler
        key = self.key(step)
        undo, after = Label(), Label()
        self.steps(step.steps, undo)
        compiler.emit(Op.JUMP, key, handler, a=after)
        undo.row = len(compiler.rows)
        self.steps(step.undo, handler)
        compiler.emit(Op.FAIL, key, handler)
        after.row = len(compiler.rows)

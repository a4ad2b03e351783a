"""Turn the steps of one operation into rows of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_expert.lab.load.labels import Label
from backend_expert.lab.load.layout import LOOP_DEPTH, Op
from backend_expert.lab.load.places import value
from backend_expert.lab.load.scenario import ModelError
from backend_expert.model import (
    Ack,
    Branch,
    CacheGet,
    CachePut,
    Call,
    Compensate,
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
        self.depth = 0

    def compile(self) -> None:
        """Emit the whole operation."""
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
                self.store(step, "put", handler)
                compiler.emit(Op.FILL, self.key(step), handler, b=compiler.cache(step.dataset))
            case CacheGet():
                self.cache_get(step, handler)
            case Publish():
                self.publish(step, handler)
            case Reply():
                compiler.emit(Op.REPLY, self.key(step), handler)
            case Transaction():
                self.transaction(step, handler)
            case Lock():
                gate = compiler.lock(step.resource, step.capacity)
                self.holding(step, step.steps, gate, 0, handler)
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
        callee = compiler.operations[step.operation].component
        site = compiler.policy_site(self.operation.component, callee, target, step.policy)
        compiler.emit(Op.CALL, self.key(step, step.operation), handler, a=site)

    def store(self, step: Query | CacheGet | CachePut, verb: str, handler: Label | None) -> None:
        """Emit the call of a store."""
        compiler = self.compiler
        dataset = compiler.datasets.get(step.dataset)
        if dataset is None or dataset.store not in compiler.components:
            raise ModelError(f"{self.operation.name} uses the dataset {step.dataset!r}, whose store the system does not have.")
        mean = value(step.time_ms, 0.0)
        target = compiler.implicit(f"{dataset.store}/{verb}/{mean!r}", dataset.store, mean)
        pooled = dataset.store not in self.open_transactions
        site = compiler.policy_site(self.operation.component, dataset.store, target, step.policy, pooled=pooled)
        compiler.emit(Op.CALL, self.key(step, step.dataset), handler, a=site)

    def cache_get(self, step: CacheGet, handler: Label | None) -> None:
        """Emit a look-up, and what a miss does."""
        compiler = self.compiler
        self.store(step, "get", handler)
        after = Label()
        cache = compiler.cache(step.dataset)
        compiler.emit(Op.LOOKUP, self.key(step, f"{step.dataset}?"), handler, a=after, b=cache, mean=value(step.hit_ratio, 0.0))
        self.steps(step.on_miss, handler)
        if step.dataset not in compiler.filled:
            compiler.emit(Op.FILL, self.key(step, f"{step.dataset}!"), handler, b=cache)
        after.row = len(compiler.rows)

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
        gate, stride = compiler.pool(home, step.store, pool)
        self.open_transactions.append(step.store)
        self.holding(step, step.steps, gate, stride, handler)
        self.open_transactions.pop()

    def holding(self, step: Step, steps: tuple[Step, ...], gate: int, stride: int, handler: Label | None) -> None:
        """Emit steps that hold a place of a gate, given back when they end and when they fail."""
        compiler = self.compiler
        key = self.key(step)
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
        compiler.branches.extend(labels)
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

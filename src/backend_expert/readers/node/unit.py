"""One program while it is being read: its modules, what it registers, what a container holds for it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.model import Evidence, GuardKind
from backend_expert.readers.code import Binding, Exchange, Piece, Queue, Target
from backend_expert.readers.node import calls, expressions, flow, names, waiting
from backend_expert.readers.node.connections import Connection
from backend_expert.readers.node.container import Container
from backend_expert.readers.node.drafts import Draft
from backend_expert.readers.node.entities import Entity
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.modules import CLASSES, Module
from backend_expert.readers.node.project import Project, relaxed_json
from backend_expert.readers.node.syntax import children
from backend_expert.readers.node.values import (
    UNKNOWN,
    Blueprint,
    Constant,
    Function,
    Listing,
    Record,
    Resource,
    Value,
)
from backend_expert.readers.node.writes import Seen

WORK_LIMIT = 800_000
"""Most expressions that are worked out for one program: the largest of the systems tried (65,000 lines, 117 routes) needs 262,000."""

START_LIMIT = 150_000
"""Most expressions that are worked out while a program is set up."""

HANDLER_LIMIT = 40_000
"""Most expressions that are worked out for one handler: the largest of the same system needs 21,600."""

NESTING_LIMIT = 300
"""Deepest nesting of expressions and calls: the deepest of the systems tried is 50."""

RECURSION_LIMIT = 12_000
"""Frames of Python's own stack that this nesting may take: up to 25 for a call in a callback in a promise."""


if TYPE_CHECKING:
    from backend_expert.readers.node.guards import Sign


class Consumer:
    """A function that takes messages from a channel."""

    __slots__ = ("after", "automatic", "concurrency", "evidence", "group", "handler", "name", "target")

    def __init__(self, target: str, name: str, handler: Function, evidence: tuple[Evidence, ...]) -> None:
        self.target = target
        self.name = name
        self.handler = handler
        self.evidence = evidence
        self.concurrency: float | None = None
        self.automatic = False
        self.after = False
        self.group = ""


class Unit:
    """Everything that is known of one program while it is being read."""

    def __init__(self, project: Project, directory: str, entries: tuple[str, ...]) -> None:
        self.project = project
        self.directory = directory
        self.entries = entries
        self.modules: dict[str, Module | None] = {}
        self.starting = True
        self.cut = False
        self.doubtful = 0
        self.nested = 0
        self.resolving = 0
        self.seen = Seen()
        self.work = 0
        self.limit = START_LIMIT
        self.targets: dict[tuple[object, ...], Target] = {}
        self.connections: list[Connection] = []
        self.exchanges: dict[str, Exchange] = {}
        self.queues: dict[str, Queue] = {}
        self.bindings: list[Binding] = []
        self.consumers: list[Consumer] = []
        self.apps: list[Resource] = []
        self.procedures: list[tuple[str, Record, tuple[Evidence, ...]]] = []
        self.raw: list[tuple[Function, tuple[Evidence, ...]]] = []
        self.called: set[int] = set()
        self.methods: dict[int, dict[str, Node]] = {}
        self.assignments: dict[int, dict[str, list[tuple[Node, Node]]]] = {}
        self.idle: dict[tuple[int, int], int] = {}
        self.entities: dict[int, Entity | None] = {}
        self.collections: list[tuple[Resource, Frame]] = []
        self.ports: list[tuple[Piece, ...]] = []
        self.signs: dict[tuple[int, int], tuple[Function, Sign, tuple[Function, ...]]] = {}
        self.guard_kinds: dict[tuple[int, int], tuple[Function | Blueprint, tuple[GuardKind | None, ...]]] = {}
        self.metadata: Record | None = None
        self.marks_read = False
        self.strategies: dict[str, Function] | None = None
        self.before: dict[tuple[int, int, int, str], list[Draft] | None] = {}
        self.data_source: Resource | None = None
        self.sequelize: Resource | None = None
        self.axios_retries = False
        self._safe: set[str] = set()
        self._safe_of = 0
        self.container = Container(self)
        self._prisma: tuple[Connection, dict[str, str]] | None = None

    @property
    def complete(self) -> bool:
        """Tell whether the whole program was followed."""
        return self.work < WORK_LIMIT and not self.cut

    def spend(self) -> bool:
        """Count one expression; tell whether there is room for it."""
        self.work += 1
        return self.work < self.limit and self.nested < NESTING_LIMIT

    # Modules

    def module(self, path: str) -> Module | None:
        """Return a module of the program, not yet run; nothing for a file that cannot be read."""
        if path not in self.modules:
            source = self.project.source(path)
            self.modules[path] = Module(source, self) if source is not None else None
        return self.modules[path]

    def run(self, module: Module) -> None:
        """Run the top level of a module once, and before it that of the modules it loads."""
        if module.ran:
            return
        module.ran = True
        for specifier in module.source.loads:
            path = self.project.resolve(module.path, specifier)
            loaded = self.module(path) if path is not None else None
            if loaded is not None and self.nested < NESTING_LIMIT // 4:
                self.nested += 1
                self.run(loaded)
                self.nested -= 1
        frame = module.frame
        for statement in module.source.statements:
            if statement.type in CLASSES or statement.type in {"function_declaration", "enum_declaration", "internal_module"}:
                continue
            if statement.type in {"lexical_declaration", "variable_declaration"}:
                self._declare(module, statement)
            else:
                flow.statement_ends(statement, frame)

    def _declare(self, module: Module, statement: Node) -> None:
        from backend_expert.readers.node.modules import bound

        for declarator in children(statement):
            pattern = declarator.child_by_field_name("name")
            if declarator.type == "variable_declarator" and pattern is not None:
                for name in bound(pattern)[:1]:
                    names.of_module(module, name)

    def data(self, path: str, specifier: str) -> Value:
        """Return the content of a JSON file that a module imports."""
        file = posixpath.normpath(posixpath.join(posixpath.dirname(path), specifier))
        if not file.endswith(".json"):
            return UNKNOWN
        content = self.project.repository.text(file) if file in self.project.repository else None
        return _plain(relaxed_json(content), 0) if content is not None else UNKNOWN

    # What steps lead to

    def target(
        self,
        *,
        protocol: str,
        address: tuple[Piece, ...] = (),
        port: tuple[Piece, ...] = (),
        database: tuple[Piece, ...] = (),
        method: str = "",
        path: tuple[Piece, ...] = (),
        dataset: str = "",
        exchange: str = "",
        channel: str = "",
        evidence: tuple[Evidence, ...] = (),
        from_caller: bool = False,
    ) -> str:
        """Return the key of a target; equal ones share it."""
        identity = (protocol, address, port, database, method, path, dataset, exchange, channel, from_caller)
        found = self.targets.get(identity)
        if found is None:
            found = Target(
                key=f"t{len(self.targets)}",
                protocol=protocol,
                address=address,
                port=port,
                database=database,
                method=method,
                path=path,
                dataset=dataset,
                exchange=exchange,
                channel=channel,
                evidence=evidence[:1],
                from_caller=from_caller,
            )
            self.targets[identity] = found
        return found.key

    def is_safe(self, key: str) -> bool:
        """Tell whether a call by its very method changes nothing (RFC 9110, section 9.2.1)."""
        if self._safe_of < len(self.targets):
            self._safe = {each.key for each in self.targets.values() if each.method in {"GET", "HEAD"}}
            self._safe_of = len(self.targets)
        return key in self._safe

    def store_target(self, connection: Connection, dataset: str, database: str = "") -> str:
        """Return the key of a table, collection or key space behind a connection."""
        connection = self.known(connection)
        named = (Piece(database),) if database else connection.database
        return self.target(
            protocol=connection.protocol,
            address=connection.address,
            port=connection.port,
            database=named,
            dataset=dataset,
            evidence=connection.evidence,
        )

    def channel_target(
        self, connection: Connection, *, channel: str, exchange: str = "", evidence: tuple[Evidence, ...] = ()
    ) -> str:
        """Return the key of a channel of a broker."""
        connection = self.known(connection)
        return self.target(
            protocol=connection.protocol,
            address=connection.address,
            port=connection.port,
            exchange=exchange,
            channel=channel,
            evidence=connection.evidence or evidence,
        )

    def message_call(self, connection: Connection, pattern: str, queue: str, evidence: tuple[Evidence, ...]) -> str:
        """Return the key of a call that goes through a broker and waits for the answer."""
        connection = self.known(connection)
        return self.target(
            protocol=connection.protocol,
            address=connection.address,
            port=connection.port,
            method="MESSAGE",
            path=(Piece(pattern),),
            channel=queue,
            evidence=evidence,
        )

    def connected(self, connection: Connection) -> None:
        """Keep a connection that the program makes."""
        self.connections.append(connection)

    def connection(self, protocol: str) -> Connection:
        """Return a connection of which only the kind is known; it is looked up again when steps are made."""
        return Connection(protocol)

    def known(self, connection: Connection) -> Connection:
        """Return the one connection of the program that a handle without an address must belong to, or the handle as it is."""
        if connection.address:
            return connection
        same = [
            each for each in self.connections if each.address and (not connection.protocol or each.protocol == connection.protocol)
        ]
        if not connection.protocol and not same:
            return next(iter(self.connections), connection)
        distinct = {(each.address, each.port, each.database) for each in same}
        return same[0] if len(distinct) == 1 else connection

    # Brokers

    def declare_exchange(self, name: str, kind: str, durable: bool | None, evidence: tuple[Evidence, ...], _: Connection) -> None:
        """Keep an exchange that the program declares."""
        if name:
            self.exchanges.setdefault(name, Exchange(name=name, kind=kind, durable=durable, evidence=evidence[:1]))

    def declare_queue(
        self, name: str, durable: bool | None, dead_letter: bool | None, deliveries: int | None, evidence: tuple[Evidence, ...]
    ) -> None:
        """Keep a queue that the program declares."""
        if name:
            queue = Queue(name=name, durable=durable, dead_letter=dead_letter, maximum_deliveries=deliveries, evidence=evidence[:1])
            self.queues.setdefault(name, queue)

    def bind(self, queue: str, exchange: str, pattern: str, evidence: tuple[Evidence, ...]) -> None:
        """Keep a binding of a queue to an exchange."""
        binding = Binding(queue=queue, exchange=exchange, pattern=pattern, evidence=evidence[:1])
        if queue and exchange and binding not in self.bindings:
            self.bindings.append(binding)

    def consume(
        self,
        target: str,
        name: str,
        handler: Function,
        call: calls.Call,
        *,
        concurrency: float | None = None,
        automatic: bool = False,
        after: bool = False,
        group: str = "",
    ) -> None:
        """Keep a function that takes messages."""
        consumer = Consumer(target, name, handler, call.frame.evidence(call.node))
        consumer.concurrency = concurrency
        consumer.automatic = automatic
        consumer.after = after
        consumer.group = group
        if not any(each.target == target and each.handler.node.id == handler.node.id for each in self.consumers):
            self.consumers.append(consumer)

    def collection(self, resource: Resource, call: calls.Call) -> None:
        """Keep a collection that a model declares."""
        self.collections.append((resource, call.frame))

    # Prisma

    def prisma(self) -> Connection:
        """Return the connection that the schema of Prisma describes."""
        return self._schema()[0]

    def prisma_table(self, model: str) -> str:
        """Return the table behind a model of the client."""
        return self._schema()[1].get(model, model)

    def _schema(self) -> tuple[Connection, dict[str, str]]:
        if self._prisma is None:
            from backend_expert.readers.node import schemas

            self._prisma = schemas.prisma_of(self)
        return self._prisma

    # Handlers

    def enter(self, function: Function, given: list[Value]) -> tuple[list[Draft], Frame]:
        """Follow a handler from its first line; return its steps and its frame."""
        self.limit = min(self.work + HANDLER_LIMIT, WORK_LIMIT)
        self.seen = Seen()
        frame = Frame(self, function.frame.module, function.frame, function.this or function.frame.this)
        frame.asynchronous = waiting.is_asynchronous(function.node)
        calls.bind_parameters(function, given, frame)
        steps = frame.block
        calls.opened(function, frame)
        body = function.node.child_by_field_name("body")
        if body is not None and body.type == "statement_block":
            flow.body(body, frame)
        elif body is not None:
            frame.returns.append(waiting.settled(expressions.evaluate(body, frame), frame))
        self.cut = self.cut or self.work >= self.limit
        return steps, frame


def _plain(value: object, depth: int) -> Value:
    if isinstance(value, dict) and depth < 12:
        return Record({str(key): _plain(inner, depth + 1) for key, inner in value.items()})
    if isinstance(value, list) and depth < 12:
        return Listing([_plain(inner, depth + 1) for inner in value[:1000]])
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return Constant(value)
    return Constant(float(value)) if isinstance(value, int | float) else UNKNOWN

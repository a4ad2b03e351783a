"""Find the business flows of a system: every entry that changes something, with all that it calls and all that hears of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct, structs

from backend_expert.lab.states.flow import (
    AROUND_REQUESTS,
    DEFAULT_ISOLATION,
    NOTHING,
    Ack,
    Bounds,
    Branch,
    Call,
    Column,
    Compensate,
    Delete,
    Effect,
    External,
    Flow,
    Handler,
    Insert,
    Invariant,
    Isolation,
    Lock,
    Parallel,
    Publish,
    Read,
    Reply,
    Step,
    Table,
    Topic,
    Transaction,
    UpdateWhere,
    Write,
    walk,
)
from backend_expert.lab.states.invariants import inferred
from backend_expert.model import (
    Action,
    Dataset,
    Evidence,
    Kind,
    Mechanism,
    Operation,
    Policy,
    Query,
    System,
    Text,
    entries,
)
from backend_expert.model import steps as model
from backend_expert.model.graph import walk as walk_model

AMOUNT = "amount"
"""What a quantity is called whose column no statement names."""

QUANTITY = re.compile(
    r"allocat|amount|availab|balance|budget|capacity|coupon|credit|inventor|\bleft\b|on_?hand|points|qty|quantit|remaining|reserv|seat|slot"
    r"|stock|ticket|units|voucher|wallet",
    re.IGNORECASE,
)
"""Words for what can run out. An update whose arithmetic no statement shows takes from a quantity only where a name says so: most updates
set a status or a profile, and to call those oversold would be wrong far more often than right."""

MOST_WORKERS = 2
MOST_ATTEMPTS = 3
"""Workers and attempts that are followed: with budgets of one fault, more of them repeat what these show."""


def flows_of(system: System, bounds: Bounds = Bounds()) -> tuple[Flow, ...]:  # noqa: B008 - frozen
    """Return one flow for each entry that changes data or the world outside, ordered by the name of the entry.

    Only operations with known steps can be followed. What the steps do not say is assumed, and each assumption stands in the flow.
    """
    flows = []
    for entry in sorted(entries(system), key=lambda each: each.name):
        flow = _Recovery(system, entry).flow(bounds)
        if flow is not None:
            flows.append(flow)
    return tuple(flows)


class _Quantity(Struct, frozen=True):
    """A number in a row that requests share: how a statement changes it."""

    column: str
    sign: str


class _Recovery:
    def __init__(self, system: System, entry: Operation) -> None:
        self.system = system
        self.entry = entry
        self.operations = {operation.name: operation for operation in system.operations}
        self.kinds = {component.name: component.kind for component in system.components}
        self.technology = {component.name: component.technology for component in system.components}
        self.datasets = {dataset.name: dataset for dataset in system.datasets}
        self.reached = self._reach()
        self.changing = self._changing()
        self.inserted = {step.dataset for name in self.reached for step in self._queries(name) if step.action is Action.INSERT}
        self.tables: dict[str, Table] = {}
        self.externals: dict[str, External] = {}
        self.undoing = False

    def _queries(self, name: str) -> list[Query]:
        return [step for step in walk_model(self.operations[name].steps) if isinstance(step, Query)]

    def _calls(self, name: str) -> list[model.Call]:
        return [step for step in walk_model(self.operations[name].steps) if isinstance(step, model.Call)]

    def _reach(self) -> tuple[str, ...]:
        """Return the entry, what it calls and what consumes its messages, in the order in which they are met."""
        found: dict[str, None] = {}
        waiting = [self.entry.name]
        while waiting:
            name = waiting.pop(0)
            if name in found or name not in self.operations or self._outside(name):
                continue
            found[name] = None
            for step in walk_model(self.operations[name].steps):
                if isinstance(step, model.Call):
                    waiting.append(step.operation)
                elif isinstance(step, model.Publish):
                    waiting += [each.name for each in self.system.operations if _consumes(each, step.topic)]
        return tuple(found)

    def _outside(self, name: str) -> bool:
        return self.kinds.get(self.operations[name].component) is Kind.EXTERNAL

    def _changing(self) -> frozenset[str]:
        """Return the operations that change something themselves or through what they call."""
        found: set[str] = set()
        growing = True
        while growing:
            before = len(found)
            for name in self.reached:
                for step in walk_model(self.operations[name].steps):
                    match step:
                        case Query() if step.action is not Action.READ:
                            found.add(name)
                        case model.Publish():
                            found.add(name)
                        case model.Call() if step.operation in found or self._effect(step):
                            found.add(name)
                        case _:
                            pass
            growing = len(found) > before
        return frozenset(found)

    def _effect(self, step: model.Call) -> bool:
        """Tell whether a call changes the world outside: a GET does not."""
        operation = self.operations.get(step.operation)
        if operation is None or self.kinds.get(operation.component) is not Kind.EXTERNAL:
            return False
        return not re.search(r"\b(GET|HEAD|OPTIONS)\b", operation.trigger.name or operation.name)

    def flow(self, bounds: Bounds) -> Flow | None:
        if self.entry.name not in self.changing:
            return None
        handlers = [self.handler(name) for name in self.reached if name in self.changing]
        published = {step.topic for handler in handlers for step in walk(handler.steps) if isinstance(step, Publish)}
        topics = tuple(self.topic(name) for name in sorted(published))
        flow = Flow(
            name=self.entry.name,
            handlers=tuple(handlers),
            tables=tuple(self.tables[name] for name in sorted(self.tables)),
            topics=topics,
            externals=tuple(self.externals[name] for name in sorted(self.externals)),
            bounds=bounds,
        )
        invariants = (*inferred(flow), *self.together(flow))
        if not invariants:
            return None
        return structs.replace(flow, invariants=invariants)

    def together(self, flow: Flow) -> tuple[Invariant, ...]:
        """Return that the first row which a request stores and the effect outside that it waits for exist both or not at all."""
        called = [handler for handler in flow.handlers if handler.entry or handler.called]
        steps = [step for handler in called for step in walk(handler.steps)]
        row = next((step.table for step in steps if isinstance(step, Insert) and flow.table(step.table).per == "attempt"), "")
        effects = dict.fromkeys(step.external for step in steps if isinstance(step, Effect) and not step.undoes)
        return tuple(Invariant("half-compensated", each, (), (f"{row}.rows >= 1", f"{each} >= 1")) for each in effects if row)

    def topic(self, name: str) -> Topic:
        declared = next((topic for topic in self.system.topics if topic.name == name), None)
        transient = any(
            isinstance(step, model.Publish) and step.topic == name and step.persistent is False
            for each in self.reached
            for step in walk_model(self.operations[each].steps)
        )
        durable = not transient and (declared is None or declared.durable is not False)
        unstated = durable and (declared is None or declared.durable is None)
        assumed = (
            Text(f"{name} survives a restart of its broker", f"{name} sobrevive a um reinício do broker") if unstated else NOTHING
        )
        return Topic(name, durable=durable, assumed=assumed)

    def handler(self, name: str) -> Handler:
        operation = self.operations[name]
        steps = self.block(operation.steps, operation)
        trigger = operation.trigger
        message = trigger.kind == "message" and name != self.entry.name
        early = trigger.acknowledge in {"before", "auto"} and not any(isinstance(step, Ack) for step in walk(steps))
        wide = trigger.concurrency is None or trigger.concurrency.value > 1
        return Handler(
            name,
            steps,
            consumes=trigger.name if message else "",
            called=not message and name != self.entry.name,
            workers=MOST_WORKERS if message and wide else 1,
            acknowledge="receipt" if message and early else "explicit",
            evidence=_first(operation.evidence),
        )

    def block(self, steps: tuple[model.Step, ...], operation: Operation) -> tuple[Step, ...]:
        found: list[Step] = []
        for step in steps:
            found += self.step(step, operation)
        return tuple(found)

    def step(self, step: model.Step, operation: Operation) -> tuple[Step, ...]:
        evidence = _first(step.evidence)
        match step:
            case Query():
                return self.query(step, operation)
            case model.Call():
                return self.call(step, operation)
            case model.Publish():
                return (Publish(step.topic, confirmed=step.confirmed is not False, evidence=evidence),)
            case model.Ack():
                return (Ack(evidence=evidence),)
            case model.Reply():
                return (Reply(step.status, evidence=evidence),)
            case model.Transaction():
                level = self.isolation(step.isolation, step.store)
                return _around(self.block(step.steps, operation), lambda inside: Transaction(inside, level, evidence=evidence))
            case model.Lock():
                lease = step.lease_ms is not None
                lock = re.sub(r"[^\w.-]+", "-", step.resource)
                return _around(
                    self.block(step.steps, operation),
                    lambda inside: Lock(lock, inside, lease, step.fenced is True, evidence=evidence),
                )
            case model.Parallel():
                branches = tuple(branch for branch in (self.block(each, operation) for each in step.branches) if branch)
                return (Parallel(branches, evidence=evidence),) if len(branches) > 1 else branches[0] if branches else ()
            case model.Repeat():
                return self.block(step.steps, operation)
            case model.Branch():
                then, otherwise = self.block(step.then, operation), self.block(step.otherwise, operation)
                return (Branch("unknown", then, otherwise, evidence=evidence),) if then or otherwise else ()
            case model.Compensate():
                return self.compensate(step, operation)
            case model.CacheGet():
                return self.block(step.on_miss, operation)
            case _:
                return ()

    def compensate(self, step: model.Compensate, operation: Operation) -> tuple[Step, ...]:
        inside = self.block(step.steps, operation)
        self.undoing, before = True, self.undoing
        undo = self.block(step.undo, operation)
        self.undoing = before
        return (Compensate(inside, undo, evidence=_first(step.evidence)),) if inside else ()

    def isolation(self, stated: str, store: str) -> Isolation:
        """Return the level that a store gives under a name: the same name means different things in different stores."""
        technology = self.technology.get(store, "")
        level = re.sub(r"[\s_-]+", "-", stated.strip().lower())
        if not level:
            return DEFAULT_ISOLATION.get(technology, "read-committed")
        if level == "serializable":
            return "snapshot" if technology == "oracle" else "serializable"
        if level == "read-uncommitted":
            # PostgreSQL gives READ COMMITTED under this name (manual, 13.2).
            return "read-committed" if technology == "postgresql" else "read-uncommitted"
        if level == "repeatable-read":
            return "repeatable-read" if technology in {"mysql", "mariadb"} else "snapshot"
        return "snapshot" if level == "snapshot" else "read-committed"

    def query(self, step: Query, operation: Operation) -> tuple[Step, ...]:
        evidence = _first(step.evidence)
        table = table_name(step.dataset)
        own = step.dataset in self.inserted
        match step.action:
            case Action.INSERT:
                self.own_table(step.dataset)
                handled = re.search(
                    r"\bon\s+conflict\b|\binsert\s+ignore\b|\bon\s+duplicate\s+key\b", step.statement, re.IGNORECASE
                )
                return (Insert(table, on_duplicate=() if handled else None, evidence=evidence),)
            case Action.DELETE if own:
                return (Delete(table, evidence=evidence),)
            case Action.UPDATE if not own:
                return self.shared_update(step, operation)
            case Action.GUARDED_UPDATE if not own:
                change = self.quantity(step, operation)
                if change is None:
                    return ()
                source = self.shared_table(step.dataset, change.column)
                where = f"{change.column} > 0" if change.sign == "-" else "0 = 0"
                given = ((change.column, f"{change.column} {change.sign} 1"),)
                return (UpdateWhere(source, where, given, evidence=evidence, assumed=_assumed_direction(step, change)),)
            case _:
                return ()

    def shared_update(self, step: Query, operation: Operation) -> tuple[Step, ...]:
        """Return an update of a row that requests share: relative, or a read before it and a write of what was computed from that."""
        change = self.quantity(step, operation)
        if change is None:
            return ()
        evidence = _first(step.evidence)
        table = table_name(step.dataset)
        relative = re.search(rf"\b{re.escape(change.column)}\s*=\s*{re.escape(change.column)}\s*[-+]", step.statement)
        if relative:
            self.shared_table(step.dataset, change.column)
            return (UpdateWhere(table, "0 = 0", ((change.column, f"{change.column} {change.sign} 1"),), evidence=evidence),)
        read = _read_before(step, operation)
        if read is None or step.computed is False:
            return ()
        self.shared_table(step.dataset, change.column)
        locked = re.search(r"\bfor\s+(no\s+key\s+)?update\b", read.statement, re.IGNORECASE) is not None
        write = Write(
            f"{table}.{change.column}", f"seen {change.sign} 1", evidence=evidence, assumed=_assumed_direction(step, change)
        )
        taken = Branch("seen > 0", (write,), evidence=evidence) if change.sign == "-" else write
        return (Read(f"{table}.{change.column}", "seen", lock=locked, evidence=_first(read.evidence)), taken)

    def quantity(self, step: Query, operation: Operation) -> _Quantity | None:
        """Return which quantity an update changes and in which direction: by its statement, else by the names around it."""
        stated = re.search(r"\bset\s+(\w+)\s*=\s*(?:\w+\.)?\1\s*([-+])", step.statement, re.IGNORECASE)
        if stated:
            return _Quantity(self.column(step.dataset), stated[2])
        column = self.column(step.dataset)
        purpose = re.sub(r"[:{]\w+", "", operation.trigger.name)  # What a path does, without the names of its parameters.
        if not any(QUANTITY.search(name) for name in (step.dataset, purpose, column) if name != AMOUNT):
            return None
        back = self.undoing or re.search(r"\b(DELETE|release|cancel|refund|restock)\b", operation.trigger.name, re.IGNORECASE)
        return _Quantity(column, "+" if back else "-")

    def column(self, dataset: str) -> str:
        """Return the column that the updates of a dataset change: the first that a statement names."""
        for name in self.reached:
            for step in self._queries(name):
                named = re.search(r"\bset\s+(\w+)\s*=", step.statement, re.IGNORECASE) if step.dataset == dataset else None
                if named:
                    return named[1]
        return AMOUNT

    def own_table(self, dataset: str) -> None:
        """Declare a table whose rows belong to one request; a unique key besides the primary one is taken for that of the request's row."""
        name = table_name(dataset)
        declared = self.datasets.get(dataset)
        self.tables.setdefault(name, Table(name, unique="id" if declared and _unique(declared) else ""))

    def shared_table(self, dataset: str, column: str) -> str:
        name = table_name(dataset)
        self.tables.setdefault(
            name,
            Table(
                name,
                (Column(column, initial=AROUND_REQUESTS),),
                per="flow",
                assumed=Text(
                    f"requests meet in the same row of {dataset}", f"as requisições se encontram na mesma linha de {dataset}"
                ),
            ),
        )
        return name

    def call(self, step: model.Call, caller: Operation) -> tuple[Step, ...]:
        evidence = _first(step.evidence)
        attempts = _attempts(step.policy)
        if self._effect(step):
            operation = self.operations[step.operation]
            system = _slug(operation.component)
            known = step.policy.idempotency_key is True
            sure = known or step.policy.lacks(Mechanism.IDEMPOTENCY_KEY)
            unknown = Text(
                f"{step.operation} recognises no repeated request", f"{step.operation} não reconhece uma requisição repetida"
            )
            assumed = NOTHING if sure else unknown
            self.externals.setdefault(system, External(system))
            words = _slug(operation.trigger.name or operation.name)
            sites = [each for each in self.reached if any(one.operation == step.operation for one in self._calls(each))]
            by = f"-by-{_slug(caller.name)}" if len(sites) > 1 else ""
            key: Literal["request"] | None = "request" if known else None
            return (Effect(f"{system}.{words}{by}", attempts, key=key, evidence=evidence, assumed=assumed),)
        if step.operation in self.changing:
            return (Call(step.operation, attempts, evidence=evidence),)
        return ()


def _around(inside: tuple[Step, ...], wrap: Callable[[tuple[Step, ...]], Step]) -> tuple[Step, ...]:
    return (wrap(inside),) if inside else ()


def table_name(dataset: str) -> str:
    """Return the name of a dataset as conditions can write it: `postgres/shop.orders` is `postgres.shop.orders`."""
    return re.sub(r"[^\w.-]+", "-", dataset.replace("/", "."))


def _slug(text: str) -> str:
    return re.sub(r"[^\w-]+", "-", text).strip("-")


def _first(evidence: tuple[Evidence, ...]) -> Evidence | None:
    return evidence[0] if evidence else None


def _consumes(operation: Operation, topic: str) -> bool:
    return operation.trigger.kind == "message" and operation.trigger.name == topic


def _attempts(policy: Policy) -> int:
    return 1 if policy.retry is None else max(1, min(MOST_ATTEMPTS, round(policy.retry.attempts.value)))


def _unique(dataset: Dataset) -> bool:
    return any(index.unique and index.columns != ("id",) for index in dataset.indexes)


def _assumed_direction(step: Query, change: _Quantity) -> Text:
    if re.search(rf"\b{re.escape(change.column)}\s*=\s*(?:\w+\.)?{re.escape(change.column)}\s*[-+]", step.statement):
        return NOTHING
    if change.sign == "-":
        return Text(
            f"the update of {step.dataset} takes from a quantity", f"a atualização de {step.dataset} retira de uma quantidade"
        )
    return Text(
        f"the update of {step.dataset} gives back to a quantity", f"a atualização de {step.dataset} devolve a uma quantidade"
    )


def _read_before(step: Query, operation: Operation) -> Query | None:
    """Return the read of the same dataset that comes before an update in its operation."""
    found = None
    for each in walk_model(operation.steps):
        if each is step:
            return found
        if isinstance(each, Query) and each.dataset == step.dataset and each.action is Action.READ:
            found = each
    return found

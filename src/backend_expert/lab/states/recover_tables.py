"""What the queries of a system's model do to the tables of a flow: which rows are whose, and what the statements take and give."""

from __future__ import annotations

import re

from msgspec import Struct

from backend_expert.lab.states.flow import (
    AROUND_REQUESTS,
    NOTHING,
    Ack,
    Branch,
    Column,
    Delete,
    Insert,
    Read,
    Reply,
    Step,
    Stop,
    Table,
    UpdateWhere,
    Write,
)
from backend_expert.model import Action, Dataset, Evidence, Operation, Query, System, Text
from backend_expert.model.graph import walk

AMOUNT = "amount"
"""What a quantity is called whose column no statement names."""

QUANTITY = re.compile(
    r"allocat|amount|availab|balance|budget|capacity|coupon|credit|inventor|\bleft\b|on_?hand|points|qty|quantit|remaining|reserv|seat|slot"
    r"|stock|ticket|units|voucher|wallet",
    re.IGNORECASE,
)
"""Words for what can run out. An update whose arithmetic no statement shows takes from a quantity only where a name says so: most updates
set a status or a profile, and to call those oversold would be wrong far more often than right."""

MEMORY = re.compile(
    r"inbox|idempot|dedup|request_?keys?\b|(?:processed|handled|consumed|seen)_?(?:message|event|request)", re.IGNORECASE
)
"""Names of tables that exist to recognise what was here before."""

REFUSAL_HANDLED = re.compile(r"\bon\s+conflict\b|\binsert\s+ignore\b|\bon\s+duplicate\s+key\b", re.IGNORECASE)
"""How PostgreSQL and MySQL say in an insert what to do when a unique key refuses the row."""


class _Quantity(Struct, frozen=True):
    """A number in a row that requests share: how a statement changes it."""

    column: str
    sign: str


class Tables:
    """Collect the tables of a flow while its queries are translated.

    `renewed` are the operations in which a repetition further up makes new rows: a key that stands for the row of a request does not
    recognise the second one there.
    """

    def __init__(self, system: System, reached: tuple[Operation, ...], renewed: frozenset[str]) -> None:
        self.datasets = {dataset.name: dataset for dataset in system.datasets}
        self.queries = [step for operation in reached for step in walk(operation.steps) if isinstance(step, Query)]
        self.inserted = {step.dataset for step in self.queries if step.action is Action.INSERT}
        self.renewed = renewed
        self.found: dict[str, Table] = {}

    def steps_of(self, step: Query, operation: Operation, *, undoing: bool) -> tuple[Step, ...]:
        """Return what a query does, nothing where it changes nothing that a flow follows; `undoing` within a compensation."""
        evidence = first(step.evidence)
        table = table_name(step.dataset)
        own = step.dataset in self.inserted
        match step.action:
            case Action.INSERT if MEMORY.search(step.dataset):
                return (self._remembered(step, operation),)
            case Action.INSERT:
                self._own(step.dataset, operation)
                handled = REFUSAL_HANDLED.search(step.statement)
                return (Insert(table, on_duplicate=() if handled else None, evidence=evidence),)
            case Action.DELETE if own:
                return (Delete(table, evidence=evidence),)
            case Action.UPDATE if not own:
                return self._shared_update(step, operation, undoing)
            case Action.GUARDED_UPDATE if not own:
                change = self._quantity(step, operation, undoing)
                if change is None:
                    return ()
                source = self._shared(step.dataset, change.column)
                where = f"{change.column} > 0" if change.sign == "-" else "0 = 0"
                given = ((change.column, f"{change.column} {change.sign} 1"),)
                return (UpdateWhere(source, where, given, evidence=evidence, assumed=_assumed_direction(step, change)),)
            case _:
                return ()

    def _remembered(self, step: Query, operation: Operation) -> Insert:
        """Return the insert of the key of a message or a request, which ends the handler when it is there already."""
        name = table_name(step.dataset)
        message = operation.trigger.kind == "message"
        self.found.setdefault(name, Table(name, unique="id") if message else Table(name, per="request", unique="request"))
        known: tuple[Step, ...] = (Ack(), Stop()) if message else (Reply(), Stop())
        assumed = Text(
            f"{operation.name} does nothing more when {step.dataset} knows the key already",
            f"{operation.name} não faz mais nada quando {step.dataset} já conhece a chave",
        )
        return Insert(name, on_duplicate=known, evidence=first(step.evidence), assumed=assumed)

    def _shared_update(self, step: Query, operation: Operation, undoing: bool) -> tuple[Step, ...]:
        """Return an update of a row that requests share: relative, or a read before it and a write of what was computed from that."""
        change = self._quantity(step, operation, undoing)
        if change is None:
            return ()
        evidence = first(step.evidence)
        table = table_name(step.dataset)
        relative = re.search(rf"\b{re.escape(change.column)}\s*=\s*{re.escape(change.column)}\s*[-+]", step.statement)
        if relative:
            self._shared(step.dataset, change.column)
            return (UpdateWhere(table, "0 = 0", ((change.column, f"{change.column} {change.sign} 1"),), evidence=evidence),)
        read = _read_before(step, operation)
        if read is None or step.computed is False:
            return ()
        self._shared(step.dataset, change.column)
        locked = re.search(r"\bfor\s+(no\s+key\s+)?update\b", read.statement, re.IGNORECASE) is not None
        write = Write(
            f"{table}.{change.column}", f"seen {change.sign} 1", evidence=evidence, assumed=_assumed_direction(step, change)
        )
        taken = Branch("seen > 0", (write,), evidence=evidence) if change.sign == "-" else write
        return (Read(f"{table}.{change.column}", "seen", lock=locked, evidence=first(read.evidence)), taken)

    def _quantity(self, step: Query, operation: Operation, undoing: bool) -> _Quantity | None:
        """Return which quantity an update changes and in which direction: by its statement, else by the names around it."""
        stated = re.search(r"\bset\s+(\w+)\s*=\s*(?:\w+\.)?\1\s*([-+])", step.statement, re.IGNORECASE)
        if stated:
            return _Quantity(self._column(step.dataset), stated[2])
        column = self._column(step.dataset)
        purpose = re.sub(r"[:{]\w+", "", operation.trigger.name)  # What a path does, without the names of its parameters.
        if not any(QUANTITY.search(name) for name in (step.dataset, purpose, column) if name != AMOUNT):
            return None
        back = undoing or re.search(r"\b(DELETE|release|cancel|refund|restock)\b", operation.trigger.name, re.IGNORECASE)
        return _Quantity(column, "+" if back else "-")

    def _column(self, dataset: str) -> str:
        """Return the column that the updates of a dataset change: the first that a statement names."""
        for step in self.queries:
            named = re.search(r"\bset\s+(\w+)\s*=", step.statement, re.IGNORECASE) if step.dataset == dataset else None
            if named:
                return named[1]
        return AMOUNT

    def _own(self, dataset: str, operation: Operation) -> None:
        """Declare a table whose rows belong to one request each.

        A unique key besides the primary one refuses a second row of the same request: by what the request carries (an address, a key of
        the client), or by the row that it belongs to (`order_id`), unless a repetition makes that row anew.
        """
        name = table_name(dataset)
        declared = self.datasets.get(dataset)
        keys = [index.columns for index in declared.indexes if index.unique and index.columns != ("id",)] if declared else []
        carried = any(not all(_refers(declared, column) for column in columns) for columns in keys if declared)
        if carried:
            self.found.setdefault(name, Table(name, unique="request"))
        elif keys and operation.name not in self.renewed:
            self.found.setdefault(name, Table(name, unique="id"))
        else:
            self.found.setdefault(name, Table(name))

    def _shared(self, dataset: str, column: str) -> str:
        name = table_name(dataset)
        self.found.setdefault(
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


def _refers(dataset: Dataset, column: str) -> bool:
    """Tell whether a column holds the key of another row: by a foreign key, else by its name."""
    return any(column in each.columns for each in dataset.references) or re.search(r"(?:_id|Id|uuid)$", column) is not None


def table_name(dataset: str) -> str:
    """Return the name of a dataset as conditions can write it: `postgres/shop.orders` is `postgres.shop.orders`."""
    return re.sub(r"[^\w.-]+", "-", dataset.replace("/", "."))


def first(evidence: tuple[Evidence, ...]) -> Evidence | None:
    """Return the first place of several, if there is one."""
    return evidence[0] if evidence else None


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
    for each in walk(operation.steps):
        if each is step:
            return found
        if isinstance(each, Query) and each.dataset == step.dataset and each.action is Action.READ:
            found = each
    return found

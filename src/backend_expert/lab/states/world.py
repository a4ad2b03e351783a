"""The variables of a flow: rows, effects, messages, clients, budgets; and what names in conditions mean."""

from __future__ import annotations

import re

from msgspec import Struct

from backend_expert.lab.states.expression import ExpressionError, Linear, number, parse_sum, variable
from backend_expert.lab.states.flow import (
    AROUND_REQUESTS,
    Column,
    Delete,
    Effect,
    Flow,
    FlowError,
    Handler,
    Insert,
    Lock,
    Publish,
    Table,
    Topic,
    walk,
)
from backend_expert.lab.states.machine import Variable
from backend_expert.lab.states.program import locked_tables, versioned_tables

CLIENT_IDLE, CLIENT_WAITS, CLIENT_SERVED, CLIENT_REFUSED, CLIENT_BROKEN = range(5)


class Instance(Struct, frozen=True):
    """One attempt of one client request, both counted from 0."""

    request: int
    attempt: int

    @property
    def key(self) -> str:
        """Return the short name: `1` for the first request, `1b` for its first retry."""
        return f"{self.request + 1}{'' if self.attempt == 0 else chr(ord('a') + self.attempt)}"


class World:
    """Declare and name every variable that is not inside a process.

    `words` gives every status word its number (0 stands for no row); a variable is declared when it is first asked for, so a flow
    has no more of them than its steps and invariants use.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.variables: dict[str, Variable] = {}
        self.words: dict[str, int] = {}
        for table in flow.tables:
            for column in table.columns:
                for word in column.values:
                    self.words.setdefault(word, len(self.words) + 1)
        bounds = flow.bounds
        self.instances = tuple(Instance(r, a) for r in range(bounds.requests) for a in range(1 + bounds.retry))
        self.spare = len(self.instances) + bounds.crash + bounds.duplicate + bounds.timeout + 1
        self.locked = locked_tables(flow.handlers)
        self.versioned = versioned_tables(flow.handlers)
        steps = [step for handler in flow.handlers for step in walk(handler.steps)]
        self.changing = {step.table for step in steps if isinstance(step, Insert | Delete)}
        self.publishes = [step for step in steps if isinstance(step, Publish)]
        self.undone = {step.undoes for step in steps if isinstance(step, Effect) and step.undoes}
        self.resources = {step.resource: step for step in steps if isinstance(step, Lock)}
        for table in flow.tables:
            for column in table.columns:
                self.initial(column)
        for name, budget in bounds.faults:
            if budget:
                self.declare(Variable(name, 0, budget, budget, "budget"))

    def declare(self, variable_: Variable) -> str:
        """Add a variable unless it is there, and return its name."""
        self.variables.setdefault(variable_.name, variable_)
        return variable_.name

    def row_key(self, table: Table, instance: Instance) -> str:
        """Return the suffix that names the row of an instance."""
        return {"attempt": f"[{instance.key}]", "request": f"[{instance.request + 1}]", "flow": ""}[table.per]

    def rows(self, table: Table) -> tuple[Instance, ...]:
        """Return one instance for each row of a table."""
        kept: dict[str, Instance] = {}
        for instance in self.instances:
            kept.setdefault(self.row_key(table, instance), instance)
        return tuple(kept.values())

    def has_row(self, table: Table, instance: Instance) -> Linear:
        """Return the number of rows of an instance: a constant where nothing inserts or deletes."""
        there = table.exists or table.per == "flow"
        if table.name not in self.changing:
            return number(1 if there else 0)
        name = f"{table.name}{self.row_key(table, instance)}.rows"
        return variable(self.declare(Variable(name, 0, 2, int(there), saturates=True)))

    def column(self, table: Table, name: str, instance: Instance) -> str:
        """Return the variable of a column in the row of an instance."""
        column = self.column_of(table, name)
        low, high = self.column_bounds(column)
        initial = self.initial(column) if (table.exists or table.per == "flow") else 0
        low, high = min(low, 0), max(high, 0)
        if not low <= initial <= high:
            raise FlowError(f"Column {table.name}.{name} starts at {initial}, outside its bounds {low} to {high}.")
        return self.declare(Variable(f"{table.name}{self.row_key(table, instance)}.{name}", low, high, initial))

    def column_of(self, table: Table, name: str) -> Column:
        """Return a column of a table; raise `FlowError` with the known ones when there is none."""
        for column in table.columns:
            if column.name == name:
                return column
        known = ", ".join(column.name for column in table.columns) or "none is declared"
        raise FlowError(f"Table {table.name!r} has no column {name!r} (known: {known}).")

    def column_bounds(self, column: Column) -> tuple[int, int]:
        """Return the bounds of a column: its status words, or room for every instance and fault around its first value."""
        if column.values:
            return 0, max(self.words[word] for word in column.values)
        initial = self.initial(column)
        low = min(initial, 0) - self.spare if column.low is None else column.low
        high = max(initial, 0) + self.spare if column.high is None else column.high
        return low, high

    def initial(self, column: Column) -> int:
        """Return the first value of a column."""

        def resolve(name: str) -> Linear:
            if name == "requests":
                return number(self.flow.bounds.requests)
            if name in self.words and name in column.values:
                return number(self.words[name])
            raise ExpressionError(f"{name!r} is neither 'requests' nor a value of column {column.name!r}")

        if column.initial == AROUND_REQUESTS:
            return self.flow.bounds.requests
        try:
            return parse_sum(re.sub(r"\brequests-", "requests - ", column.initial), resolve).constant
        except ExpressionError as error:
            raise FlowError(f"The first value of column {column.name!r} cannot be read: {error}.") from None

    def split(self, source: str) -> tuple[Table, str]:
        """Return the table and the column that a reference names; raise `FlowError` when there is none."""
        table, _, column = source.removeprefix("sum(").removesuffix(")").rpartition(".")
        return self.flow.table(table), column

    def source(self, source: str, instance: Instance) -> Linear:
        """Return the value of a column, of `rows`, or of `sum(...)` as an instance sees it."""
        table, column = self.split(source)
        if source.startswith("sum("):
            parts = [self.one(table, column, each) for each in self.rows(table)]
            result = number(0)
            for part in parts:
                result = result + part
            return result
        return self.one(table, column, instance)

    def one(self, table: Table, column: str, instance: Instance) -> Linear:
        """Return a column or the row count of one row."""
        if column == "rows":
            return self.has_row(table, instance)
        if column == "commits":
            return variable(self.commits(table, instance))
        return variable(self.column(table, column, instance))

    def commits(self, table: Table, instance: Instance) -> str:
        """Return the variable that counts the commits to a row."""
        return self.declare(Variable(f"{table.name}{self.row_key(table, instance)}.commits", 0, 2 * self.spare + 1))

    def row_lock(self, table: Table, instance: Instance) -> str:
        """Return the variable of a row lock: 1 while a transaction holds it."""
        return self.declare(Variable(f"{table.name}{self.row_key(table, instance)}.locked", 0, 1))

    def replica(self, table: Table, column: str, instance: Instance) -> str:
        """Return the variable of a column's copy on the replica."""
        main = self.variables[self.column(table, column, instance)]
        return self.declare(Variable(f"replica of {main.name}", main.low, main.high, main.initial))

    def cached(self, source: str, instance: Instance) -> tuple[str, int]:
        """Return the variable of a cache entry and what to add to a value in it: 0 stands for no entry."""
        table, column = self.split(source)
        main = self.variables[self.column(table, column, instance)]
        name = self.declare(Variable(f"cache of {main.name}", 0, main.high - main.low + 1))
        return name, 1 - main.low

    def effect(self, name: str, instance: Instance) -> str:
        """Return the variable that counts an external effect of an attempt."""
        undone = name in self.undone
        return self.declare(Variable(f"{name}[{instance.key}]", 0, 3 + self.spare if undone else 2, saturates=not undone))

    def queue(self, topic: Topic, group: Handler, instance: Instance) -> str:
        """Return the variable that counts the waiting messages of an attempt for one group."""
        senders = sum(step.topic == topic.name for step in self.publishes)
        most = senders * (1 + self.flow.bounds.crash + self.flow.bounds.timeout) + self.flow.bounds.duplicate + 1
        return self.declare(Variable(f"{topic.name} for {group.name}[{instance.key}]", 0, most))

    def outbox(self, topic: Topic, instance: Instance) -> str:
        """Return the variable that counts the rows of an attempt in the outbox."""
        senders = sum(step.topic == topic.name and bool(step.via) for step in self.publishes)
        most = senders * (1 + self.flow.bounds.crash + self.flow.bounds.timeout) + self.flow.bounds.duplicate
        return self.declare(Variable(f"outbox of {topic.name}[{instance.key}]", 0, most))

    def client(self, handler: Handler, instance: Instance) -> str:
        """Return the variable that says what the client of an attempt knows."""
        return self.declare(Variable(f"client of {handler.name}[{instance.key}]", 0, CLIENT_BROKEN, role="control"))

    def holder(self, lock: Lock, instance: Instance) -> str:
        """Return the variable that holds the number of a lock's holder (0: free, 1: a holder that died)."""
        suffix = {"attempt": f"[{instance.key}]", "request": f"[{instance.request + 1}]", "flow": ""}[lock.per]
        return self.declare(Variable(f"lock {lock.resource}{suffix}", 0, 63))

    def handled(self, handler: Handler, instance: Instance) -> str:
        """Return the variable that tells whether a consumer has done its work for an attempt."""
        return self.declare(Variable(f"{handler.name} handled[{instance.key}]", 0, 1, saturates=True))

    def taken(self, source: str, instance: Instance) -> str:
        """Return the variable that counts what an attempt took from a quantity."""
        return self.declare(Variable(f"taken from {source}[{instance.key}]", -self.spare, self.spare))

    def flag(self, name: str) -> str:
        """Return a variable that is 0 until something happens."""
        return self.declare(Variable(name, 0, 1, saturates=True))

    def same_key(self, table: Table, instance: Instance) -> tuple[Instance, ...]:
        """Return the instances whose rows a unique key of the table takes for the same."""
        match table.unique:
            case "request":
                return tuple(each for each in self.rows(table) if each.request == instance.request)
            case "natural":
                return self.rows(table)
            case "id":
                return (instance,)
            case _:
                return ()

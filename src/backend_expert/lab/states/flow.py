"""A business flow as data: what is stored, what is published, who handles what, step by step, and what must never happen.

The steps are those of the model with the values that this lab needs (which column, which condition); they keep effects and order
and know nothing of time. Conditions and values are small texts over whole numbers and status words: `q > 0`, `qty - 1`, `status =
PAID`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, TypeVar, Union

from msgspec import Struct, structs

from backend_expert.model import Evidence, Text

NOTHING = Text("", "")
"""No assumption: what stands in the flow is declared."""

Isolation = Literal["read-uncommitted", "read-committed", "conflict-checked", "repeatable-read", "snapshot", "serializable"]
"""Levels by what they do, not by what an engine calls them.

`repeatable-read` is MySQL's: a snapshot without write conflicts. `snapshot` is PostgreSQL's REPEATABLE READ, Oracle's SERIALIZABLE,
MongoDB's transactions. `conflict-checked` is Memgraph's READ COMMITTED: committed reads, and no write over a row that changed since
the transaction began.
"""

LOCKING: tuple[Isolation, ...] = ("read-uncommitted", "read-committed")
"""Levels at which a write holds its row lock to the end; at the others a changed row is noticed at the commit, or not at all."""

CHECKED: tuple[Isolation, ...] = ("conflict-checked", "snapshot", "serializable")
"""Levels at which a commit fails when a row that it writes (at `serializable` also one that it read) was changed meanwhile."""

DEFAULT_ISOLATION: dict[str, Isolation] = {
    "mysql": "repeatable-read",
    "mariadb": "repeatable-read",
    "mongodb": "snapshot",
    "cockroachdb": "serializable",
}
"""Isolation where nothing states it: the defaults in the manuals of the stores; PostgreSQL, Oracle and SQL Server read committed."""

Per = Literal["attempt", "request", "flow"]


AROUND_REQUESTS = "requests - 1 or requests"


class FlowError(Exception):
    """Report a flow that cannot be explored; the message is one sentence naming the place and what to do."""


class Column(Struct, frozen=True):
    """A column: a status when it has `values`, else a whole number.

    `initial` is a number or a sum over `requests` (`requests - 1`), evaluated when exploration starts; `AROUND_REQUESTS` tries one
    unit too few and just enough, because some anomalies need the one and some the other. `moves` lists the legal changes of a
    status (`PENDING > PAID`); without it every change is legal. `low` and `high` bound a number.
    """

    name: str
    values: tuple[str, ...] = ()
    initial: str = "0"
    moves: tuple[tuple[str, str], ...] = ()
    low: int | None = None
    high: int | None = None


class Table(Struct, frozen=True):
    """A table: one row for each attempt, for each request, or one row in all (`per`).

    `unique` names what the database refuses a second row for: the row's own `id`, the `request` (a key that the client sends again
    when it retries), or the `natural` key, a value such as an e-mail address that every request of the flow carries. `exists` tells
    that the rows are there before the flow starts; rows of a table with one row in all always are.
    """

    name: str
    columns: tuple[Column, ...] = ()
    per: Per = "attempt"
    unique: Literal["", "id", "request", "natural"] = ""
    natural: str = ""
    exists: bool = False
    assumed: Text = NOTHING


class Topic(Struct, frozen=True):
    """A topic or queue, at least once unless its consumers acknowledge on receipt.

    `row` names the table whose rows the messages tell of; without it, it is the table into which the publisher inserts just before.
    `durable` false: a restart of the broker forgets waiting messages. `ordered` names the table whose key is the partition key: messages
    of one row come in the order in which they were published; without it they come in any order.
    """

    name: str
    row: str = ""
    durable: bool = True
    assumed: Text = NOTHING
    ordered: str = ""


class External(Struct, frozen=True):
    """A system of somebody else that has effects.

    `key` is what it recognises a repeated request by: nothing, the attempt, the request. `outcome` tells whether a failed call may
    have had its effect (`unknown`) or not (`known`).
    """

    name: str
    key: Literal["", "attempt", "request"] = ""
    outcome: Literal["unknown", "known"] = "unknown"
    assumed: Text = NOTHING


_Item = TypeVar("_Item", Table, Topic, External, "Handler")


class _Step(Struct, frozen=True, kw_only=True):
    evidence: Evidence | None = None
    assumed: Text = NOTHING


Sets = tuple[tuple[str, str], ...]


class Insert(_Step, frozen=True):
    """Insert a row. `on_duplicate` runs when a unique key refuses it; without it (`None`) the handler fails there."""

    table: str
    set: Sets = ()
    on_duplicate: tuple[Step, ...] | None = None


class Read(_Step, frozen=True):
    """Read a column (`orders.order.status`), the number of rows (`orders.order.rows`) or `sum(table.column)` into a local value.

    `lock` is SELECT ... FOR UPDATE, `replica` reads a copy that may be late.
    """

    source: str
    into: str
    lock: bool = False
    replica: bool = False


class Write(_Step, frozen=True):
    """Write a column, whatever it holds."""

    column: str
    value: str


class UpdateWhere(_Step, frozen=True):
    """Change a row if a condition holds, as one atomic statement.

    `on_none` runs for `0 rows`; without it the handler goes on as if it had worked.
    """

    table: str
    where: str
    set: Sets
    on_none: tuple[Step, ...] | None = None


class Delete(_Step, frozen=True):
    """Delete a row."""

    table: str


class CacheGet(_Step, frozen=True):
    """Look a column up in the cache; `on_miss` runs when it is not there and must leave the value in the same local."""

    column: str
    into: str
    on_miss: tuple[Step, ...] = ()


class CachePut(_Step, frozen=True):
    """Put a value into the cache; an empty `value` removes the entry; `newer_only` refuses to replace a greater value."""

    column: str
    value: str = ""
    newer_only: bool = False


class Effect(_Step, frozen=True):
    """Call an external system (`gateway.charge`). `undoes` names the effect that this one takes back.

    `attempts` counts the tries inside the handler; when the last fails `on_error` runs, and without it the handler fails. `key`
    says what this call is recognised by, where that is not the rule of the whole system.
    """

    external: str
    attempts: int = 1
    undoes: str = ""
    on_error: tuple[Step, ...] | None = None
    key: Literal["", "attempt", "request"] | None = None


class Call(_Step, frozen=True):
    """Call another handler and wait for its answer; the rest as for `Effect`."""

    handler: str
    attempts: int = 1
    on_error: tuple[Step, ...] | None = None


class Publish(_Step, frozen=True):
    """Publish a message. `via` an `outbox` row (or change data capture) it is part of the transaction and a relay sends it later.

    `confirmed` false: nobody waits for the broker to say that it has the message.
    """

    topic: str
    via: Literal["", "outbox", "cdc"] = ""
    confirmed: bool = True


class Ack(_Step, frozen=True):
    """Acknowledge the message; where a consumer never says it, it happens at the end."""


class Reply(_Step, frozen=True):
    """Answer the caller; 400 and above is a refusal that no client tries again."""

    status: int = 200


class Fail(_Step, frozen=True):
    """Throw: the client gets an error, a message goes to the dead letters (or round for ever)."""


class Stop(_Step, frozen=True):
    """Leave the handler because the work is done already or not to be done."""


class Transaction(_Step, frozen=True):
    """Commit the writes of the steps together. Calls, effects and publishes inside are not rolled back."""

    steps: tuple[Step, ...]
    isolation: Isolation = "read-committed"


class Lock(_Step, frozen=True):
    """Hold a lock around the steps, one holder at a time for each `per`.

    With a `lease` the lock may be given to another while the first still works; `fenced` stores refuse the writes of the former
    holder.
    """

    resource: str
    steps: tuple[Step, ...]
    lease: bool = False
    fenced: bool = False
    per: Per = "flow"


class Branch(_Step, frozen=True):
    """Go one of two ways by a condition over local values; `unknown` conditions go both ways."""

    condition: str
    then: tuple[Step, ...] = ()
    otherwise: tuple[Step, ...] = ()


class Parallel(_Step, frozen=True):
    """Run the branches side by side and go on when all are done."""

    branches: tuple[tuple[Step, ...], ...]


class Repeat(_Step, frozen=True):
    """Run the steps several times, one after another."""

    count: int
    steps: tuple[Step, ...]


class Compensate(_Step, frozen=True):
    """Run the steps; when one fails run `undo` and fail.

    In memory a crash loses the duty to undo; `durable` (a saga log) keeps it.
    """

    steps: tuple[Step, ...]
    undo: tuple[Step, ...]
    durable: bool = False


class Observe(_Step, frozen=True):
    """Note what a reader sees: `expected` says what must hold of its local values."""

    name: str
    expected: str


Step = Union[
    Insert,
    Read,
    Write,
    UpdateWhere,
    Delete,
    CacheGet,
    CachePut,
    Effect,
    Call,
    Publish,
    Ack,
    Reply,
    Fail,
    Stop,
    Transaction,
    Lock,
    Branch,
    Parallel,
    Repeat,
    Compensate,
    Observe,
]


class Handler(Struct, frozen=True):
    """A program and what starts it.

    That is a request, the answer to an earlier one (`after`), a message (`consumes`), a caller (`called`), or a condition
    (`sweeps`). A sweeper is a job that runs for every instance whose rows fulfil the condition. `workers` messages are handled side
    by side. `acknowledge` is `receipt` where the broker forgets a message as soon as it is handed out.
    """

    name: str
    steps: tuple[Step, ...] = ()
    consumes: str = ""
    after: str = ""
    sweeps: str = ""
    called: bool = False
    workers: int = 1
    acknowledge: Literal["explicit", "receipt"] = "explicit"
    evidence: Evidence | None = None

    @property
    def actor(self) -> str:
        """Return the lane of the handler: its name up to the first dot or space."""
        return re.split(r"[. ]", self.name, maxsplit=1)[0]

    @property
    def entry(self) -> bool:
        """Tell whether a client starts it."""
        return not (self.consumes or self.sweeps or self.called)


AnomalyClass = Literal[
    "lost-event",
    "phantom-event",
    "double-effect",
    "oversell",
    "not-conserved",
    "duplicate-entity",
    "stuck",
    "half-compensated",
    "stale-read",
    "skew",
    "zombie-write",
    "illegal-transition",
]


class Invariant(Struct, frozen=True):
    """What must never happen: a class of anomaly, `of` what, and for some classes `values` or conditions.

    `stuck` needs `values` (the statuses that are not an end); `half-compensated` needs `conditions` that hold all or none; `skew`
    needs one condition over sums.
    """

    anomaly: AnomalyClass
    of: str = ""
    values: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the id of the invariant in verdicts."""
        return f"{self.anomaly}({self.of})" if self.of else self.anomaly


class Bounds(Struct, frozen=True):
    """How much may happen: client requests, and the budget of each fault."""

    requests: int = 2
    crash: int = 1
    duplicate: int = 1
    loss: int = 0
    timeout: int = 1
    retry: int = 0
    pause: int = 1

    @property
    def faults(self) -> tuple[tuple[str, int], ...]:
        """Return the budgets in their fixed order."""
        names = ("crash", "duplicate", "loss", "timeout", "retry", "pause")
        return tuple((name, getattr(self, name)) for name in names)


class Flow(Struct, frozen=True, kw_only=True):
    """A business flow with its invariants and bounds."""

    name: str
    handlers: tuple[Handler, ...]
    tables: tuple[Table, ...] = ()
    topics: tuple[Topic, ...] = ()
    externals: tuple[External, ...] = ()
    invariants: tuple[Invariant, ...] = ()
    bounds: Bounds = Bounds()

    def table(self, name: str) -> Table:
        """Return the table of that name; raise `FlowError` when there is none."""
        return _named(self.tables, name, "table")

    def topic(self, name: str) -> Topic:
        """Return the topic of that name; raise `FlowError` when there is none."""
        return _named(self.topics, name, "topic")

    def external(self, name: str) -> External:
        """Return the external system of that name; raise `FlowError` when there is none."""
        return _named(self.externals, name, "external system")

    def handler(self, name: str) -> Handler:
        """Return the handler of that name; raise `FlowError` when there is none."""
        return _named(self.handlers, name, "handler")

    def consumers(self, topic: str) -> tuple[Handler, ...]:
        """Return the handlers that consume a topic; each is a group of its own."""
        return tuple(handler for handler in self.handlers if handler.consumes == topic)


def _named(items: tuple[_Item, ...], name: str, kind: str) -> _Item:
    for item in items:
        if item.name == name:
            return item
    known = ", ".join(sorted(item.name for item in items)) or "none is declared"
    raise FlowError(f"There is no {kind} {name!r} (known: {known}).")


def blocks_of(step: Step) -> tuple[tuple[Step, ...], ...]:
    """Return the blocks of steps inside a step."""
    match step:
        case Insert():
            return (step.on_duplicate or (),)
        case UpdateWhere():
            return (step.on_none or (),)
        case CacheGet():
            return (step.on_miss,)
        case Effect() | Call():
            return (step.on_error or (),)
        case Transaction() | Lock() | Repeat():
            return (step.steps,)
        case Branch():
            return (step.then, step.otherwise)
        case Parallel():
            return step.branches
        case Compensate():
            return (step.steps, step.undo)
        case _:
            return ()


def walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Yield every step, outer before inner, in the order of the program."""
    for step in steps:
        yield step
        for block in blocks_of(step):
            yield from walk(block)


def rewrite(steps: tuple[Step, ...], change: Callable[[Step], Step | tuple[Step, ...]]) -> tuple[Step, ...]:
    """Return the steps with `change` applied to each, inner before outer; a tuple takes the place of one step."""
    result: list[Step] = []
    for step in steps:
        changed = change(_inside(step, change))
        result.extend(changed if isinstance(changed, tuple) else (changed,))
    return tuple(result)


def _inside(step: Step, change: Callable[[Step], Step | tuple[Step, ...]]) -> Step:
    match step:
        case Insert() if step.on_duplicate is not None:
            return structs.replace(step, on_duplicate=rewrite(step.on_duplicate, change))
        case UpdateWhere() if step.on_none is not None:
            return structs.replace(step, on_none=rewrite(step.on_none, change))
        case CacheGet():
            return structs.replace(step, on_miss=rewrite(step.on_miss, change))
        case Effect() | Call() if step.on_error is not None:
            return structs.replace(step, on_error=rewrite(step.on_error, change))
        case Transaction() | Lock() | Repeat():
            return structs.replace(step, steps=rewrite(step.steps, change))
        case Branch():
            return structs.replace(step, then=rewrite(step.then, change), otherwise=rewrite(step.otherwise, change))
        case Parallel():
            return structs.replace(step, branches=tuple(rewrite(branch, change) for branch in step.branches))
        case Compensate():
            return structs.replace(step, steps=rewrite(step.steps, change), undo=rewrite(step.undo, change))
        case _:
            return step

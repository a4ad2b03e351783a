"""What source code tells of one program: its operations, and whom each step of them is for as far as the code says it."""

from __future__ import annotations

from msgspec import Struct

from backend_expert.model import Column, Evidence, Index, Operation, Reference, Trigger


class Piece(Struct, frozen=True):
    """A part of a text that code puts together.

    Either the literal `text`, or the variable of the environment named `variable` with `default` as its value where none is set, or a
    `hole` with the name of what only a request knows.
    """

    text: str = ""
    variable: str = ""
    default: tuple[Piece, ...] | None = None
    hole: str = ""


class Target(Struct, frozen=True, kw_only=True):
    """Whom a step is for. Steps name it by `key` until the join knows the component.

    `protocol` is `http`, `amqp`, `postgresql` … or empty; `address` is the URL, connection string or host, with `port` and `database`
    where they stand beside it. `method` and `path` are those of an HTTP call, where they are known apart from the address. `dataset` is
    the table, collection or key prefix. `exchange` and `channel` name where a message goes: a routing key, queue or topic.
    `from_caller` tells that the address as a whole came with the request.
    """

    key: str
    protocol: str
    address: tuple[Piece, ...] = ()
    port: tuple[Piece, ...] = ()
    database: tuple[Piece, ...] = ()
    method: str = ""
    path: tuple[Piece, ...] = ()
    dataset: str = ""
    exchange: str = ""
    channel: str = ""
    from_caller: bool = False
    evidence: tuple[Evidence, ...] = ()


class Binding(Struct, frozen=True, kw_only=True):
    """A queue takes what is published to an exchange under keys that match the pattern."""

    queue: str
    exchange: str
    pattern: str
    evidence: tuple[Evidence, ...] = ()


class Queue(Struct, frozen=True, kw_only=True):
    """A queue that code declares; what the code leaves open is `None`."""

    name: str
    durable: bool | None = None
    dead_letter: bool | None = None
    maximum_deliveries: int | None = None
    evidence: tuple[Evidence, ...] = ()


class Exchange(Struct, frozen=True, kw_only=True):
    """An exchange that code declares."""

    name: str
    kind: str = ""
    durable: bool | None = None
    evidence: tuple[Evidence, ...] = ()


class Handler(Struct, frozen=True, kw_only=True):
    """An operation by its trigger alone; the join adds the component.

    For `http` the trigger is named `POST /orders`; for `message`, `target` is the key of the target it is taken from and the name is the
    queue, pattern or topic.
    """

    operation: Operation
    target: str = ""

    @property
    def trigger(self) -> Trigger:
        """Return what starts the operation."""
        return self.operation.trigger


class Table(Struct, frozen=True, kw_only=True):
    """A table or collection as code or DDL declares it. `database` is empty where only the connection says it."""

    name: str
    database: str = ""
    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    references: tuple[Reference, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class Code(Struct, frozen=True, kw_only=True):
    """One program as its sources tell it. `directory` is where its build file stands; `name` is what that file calls it.

    `ports` are those it listens on; `reads` are the variables of the environment that it reads, each with its first line.
    `queues_sought` tells that a queue which is not among `queues` is not declared by it. `complete` is false where a bound ended the
    reading: then what was not found proves nothing.
    """

    directory: str
    language: str
    name: str = ""
    technology: str = ""
    handlers: tuple[Handler, ...] = ()
    targets: tuple[Target, ...] = ()
    queues: tuple[Queue, ...] = ()
    queues_sought: bool = True
    exchanges: tuple[Exchange, ...] = ()
    bindings: tuple[Binding, ...] = ()
    tables: tuple[Table, ...] = ()
    ports: tuple[tuple[Piece, ...], ...] = ()
    reads: tuple[tuple[str, Evidence], ...] = ()
    complete: bool = True
    evidence: tuple[Evidence, ...] = ()

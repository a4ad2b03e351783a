"""Connections to databases, caches and brokers, as the options of their drivers describe them."""

from __future__ import annotations

from msgspec import Struct, field

from backend_expert.model import Evidence, Mechanism
from backend_expert.readers.code import Piece
from backend_expert.readers.node.drafts import Protection
from backend_expert.readers.node.values import (
    Constant,
    Listing,
    Record,
    Value,
    Variable,
    has,
    is_open,
    known,
    member,
    number,
    pieces,
)


class Connection(Struct):
    """Where a driver connects to and how it protects itself."""

    protocol: str
    address: tuple[Piece, ...] = ()
    port: tuple[Piece, ...] = ()
    database: tuple[Piece, ...] = ()
    protection: Protection = field(default_factory=Protection)
    evidence: tuple[Evidence, ...] = ()


_URL = ("connectionString", "url", "uri", "connectionUri", "connection", "connectionURL")
_HOST = ("host", "hostname", "server", "address", "endpoint")
_DATABASE = ("database", "db", "dbName", "databaseName")


def connection(protocol: str, options: Value, evidence: tuple[Evidence, ...]) -> Connection:
    """Return the connection that options or a URL describe."""
    if isinstance(options, Record):
        for wrapped in ("socket", "connection", "replication", "writer", "master"):
            inner = member(options, wrapped)
            if isinstance(inner, Record):
                options = Record({**options.fields, **inner.fields}, options.complete and inner.complete)
        url, host = member(options, *_URL), member(options, *_HOST)
        return Connection(
            protocol,
            pieces(url) if not is_open(url) else pieces(host) if not is_open(host) else (),
            pieces(member(options, "port")) if is_open(url) and not is_open(member(options, "port")) else (),
            pieces(member(options, *_DATABASE)) if not is_open(member(options, *_DATABASE)) else (),
            evidence=evidence,
        )
    if isinstance(options, Listing):
        options = options.items[0] if options.items else Constant(None)
        return connection(protocol, options, evidence)
    return Connection(protocol, pieces(options) if not is_open(options) else (), evidence=evidence)


def protected(
    made: Connection, options: Value, timeouts: tuple[str, ...], pool: tuple[str, ...] = (), default_pool: float | None = None
) -> Connection:
    """Return the connection with the timeout and the pool that its options set.

    A timeout is absent only where every option is known and none of them sets one.
    """
    protection = made.protection
    told = known(options) or isinstance(options, Constant | Variable)
    found = next((value for name in timeouts if (value := number(member(options, name))) is not None), None)
    if found:
        protection.timeout_ms = found
    elif told and not has(options, *timeouts):
        protection.absent.add(Mechanism.TIMEOUT)
    for name in pool:
        nested = options
        *owners, last = name.split(".")
        for owner in owners:
            nested = member(nested, owner)
        if (size := number(member(nested, last))) is not None:
            protection.pool = size
            break
    else:
        if told and not has(options, *(name.split(".")[0] for name in pool)):
            protection.pool = default_pool
    protection.evidence = made.evidence[:1]
    return made

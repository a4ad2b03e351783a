"""Drivers that take SQL text: pg, mysql, mysql2, mssql, oracledb, slonik, postgres."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backend_expert.readers.node import statements
from backend_expert.readers.node.connections import Connection, connection, protected
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.values import (
    NOTHING,
    UNKNOWN,
    Foreign,
    Function,
    Outcome,
    Record,
    Resource,
    Unknown,
    Value,
    is_open,
    pieces,
    word,
)
from backend_expert.readers.node.values import (
    member as field_of,
)
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from tree_sitter import Node

    from backend_expert.model import Action
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = words("pg pg-promise pg-pool mysql mysql2 mysql2/promise promise-mysql mariadb mssql postgres slonik")
KINDS = frozenset({"sql"})

_PROTOCOL = {
    "pg": "postgresql",
    "pg-promise": "postgresql",
    "pg-pool": "postgresql",
    "postgres": "postgresql",
    "slonik": "postgresql",
    "mssql": "sqlserver",
}
_QUERIES = words(
    "query execute one oneOrNone any many manyOrNone none result oneFirst maybeOne anyFirst manyFirst exists unsafe batch"
)
_CONNECTS = words("connect getConnection acquire client promise task")
_TIMEOUTS = ("statement_timeout", "query_timeout", "requestTimeout", "queryTimeout", "timeout")
_POOL = {
    # node-postgres: max 10; mysql2: connectionLimit 10; mssql: pool.max 10; postgres.js: max 10 (documentation of the packages).
    "pg": (("max", "poolSize"), 10.0),
    "pg-pool": (("max",), 10.0),
    "mysql": (("connectionLimit",), 10.0),
    "mysql2": (("connectionLimit",), 10.0),
    "mysql2/promise": (("connectionLimit",), 10.0),
    "mssql": (("pool.max",), 10.0),
    "postgres": (("max",), 10.0),
}


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the pool or the client that `new Pool(...)` makes."""
    if maker.name in {"Pool", "Client", "ConnectionPool", "PgPool"} or maker.package == "pg-pool":
        return _made(maker.package, call.argument(0), call, pooled=maker.name != "Client")
    return None


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the pool or connection that a function of a driver makes."""
    if callee.name in {"createPool", "createConnection", "createPoolCluster", "connect"} or not callee.path:
        if callee.package == "pg" and not callee.path:
            return None
        return _made(callee.package, call.argument(0), call, pooled=callee.name != "createConnection")
    return None


def of_type(kind: Foreign, _: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the client that a parameter of a type of a driver is; where it connects to, its own options do not say."""
    if kind.name in {
        "Pool",
        "Client",
        "PoolClient",
        "ClientBase",
        "Connection",
        "PoolConnection",
        "ConnectionPool",
        "DatabasePool",
        "IDatabase",
    }:
        protocol = _PROTOCOL.get(kind.package, "mysql")
        return Resource("sql", {"connection": frame.unit.connection(protocol)}, frame.evidence(node))
    return None


def _made(package: str, options: Value, call: Call, pooled: bool) -> Resource:
    protocol = _PROTOCOL.get(package, "mysql")
    made = connection(protocol, options, call.frame.evidence(call.node))
    if options == NOTHING and protocol == "postgresql":
        made.address = pieces(_variable("PGHOST"))
        made.database = pieces(_variable("PGDATABASE"))
    names, default = _POOL.get(package, ((), None))
    protected(made, options, _TIMEOUTS, names if pooled else (), default if pooled else None)
    call.frame.unit.connected(made)
    return Resource("sql", {"connection": made}, made.evidence)


def _variable(name: str) -> Value:
    from backend_expert.readers.node.values import Variable

    return Variable(name)


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of a pool or client gives back."""
    if name in _CONNECTS:
        callback = call.callback
        if callback is not None:
            return call.run(callback, owner if name == "task" else NOTHING, owner, UNKNOWN)
        return owner
    if name in {"transaction", "tx", "begin"} and call.callback is not None:
        callback = call.callback
        drafts = call.into(callback, owner)
        call.emit(Draft(Kind.TRANSACTION, target=table_target(owner, "", call), blocks=[drafts]))
        return UNKNOWN
    if name == "beginTransaction":
        call.emit(Draft(Kind.BEGIN, target=table_target(owner, "", call)))
        return _continued(call, UNKNOWN)
    if name in {"commit", "rollback"}:
        call.emit(Draft(Kind.COMMIT))
        return _continued(call, UNKNOWN)
    if name == "request":
        return owner
    if name in _QUERIES or name == "":
        return run(owner, call.argument(0), call)
    return UNKNOWN if name in {"end", "release", "destroy", "format", "escape", "input", "on"} else None


def member(owner: Resource, name: str, _: Frame) -> Value:
    """Return a field of a client; some wrap another of the same connection."""
    return owner if name in {"pool", "client", "promise"} else Unknown(name)


def run(owner: Resource, statement: Value, call: Call) -> Value:
    """Add what a statement does, table by table, and follow the callback that takes its rows."""
    if isinstance(statement, Record):
        statement = field_of(statement, "text", "sql", "queryText")
    sql = shown(statement)
    word_found = statements.control(sql)
    if word_found == "begin":
        isolation = re.search(r"ISOLATION\s+LEVEL\s+([\w ]+)", sql, re.IGNORECASE)
        call.emit(
            Draft(Kind.BEGIN, target=table_target(owner, "", call), isolation=isolation[1].lower().strip() if isolation else "")
        )
        return _continued(call, UNKNOWN)
    if word_found:
        call.emit(Draft(Kind.COMMIT))
        return _continued(call, UNKNOWN)
    found = statements.effects(sql)
    outcome: Value = UNKNOWN
    before = len(call.frame.block)
    for effect in found:
        made = queried(owner, effect.table, effect.action, effect.columns, call, effect.limited)
        made.draft.statement = " ".join(sql.split())[:STATEMENT_SHOWN]
        outcome = made if not isinstance(outcome, Outcome) else outcome
    action = statements.verb(sql)
    if not found and action is not None:
        outcome = queried(owner, "", action, (), call)
    if len(found) > 1:
        # One statement is one transaction, whatever it writes to.
        drafts = call.frame.block[before:]
        del call.frame.block[before:]
        call.emit(Draft(Kind.TRANSACTION, target=table_target(owner, "", call), blocks=[drafts]))
    return _continued(call, outcome)


STATEMENT_SHOWN = 1_000
"""Most characters of a statement that the model keeps."""


def _continued(call: Call, outcome: Value) -> Value:
    if isinstance(call.callback, Function):
        call.run(call.callback, NOTHING, outcome, UNKNOWN)
    return outcome


def shown(statement: Value) -> str:
    """Return the text of a statement; what only a request knows stands in it as `$name`."""
    if word(statement):
        return word(statement)
    if is_open(statement):
        return ""
    return "".join(piece.text or f"${piece.variable or piece.hole}" for piece in pieces(statement))


def queried(
    owner: Resource, table: str, action: Action, columns: tuple[str, ...], call: Call, limited: bool | None = None
) -> Outcome:
    """Add a query on a table of a connection, with what protects that connection."""
    made = owner.facts.get("connection")
    draft = Draft(Kind.QUERY, call.frame.evidence(call.node), target=table_target(owner, table, call), action=action)
    draft.columns, draft.limited = columns, limited
    if isinstance(made, Connection):
        draft.protection = made.protection.copy()
    return call.emit(draft)


def table_target(owner: Resource, table: str, call: Call) -> str:
    """Return the key of the target that a table of a connection is."""
    made = owner.facts.get("connection")
    known = made if isinstance(made, Connection) else Connection("")
    return call.frame.unit.store_target(known, table)

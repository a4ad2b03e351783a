"""Query builders and models with builders of their own: knex, Sequelize."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backend_expert.model import Action
from backend_expert.readers.node import statements
from backend_expert.readers.node.connections import connection, protected
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.libraries import sql
from backend_expert.readers.node.values import (
    NOTHING,
    UNKNOWN,
    Blueprint,
    Foreign,
    Function,
    Instance,
    Outcome,
    Record,
    Resource,
    Unknown,
    Value,
    is_open,
    limited,
    literal,
    pieces,
    word,
)
from backend_expert.readers.node.values import member as field_of
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"knex", "sequelize", "sequelize-typescript", "@nestjs/sequelize"})
KINDS = frozenset({"knex", "knex.builder", "sequelize", "sequelize.model"})

_PROTOCOLS = {
    "pg": "postgresql",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mysql2": "mysql",
    "mariadb": "mysql",
    "mssql": "sqlserver",
    "cockroachdb": "postgresql",
}
_KNEX = {
    **dict.fromkeys(sorted(words("insert")), Action.INSERT),
    **dict.fromkeys(sorted(words("update increment decrement upsert")), Action.UPDATE),
    **dict.fromkeys(sorted(words("del delete truncate")), Action.DELETE),
}
_MODEL = {
    **dict.fromkeys(sorted(words("findAll findOne findByPk findAndCountAll count findOrBuild sum max min aggregate")), Action.READ),
    **dict.fromkeys(sorted(words("create bulkCreate findOrCreate")), Action.INSERT),
    **dict.fromkeys(sorted(words("update upsert increment decrement restore")), Action.UPDATE),
    **dict.fromkeys(sorted(words("destroy truncate")), Action.DELETE),
}


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the builder that `knex({...})` makes."""
    if callee.package == "knex" and callee.name in {"knex", "default"}:
        options = call.argument(0)
        given = field_of(options, "connection")
        protocol = _PROTOCOLS.get(word(field_of(options, "client")), "sql")
        made = connection(protocol, given, call.frame.evidence(call.node))
        # knex: pool.max is 10 unless set; acquireConnectionTimeout is for the pool, not for statements.
        protected(made, options, ("statement_timeout",), ("pool.max",), 10.0)
        call.frame.unit.connected(made)
        return Resource("knex", {"connection": made}, made.evidence)
    return None


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the connection that `new Sequelize(...)` makes."""
    if maker.name != "Sequelize":
        return None
    first = call.argument(0)
    options = next((each for each in call.arguments if isinstance(each, Record)), Record({}))
    protocol = _PROTOCOLS.get(word(field_of(options, "dialect")), "sql")
    if isinstance(first, Record) or len(call.arguments) <= 2:
        made = connection(protocol, first, call.frame.evidence(call.node))
        if not isinstance(first, Record) and is_open(first):
            made.address = ()
    else:
        # new Sequelize(database, user, password, options)
        made = connection(protocol, options, call.frame.evidence(call.node))
        made.database = pieces(first) if not is_open(first) else made.database
    protected(made, options, ("statement_timeout", "query_timeout"), ("pool.max",), 5.0)  # Sequelize: pool.max is 5
    call.frame.unit.connected(made)
    found = Resource("sequelize", {"connection": made}, made.evidence)
    call.frame.unit.sequelize = found
    return found


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of a builder, a connection or a model gives back."""
    match owner.kind:
        case "knex":
            return _of_knex(owner, name, call)
        case "knex.builder":
            return _of_builder(owner, name, call)
        case "sequelize":
            return _of_sequelize(owner, name, call)
        case _:
            return _of_model(owner, name, call)


def member(owner: Resource, name: str, _: Frame) -> Value:
    """Return a field; the models of a connection stand in one."""
    if owner.kind == "sequelize" and name == "models":
        return owner
    if owner.kind == "sequelize" and name[:1].isupper():
        return Resource("sequelize.model", {**owner.facts, "name": name}, owner.evidence)
    return Unknown(name)


def _of_knex(owner: Resource, name: str, call: Call) -> Value | None:
    if name == "transaction":
        work = call.callback
        if work is not None:
            call.emit(Draft(Kind.TRANSACTION, target=sql.table_target(owner, "", call), blocks=[call.into(work, owner)]))
            return UNKNOWN
        return owner
    if name in {"commit", "rollback"}:
        return UNKNOWN
    if name == "raw":
        return (
            sql.run(owner, call.argument(0), call)
            if not call.frame.unit.starting and statements.effects(sql.shown(call.argument(0)))
            else UNKNOWN
        )
    if name in {"", "table", "from", "into", "select", "insert", "with"}:
        table = literal(call.argument(0)).split(" ")[0] if name in {"", "table", "from", "into"} else ""
        made = sql.queried(owner, table, _KNEX.get(name, Action.READ), (), call, limited=False)
        return Resource("knex.builder", {**owner.facts, "draft": made.draft}, owner.evidence)
    return UNKNOWN if name in {"destroy", "on", "ref", "fn", "schema", "client", "initialize"} else None


def _of_builder(owner: Resource, name: str, call: Call) -> Value:
    draft = owner.facts.get("draft")
    if not isinstance(draft, Draft):
        return UNKNOWN
    if name in _KNEX:
        draft.action = _KNEX[name]
        if name in {"increment", "decrement"}:
            draft.action = Action.GUARDED_UPDATE
        call.frame.unit.seen.step(draft, call.arguments)
    elif name in {"from", "into", "table"} and literal(call.argument(0)):
        draft.target = sql.table_target(owner, literal(call.argument(0)).split(" ")[0], call)
    elif name in {"where", "andWhere", "whereIn", "orWhere", "whereNull", "whereNot", "findById"}:
        first = call.argument(0)
        columns = tuple(first.fields) if isinstance(first, Record) else (word(first).rpartition(".")[2],) if word(first) else ()
        draft.columns = tuple(dict.fromkeys((*draft.columns, *columns)))
        draft.limited = draft.limited or (None if set(columns) & {"id", "uuid"} else draft.limited)
    elif name in {"first", "limit", "count", "sum", "avg", "min", "max", "pluck"}:
        draft.limited = True if name != "pluck" else draft.limited
    elif name == "then" and isinstance(call.argument(0), Function):
        return call.run(call.argument(0), Outcome(draft))
    elif name == "catch":
        return Outcome(draft)
    elif name == "transacting":
        return owner
    return owner


def _of_sequelize(owner: Resource, name: str, call: Call) -> Value | None:
    if name == "define":
        options = call.argument(2)
        table = literal(field_of(options, "tableName")) or pluralised(literal(call.argument(0)))
        return Resource("sequelize.model", {**owner.facts, "name": table}, call.frame.evidence(call.node))
    if name == "transaction":
        work = call.callback
        if work is not None:
            call.emit(Draft(Kind.TRANSACTION, target=sql.table_target(owner, "", call), blocks=[call.into(work, UNKNOWN)]))
            return UNKNOWN
        call.emit(Draft(Kind.BEGIN, target=sql.table_target(owner, "", call)))
        return Resource("sequelize", {**owner.facts, "transaction": True}, owner.evidence)
    if name in {"commit", "rollback"} and owner.facts.get("transaction"):
        call.emit(Draft(Kind.COMMIT))
        return UNKNOWN
    if name == "query":
        return sql.run(owner, call.argument(0), call)
    if name in {"model", "import"}:
        return Resource("sequelize.model", {**owner.facts, "name": pluralised(literal(call.argument(0)))}, owner.evidence)
    return UNKNOWN if name in {"authenticate", "sync", "close", "literal", "col", "fn"} else None


def _of_model(owner: Resource, name: str, call: Call) -> Value | None:
    if name == "init":
        options = call.argument(1)
        table = literal(field_of(options, "tableName"))
        if table:
            owner.facts["name"] = table
        return owner
    action = _MODEL.get(name)
    if action is None:
        return (
            owner
            if name in {"scope", "unscoped", "schema"}
            else UNKNOWN
            if name in {"belongsTo", "hasMany", "hasOne", "belongsToMany", "sync", "build"}
            else None
        )
    options = call.argument(1) if name in {"update", "increment", "decrement"} else call.argument(0)
    where = field_of(options, "where")
    columns = tuple(where.fields) if isinstance(where, Record) else ("id",) if name == "findByPk" else ()
    change = call.argument(0)
    if name == "update" and isinstance(change, Record) and set(change.fields) & set(columns) - {"id"}:
        action = Action.GUARDED_UPDATE
    if name in {"increment", "decrement"}:
        action = Action.GUARDED_UPDATE
    many = name in {"findAll", "findAndCountAll"}
    limit = limited(options, "limit") if many else action is Action.READ or None
    outcome = sql.queried(owner, str(owner.facts.get("name") or ""), action, columns, call, limit)
    outcome.items = many
    if isinstance(call.callback, Function):
        call.run(call.callback, NOTHING, outcome)
    return outcome


def extended(base: Foreign, _: tuple[Value, ...], made: Instance, frame: Frame, __: list[Value]) -> Resource | None:
    """Return the table that a class is which extends the Model of Sequelize."""
    return model_of(made.blueprint, frame) if base.name == "Model" else None


def model_of(blueprint: Blueprint, frame: Frame) -> Resource:
    """Return the table of a class that extends Model."""
    found = frame.unit.sequelize
    facts = dict(found.facts) if found is not None else {"connection": frame.unit.connection("sql")}
    return Resource("sequelize.model", {**facts, "name": pluralised(blueprint.name)}, frame.evidence(blueprint.node))


def pluralised(name: str) -> str:
    """Return the table that Sequelize takes for a model: the plural of its name as it is written."""
    if not name or name.endswith("s"):
        return name
    return f"{name[:-1]}ies" if re.search(r"[^aeiou]y$", name) else f"{name}s"

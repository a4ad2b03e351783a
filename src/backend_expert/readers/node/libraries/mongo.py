"""MongoDB: the driver and Mongoose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.model import Action
from backend_expert.readers.node.connections import Connection, connection, protected
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.values import (
    NOTHING,
    UNKNOWN,
    Blueprint,
    Foreign,
    Function,
    Listing,
    Made,
    Outcome,
    Record,
    Resource,
    Unknown,
    Value,
    has,
    limited,
    literal,
    word,
)
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"mongodb", "mongoose", "@nestjs/mongoose", "monk"})
KINDS = frozenset({"mongo.client", "mongo.database", "mongo.collection", "mongo.document", "mongo.session"})

_READS = words("find findOne findById countDocuments count estimatedDocumentCount distinct aggregate exists paginate findAll")
_INSERTS = words("insertOne insertMany insert create bulkSave")
_UPDATES = words(
    "updateOne updateMany update replaceOne findOneAndUpdate findByIdAndUpdate findOneAndReplace bulkWrite save "
    "findAndModify upsert"
)
_DELETES = words("deleteOne deleteMany remove findOneAndDelete findByIdAndDelete findByIdAndRemove findOneAndRemove")
_CHAINED = words(
    "sort limit skip select populate lean exec toArray project session hint where equals cursor next forEach batchSize read count"
)


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return what `new MongoClient(url)` makes."""
    if maker.name == "MongoClient":
        return _client(call)
    if maker.package == "mongoose" and maker.name == "Schema":
        return Made(maker, call.arguments, call.node)
    return None


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the client, the connection or the model that a function makes."""
    if callee.name in {"connect", "createConnection"} and callee.package in {"mongodb", "mongoose", "monk"}:
        made = _client(call)
        if isinstance(call.callback, Function):
            call.run(call.callback, NOTHING, made)
        return made
    if callee.package == "mongoose" and callee.name == "model":
        return _model(call, call.frame.unit.connection("mongodb"))
    if callee.package == "@nestjs/mongoose" and callee.path == ("SchemaFactory", "createForClass"):
        return Made(callee, call.arguments, call.node)
    return None


def of_type(kind: Foreign, generics: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the model or collection that a parameter of such a type is."""
    if kind.name == "Model":
        entity = generics[0] if generics else UNKNOWN
        return model(entity, frame, node)
    if kind.name == "Db":
        return Resource("mongo.database", {"connection": frame.unit.connection("mongodb")}, frame.evidence(node))
    if kind.name == "MongoClient":
        return Resource("mongo.client", {"connection": frame.unit.connection("mongodb")}, frame.evidence(node))
    if kind.name == "Collection":
        return Resource("mongo.collection", {"connection": frame.unit.connection("mongodb"), "name": ""}, frame.evidence(node))
    return None


def model(entity: Value, frame: Frame, node: Node) -> Resource:
    """Return the collection behind a model of NestJS."""
    name = entity.name if isinstance(entity, Blueprint | Unknown) else word(entity)
    name = re.sub(r"(Document|Model|Schema)$", "", name) or name
    facts: dict[str, object] = {"connection": frame.unit.connection("mongodb"), "name": plural(name)}
    return Resource("mongo.collection", facts, frame.evidence(node))


def _client(call: Call) -> Resource:
    made = connection("mongodb", call.argument(0), call.frame.evidence(call.node))
    options = call.argument(1)
    protected(
        made,
        options if isinstance(options, Record) else Record({}, options == NOTHING),
        ("socketTimeoutMS", "timeoutMS"),
        ("maxPoolSize", "poolSize"),
        100.0,  # MongoDB manual: maxPoolSize is 100
    )
    call.frame.unit.connected(made)
    return Resource("mongo.client", {"connection": made}, made.evidence)


def _model(call: Call, known: Connection) -> Resource:
    name = literal(call.argument(0))
    collection = literal(call.argument(2)) if len(call.arguments) > 2 else ""
    schema = call.argument(1)
    if not collection and isinstance(schema, Made) and len(schema.arguments) > 1 and isinstance(schema.arguments[1], Record):
        collection = literal(schema.arguments[1].fields.get("collection"))
    facts: dict[str, object] = {"connection": known, "name": collection or plural(name), "schema": schema}
    found = Resource("mongo.collection", facts, call.frame.evidence(call.node))
    call.frame.unit.collection(found, call)
    return found


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of a client, database, collection or document gives back."""
    match owner.kind:
        case "mongo.client":
            return _of_client(owner, name, call)
        case "mongo.database":
            if name == "collection":
                return Resource(
                    "mongo.collection", {**owner.facts, "name": literal(call.argument(0))}, call.frame.evidence(call.node)
                )
            return None
        case "mongo.session":
            return _of_session(owner, name, call)
        case "mongo.document":
            if name in {"save", "remove", "deleteOne", "updateOne"}:
                fresh = bool(owner.facts.get("new"))
                action = (
                    Action.INSERT
                    if fresh and name == "save"
                    else Action.DELETE
                    if name in {"remove", "deleteOne"}
                    else Action.UPDATE
                )
                return _continued(call, call.emit(_draft(owner, action, (), call)))
            return owner
        case _:
            return _of_collection(owner, name, call)


def _of_client(owner: Resource, name: str, call: Call) -> Value | None:
    if name == "db":
        database = literal(call.argument(0))
        return Resource("mongo.database", {**owner.facts, "database": database}, owner.evidence)
    if name in {"connect", "asPromise", "useDb", "createConnection"}:
        if isinstance(call.callback, Function):
            call.run(call.callback, NOTHING, owner)
        return owner
    if name == "model":
        known = owner.facts.get("connection")
        return _model(call, known if isinstance(known, Connection) else Connection("mongodb"))
    if name in {"startSession", "withSession"}:
        return Resource("mongo.session", owner.facts, owner.evidence)
    if name == "collection":
        return Resource("mongo.collection", {**owner.facts, "name": literal(call.argument(0))}, call.frame.evidence(call.node))
    return None


def _of_session(owner: Resource, name: str, call: Call) -> Value | None:
    target = _target(Resource("mongo.collection", {**owner.facts, "name": ""}), call)
    if name == "withTransaction" and call.arguments:
        call.emit(Draft(Kind.TRANSACTION, target=target, blocks=[call.into(call.argument(0), owner)]))
        return UNKNOWN
    if name == "startTransaction":
        call.emit(Draft(Kind.BEGIN, target=target))
        return UNKNOWN
    if name in {"commitTransaction", "abortTransaction"}:
        call.emit(Draft(Kind.COMMIT))
        return UNKNOWN
    return owner


def _of_collection(owner: Resource, name: str, call: Call) -> Value | None:
    if name == "":
        return Resource("mongo.document", {**owner.facts, "new": True}, owner.evidence)
    if name in _READS:
        draft = _draft(owner, Action.READ, _filter(name, call), call)
        draft.limited = _limited(name, draft.columns, call)
        outcome = call.emit(draft)
        outcome.items = name in {"find", "aggregate", "distinct", "findAll"}
        return _continued(call, outcome)
    if name in _INSERTS:
        return _continued(call, call.emit(_draft(owner, Action.INSERT, (), call)))
    if name in _UPDATES:
        columns = _filter(name, call)
        action = Action.GUARDED_UPDATE if _guarded(columns, call.argument(1)) else Action.UPDATE
        return _continued(call, call.emit(_draft(owner, action, columns, call)))
    if name in _DELETES:
        return _continued(call, call.emit(_draft(owner, Action.DELETE, _filter(name, call), call)))
    if name in _CHAINED:
        return owner
    if name == "startSession":
        return Resource("mongo.session", owner.facts, owner.evidence)
    return UNKNOWN if name in {"createIndex", "createIndexes", "ensureIndex", "watch", "syncIndexes"} else None


def _limited(name: str, columns: tuple[str, ...], call: Call) -> bool | None:
    """Tell whether a search ends at a stated number; `.limit(n)` behind it still may say so."""
    if name in {"find", "findAll"}:
        given = call.argument(0)
        plain_search = given == NOTHING or (isinstance(given, Record) and given.complete)
        return limited(call.argument(2), "limit") if plain_search and not {"_id", "id"} & set(columns) else None
    if name == "aggregate":
        stages = call.argument(0)
        listed = stages.items if isinstance(stages, Listing) else []
        return True if any(has(each, "$limit", "$count") for each in listed) else None
    return None if name == "distinct" else True


def _filter(name: str, call: Call) -> tuple[str, ...]:
    if "ById" in name:
        return ("_id",)
    first = call.argument(0)
    return tuple(key for key in first.fields if not key.startswith("$")) if isinstance(first, Record) else ()


def _guarded(columns: tuple[str, ...], change: Value) -> bool:
    """Tell whether an update names in its filter what it changes, or counts up or down by itself."""
    if not isinstance(change, Record):
        return False
    if "$inc" in change.fields:
        return True
    changed = change.fields.get("$set", change)
    return isinstance(changed, Record) and bool(set(changed.fields) & set(columns) - {"_id", "id"})


def _draft(owner: Resource, action: Action, columns: tuple[str, ...], call: Call) -> Draft:
    known = owner.facts.get("connection")
    draft = Draft(Kind.QUERY, call.frame.evidence(call.node), target=_target(owner, call), action=action, columns=columns)
    if isinstance(known, Connection):
        draft.protection = known.protection.copy()
    return draft


def _target(owner: Resource, call: Call) -> str:
    known = owner.facts.get("connection")
    known = known if isinstance(known, Connection) else Connection("mongodb")
    database = owner.facts.get("database")
    return call.frame.unit.store_target(known, str(owner.facts.get("name") or ""), database if isinstance(database, str) else "")


def _continued(call: Call, outcome: Outcome) -> Value:
    callback = call.callback
    if callback is not None and not isinstance(call.argument(0), Function):
        call.run(callback, NOTHING, outcome)
    return outcome


def member(owner: Resource, name: str, frame: Frame) -> Value:
    """Return a field of a client: Mongoose keeps its connection in one."""
    if owner.kind == "mongo.client" and name in {"connection", "db"}:
        return owner if name == "connection" else Resource("mongo.database", owner.facts, owner.evidence)
    if owner.kind == "mongo.collection" and name in {"db", "collection"}:
        return Resource("mongo.client", {"connection": frame.unit.connection("mongodb")}) if name == "db" else owner
    return Unknown(name)


def plural(name: str) -> str:
    """Return the collection that Mongoose takes for a model: the name in lower case, in the plural."""
    lower = name.lower()
    if not lower or lower.endswith("s"):
        return lower
    if re.search(r"[^aeiou]y$", lower):
        return f"{lower[:-1]}ies"
    return f"{lower}es" if re.search(r"(x|z|ch|sh)$", lower) else f"{lower}s"

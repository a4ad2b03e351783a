"""TypeORM and MikroORM-like repositories: repositories, entity managers, data sources, query builders, query runners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.model import Action
from backend_expert.readers.node.connections import Connection, connection, protected
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.entities import Entity, entity_of
from backend_expert.readers.node.libraries import sql
from backend_expert.readers.node.values import (
    UNKNOWN,
    Blueprint,
    Constant,
    Foreign,
    Function,
    Instance,
    Listing,
    Made,
    Outcome,
    Record,
    Resource,
    Unknown,
    Value,
    is_open,
    limited,
    literal,
    word,
)
from backend_expert.readers.node.values import member as field_of
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"typeorm", "@nestjs/typeorm", "typeorm-transactional", "nestjs-typeorm-paginate"})
KINDS = frozenset({"typeorm.source", "typeorm.manager", "typeorm.repository", "typeorm.builder", "typeorm.runner", "typeorm.new"})

_READS = words(
    "find findBy findOne findOneBy findOneOrFail findOneByOrFail findAndCount findAndCountBy findByIds findOneById "
    "count countBy exist exists existsBy sum average minimum maximum preload findTrees"
)
_INSERTS = frozenset({"insert"})
_UPDATES = frozenset({"update", "upsert", "increment", "decrement", "restore", "softDelete", "softRemove", "recover"})
_DELETES = frozenset({"delete", "remove", "clear"})
_BUILT = words(
    "getOne getMany getManyAndCount getRawOne getRawMany getCount execute getOneOrFail getRawAndEntities getExists stream"
)


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the source that `new DataSource(options)` makes."""
    if maker.package == "typeorm" and maker.name in {"DataSource", "Connection"}:
        return source(call.argument(0), call)
    return None


def source(options: Value, call: Call) -> Resource:
    """Return the data source of options, and keep it as the one that containers inject."""
    kind = word(field_of(options, "type"))
    protocol = {"postgres": "postgresql", "mariadb": "mysql", "mssql": "sqlserver", "cockroachdb": "postgresql"}.get(
        kind, kind or "sql"
    )
    made = connection(protocol, options, call.frame.evidence(call.node))
    if not made.address and isinstance(options, Record) and is_open(field_of(options, "host", "url")):
        made.address = ()
    extra = field_of(options, "extra")
    merged = (
        Record({**options.fields, **(extra.fields if isinstance(extra, Record) else {})}, options.complete)
        if isinstance(options, Record)
        else options
    )
    names = ("poolSize", "max", "connectionLimit")
    protected(made, merged, ("statement_timeout", "query_timeout", "maxQueryExecutionTime", "requestTimeout"), names, 10.0)
    call.frame.unit.connected(made)
    found = Resource("typeorm.source", {"connection": made}, made.evidence)
    call.frame.unit.data_source = found
    return found


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the source or repository that a function of the packages gives."""
    if callee.package == "typeorm" and callee.name in {"createConnection", "getConnection"}:
        return (
            source(call.argument(0), call)
            if callee.name == "createConnection" and call.arguments
            else _source(call.frame, call.node)
        )
    if callee.package == "typeorm" and callee.name in {
        "getRepository",
        "getCustomRepository",
        "getMongoRepository",
        "getTreeRepository",
    }:
        return repository(call.argument(0), call.frame, call.node)
    if callee.package == "typeorm" and callee.name == "getManager":
        return Resource("typeorm.manager", _source(call.frame, call.node).facts, call.frame.evidence(call.node))
    if callee.package == "@nestjs/typeorm" and callee.name in {"forRoot", "forRootAsync"}:
        options = call.argument(0)
        factory = field_of(options, "useFactory")
        if isinstance(factory, Function):
            options = call.run(factory)
        source(options, call)
        return None
    return None


def around(decoration: Made, frame: Frame, node: Node) -> Draft | None:
    """Return the transaction that a decorator puts around a method (typeorm-transactional and its kin)."""
    if decoration.maker.name != "Transactional":
        return None
    options = decoration.arguments[0] if decoration.arguments else UNKNOWN
    isolation = word(field_of(options, "isolationLevel")).lower()
    made = _source(frame, node).facts.get("connection")
    target = frame.unit.store_target(made if isinstance(made, Connection) else Connection(""), "")
    return Draft(Kind.TRANSACTION, frame.evidence(node), target=target, isolation=isolation)


def of_type(kind: Foreign, generics: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the repository, source or manager that a parameter of such a type is."""
    if kind.package != "typeorm":
        return None
    if kind.name in {"Repository", "TreeRepository", "MongoRepository"}:
        return repository(generics[0] if generics else UNKNOWN, frame, node)
    kinds = {
        "DataSource": "typeorm.source",
        "Connection": "typeorm.source",
        "EntityManager": "typeorm.manager",
        "QueryRunner": "typeorm.runner",
    }
    found = kinds.get(kind.name)
    return Resource(found, dict(_source(frame, node).facts), frame.evidence(node)) if found else None


def extended(base: Foreign, generics: tuple[Value, ...], made: Instance, frame: Frame, given: list[Value]) -> Resource | None:
    """Return the repository that an object of a class is which extends `Repository<Entity>`."""
    if base.package != "typeorm" or base.name not in {"Repository", "TreeRepository", "AbstractRepository"}:
        return None
    entity = next((each for each in given if isinstance(each, Blueprint)), generics[0] if generics else UNKNOWN)
    return repository(entity, frame, made.blueprint.node)


def repository(entity: Value, frame: Frame, node: Node) -> Resource:
    """Return the repository of an entity."""
    return Resource(
        "typeorm.repository", {**_source(frame, node).facts, "entity": entity_of(entity, frame.unit)}, frame.evidence(node)
    )


def _source(frame: Frame, node: Node) -> Resource:
    found = frame.unit.data_source
    if found is not None:
        return found
    return Resource("typeorm.source", {"connection": frame.unit.connection("")}, frame.evidence(node))


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of one of the kinds gives back."""
    match owner.kind:
        case "typeorm.builder":
            return _of_builder(owner, name, call)
        case "typeorm.repository":
            return _of_repository(owner, owner.facts.get("entity"), name, call, 0)
        case "typeorm.runner":
            return _of_runner(owner, name, call)
        case "typeorm.new":
            return None
        case _:
            return _of_manager(owner, name, call)


def member(owner: Resource, name: str, _: Frame) -> Value:
    """Return a field: every kind leads to the manager."""
    if name == "manager":
        return Resource("typeorm.manager", {**owner.facts, "entity": None}, owner.evidence)
    if name in {"connection", "dataSource"}:
        return Resource("typeorm.source", {**owner.facts, "entity": None}, owner.evidence)
    return Unknown(name)


def _of_manager(owner: Resource, name: str, call: Call) -> Value | None:
    if name == "transaction":
        work = call.callback
        isolation = literal(call.argument(0)).lower() if len(call.arguments) > 1 else ""
        manager = Resource("typeorm.manager", owner.facts, owner.evidence)
        kept: list[Value] = []
        from backend_expert.readers.node.calls import captured

        drafts = captured(call.frame, lambda: kept.append(call.run(work, manager)))
        call.emit(Draft(Kind.TRANSACTION, target=sql.table_target(owner, "", call), blocks=[drafts], isolation=isolation))
        return kept[0] if kept else UNKNOWN
    if name in {"getRepository", "getCustomRepository", "withRepository", "getTreeRepository"}:
        first = call.argument(0)
        if isinstance(first, Resource | Instance):
            return first
        return Resource("typeorm.repository", {**owner.facts, "entity": entity_of(first, call.frame.unit)}, owner.evidence)
    if name == "createQueryRunner":
        return Resource("typeorm.runner", owner.facts, owner.evidence)
    if name in {"initialize", "connect"}:
        return owner
    if name == "query":
        return sql.run(owner, call.argument(0), call)
    if name == "createQueryBuilder":
        entity = entity_of(call.argument(0), call.frame.unit) if call.arguments else None
        return _builder(owner, entity)
    if name in _READS | _INSERTS | _UPDATES | _DELETES | {"save", "create"}:
        first = call.argument(0)
        entity = _entity_of_first(first, call)
        # `manager.save(order)` takes the entity alone, `manager.save(Order, order)` its class before it.
        shift = 0 if name in {"save", "remove", "create"} and not isinstance(first, Blueprint) and not word(first) else 1
        return _of_repository(owner, entity, name, call, shift)
    return UNKNOWN if name in {"destroy", "close", "runMigrations"} else None


def _entity_of_first(first: Value, call: Call) -> Entity | None:
    if isinstance(first, Resource) and first.kind == "typeorm.new":
        found = first.facts.get("entity")
        return found if isinstance(found, Entity) else None
    if isinstance(first, Instance):
        return entity_of(first.blueprint, call.frame.unit)
    return entity_of(first, call.frame.unit)


def _of_repository(owner: Resource, entity: object, name: str, call: Call, shift: int) -> Value | None:
    known = entity if isinstance(entity, Entity) else None
    first = call.argument(shift)
    if name == "create":
        return Resource("typeorm.new", {"entity": known, "value": first})
    if name == "query":
        return sql.run(owner, call.argument(0), call)
    if name == "createQueryBuilder":
        return _builder(owner, known)
    if name == "extend":
        return owner
    if name in _READS:
        many = name in {"find", "findBy", "findAndCount", "findAndCountBy"}
        options = Record({"where": first}) if name.endswith("By") else first
        outcome = _queried(
            owner,
            known,
            Action.READ,
            _where(first, name, known),
            call,
            limited(options, "take") if many else name != "findByIds" or None,
        )
        outcome.items = many or name == "findByIds"
        return outcome
    if name in _INSERTS or (name == "save" and _is_new(first)):
        return _queried(owner, known, Action.INSERT, (), call)
    if name == "save":
        return _queried(owner, known, Action.UPDATE, known.keys if known is not None else (), call)
    if name in _UPDATES:
        columns = _where(first, name, known)
        change = call.argument(shift + 1)
        changed = {known.column(each) for each in change.fields} if isinstance(change, Record) and known else set()
        keys = set(known.keys) if known is not None else {"id"}
        guarded = name in {"increment", "decrement"} or bool(changed & set(columns) - keys)
        return _queried(owner, known, Action.GUARDED_UPDATE if guarded else Action.UPDATE, columns, call)
    if name in _DELETES:
        return _queried(owner, known, Action.DELETE, _where(first, name, known), call)
    return UNKNOWN if name in {"merge", "hasId", "getId"} else None


def _is_new(value: Value) -> bool:
    if isinstance(value, Listing):
        items = [*value.items, *value.perhaps]
        return bool(items) and all(_is_new(each) for each in items)
    return (isinstance(value, Resource) and value.kind == "typeorm.new") or (
        isinstance(value, Instance) and value.arguments is not None
    )


def _where(first: Value, name: str, entity: Entity | None) -> tuple[str, ...]:
    """Return the columns that the options or conditions of a method name."""
    if isinstance(first, Listing):
        first = next((each for each in first.items if isinstance(each, Record)), UNKNOWN)
    conditions = field_of(first, "where") if isinstance(first, Record) and "where" in first.fields else first
    if isinstance(conditions, Listing):
        conditions = next((each for each in conditions.items if isinstance(each, Record)), UNKNOWN)
    takes_options = name in {"find", "findOne", "findOneOrFail", "findAndCount", "count", "exist", "exists"}
    if isinstance(conditions, Record) and not (takes_options and conditions is first):
        return tuple(entity.column(each) if entity is not None else each for each in conditions.fields)
    if isinstance(conditions, Constant) and conditions.value is not None and not takes_options:
        return entity.keys if entity is not None else ("id",)
    return ()


def _queried(
    owner: Resource, entity: Entity | None, action: Action, columns: tuple[str, ...], call: Call, limit: bool | None = None
) -> Outcome:
    return sql.queried(owner, entity.table if entity is not None else "", action, columns, call, limit)


def _builder(owner: Resource, entity: Entity | None) -> Resource:
    facts: dict[str, object] = {**owner.facts, "entity": entity, "action": Action.READ, "columns": [], "limited": False}
    return Resource("typeorm.builder", facts, owner.evidence)


def _of_builder(owner: Resource, name: str, call: Call) -> Value | None:
    facts = owner.facts
    actions = {"insert": Action.INSERT, "update": Action.UPDATE, "delete": Action.DELETE, "softDelete": Action.UPDATE}
    if name in actions:
        facts["action"] = actions[name]
    if name in {"from", "into", "update", "insert", "select", "relation"} and isinstance(call.argument(0), Blueprint):
        facts["entity"] = entity_of(call.argument(0), call.frame.unit)
    if name in {"where", "andWhere", "orWhere"}:
        columns = facts["columns"]
        if isinstance(columns, list):
            columns.extend(_condition(call.argument(0), facts.get("entity")))
    if name in {"take", "limit"}:
        facts["limited"] = True
    if name in _BUILT:
        entity = facts.get("entity")
        columns = facts["columns"]
        action = facts["action"]
        one = name not in {"getMany", "getManyAndCount", "getRawMany", "getRawAndEntities", "stream"}
        return _queried(
            owner,
            entity if isinstance(entity, Entity) else None,
            action if isinstance(action, Action) else Action.READ,
            tuple(dict.fromkeys(columns)) if isinstance(columns, list) else (),
            call,
            one or bool(facts["limited"]),
        )
    return owner


def _condition(value: Value, entity: object) -> list[str]:
    import re

    known = entity if isinstance(entity, Entity) else None
    if isinstance(value, Record):
        return [known.column(each) if known else each for each in value.fields]
    return [
        known.column(each) if known else each
        for each in re.findall(r"(?:\w+\.)?\"?(\w+)\"?\s*(?:=|<|>|IN\b|LIKE\b)\s*[(:]", sql.shown(value))
    ]


def _of_runner(owner: Resource, name: str, call: Call) -> Value | None:
    if name == "startTransaction":
        isolation = literal(call.argument(0)).lower()
        call.emit(Draft(Kind.BEGIN, target=sql.table_target(owner, "", call), isolation=isolation))
        return UNKNOWN
    if name in {"commitTransaction", "rollbackTransaction"}:
        call.emit(Draft(Kind.COMMIT))
        return UNKNOWN
    if name == "query":
        return sql.run(owner, call.argument(0), call)
    return UNKNOWN if name in {"connect", "release"} else None

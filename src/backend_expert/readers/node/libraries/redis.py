"""Redis clients: ioredis, redis; and the cache manager of NestJS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.model import Action
from backend_expert.readers.node.connections import Connection, connection, protected
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.values import (
    NOTHING,
    UNKNOWN,
    Constant,
    Foreign,
    Function,
    Outcome,
    Record,
    Resource,
    Unknown,
    Value,
    constant,
    number,
    pieces,
)
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset(
    {
        "redis",
        "ioredis",
        "@redis/client",
        "async-redis",
        "handy-redis",
        "@nestjs-modules/ioredis",
        "cache-manager",
        "@nestjs/cache-manager",
        "memcached",
        "memjs",
    }
)
KINDS = frozenset({"redis"})

_READS = words(
    "get mget hget hgetall hmget exists ttl pttl keys scan smembers sismember scard lrange llen lindex zrange "
    "zrangebyscore zscore zcard zrevrange zrank getset strlen hkeys hvals hlen hexists type getbuffer json.get"
)
_DELETES = words("del unlink hdel srem zrem lrem flushdb flushall lpop rpop spop getdel")
_WRITES = words(
    "set setex psetex setnx mset hset hmset hsetnx incr incrby incrbyfloat decr decrby hincrby hincrbyfloat expire "
    "expireat pexpire persist sadd zadd zincrby lpush rpush append json.set xadd eval evalsha copy rename"
)
_CONNECTION = words("connect quit disconnect ping auth select duplicate ready isopen")


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the client that `new Redis(...)` makes."""
    if maker.package in {"ioredis", "memcached"} and maker.name in {"ioredis", "Redis", "default", "Cluster", "memcached"}:
        first, second = call.argument(0), call.argument(1)
        options = first if isinstance(first, Record) else second if isinstance(second, Record) else Record({})
        address = first
        if number(first) is not None and not isinstance(first, Record) and constant(second) is not None:
            third = call.argument(2)
            address = Record({"host": second, "port": first})
            options = third if isinstance(third, Record) else Record({})
        return _made(address, options, call)
    return None


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the client that `createClient(...)` makes."""
    if callee.name in {"createClient", "createCluster", "createNodeRedisClient"}:
        first = call.argument(0)
        if isinstance(first, Constant) and isinstance(first.value, float):
            return _made(Record({"host": call.argument(1), "port": first}), Record({}), call)
        return _made(first, first if isinstance(first, Record) else Record({}), call)
    return None


def of_type(kind: Foreign, _: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the client that a parameter of a type of these packages is."""
    if kind.name in {"Redis", "RedisClientType", "RedisClient", "Cluster", "Cache", "IORedis", "ioredis", "default"}:
        return Resource("redis", {"connection": frame.unit.connection("redis")}, frame.evidence(node))
    return None


def _made(address: Value, options: Value, call: Call) -> Resource:
    made = connection("redis", address, call.frame.evidence(call.node))
    protected(made, options, ("commandTimeout", "socketTimeout"))
    call.frame.unit.connected(made)
    return Resource("redis", {"connection": made}, made.evidence)


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a command gives back; the commands of a batch are one step."""
    command = name.lower().removesuffix("async")
    if command in {"multi", "pipeline", "batch"}:
        return Resource("redis", {**owner.facts, "batch": []}, owner.evidence)
    if command in {"exec", "execaspipeline"}:
        batch = owner.facts.get("batch")
        return _continued(call, Outcome(batch[0]) if isinstance(batch, list) and batch else UNKNOWN)
    if command in _CONNECTION:
        return owner if command in {"connect", "duplicate"} else UNKNOWN
    if command in {"publish", "subscribe", "psubscribe"}:
        return _channel(owner, command, call)
    action = (
        Action.READ
        if command in _READS
        else Action.DELETE
        if command in _DELETES
        else Action.UPDATE
        if command in _WRITES
        else None
    )
    if command == "wrap" and call.callback is not None:
        draft = _draft(owner, Action.READ, "GET", call)
        draft.kind = Kind.CACHE_GET
        draft.blocks = [call.into(call.callback)]
        return call.emit(draft)
    if action is None:
        return None
    batch = owner.facts.get("batch")
    if isinstance(batch, list) and batch:
        first = batch[0]
        first.statement = f"{first.statement}; {_text(command, call)}"[:1000]
        return owner
    draft = _draft(owner, action, _text(command, call), call)
    draft.expiry_s = _expiry(command, call)
    draft.key = "cache" if command in {"get", "mget", "hget", "hgetall", "set", "setex", "psetex", "hset", "hmset", "mset"} else ""
    outcome = call.emit(draft)
    if isinstance(batch, list):
        batch.append(draft)
        return owner
    return _continued(call, outcome)


def member(owner: Resource, name: str, _: Frame) -> Value:
    """Return a field of a client; `v4` and the like are the same client."""
    return owner if name in {"v4", "client", "store", "json"} else Unknown(name)


def _draft(owner: Resource, action: Action, statement: str, call: Call) -> Draft:
    made = owner.facts.get("connection")
    known = made if isinstance(made, Connection) else Connection("redis")
    draft = Draft(
        Kind.QUERY,
        call.frame.evidence(call.node),
        target=call.frame.unit.store_target(known, _space(call.argument(0))),
        action=action,
        statement=statement,
    )
    draft.protection = known.protection.copy()
    return draft


def _space(key: Value) -> str:
    """Return the key space of a key: what stands before the first separator or hole."""
    parts = pieces(key)
    if not parts or parts[0].hole or parts[0].variable:
        return ""
    first = parts[0].text
    for separator in (":", "/", "."):
        if separator in first:
            return first.split(separator)[0]
    return first.strip("-_ ")


def _text(command: str, call: Call) -> str:
    shown = "".join(piece.text or f"${piece.variable or piece.hole}" for piece in pieces(call.argument(0)))
    return f"{command.upper()} {shown}".strip()


def _expiry(command: str, call: Call) -> float | None:
    if command == "setex":
        return number(call.argument(1))
    if command != "set":
        return None
    for position, each in enumerate(call.arguments):
        if constant(each) in {"EX", "ex"}:
            return number(call.argument(position + 1))
        if isinstance(each, Record) and "EX" in each.fields:
            return number(each.fields["EX"])
    return None


def _channel(owner: Resource, command: str, call: Call) -> Value:
    made = owner.facts.get("connection")
    known = made if isinstance(made, Connection) else Connection("redis")
    unit = call.frame.unit
    channel = "".join(piece.text for piece in pieces(call.argument(0)) if piece.text)
    if not channel:
        return UNKNOWN
    target = unit.channel_target(known, channel=channel, evidence=call.frame.evidence(call.node))
    if command == "publish":
        return call.emit(Draft(Kind.PUBLISH, target=target, confirmed=False, persistent=False))
    if isinstance(call.callback, Function):
        unit.consume(target, channel, call.callback, call)
    return UNKNOWN


def _continued(call: Call, outcome: Value) -> Value:
    if isinstance(call.callback, Function):
        call.run(call.callback, NOTHING, outcome)
    return outcome

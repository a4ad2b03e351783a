"""The steps of a flow file: one reader for each verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, get_args

from backend_expert.lab.states import flow as steps
from backend_expert.lab.states.flow import FlowError, Isolation, Step
from backend_expert.model.positions import Mapping, Node, Scalar, Sequence

ISOLATION: dict[str, Isolation] = {level: level for level in get_args(Isolation)}


class Reader(Protocol):
    """What a verb needs of the reader of the whole file: values that are checked, and what was declared above the steps."""

    isolation: dict[str, Isolation]
    topics: dict[str, steps.Topic]
    externals: dict[str, steps.External]
    called: list[tuple[str, int]]

    def wrong(self, line: int, problem: str) -> FlowError: ...  # noqa: D102
    def unknown(self, line: int, what: str, word: str, legal: tuple[str, ...] | list[str]) -> FlowError: ...  # noqa: D102
    def mapping(self, node: Node | None, line: int, what: str, legal: tuple[str, ...] = ()) -> Mapping: ...  # noqa: D102
    def sequence(self, node: Node | None, line: int, what: str) -> Sequence: ...  # noqa: D102
    def text(self, node: Node | None, line: int, what: str) -> str: ...  # noqa: D102
    def optional(self, parent: Mapping, key: str, default: str = "") -> str: ...  # noqa: D102
    def truth(self, parent: Mapping, key: str, default: bool = False) -> bool: ...  # noqa: D102
    def whole(self, node: Node, what: str, low: int, high: int) -> int: ...  # noqa: D102
    def one_of(self, parent: Mapping, key: str, legal: tuple[str, ...], default: str) -> str: ...  # noqa: D102
    def condition(self, node: Node | None, line: int, what: str) -> str: ...  # noqa: D102
    def value(self, node: Node | None, line: int, what: str) -> str: ...  # noqa: D102
    def block(self, node: Node | None, line: int, what: str) -> tuple[Step, ...]: ...  # noqa: D102
    def check_table(self, name: str, line: int) -> str: ...  # noqa: D102
    def check_column(self, source: str, line: int) -> str: ...  # noqa: D102
    def sets(self, node: Node | None, table: str, line: int) -> tuple[tuple[str, str], ...]: ...  # noqa: D102
    def handling(self, declared: Mapping, key: str) -> tuple[Step, ...] | None: ...  # noqa: D102


def _insert(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    if isinstance(node, Scalar):
        return steps.Insert(reader.check_table(node.text, line), **more)
    given = reader.mapping(node, line, "insert", ("into", "set", "on-duplicate"))
    table = reader.check_table(reader.text(given.get("into"), line, "into"), line)
    return steps.Insert(table, reader.sets(given.get("set"), table, line), reader.handling(given, "on-duplicate"), **more)


def _read(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    given = reader.mapping(node, line, "read", ("from", "into", "lock", "replica"))
    source = reader.check_column(reader.text(given.get("from"), line, "from"), line)
    into = reader.text(given.get("into"), line, "into")
    return steps.Read(source, into, reader.truth(given, "lock"), reader.truth(given, "replica"), **more)


def _write(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    given = reader.mapping(node, line, "write", ("to", "value"))
    column = reader.check_column(reader.text(given.get("to"), line, "to"), line)
    return steps.Write(column, reader.value(given.get("value"), line, "value"), **more)


def _update_where(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    given = reader.mapping(node, line, "update-where", ("table", "where", "set", "on-none"))
    table = reader.check_table(reader.text(given.get("table"), line, "table"), line)
    where = reader.condition(given.get("where"), line, "where")
    return steps.UpdateWhere(table, where, reader.sets(given.get("set"), table, line), reader.handling(given, "on-none"), **more)


def _delete(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    return steps.Delete(reader.check_table(reader.text(node, line, "delete"), line), **more)


def _cache_get(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    given = reader.mapping(node, line, "cache-get", ("of", "into", "miss"))
    column = reader.check_column(reader.text(given.get("of"), line, "of"), line)
    return steps.CacheGet(
        column, reader.text(given.get("into"), line, "into"), reader.block(given.get("miss"), line, "miss"), **more
    )


def _cache_put(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    given = reader.mapping(node, line, "cache-put", ("of", "value", "newer-only"))
    column = reader.check_column(reader.text(given.get("of"), line, "of"), line)
    return steps.CachePut(column, reader.value(given.get("value"), line, "value"), reader.truth(given, "newer-only"), **more)


def _cache_delete(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    return steps.CachePut(reader.check_column(reader.text(node, line, "cache-delete"), line), **more)


def _external(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    if isinstance(node, Scalar):
        node = Mapping(((Scalar("effect", line), node),), line)
    given = reader.mapping(node, line, "external", ("effect", "attempts", "undoes", "on-error"))
    name = reader.text(given.get("effect"), line, "effect")
    system = name.partition(".")[0]
    if system not in reader.externals or "." not in name:
        raise reader.unknown(line, "external system", system, tuple(reader.externals))
    attempts = reader.whole(given.get("attempts"), "attempts", 1, 5) if given.get("attempts") is not None else 1  # type: ignore[arg-type]
    return steps.Effect(name, attempts, reader.optional(given, "undoes"), reader.handling(given, "on-error"), **more)


def _call(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    if isinstance(node, Scalar):
        node = Mapping(((Scalar("handler", line), node),), line)
    given = reader.mapping(node, line, "call", ("handler", "attempts", "on-error"))
    name = reader.text(given.get("handler"), line, "handler")
    reader.called.append((name, line))
    attempts = reader.whole(given.get("attempts"), "attempts", 1, 5) if given.get("attempts") is not None else 1  # type: ignore[arg-type]
    return steps.Call(name, attempts, reader.handling(given, "on-error"), **more)


def _publish(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    if isinstance(node, Scalar):
        node = Mapping(((Scalar("topic", line), node),), line)
    given = reader.mapping(node, line, "publish", ("topic", "via", "confirmed"))
    topic = reader.text(given.get("topic"), line, "topic")
    if topic not in reader.topics:
        raise reader.unknown(line, "topic", topic, tuple(reader.topics))
    via = reader.one_of(given, "via", ("outbox", "cdc"), "")
    return steps.Publish(topic, via, reader.truth(given, "confirmed", True), **more)  # type: ignore[arg-type]


def _reply(reader: Reader, node: Node, _line: int, more: dict[str, Any]) -> Step:
    status = 200 if isinstance(node, Mapping) and not node.pairs else reader.whole(node, "reply (an HTTP status)", 100, 599)
    return steps.Reply(status, **more)


def _transaction(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    if isinstance(node, Sequence):
        node = Mapping(((Scalar("do", line), node),), line)
    given = reader.mapping(node, line, "transaction", ("isolation", "store", "do"))
    inside = reader.block(given.get("do"), line, "do")
    store = reader.optional(given, "store")
    level = reader.one_of(given, "isolation", tuple(ISOLATION), reader.isolation.get(store, "") or _level(reader, inside))
    return steps.Transaction(inside, ISOLATION[level], **more)


def _level(reader: Reader, inside: tuple[Step, ...]) -> str:
    """Return the isolation of the store that the first statement goes to."""
    for step in steps.walk(inside):
        source = getattr(step, "table", None) or getattr(step, "column", None) or getattr(step, "source", None)
        if isinstance(source, str):
            return reader.isolation.get(source.removeprefix("sum(").partition(".")[0], "read-committed")
    return "read-committed"


def _lock(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    given = reader.mapping(node, line, "lock", ("resource", "lease", "fenced", "per", "do"))
    resource = reader.text(given.get("resource"), line, "resource")
    per: Any = reader.one_of(given, "per", ("attempt", "request", "flow"), "flow")
    inside = reader.block(given.get("do"), line, "do")
    return steps.Lock(resource, inside, reader.truth(given, "lease"), reader.truth(given, "fenced"), per, **more)


def _branch(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    given = reader.mapping(node, line, "branch", ("if", "then", "else"))
    condition = reader.condition(given.get("if"), line, "if")
    return steps.Branch(
        condition, reader.block(given.get("then"), line, "then"), reader.block(given.get("else"), line, "else"), **more
    )


def _parallel(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    branches = tuple(reader.block(each, line, "a branch") for each in reader.sequence(node, line, "parallel"))
    if len(branches) < 2:
        raise reader.wrong(line, "parallel needs two lists of steps or more")
    return steps.Parallel(branches, **more)


def _repeat(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    given = reader.mapping(node, line, "repeat", ("times", "do"))
    times = given.get("times")
    if times is None:
        raise reader.wrong(line, "repeat needs times, a whole number")
    return steps.Repeat(reader.whole(times, "times", 1, 20), reader.block(given.get("do"), line, "do"), **more)


def _compensate(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    given = reader.mapping(node, line, "compensate", ("do", "undo", "durable"))
    return steps.Compensate(
        reader.block(given.get("do"), line, "do"),
        reader.block(given.get("undo"), line, "undo"),
        reader.truth(given, "durable"),
        **more,
    )


def _observe(reader: Reader, node: Node, line: int, more: dict[str, Any]) -> Step:
    given = reader.mapping(node, line, "observe", ("name", "expect"))
    return steps.Observe(
        reader.text(given.get("name"), line, "name"), reader.condition(given.get("expect"), line, "expect"), **more
    )


VERBS: dict[str, Callable[[Reader, Node, int, dict[str, Any]], Step]] = {
    "insert": _insert,
    "read": _read,
    "write": _write,
    "update-where": _update_where,
    "delete": _delete,
    "cache-get": _cache_get,
    "cache-put": _cache_put,
    "cache-delete": _cache_delete,
    "external": _external,
    "call": _call,
    "publish": _publish,
    "ack": lambda _reader, _node, _line, more: steps.Ack(**more),
    "reply": _reply,
    "fail": lambda _reader, _node, _line, more: steps.Fail(**more),
    "stop": lambda _reader, _node, _line, more: steps.Stop(**more),
    "transaction": _transaction,
    "lock": _lock,
    "branch": _branch,
    "parallel": _parallel,
    "repeat": _repeat,
    "compensate": _compensate,
    "observe": _observe,
}

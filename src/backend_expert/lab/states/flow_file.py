"""Read a flow from YAML: a closed set of keys and verbs, every error with its line and the nearest legal word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backend_expert.lab.states.expression import ExpressionError, parse_condition, parse_sum, variable
from backend_expert.lab.states.flow import (
    DEFAULT_ISOLATION,
    NOTHING,
    Bounds,
    Column,
    External,
    Flow,
    FlowError,
    Handler,
    Invariant,
    Isolation,
    Per,
    Step,
    Table,
    Topic,
)
from backend_expert.lab.states.flow_verbs import ISOLATION, VERBS
from backend_expert.lab.states.invariants import MEANING
from backend_expert.model import Evidence, Text
from backend_expert.model.positions import Mapping, Node, PositionError, Scalar, Sequence, parse_documents

SIZE_LIMIT = 1_000_000
"""Most bytes of a flow file. The largest flow of our corpus has 4 kB."""


def read_flow(path: Path, name: str = "") -> Flow:
    """Return the flow of a file; raise `FlowError` naming the file and the line when it cannot be read as one."""
    shown = name or path.name
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise FlowError(f"{shown}: the file is larger than {SIZE_LIMIT:,} bytes; a flow is a few screens long.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FlowError(f"{shown}: the file cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise FlowError(f"{shown}: the file is not UTF-8 text.") from None
    return parse_flow(text, shown)


def is_flow(text: str) -> bool:
    """Tell whether a YAML text is meant as a flow: it names one at its top level."""
    return re.search(r"^flow\s*:", text, re.MULTILINE) is not None


def parse_flow(text: str, name: str = "flow.yaml") -> Flow:
    """Return the flow of a text; raise `FlowError` naming `name` and the line when it cannot be read as one."""
    try:
        documents = parse_documents(text)
    except PositionError as error:
        raise FlowError(f"{name}:{error.line}: {error.problem}.") from None
    if len(documents) != 1:
        raise FlowError(f"{name}: {len(documents)} documents found; a flow file holds one.")
    return _Reader(name).flow(documents[0])


class _Reader:
    """Turn nodes into a flow; `name` is the file that errors and evidence name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.isolation: dict[str, Isolation] = {}
        self.at_most_once: set[str] = set()
        self.tables: dict[str, Table] = {}
        self.topics: dict[str, Topic] = {}
        self.externals: dict[str, External] = {}
        self.handlers: set[str] = set()
        self.called: list[tuple[str, int]] = []

    def wrong(self, line: int, problem: str) -> FlowError:
        return FlowError(f"{self.name}:{line}: {problem}.")

    def unknown(self, line: int, what: str, word: str, legal: tuple[str, ...] | list[str]) -> FlowError:
        near = difflib.get_close_matches(word, legal, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(legal) or 'none'}."
        return FlowError(f"{self.name}:{line}: there is no {what} {word!r}; {hint}")

    # Plain values

    def mapping(self, node: Node | None, line: int, what: str, legal: tuple[str, ...] = ()) -> Mapping:
        if not isinstance(node, Mapping):
            raise self.wrong(node.line if node else line, f"{what} must be a mapping of keys to values")
        for key, _ in node.pairs:
            if legal and key.text not in legal:
                raise self.unknown(key.line, f"key in {what}", key.text, legal)
        return node

    def sequence(self, node: Node | None, line: int, what: str) -> Sequence:
        if not isinstance(node, Sequence):
            raise self.wrong(node.line if node else line, f"{what} must be a list")
        return node

    def text(self, node: Node | None, line: int, what: str) -> str:
        if not isinstance(node, Scalar) or not node.text:
            raise self.wrong(node.line if node else line, f"{what} must be a word")
        return node.text

    def optional(self, parent: Mapping, key: str, default: str = "") -> str:
        node = parent.get(key)
        return default if node is None else self.text(node, parent.line, key)

    def truth(self, parent: Mapping, key: str, default: bool = False) -> bool:
        node = parent.get(key)
        if node is None:
            return default
        if not isinstance(node, Scalar) or not isinstance(node.value(), bool):
            raise self.wrong(node.line, f"{key} must be true or false")
        return bool(node.value())

    def whole(self, node: Node, what: str, low: int, high: int) -> int:
        value = node.value() if isinstance(node, Scalar) else None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(node.line, f"{what} must be a whole number from {low} to {high}")
        return value

    def words(self, node: Node | None, line: int, what: str) -> tuple[str, ...]:
        if isinstance(node, Scalar):
            return (self.text(node, line, what),)
        return tuple(self.text(item, line, what) for item in self.sequence(node, line, what))

    def one_of(self, parent: Mapping, key: str, legal: tuple[str, ...], default: str) -> str:
        node = parent.get(key)
        if node is None:
            return default
        word = self.text(node, parent.line, key)
        if word not in legal:
            raise self.unknown(node.line, f"value of {key}", word, legal)
        return word

    def condition(self, node: Node | None, line: int, what: str) -> str:
        return self._expression(node, line, what, parse_condition)

    def value(self, node: Node | None, line: int, what: str) -> str:
        return self._expression(node, line, what, parse_sum)

    def _expression(self, node: Node | None, line: int, what: str, parse: Callable[..., Any]) -> str:
        text = self.text(node, line, what)
        if text.split()[:1] == ["unknown"]:
            return text
        try:
            parse(text, variable)
        except ExpressionError as error:
            raise self.wrong(node.line if node else line, f"{what} cannot be read: {error}") from None
        return text

    # The parts of a flow

    def flow(self, root: Node) -> Flow:
        keys = ("flow", "bounds", "stores", "topics", "external", "steps", "invariants")
        top = self.mapping(root, 1, "the flow", keys)
        name = self.text(top.get("flow"), top.line, "flow (its name)")
        self.stores(top)
        for key, node in self.entries(top, "topics"):
            self.topics[key.text] = self.topic(key.text, node, key.line)
        for key, node in self.entries(top, "external"):
            self.externals[key.text] = self.external(key.text, node, key.line)
        listed = self.sequence(top.get("steps"), top.line, "steps")
        handlers = tuple(self.handler(node) for node in listed)
        if not handlers:
            raise self.wrong(listed.line, "steps is empty: a flow needs at least one handler")
        for called, line in self.called:
            if called not in self.handlers:
                raise self.unknown(line, "handler", called, sorted(self.handlers))
        invariants: tuple[Invariant, ...] = ()
        if top.get("invariants") is not None:
            invariants = tuple(self.invariant(node) for node in self.sequence(top.get("invariants"), top.line, "invariants"))
        return Flow(
            name=name,
            handlers=handlers,
            tables=tuple(self.tables.values()),
            topics=tuple(self.topics.values()),
            externals=tuple(self.externals.values()),
            invariants=invariants,
            bounds=self.bounds(top),
        )

    def entries(self, parent: Mapping, key: str) -> tuple[tuple[Scalar, Node], ...]:
        node = parent.get(key)
        return () if node is None else self.mapping(node, parent.key_line(key), key).pairs

    def bounds(self, top: Mapping) -> Bounds:
        names = ("requests", "crash", "duplicate", "loss", "timeout", "retry", "pause")
        node = top.get("bounds")
        if node is None:
            return Bounds()
        given = self.mapping(node, top.key_line("bounds"), "bounds", names)
        return Bounds(**{key.text: self.whole(each, key.text, 1 if key.text == "requests" else 0, 5) for key, each in given.pairs})

    def stores(self, top: Mapping) -> None:
        for store, node in self.entries(top, "stores"):
            declared = self.mapping(node, store.line, f"store {store.text}", ("kind", "isolation", "tables", "of", "staleness"))
            usual = DEFAULT_ISOLATION.get(self.optional(declared, "kind").lower(), "read-committed")
            level = self.one_of(declared, "isolation", tuple(ISOLATION), usual)
            self.isolation[store.text] = ISOLATION[level]
            for key, table in self.entries(declared, "tables"):
                name = f"{store.text}.{key.text}"
                self.tables[name] = self.table(name, table, key.line)

    def table(self, name: str, node: Node, line: int) -> Table:
        declared = self.mapping(node, line, f"table {name}")
        special = {"key", "per", "unique", "natural", "exists", "assumed"}
        columns = tuple(self.column(key, each) for key, each in declared.pairs if key.text not in special)
        per = {"": "flow", "id": "attempt", "request_key": "request"}.get(self.optional(declared, "key"), "attempt")
        per = self.one_of(declared, "per", ("attempt", "request", "flow"), per)
        natural = self.optional(declared, "natural")
        unique = ""
        if declared.get("unique") is not None:
            word = self.words(declared.get("unique"), declared.line, "unique")[0]
            meanings = {"id": "id", "request_key": "request"} | ({natural: "natural"} if natural else {})
            if word not in meanings:
                raise self.unknown(declared.key_line("unique"), "unique key", word, tuple(meanings))
            unique = meanings[word]
        kept: Per = per  # type: ignore[assignment]
        return Table(
            name,
            columns,
            kept,
            unique,  # type: ignore[arg-type]
            natural,
            self.truth(declared, "exists"),
            self.assumed(declared, Text(f"table {name}", f"a tabela {name}")),
        )

    def assumed(self, parent: Mapping, what: Text) -> Text:
        """Return what an item takes for granted: `true` means the item as it is described, a text says it in the words of the user."""
        node = parent.get("assumed")
        if not isinstance(node, Scalar) or node.value() is False:
            return NOTHING
        return Text(f"{what.en} as described", f"{what.pt} como descrito") if node.value() is True else Text(node.text, node.text)

    def column(self, key: Scalar, node: Node) -> Column:
        if isinstance(node, Sequence):
            return Column(key.text, self.words(node, key.line, key.text))
        declared = self.mapping(node, key.line, f"column {key.text}", ("values", "init", "moves", "min", "max"))
        values = self.words(declared.get("values"), key.line, "values") if declared.get("values") is not None else ()
        moves = []
        for item in self.words(declared.get("moves"), key.line, "moves") if declared.get("moves") is not None else ():
            before, arrow, after = item.partition(">")
            pair = (before.strip(), after.strip())
            if not arrow or not set(pair) <= set(values):
                raise self.wrong(
                    declared.key_line("moves"), f"the move {item!r} must be written BEFORE > AFTER with values of the column"
                )
            moves.append(pair)
        low = self.whole(declared.get("min"), "min", -1000, 1000) if declared.get("min") is not None else None  # type: ignore[arg-type]
        high = self.whole(declared.get("max"), "max", -1000, 1000) if declared.get("max") is not None else None  # type: ignore[arg-type]
        return Column(key.text, values, self.optional(declared, "init", "0"), tuple(moves), low, high)

    def topic(self, name: str, node: Node, line: int) -> Topic:
        legal = ("broker", "key", "ordered", "delivery", "groups", "durable", "assumed")
        declared = self.mapping(node, line, f"topic {name}", legal)
        if self.one_of(declared, "delivery", ("at-least-once", "at-most-once"), "at-least-once") == "at-most-once":
            self.at_most_once.add(name)
        return Topic(
            name,
            self.row(declared),
            self.truth(declared, "durable", True),
            self.assumed(declared, Text(f"topic {name}", f"o tópico {name}")),
            self.row(declared, "ordered"),
        )

    def row(self, declared: Mapping, entry: str = "key") -> str:
        """Return the table that an entry of a topic names by its key (`order.id`).

        It is `key` for the rows that the messages tell of, `ordered` for those whose messages come in order.
        """
        key = self.optional(declared, entry).rpartition(".")[0]
        matching = [name for name in self.tables if key and (name == key or name.endswith(f".{key}"))]
        if key and not matching:
            raise self.unknown(declared.key_line(entry), "table", key, tuple(self.tables))
        return matching[0] if matching else ""

    def external(self, name: str, node: Node, line: int) -> External:
        declared = self.mapping(node, line, f"external system {name}", ("idempotent", "timeout", "assumed"))
        key = self.one_of(declared, "idempotent", ("false", "true", "attempt", "request"), "false")
        outcome = self.one_of(declared, "timeout", ("unknown-outcome", "known-outcome"), "unknown-outcome")
        keys = {"false": "", "true": "request", "attempt": "attempt", "request": "request"}
        return External(
            name,
            keys[key],  # type: ignore[arg-type]
            outcome.removesuffix("-outcome"),  # type: ignore[arg-type]
            self.assumed(declared, Text(f"external system {name}", f"o sistema externo {name}")),
        )

    def handler(self, node: Node) -> Handler:
        legal = ("at", "src", "consume", "after", "sweep", "called", "workers", "ack", "do")
        declared = self.mapping(node, node.line, "a handler", legal)
        name = self.text(declared.get("at"), declared.line, "at (the name of the handler)")
        if name in self.handlers:
            raise self.wrong(declared.key_line("at"), f"the handler {name!r} is declared twice")
        self.handlers.add(name)
        topic = self.optional(declared, "consume")
        if topic and topic not in self.topics:
            raise self.unknown(declared.key_line("consume"), "topic", topic, tuple(self.topics))
        if self.optional(declared, "after"):
            self.called.append((self.optional(declared, "after"), declared.key_line("after")))
        starts = [key for key in ("consume", "after", "sweep") if declared.get(key) is not None]
        starts += ["called"] if self.truth(declared, "called") else []
        if len(starts) > 1:
            raise self.wrong(declared.line, f"the handler {name!r} is started by {' and by '.join(starts)}; one is enough")
        receipt = self.one_of(declared, "ack", ("explicit", "receipt"), "receipt" if topic in self.at_most_once else "explicit")
        workers = self.whole(declared.get("workers"), "workers", 1, 4) if declared.get("workers") is not None else 1  # type: ignore[arg-type]
        return Handler(
            name,
            self.block(declared.get("do"), declared.line, "do"),
            topic,
            self.optional(declared, "after"),
            self.condition(declared.get("sweep"), declared.line, "sweep") if declared.get("sweep") is not None else "",
            self.truth(declared, "called"),
            workers,
            receipt,  # type: ignore[arg-type]
            self.evidence(declared),
        )

    def evidence(self, declared: Mapping) -> Evidence:
        """Return the source line that `src` names, else the line of the flow file itself."""
        source = self.optional(declared, "src")
        file, colon, line = source.rpartition(":")
        if source and (not colon or not line.isdigit()):
            raise self.wrong(declared.key_line("src"), f"src must be written file:line, not {source!r}")
        return Evidence(file, int(line), "flow") if source else Evidence(self.name, declared.line, "flow")

    def invariant(self, node: Node) -> Invariant:
        declared = self.mapping(node, node.line, "an invariant", ("class", "of", "in", "all", "that"))
        anomaly = self.text(declared.get("class"), declared.line, "class")
        if anomaly not in MEANING:
            raise self.unknown(declared.key_line("class"), "class of anomaly", anomaly, tuple(MEANING))
        conditions: tuple[str, ...] = ()
        if declared.get("all") is not None:
            items = self.sequence(declared.get("all"), declared.line, "all")
            conditions = tuple(self.condition(item, item.line, "a condition") for item in items)
        if declared.get("that") is not None:
            conditions = (self.condition(declared.get("that"), declared.line, "that"),)
        of = self.optional(declared, "of")
        if anomaly in {"lost-event", "phantom-event"} and of not in self.topics:
            raise self.unknown(declared.line, "topic", of, tuple(self.topics))
        if anomaly in {"oversell", "not-conserved", "stuck", "illegal-transition"}:
            self.check_column(of, declared.line)
        if anomaly == "duplicate-entity":
            self.check_table(of, declared.line)
        values = self.words(declared.get("in"), declared.line, "in") if declared.get("in") is not None else ()
        return Invariant(anomaly, of, values, conditions)  # type: ignore[arg-type]

    # Steps

    def block(self, node: Node | None, line: int, what: str) -> tuple[Step, ...]:
        if node is None:
            return ()
        return tuple(self.step(item) for item in self.sequence(node, line, what))

    def step(self, node: Node) -> Step:
        if isinstance(node, Scalar):
            node = Mapping(((Scalar(node.text, node.line), Mapping((), node.line)),), node.line)
        declared = self.mapping(node, node.line, "a step")
        verbs = [(key, value) for key, value in declared.pairs if key.text not in {"src", "assumed"}]
        if len(verbs) != 1:
            raise self.wrong(declared.line, f"a step has one verb, this has {len(verbs)}")
        key, value = verbs[0]
        made = VERBS.get(key.text)
        if made is None:
            raise self.unknown(key.line, "step", key.text, tuple(VERBS))
        evidence = self.evidence(declared)
        assumed = self.assumed(declared, Text(f"{key.text} at {evidence}", f"{key.text} em {evidence}"))
        return made(self, value, key.line, {"evidence": evidence, "assumed": assumed})

    def check_table(self, name: str, line: int) -> str:
        if name not in self.tables:
            raise self.unknown(line, "table", name, tuple(self.tables))
        return name

    def check_column(self, source: str, line: int) -> str:
        table, _, column = source.removeprefix("sum(").removesuffix(")").rpartition(".")
        self.check_table(table, line)
        legal = ("rows", *(each.name for each in self.tables[table].columns))
        if column not in legal:
            raise self.unknown(line, f"column of {table}", column, legal)
        return source

    def sets(self, node: Node | None, table: str, line: int) -> tuple[tuple[str, str], ...]:
        if node is None:
            return ()
        pairs = self.mapping(node, line, "set").pairs
        for key, _ in pairs:
            self.check_column(f"{table}.{key.text}", key.line)
        return tuple((key.text, self.value(value, key.line, key.text)) for key, value in pairs)

    def handling(self, declared: Mapping, key: str) -> tuple[Step, ...] | None:
        """Return the steps of an outcome: nothing given is not the same as an empty list."""
        return None if declared.get(key) is None else self.block(declared.get(key), declared.line, key)

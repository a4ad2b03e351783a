"""From routes, consumers and remote calls to operations: what a request or message starts, as far as functions call each other by name.

The order is that of the text. A call in a loop is repeated, a call behind a condition is made for about every second request. What a
handler reads and writes in stores is not followed; the join adds the stores of the component.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal

from msgspec import Struct, structs
from tree_sitter import Node

from backend_expert.model import (
    UNKNOWN_POLICY,
    Branch,
    Call,
    Certainty,
    Estimate,
    Evidence,
    Operation,
    Policy,
    Publish,
    Repeat,
    Reply,
    Step,
    Trigger,
    Work,
)
from backend_expert.readers.code import Code, Handler, Piece, Queue, Target
from backend_expert.readers.descriptions import plain_name
from backend_expert.readers.source_code.program import File, line_of, text_of

SEVERAL = Estimate(5, 3, Certainty.ASSUMED)
"""Turns of a loop that nothing counts: from about two to fifteen."""

SOMETIMES = Estimate(0.5, 2, Certainty.ASSUMED)
"""Share of the requests that take a condition which nothing decides."""

STEPS_LIMIT = 200
"""Most steps of one operation, and of one function in it; the longest handler in 42 public repositories has 21."""

DEPTH_LIMIT = 5
"""Most own functions inside one another that are followed, from the handler down."""

_CLIMB_LIMIT = 60

_LOOPS = frozenset(
    "for_statement while_statement for_in_clause enhanced_for_statement do_statement foreach_statement for_each_statement".split()  # noqa: SIM905
)
_CONDITIONS = frozenset({"if_statement", "elif_clause", "else_clause", "switch_section"})
_FAILURES = frozenset({"catch_clause", "except_clause", "finally_clause"})
"""What runs when something fails is no part of what a request does."""
_TEMPLATE = re.compile(r"\$\{(?P<name>[\w.-]+)(?::-?(?P<default>[^{}]*))?\}|(?P<hole>\{\w*\})")


class Entry(Struct, frozen=True):
    """What starts an operation: a route (`GET /orders`), a queue or topic by its name, a schedule.

    Its body is a node of the file, or the function of that name.
    """

    kind: Literal["http", "message", "schedule"]
    name: str
    file: File
    evidence: tuple[Evidence, ...]
    body: Node | None = None
    function: str = ""
    protocol: str = ""
    acknowledge: Literal["before", "after", "auto"] | None = None


class Remote(Struct, frozen=True):
    """A call or a message at its place; `text` is the address of a call as a template."""

    file: File
    node: Node
    evidence: tuple[Evidence, ...]
    protocol: str
    text: str = ""
    method: str = ""
    exchange: str = ""
    channel: str = ""
    confirmed: bool | None = None
    persistent: bool | None = None
    policy: Policy = UNKNOWN_POLICY


class Passed(Struct, frozen=True):
    """A call of a function that its name does not tell: the body, in the file `to`, is known otherwise."""

    file: File
    node: Node
    to: File
    body: Node


class _Event(Struct, frozen=True):
    place: int
    node: Node
    remote: Remote | None
    called: tuple[File, Node] | None


def programs_of(
    home: Mapping[str, str],
    files: Sequence[File],
    entries: Iterable[Entry],
    remotes: Iterable[Remote],
    language: str,
    queues: Iterable[Queue] | None = None,
    passed: Iterable[Passed] = (),
) -> Iterator[Code]:
    """Yield one program for each home of files, with its handlers; none where nothing starts one.

    `queues` are those that the files declare, `None` where nobody looked for them.
    """
    entries, remotes, sought, passed = tuple(entries), tuple(remotes), tuple(queues or ()), tuple(passed)
    for directory in sorted(set(home.values())):
        own = [file for file in files if home[file.path] == directory]
        begun = [entry for entry in entries if home[entry.file.path] == directory]
        if begun:
            within = [each for each in passed if home[each.file.path] == home[each.to.path] == directory]
            sent = [remote for remote in remotes if home[remote.file.path] == directory]
            written = _Writer(own, sent, within).code(directory, begun, language)
            declared = tuple(queue for queue in sought if home.get(queue.evidence[0].file) == directory)
            yield structs.replace(written, queues=declared, queues_sought=queues is not None)


class _Writer:
    """Write the operations of one program."""

    def __init__(self, files: Sequence[File], remotes: Sequence[Remote], passed: Sequence[Passed]) -> None:
        self.targets: dict[str, Target] = {}
        self._functions: dict[str, list[tuple[File, Node]]] = {}
        self._events: dict[str, list[_Event]] = {}
        self._bodies: frozenset[int] = frozenset()
        self._known: dict[tuple[int, int], tuple[Step, ...]] = {}
        for file in files:
            for node in file.functions:
                name = text_of(node.child_by_field_name("name"))
                if name and node.child_by_field_name("body") is not None:
                    self._functions.setdefault(name, []).append((file, node))
        for file in files:
            events = [_Event(remote.node.start_byte, remote.node, remote, None) for remote in remotes if remote.file is file]
            events += [_Event(each.node.start_byte, each.node, None, (each.to, each.body)) for each in passed if each.file is file]
            taken = {event.place for event in events}
            for node, _ in file.calls:
                called = self._called(file, node) if node.start_byte not in taken else None
                if called is not None:
                    events.append(_Event(node.start_byte, node, None, called))
            self._events[file.path] = sorted(events, key=lambda event: event.place)

    def code(self, directory: str, entries: Iterable[Entry], language: str) -> Code:
        """Return the program with one handler for each entry; of two with one name the first is kept."""
        handlers: dict[tuple[str, str], Handler] = {}
        entries = tuple(entries)
        self._bodies = frozenset(entry.body.id for entry in entries if entry.body is not None)
        for entry in entries:
            handler = self._handler(entry)
            if handler is not None:
                handlers.setdefault((entry.kind, entry.name), handler)
        return Code(
            directory=directory,
            language=language,
            technology=language,
            handlers=tuple(handlers[key] for key in sorted(handlers)),
            targets=tuple(self.targets[key] for key in sorted(self.targets)),
            evidence=next(iter(handlers.values())).operation.evidence if handlers else (),
        )

    def _handler(self, entry: Entry) -> Handler | None:
        place = (entry.file, entry.body) if entry.body is not None else self._function(entry)
        inlined = self._inlined(*place, frozenset(), 0) if place is not None else ()
        steps: list[Step] = [Work(certainty=Certainty.ASSUMED), *inlined]
        target = ""
        if entry.kind == "http":
            steps.append(Reply(certainty=Certainty.RECOVERED))
        if entry.kind == "message":
            target = self._target(Target(key="", protocol=entry.protocol, channel=entry.name, evidence=entry.evidence))
        return Handler(
            operation=Operation(
                name=entry.name,
                component="",
                trigger=Trigger(kind=entry.kind, name=entry.name, acknowledge=entry.acknowledge),
                steps=tuple(steps),
                certainty=Certainty.RECOVERED,
                evidence=entry.evidence,
            ),
            target=target,
        )

    def _function(self, entry: Entry) -> tuple[File, Node] | None:
        found = self._functions.get(entry.function, [])
        beside = [place for place in found if place[0] is entry.file]
        chosen = beside or found
        return chosen[0] if len(chosen) == 1 else None

    def _called(self, file: File, node: Node) -> tuple[File, Node] | None:
        """Return the one own function that a call means, by its name and by what it is called on; nothing where several fit."""
        function = node.child_by_field_name("function") or node.child_by_field_name("name")
        on = node.child_by_field_name("object") or (
            function.named_children[0] if function is not None and function.named_children else None
        )
        name = re.split(r"[.:>]", text_of(function))[-1].strip()
        found = self._functions.get(name, [])
        receiver = plain_name(re.split(r"[.>]", text_of(on))[-1]) if on is not None else ""
        if receiver in {"", "this", "self"}:
            found = [place for place in found if place[0] is file] or found
        elif len(found) > 1:
            found = [place for place in found if place[0] is not file]
            found = [place for place in found if plain_name(_stem(place[0])).removesuffix("impl") == receiver] or found
        return found[0] if len(found) == 1 else None

    def _steps(self, file: File, body: Node, inside: frozenset[int], depth: int) -> Iterator[Step]:
        events = self._events[file.path]
        begin = bisect_left(events, body.start_byte, key=lambda event: event.place)
        for event in events[begin:]:
            if event.place >= body.end_byte:
                break
            steps: tuple[Step, ...] = ()
            if event.remote is not None:
                steps = (self._step(event.remote),)
            elif event.called is not None and event.called[1].id not in inside and depth < DEPTH_LIMIT:
                steps = self._inlined(*event.called, inside, depth + 1)
            if steps:
                yield from _around(
                    event.node, body, self._bodies, steps, (Evidence(file.path, line_of(event.node), event_reader(event, steps)),)
                )

    def _inlined(self, file: File, body: Node, inside: frozenset[int], depth: int) -> tuple[Step, ...]:
        """Return the steps of a called function; each is worked out once for a depth, or chains of helpers would multiply."""
        if (body.id, depth) not in self._known:
            found = self._steps(file, body, inside | {body.id}, depth)
            self._known[body.id, depth] = tuple(islice(found, STEPS_LIMIT))
        return self._known[body.id, depth]

    def _step(self, remote: Remote) -> Step:
        if remote.protocol in {"amqp", "kafka"}:
            target = Target(
                key="", protocol=remote.protocol, exchange=remote.exchange, channel=remote.channel, evidence=remote.evidence
            )
            return Publish(
                topic=self._target(target),
                confirmed=remote.confirmed,
                persistent=remote.persistent,
                certainty=Certainty.RECOVERED,
                evidence=remote.evidence,
                policy=remote.policy,
            )
        target = Target(
            key="", protocol=remote.protocol, address=tuple(pieces(remote.text)), method=remote.method, evidence=remote.evidence
        )
        return Call(
            operation=self._target(target),
            protocol=remote.protocol,
            certainty=Certainty.RECOVERED,
            evidence=remote.evidence,
            policy=remote.policy,
        )

    def _target(self, target: Target) -> str:
        place = str(target.evidence[0]) if target.evidence else ""
        key = f"{place} {target.protocol} {target.exchange} {target.channel} {len(self.targets)}"
        self.targets[key] = Target(
            key=key,
            protocol=target.protocol,
            address=target.address,
            method=target.method,
            exchange=target.exchange,
            channel=target.channel,
            evidence=target.evidence,
        )
        return key


def event_reader(event: _Event, steps: tuple[Step, ...]) -> str:
    """Return the reader of an event: that of the call itself, or of what it reaches."""
    lines = event.remote.evidence if event.remote is not None else steps[0].evidence
    return lines[0].reader if lines else ""


def public_path(prefix: str, path: str) -> str:
    """Return a path below a prefix with its parameters as `{name}`: without types, patterns and defaults, whatever the framework writes."""
    joined = re.sub(r"/{2,}", "/", f"/{prefix}/{path}")
    named = re.sub(r"\{(\w+)[:=?<][^{}]*\}", r"{\1}", joined)
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", named).rstrip("/") or "/"


def pieces(template: str) -> Iterator[Piece]:
    """Yield the parts of a template: literals, variables with their defaults, holes."""
    place = 0
    for match in _TEMPLATE.finditer(template):
        if match.start() > place:
            yield Piece(text=template[place : match.start()])
        if match["name"]:
            default = (Piece(text=match["default"]),) if match["default"] is not None else None
            yield Piece(variable=match["name"], default=default)
        else:
            yield Piece(hole=match["hole"].strip("{}") or "value")
        place = match.end()
    if place < len(template):
        yield Piece(text=template[place:])


def _around(
    node: Node, body: Node, others: frozenset[int], steps: tuple[Step, ...], evidence: tuple[Evidence, ...]
) -> Iterator[Step]:
    """Yield steps inside the loops and conditions between a call and the function it is in; none for the body of another entry."""
    before, parent = node, node.parent
    conditional = False
    for _ in range(_CLIMB_LIMIT):
        if parent is None or before.id == body.id or parent.start_byte < body.start_byte:
            break
        if parent.type in _LOOPS and not _is_header(before, parent):
            steps = (Repeat(count=SEVERAL, steps=steps, certainty=Certainty.RECOVERED, evidence=evidence),)
        elif parent.type in _CONDITIONS and not _is_header(before, parent):
            conditional = True
        elif parent.type in _FAILURES or (parent.id in others and parent.id != body.id):
            return
        before, parent = parent, parent.parent
    if conditional:
        steps = (Branch(probability=SOMETIMES, then=steps, certainty=Certainty.ASSUMED, evidence=evidence),)
    yield from steps


def _is_header(node: Node, statement: Node) -> bool:
    """Tell whether a node is what a statement asks or iterates over, not what it runs."""
    return any(
        child is not None and child.id == node.id
        for child in (statement.child_by_field_name(field) for field in ("condition", "right", "value", "initializer"))
    )


def _stem(file: File) -> str:
    return posixpath.basename(file.path).partition(".")[0]

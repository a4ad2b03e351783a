"""What the methods of texts, lists, promises and streams give back, and the steps of their callbacks."""

from __future__ import annotations

import re

from backend_expert.model import Action, Certainty, Estimate
from backend_expert.readers.node import calls, flow, waiting
from backend_expert.readers.node.drafts import Draft, Kind, inner, leaves
from backend_expert.readers.node.libraries import retries
from backend_expert.readers.node.syntax import text
from backend_expert.readers.node.values import (
    ITEMS_LIMIT,
    UNKNOWN,
    Constant,
    Environment,
    Function,
    Input,
    Listing,
    Made,
    Outcome,
    Pending,
    Record,
    Template,
    Value,
    Variable,
    constant,
    joined,
)
from backend_expert.readers.settings import words

SEVERAL = Estimate(5, 3, Certainty.ASSUMED)
"""Rounds of a loop over what only a request knows: from two lines of an order to a page of fifteen; nobody said."""


UNROLLED = 32
"""Most items of a known list whose callback is followed one by one."""


_EACH = words("map forEach filter reduce some every find findIndex flatMap reduceRight sort")


_LISTENS = words("on once addListener addEventListener off removeListener prependListener")


_SAME_TEXT = words("toString trim trimEnd trimStart toLowerCase toUpperCase valueOf normalize")


_CHANGES = words("push unshift pop shift splice")
"""What changes a list in its place."""

_STORED = {
    "save": Action.UPDATE,
    "destroy": Action.DELETE,
    "deleteOne": Action.DELETE,
    "remove": Action.DELETE,
    "reload": Action.READ,
}
"""Methods of what a query found that write it back or read it again (Mongoose, Sequelize)."""

_READY = re.compile(r"\b(ready|connect(ed)?|open(ed)?|start(ed)?|init(iali[sz]ed)?|boot(ed)?|loaded)\b", re.IGNORECASE)
"""Events that a program waits for before it listens."""


def method(owner: Value, name: str, call: calls.Call) -> Value:
    """Return what the methods of texts, lists, promises and streams give back."""
    if name in _LISTENS:
        if call.frame.unit.starting and ready(name, call):
            call.run(call.callback)
        return owner
    if name in {"then", "finally", "subscribe", "tap"}:
        return _then(owner, call)
    if name == "catch":
        return _caught(owner, call)
    if name == "pipe" and isinstance(owner, Outcome):
        retries.operators(owner.draft, call.arguments, call)
    if name in {"pipe", "toPromise", "unref", "ref", "lean", "exec"} and isinstance(owner, Outcome):
        return owner
    if name in _SAME_TEXT:
        return owner
    if name in {"slice", "concat", "join", "replace", "replaceAll", "split", "includes"}:
        return _of_text(owner, name, call)
    if name in _EACH and call.arguments:
        return _each(owner, name, call)
    if isinstance(owner, Outcome):
        if name in {"limit", "take"} and owner.draft.kind is Kind.QUERY:
            owner.draft.limited = True
            return owner
        if name in _STORED and owner.draft.kind is Kind.QUERY:
            return call.emit(
                Draft(Kind.QUERY, target=owner.draft.target, action=_STORED[name], protection=owner.draft.protection.copy())
            )
        if name in _CHANGES:
            call.frame.unit.seen.assigned(owner, UNKNOWN, augmented=True)
        for each in call.arguments:
            call.run(each, owner)
        return Outcome(owner.draft, owner.items)
    if isinstance(owner, Input):
        return Input(name)
    if isinstance(owner, Listing) and (held := _of_pairs(owner, name, call)) is not None:
        return held
    if isinstance(owner, Listing) and name == "push":
        kept = owner.perhaps if call.frame.unit.doubtful else owner.items
        if len(kept) < ITEMS_LIMIT:
            kept.extend(call.arguments)
        return UNKNOWN
    if isinstance(owner, Made | Environment) and any(isinstance(each, Environment) for each in [owner, *call.arguments]):
        return Environment()
    if isinstance(owner, Made):
        checked = name in {"parse", "parseAsync", "cast", "validateSync"} and isinstance(call.argument(0), Record)
        return call.argument(0) if checked else calls.unknown(owner.maker, name, call)
    return calls.unknown(owner, name, call)


def ready(name: str, call: calls.Call) -> bool:
    """Tell whether a method waits for an event that comes on the way to a running program."""
    event = constant(call.argument(0))
    return name in _LISTENS and isinstance(event, str) and _READY.search(event) is not None


def of_object(name: str, given: Value) -> Value | None:
    """Return the fields of an object as a list: what `Object.entries`, `keys` and `values` give; nothing where not all are known."""
    if not isinstance(given, Record) or not given.complete or len(given.fields) > ITEMS_LIMIT:
        return None
    match name:
        case "entries":
            return Listing([Listing([Constant(key), value]) for key, value in given.fields.items()])
        case "keys":
            return Listing([Constant(key) for key in given.fields])
        case "values":
            return Listing(list(given.fields.values()))
        case _:
            return None


def _of_pairs(pairs: Listing, name: str, call: calls.Call) -> Value | None:
    """Return what a Map of known entries gives."""
    known = [each for each in pairs.items if isinstance(each, Listing) and len(each.items) == 2]
    if not known or len(known) != len(pairs.items):
        return None
    match name:
        case "get":
            return next((each.items[1] for each in known if each.items[0] == call.argument(0)), None)
        case "entries":
            return pairs
        case "keys" | "values":
            return Listing([each.items[0 if name == "keys" else 1] for each in known])
        case _:
            return None


def _then(owner: Value, call: calls.Call) -> Value:
    value: Value = owner
    if call.arguments and isinstance(call.arguments[0], Function):
        value = call.run(call.arguments[0], owner)
    if len(call.arguments) > 1 and isinstance(call.arguments[1], Function):
        flow.undone(call.frame, [], call.into(call.arguments[1]), call.node)
    return value


def _caught(owner: Value, call: calls.Call) -> Value:
    """Return the value of a promise; its steps fail without harm where the callback neither throws nor does anything."""
    undo = call.into(call.argument(0), UNKNOWN)
    block = call.frame.block
    handled = text(call.nodes[0]) if call.nodes else "throw"
    quiet = not any(word in handled for word in ("throw", "reject", "next"))
    if isinstance(owner, Outcome) and quiet and not leaves(undo) and not any(draft.kind is Kind.REPLY for draft in inner(undo)):
        owner.draft.protection.optional = True
        owner.draft.protection.caught = (call.frame.place(call.nodes[0] if call.nodes else call.node),)
    if leaves(undo):
        inside = block[call.began :]
        del block[call.began :]
        flow.undone(call.frame, inside, undo, call.node)
    return owner


def _of_text(owner: Value, name: str, call: calls.Call) -> Value:
    first = call.argument(0)
    if isinstance(owner, Listing):
        if name == "join":
            separator = first if isinstance(first, Constant) else Constant(",")
            parts: list[Value] = []
            for position, each in enumerate(owner.items):
                parts.extend([separator, each] if position else [each])
            return joined(*parts) if parts else Constant("")
        if name == "concat" and isinstance(first, Listing):
            return Listing([*owner.items, *first.items][:ITEMS_LIMIT])
        return owner if name in {"slice", "concat"} else UNKNOWN
    if name == "split":
        found = constant(owner)
        separator_text = constant(first)
        if isinstance(found, str) and isinstance(separator_text, str) and separator_text:
            return Listing([Constant(part) for part in found.split(separator_text)])
        return owner
    if name == "concat":
        return joined(owner, *call.arguments)
    if name in {"replace", "replaceAll"}:
        found, old, new = constant(owner), constant(first), constant(call.argument(1))
        if isinstance(found, str) and isinstance(old, str) and isinstance(new, str):
            return Constant(found.replace(old, new, 1 if name == "replace" else -1))
        return owner
    return owner if isinstance(owner, Variable | Template | Outcome) and name == "slice" else UNKNOWN


def _each(owner: Value, name: str, call: calls.Call) -> Value:
    """Follow a callback for the items of a list: one by one where they are known, once in a loop otherwise."""
    callback = call.arguments[0]
    if not isinstance(callback, Function):
        return owner if name in {"filter", "sort"} else UNKNOWN
    frame = call.frame
    positions = 1 if name == "reduce" else 0
    if isinstance(owner, Listing) and (frame.unit.starting or name == "map") and len(owner.items) <= UNROLLED:
        results: list[Value] = []
        before = [UNKNOWN] * positions
        drafts = [
            calls.captured(frame, lambda each=each: results.append(call.run(callback, *before, each))) for each in owner.items
        ]
        if any(leaves(each) for each in drafts):
            asynchronous = waiting.is_asynchronous(callback.node)
            frame.block.append(
                Draft(Kind.PARALLEL, frame.evidence(call.node), blocks=drafts)
                if asynchronous
                else Draft(Kind.PARALLEL, frame.evidence(call.node), blocks=[[draft for each in drafts for draft in each]])
            )
        return Listing(results) if name in {"map", "flatMap"} else owner if name in {"filter", "sort"} else UNKNOWN
    item = Outcome(owner.draft) if isinstance(owner, Outcome) else Input() if isinstance(owner, Input) else UNKNOWN
    value: list[Value] = []
    frame.unit.doubtful += 1
    try:
        drafts_once = calls.captured(frame, lambda: value.append(call.run(callback, *[UNKNOWN] * positions, item)))
    finally:
        frame.unit.doubtful -= 1
    if not leaves(drafts_once):
        frame.block.extend(drafts_once)
        return owner if name in {"filter", "sort"} else UNKNOWN
    evidence = frame.evidence(call.node)
    if name in {"map", "flatMap", "forEach", "filter", "some"} and waiting.promised(callback, drafts_once):
        together = Draft(Kind.PARALLEL, evidence, blocks=fanned(drafts_once), certainty=Certainty.RECOVERED)
        if name == "map":
            holder = Draft(Kind.DETACHED, evidence, blocks=[[together]])
            frame.block.append(holder)
            return Pending([together], holder, UNKNOWN)
        frame.block.append(Draft(Kind.DETACHED, evidence, blocks=[[together]]) if frame.asynchronous else together)
        return UNKNOWN
    frame.block.append(Draft(Kind.REPEAT, evidence, blocks=[drafts_once], count=SEVERAL))
    return UNKNOWN


def fanned(drafts: list[Draft]) -> list[list[Draft]]:
    """Return the branches of a fan-out over a list of unknown length: as many as a loop over it has rounds."""
    return [drafts for _ in range(int(SEVERAL.value))]

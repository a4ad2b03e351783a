"""Loops: over known lists, over what only a request knows, and those that only try again."""

from __future__ import annotations

from collections.abc import Iterable

from tree_sitter import Node

from backend_expert.model import Certainty, Estimate, Evidence, Mechanism, Retry
from backend_expert.readers.node import builtin, calls, expressions, flow, names
from backend_expert.readers.node.drafts import REMOTE, Draft, Kind, inner, leaves
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.syntax import children, plain, text, walk
from backend_expert.readers.node.values import UNKNOWN, Input, Listing, Outcome, Value, number


def for_in(node: Node, frame: Frame) -> bool:
    """Run a loop over the items of something."""
    over = expressions.evaluate(node.child_by_field_name("right"), frame)
    left, inside = node.child_by_field_name("left"), node.child_by_field_name("body")
    if left is None or inside is None:
        return False
    if isinstance(over, Listing) and frame.unit.starting and len(over.items) <= builtin.UNROLLED:
        for each in over.items:
            names.bind(left, each, frame)
            flow.block(inside, frame)
        return False
    item: Value = Outcome(over.draft) if isinstance(over, Outcome) else Input() if isinstance(over, Input) else UNKNOWN
    names.bind(left, item, frame)
    count = Estimate(float(len(over.items))) if isinstance(over, Listing) and over.items else builtin.SEVERAL
    _repeat(node, inside, count, frame)
    return False


def for_loop(node: Node, frame: Frame) -> bool:
    """Run a loop with a counter."""
    start = node.child_by_field_name("initializer")
    if start is not None:
        flow.statement_ends(start, frame)
    _counted(node, frame)
    return False


def while_loop(node: Node, frame: Frame) -> bool:
    """Run a loop with a condition alone, before its rounds or after them."""
    condition = node.child_by_field_name("condition")
    drafts = calls.captured(frame, lambda: expressions.evaluate(condition, frame))
    frame.block.extend(drafts)
    _counted(node, frame)
    return False


def _counted(node: Node, frame: Frame) -> None:
    inside = node.child_by_field_name("body")
    if inside is None:
        return
    for change in walk(node, "update_expression", "augmented_assignment_expression"):
        target = change.child_by_field_name("argument") or change.child_by_field_name("left")
        if target is not None and target.type == "identifier":
            names.assign(target, UNKNOWN, frame)
    _repeat(node, inside, builtin.SEVERAL, frame)


def _repeat(node: Node, inside: Node, count: Estimate, frame: Frame) -> None:
    drafts, _ = flow.captured(inside, frame)
    if not leaves(drafts):
        frame.block.extend(drafts)
    elif _tries_again(node, inside):
        retried(drafts, _attempts(node, inside, frame), frame.evidence(node))
        frame.block.extend(drafts)
    else:
        frame.block.append(Draft(Kind.REPEAT, frame.evidence(node), blocks=[drafts], count=count))


def retried(drafts: Iterable[Draft], retry: Retry | None, evidence: tuple[Evidence, ...]) -> None:
    """Mark every call among the steps as tried again; an unknown number of attempts leaves the policy unknown."""
    for draft in inner(list(drafts)):
        if draft.kind in REMOTE:
            draft.protection = draft.protection.copy()
            draft.protection.absent.discard(Mechanism.RETRY)
            draft.protection.retry = retry
            draft.protection.evidence = tuple(dict.fromkeys((*draft.protection.evidence, *evidence[:1])))


def _tries_again(loop: Node, inside: Node) -> bool:
    """Tell whether a loop is a retry: its body tries, leaves when that works, and goes round again when it does not."""
    tries = _tries(inside)
    if len(tries) != 1 or loop.type == "for_in_statement":
        return False
    attempt, handler = tries[0].child_by_field_name("body"), tries[0].child_by_field_name("handler")
    if attempt is None or handler is None:
        return False
    return any(each.type in {"return_statement", "break_statement"} for each in children(attempt))


def _tries(inside: Node) -> list[Node]:
    return (
        [statement for statement in children(inside) if statement.type == "try_statement"]
        if inside.type == "statement_block"
        else []
    )


def _attempts(loop: Node, inside: Node, frame: Frame) -> Retry | None:
    """Return how often such a loop tries and how long it waits in between; nothing when the number is not known."""
    handler = _tries(inside)[0].child_by_field_name("handler")
    limit = _limit(loop.child_by_field_name("condition"), frame)
    for comparison in walk(handler, "binary_expression") if handler is not None else ():
        limit = limit or _limit(comparison, frame)
    if limit is None or handler is None:
        return None
    pause = _pause(handler, frame)
    backoff = Estimate(pause, certainty=Certainty.RECOVERED, evidence=(frame.place(handler),)) if pause else None
    return Retry(attempts=Estimate(limit, certainty=Certainty.RECOVERED, evidence=(frame.place(loop),)), backoff_ms=backoff)


def _limit(comparison: Node | None, frame: Frame) -> float | None:
    """Return the number that a counter is compared with."""
    if comparison is None:
        return None
    comparison = plain(comparison)
    if comparison.type != "binary_expression" or text(comparison.child_by_field_name("operator")) not in {
        "<",
        "<=",
        ">",
        ">=",
        "==",
        "===",
    }:
        return None
    for side in ("right", "left"):
        found = number(expressions.evaluate(comparison.child_by_field_name(side), frame))
        if found is not None and 1 < found <= 100:
            return found
    return None


def _pause(handler: Node, frame: Frame) -> float | None:
    """Return the first pause in milliseconds between two attempts."""
    for call in walk(handler, "call_expression"):
        name = text(call.child_by_field_name("function")).rpartition(".")[2].lower()
        if name not in {"sleep", "delay", "wait", "settimeout", "pause"}:
            continue
        for constant_node in walk(call.child_by_field_name("arguments") or call, "number", "identifier"):
            found = number(expressions.evaluate(constant_node, frame))
            if found is not None and found >= 10:
                return found
    return None

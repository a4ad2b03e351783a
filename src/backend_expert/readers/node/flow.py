"""Statements in the order in which they run: branches, loops, retries, errors, and where a function ends."""

from __future__ import annotations

import re
from collections.abc import Callable

from tree_sitter import Node

from backend_expert.model import Action, Certainty, Estimate, Evidence
from backend_expert.readers.node import calls, classes, expressions, loops, names, waiting
from backend_expert.readers.node.drafts import REMOTE, Draft, Kind, inner, leaves
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.modules import CLASSES
from backend_expert.readers.node.order import Readings
from backend_expert.readers.node.syntax import awaited, children, plain, text, walk
from backend_expert.readers.node.values import UNKNOWN, Constant, Outcome, Pending, is_open

SOMETIMES = Estimate(0.5, 2, Certainty.ASSUMED)
"""How often a condition holds that only data decides: nobody can tell without measuring."""

FAILING = Estimate(0.05, 3, Certainty.ASSUMED)
"""How often a condition holds that ends in an error: rarely, in a system that people use; nobody can tell without measuring."""

CONDITION_SHOWN = 80
"""Most characters of a condition that are kept to name a branch."""

_ENDS = frozenset({"return_statement", "throw_statement", "break_statement", "continue_statement"})
_ERROR = 400
_PASSED_ON = re.compile(r"\bthrow\b|\breject\(|\bnext\(|\bexit\(|\b(?:done|callback|cb)\(|\.(?:nack|reject|destroy)\(")
_ABSENT = re.compile(r"^!|[=!]==?\s*(null|undefined)\b|^(null|undefined)\s*===?|\.length\s*===?\s*0")
_PRESENT = re.compile(r"!==?\s*(null|undefined)\b")


def body(block: Node, frame: Frame) -> None:
    """Run the statements of a function."""
    run(list(children(block)), frame)


def run(statements: list[Node], frame: Frame) -> bool:
    """Run statements one after another; tell whether they end the function or the round of a loop."""
    unit = frame.unit
    if not unit.spend():
        return False
    unit.nested += 1
    try:
        return _run(statements, frame)
    finally:
        unit.nested -= 1


def _run(statements: list[Node], frame: Frame) -> bool:
    for statement in statements:
        if statement.type == "function_declaration":
            names.declare(statement, frame)
    readings = Readings(frame.unit)
    for position, statement in enumerate(statements):
        before = len(frame.block)
        if statement.type == "if_statement":
            ended = _if(statement, statements[position + 1 :], frame)
            if ended is not None:
                return ended
        else:
            ended = statement_ends(statement, frame)
        readings.passed(statement, frame.block[before:])
        if ended:
            return True
    return False


def statement_ends(node: Node, frame: Frame) -> bool:
    """Run one statement; tell whether what follows it cannot run."""
    handler = _STATEMENTS.get(node.type)
    if handler is not None:
        return handler(node, frame)
    if node.type in CLASSES or node.type == "enum_declaration":
        names.declare(node, frame)
    elif node.type in _ENDS:
        return True
    return False


def _expression(node: Node, frame: Frame) -> bool:
    inside = plain(node)
    if inside.type == "call_expression" and not awaited(inside):
        waiting.unawaited(inside, frame)
    else:
        value = expressions.evaluate(inside, frame)
        if isinstance(value, Pending) and inside.type != "call_expression":
            waiting.settled(value, frame)
    return False


def _declaration(node: Node, frame: Frame) -> bool:
    for declarator in children(node):
        pattern = declarator.child_by_field_name("name")
        if declarator.type != "variable_declarator" or pattern is None:
            continue
        given = declarator.child_by_field_name("value")
        if given is None:
            names.bind(pattern, classes.typed(declarator.child_by_field_name("type"), frame) or UNKNOWN, frame)
            continue
        inside = plain(given)
        waits = awaited(inside) or inside.type != "call_expression"
        if not waits and pattern.type == "identifier" and frame.asynchronous and not frame.unit.starting:
            names.bind(pattern, waiting.perhaps_pending(inside, frame), frame)
        else:
            value = expressions.evaluate(given, frame)
            if is_open(value):
                value = classes.typed(declarator.child_by_field_name("type"), frame) or value
            names.bind(pattern, value, frame)
    return False


def _if(node: Node, rest: list[Node], frame: Frame) -> bool | None:
    """Run a condition with its branches; return whether the block ends, or nothing when the next statement is to run."""
    condition_node = node.child_by_field_name("condition")
    condition = expressions.evaluate(condition_node, frame)
    frame.unit.seen.condition(condition_node, frame)
    then, otherwise = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
    if isinstance(condition, Constant):
        taken = then if condition.value else otherwise
        frame.cut_short = taken is not None and block(taken, frame)
        return frame.cut_short or None
    looked_up = _looked_up(condition_node, frame)
    first, first_ends = captured(then, frame)
    second, second_ends = captured(otherwise, frame)
    shown = text(plain(condition_node) if condition_node is not None else None)
    if first_ends and not second_ends and rest and (leaves(first) or looked_up is not None):
        following, rest_ends = _captured_statements(rest, frame)
        second = [*second, *following]
        _decide(node, frame, looked_up, shown, first, second)
        _rarely(frame, then)
        return rest_ends
    _decide(node, frame, looked_up, shown, first, second)
    _rarely(frame, then)
    return True if first_ends and second_ends else None


def _decide(node: Node, frame: Frame, looked_up: Draft | None, shown: str, first: list[Draft], second: list[Draft]) -> None:
    if looked_up is not None and frame.block and frame.block[-1] is looked_up:
        missing = bool(_ABSENT.search(shown)) and not _PRESENT.search(shown)
        on_miss, on_hit = (first, second) if missing else (second, first)
        if leaves(on_miss) and not leaves(on_hit):
            looked_up.kind = Kind.CACHE_GET
            looked_up.blocks = [on_miss]
            for draft in inner(on_miss):
                if draft.kind is Kind.QUERY and draft.key == "cache" and draft.action is not Action.READ:
                    draft.kind = Kind.CACHE_PUT
            return
    if leaves(first) or leaves(second) or _replies(first) or _replies(second):
        frame.block.append(branch(first, second, shown, frame.evidence(node)))
    else:
        frame.block.extend([*first, *second])


def _rarely(frame: Frame, then: Node | None) -> None:
    """Mark the choice that was just added when its first branch ends in an error."""
    last = list(children(then))[-1:] if then is not None and then.type == "statement_block" else [then] if then is not None else []
    throws = bool(last) and last[0].type == "throw_statement"
    if throws and frame.block and frame.block[-1].kind is Kind.BRANCH:
        frame.block[-1].fails = True


def _replies(drafts: list[Draft]) -> bool:
    return any(draft.kind in {Kind.REPLY, Kind.ACK, Kind.BEGIN, Kind.COMMIT} for draft in inner(drafts))


def branch(then: list[Draft], otherwise: list[Draft], condition: str, evidence: tuple[Evidence, ...]) -> Draft:
    """Return the choice between two lists of steps."""
    shown = " ".join(condition.split())[:CONDITION_SHOWN]
    return Draft(Kind.BRANCH, evidence, blocks=[then, otherwise], condition=shown)


def _looked_up(node: Node | None, frame: Frame) -> Draft | None:
    """Return the step whose outcome a condition is about: the last one, when it is a look into a cache."""
    if node is None or not frame.block or frame.block[-1].key != "cache":
        return None
    for identifier in walk(node, "identifier"):
        current: Frame | None = frame
        while current is not None:
            found = current.names.get(text(identifier))
            if isinstance(found, Outcome) and found.draft.key == "cache":
                return found.draft
            current = current.parent
    return None


def block(node: Node, frame: Frame) -> bool:
    """Run what stands behind a condition or a loop, in braces or not; tell whether it ends the function or the round."""
    node = next(children(node), node) if node.type == "else_clause" else node
    return run(list(children(node)), frame) if node.type == "statement_block" else run([node], frame)


def captured(node: Node | None, frame: Frame) -> tuple[list[Draft], bool]:
    """Return the steps of a branch, which may not run, and whether it ends the function."""
    if node is None:
        return [], False
    return _doubtful(frame, lambda: block(node, frame))


def _captured_statements(statements: list[Node], frame: Frame) -> tuple[list[Draft], bool]:
    return _doubtful(frame, lambda: run(statements, frame))


def _doubtful(frame: Frame, work: Callable[[], bool]) -> tuple[list[Draft], bool]:
    ends: list[bool] = []
    frame.unit.doubtful += 1
    try:
        drafts = calls.captured(frame, lambda: ends.append(work()))
    finally:
        frame.unit.doubtful -= 1
    return drafts, bool(ends and ends[0])


def _try(node: Node, frame: Frame) -> bool:
    inside, handler, final = (node.child_by_field_name(name) for name in ("body", "handler", "finalizer"))
    ended: list[bool] = []
    steps = calls.captured(frame, lambda: ended.append(block(inside, frame) if inside is not None else False))
    undo: list[Draft] = []
    if handler is not None:
        caught = handler.child_by_field_name("body")
        undo, _ = captured(caught, frame)
        if caught is not None and _swallows(caught, undo):
            for draft in inner(steps):
                if draft.kind in REMOTE:
                    draft.protection.optional = True
                    draft.protection.caught = (frame.place(handler),)
    undone(frame, steps, undo, handler if handler is not None else node)
    if final is not None:
        last = final.child_by_field_name("body")
        if last is not None:
            block(last, frame)
    return bool(ended and ended[0]) and handler is None


def _swallows(caught: Node, undo: list[Draft]) -> bool:
    """Tell whether errors look like success behind their handler: it neither throws, answers, returns nor keeps anything for later."""
    if any(draft.kind is Kind.REPLY and draft.status >= _ERROR for draft in inner(undo)) or _PASSED_ON.search(text(caught)):
        return False
    return not any(each.named_children for each in walk(caught, "return_statement", "assignment_expression"))


def undone(frame: Frame, steps: list[Draft], undo: list[Draft], node: Node) -> None:
    """Add steps that others undo when they fail; what only answers or acknowledges in that case is left out."""
    if leaves(undo) and leaves(steps):
        frame.block.append(Draft(Kind.COMPENSATE, frame.evidence(node), blocks=[steps, undo]))
    else:
        frame.block.extend(steps)


def _switch(node: Node, frame: Frame) -> bool:
    value = expressions.evaluate(node.child_by_field_name("value"), frame)
    inside = node.child_by_field_name("body")
    blocks: list[tuple[list[Draft], str]] = []
    for case in children(inside) if inside is not None else ():
        label_node = case.child_by_field_name("value")
        statements = [each for each in children(case) if label_node is None or each.id != label_node.id]
        label = expressions.evaluate(label_node, frame) if label_node is not None else UNKNOWN
        if isinstance(value, Constant) and isinstance(label, Constant) and value != label:
            continue
        drafts, _ = _captured_statements(statements, frame)
        if leaves(drafts) or _replies(drafts):
            blocks.append((drafts, text(label_node) if label_node is not None else "default"))
    chosen: list[Draft] = []
    for drafts, shown in reversed(blocks):
        chosen = (
            [branch(drafts, chosen, shown, frame.evidence(node))]
            if chosen or len(blocks) > 1
            else [branch(drafts, [], shown, frame.evidence(node))]
        )
    frame.block.extend(chosen)
    return False


def _return(node: Node, frame: Frame) -> bool:
    given = next(children(node), None)
    if given is not None:
        frame.returns.append(waiting.settled(expressions.evaluate(given, frame), frame))
    return True


def _throw(node: Node, frame: Frame) -> bool:
    expressions.evaluate(next(children(node), None), frame)
    return True


def _nested(node: Node, frame: Frame) -> bool:
    return run(list(children(node)), frame)


def _labelled(node: Node, frame: Frame) -> bool:
    inside = node.child_by_field_name("body")
    return statement_ends(inside, frame) if inside is not None else False


_STATEMENTS: dict[str, Callable[[Node, Frame], bool]] = {
    "expression_statement": _expression,
    "lexical_declaration": _declaration,
    "variable_declaration": _declaration,
    "for_in_statement": loops.for_in,
    "for_statement": loops.for_loop,
    "while_statement": loops.while_loop,
    "do_statement": loops.while_loop,
    "try_statement": _try,
    "switch_statement": _switch,
    "return_statement": _return,
    "throw_statement": _throw,
    "statement_block": _nested,
    "labeled_statement": _labelled,
}

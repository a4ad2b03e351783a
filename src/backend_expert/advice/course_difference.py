"""Say in words what an operation waits for, whom it lets in and where it calls in another way after a change."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Call, Compensate, GuardKind, Operation, Parallel, Publish, Query, Step, Text, walk
from backend_expert.model.wording import named, sentence

GUARDS = {
    GuardKind.AUTHENTICATION: Text("ask for a login", "peça login"),
    GuardKind.AUTHORISATION: Text("look at the role of the caller", "verifique o papel de quem chama"),
    GuardKind.THROTTLING: Text("limit how often it is tried", "limite a frequência das tentativas"),
    GuardKind.VALIDATION: Text("check the input", "valide a entrada"),
}


def courses(before: Operation, after: Operation) -> Iterator[Text]:
    """Yield the new guards, the new method, what is waited for or started together now, and calls to known addresses only."""
    passed = {guard.kind for guard in before.guards or ()}
    yield from (GUARDS[guard.kind] for guard in after.guards or () if guard.kind in GUARDS and guard.kind not in passed)
    if before.trigger.name != after.trigger.name:
        yield sentence("answer {route} in place of GET", "responda a {route} no lugar de GET", route=f"`{after.trigger.name}`")
    left, kept = _detached(before), _detached(after)
    still = _names(tuple(walk(after.steps)))
    waited = [name for name in left if name not in kept and name in still]
    if waited:
        yield sentence("wait for {targets}", "espere por {targets}", targets=named(waited))
    started = [each for each in _parallel(after) if each not in _parallel(before)]
    for together in started if len(_parallel(after)) > len(_parallel(before)) else ():
        yield sentence("start {targets} at the same time", "inicie {targets} ao mesmo tempo", targets=named(together, most=4))
    ending = [name for name in _whole(before) if name not in _whole(after) and name in still]
    if ending:
        yield sentence("read {tables} in pages", "leia {tables} em páginas", tables=named(ending))
    undone = [name for name in _undone(after) if name not in _undone(before)]
    if undone:
        yield sentence(
            "call {targets} when a later step fails", "chame {targets} quando um passo seguinte falhar", targets=named(undone)
        )
    if _asked(before) and not _asked(after):
        yield Text("take the address from the configuration", "tire o endereço da configuração")


def _detached(operation: Operation) -> list[str]:
    """Return what an operation does without waiting for it."""
    alone = [step for step in walk(operation.steps) if isinstance(step, Parallel) and step.detached]
    return list(dict.fromkeys(name for step in alone for name in _targets(step)))


def _parallel(operation: Operation) -> list[tuple[str, ...]]:
    return [_targets(step) for step in walk(operation.steps) if isinstance(step, Parallel) and not step.detached]


def _targets(step: Parallel) -> tuple[str, ...]:
    return _names(tuple(each for branch in step.branches for each in walk(branch)))


def _names(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Return the operations, topics and datasets that steps go to."""
    found = [
        each.operation if isinstance(each, Call) else each.topic if isinstance(each, Publish) else each.dataset
        for each in steps
        if isinstance(each, Call | Publish | Query)
    ]
    return tuple(dict.fromkeys(found))


def _undone(operation: Operation) -> list[str]:
    undo = [step for each in walk(operation.steps) if isinstance(each, Compensate) for step in walk(each.undo)]
    return list(dict.fromkeys(step.operation for step in undo if isinstance(step, Call)))


def _whole(operation: Operation) -> list[str]:
    return list(dict.fromkeys(step.dataset for step in walk(operation.steps) if isinstance(step, Query) and step.limited is False))


def _asked(operation: Operation) -> bool:
    return any(isinstance(step, Call) and step.address == "request" for step in walk(operation.steps))

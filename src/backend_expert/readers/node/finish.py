"""From drafts to the steps of the model: transactions closed, replies put in their place, policies frozen."""

from __future__ import annotations

from typing import Literal

from msgspec import structs

from backend_expert.model import (
    Ack,
    Action,
    Branch,
    Breaker,
    CacheGet,
    CachePut,
    Call,
    Certainty,
    Compensate,
    Estimate,
    Evidence,
    Mechanism,
    Parallel,
    Policy,
    Pool,
    Publish,
    Query,
    Repeat,
    Reply,
    Step,
    Transaction,
    Wait,
    Work,
)
from backend_expert.readers.node.drafts import Draft, Kind, Protection, inner, leaves
from backend_expert.readers.node.flow import FAILING, SOMETIMES

STEPS_LIMIT = 300
"""Most steps of one operation: the longest handler in the systems tried has 40."""

DEPTH_LIMIT = 24
"""Most blocks inside one another that are kept: a `switch` of so many cases is the deepest that was met."""

LOOPS_LIMIT = 3
"""Most loops inside one another that are kept as loops."""


_ADDRESS: dict[bool | None, Literal["configured", "request"] | None] = {None: None, False: "configured", True: "request"}


def program(drafts: list[Draft], status: int | None) -> tuple[Step, ...]:
    """Return the steps of a handler, work first; `status` is that of the reply where the handler has none, `None` for no reply."""
    drafts = grouped(drafts)
    answered = _answers(drafts)
    drafts = _without(drafts, Kind.REPLY) if status is None else _replied(drafts, status if answered is None else answered)
    budget = [STEPS_LIMIT]
    return (Work(certainty=Certainty.ASSUMED), *_steps(drafts, 0, budget, 0))


def grouped(drafts: list[Draft]) -> list[Draft]:
    """Return the drafts with what stands between begin and commit in a transaction; one that never ends goes to the end of its block."""
    result: list[Draft] = []
    opened: list[tuple[int, Draft]] = []
    for draft in drafts:
        draft = structs.replace(draft, blocks=[grouped(block) for block in draft.blocks])
        if draft.kind is Kind.BEGIN:
            opened.append((len(result), draft))
        elif draft.kind is Kind.COMMIT:
            if opened:
                _close(result, *opened.pop())
        else:
            result.append(draft)
    while opened:
        _close(result, *opened.pop())
    return result


def _close(result: list[Draft], position: int, begin: Draft) -> None:
    inside = result[position:]
    del result[position:]
    if leaves(inside):
        result.append(structs.replace(begin, kind=Kind.TRANSACTION, blocks=[inside]))
    else:
        result.extend(inside)


def _answers(drafts: list[Draft]) -> int | None:
    """Return the status of the last answer that is no error."""
    return next((draft.status for draft in reversed(list(inner(drafts))) if draft.kind is Kind.REPLY and draft.status < 400), None)


def _replied(drafts: list[Draft], status: int) -> list[Draft]:
    """Return the drafts with one reply: where it stands among the outermost steps, else at the end."""
    for position, draft in enumerate(drafts):
        if draft.kind is Kind.REPLY and draft.status < 400 and leaves(drafts[position + 1 :]):
            rest = _without(drafts[position + 1 :], Kind.REPLY)
            return [*_without(drafts[:position], Kind.REPLY), draft, *rest]
    last = next((draft for draft in reversed(drafts) if draft.kind is Kind.REPLY and draft.status < 400), None)
    return [*_without(drafts, Kind.REPLY), last if last is not None else Draft(Kind.REPLY, status=status)]


def _without(drafts: list[Draft], kind: Kind) -> list[Draft]:
    return [
        structs.replace(draft, blocks=[_without(block, kind) for block in draft.blocks])
        for draft in drafts
        if draft.kind is not kind
    ]


def _steps(drafts: list[Draft], loops: int, budget: list[int], depth: int) -> tuple[Step, ...]:
    found: list[Step] = []
    for draft in drafts:
        if budget[0] <= 0 or depth > DEPTH_LIMIT:
            break
        budget[0] -= 1
        found.extend(_step(draft, loops, budget, depth))
    return tuple(found)


def _step(draft: Draft, loops: int, budget: list[int], depth: int) -> tuple[Step, ...]:
    certainty, evidence = draft.certainty, draft.evidence
    match draft.kind:
        case Kind.CALL:
            return (
                Call(
                    operation=draft.target,
                    address=_ADDRESS[draft.from_request],
                    independent=draft.independent,
                    certainty=certainty,
                    evidence=evidence,
                    policy=policy(draft),
                ),
            )
        case Kind.QUERY:
            return (
                Query(
                    dataset=draft.target,
                    action=draft.action,
                    statement=draft.statement,
                    filter_columns=draft.columns,
                    limited=draft.limited if draft.action is Action.READ else None,
                    computed=draft.computed,
                    independent=draft.independent,
                    certainty=certainty,
                    evidence=evidence,
                    policy=policy(draft),
                ),
            )
        case Kind.CACHE_GET:
            missed = _steps(draft.blocks[0], loops, budget, depth + 1) if draft.blocks else ()
            return (
                CacheGet(
                    dataset=draft.target,
                    independent=draft.independent,
                    on_miss=missed,
                    certainty=certainty,
                    evidence=evidence,
                    policy=policy(draft),
                ),
            )
        case Kind.CACHE_PUT:
            expiry = Estimate(draft.expiry_s, certainty=certainty, evidence=evidence[:1]) if draft.expiry_s is not None else None
            return (
                CachePut(
                    dataset=draft.target,
                    computed=draft.computed,
                    expiry_s=expiry,
                    certainty=certainty,
                    evidence=evidence,
                    policy=policy(draft),
                ),
            )
        case Kind.PUBLISH:
            return (
                Publish(
                    topic=draft.target,
                    confirmed=draft.confirmed,
                    persistent=draft.persistent,
                    key=draft.key,
                    certainty=certainty,
                    evidence=evidence,
                    policy=policy(draft),
                ),
            )
        case Kind.ACK:
            return (Ack(certainty=certainty, evidence=evidence),)
        case Kind.REPLY:
            return (Reply(status=draft.status, certainty=certainty, evidence=evidence),)
        case Kind.WAIT if draft.time_ms:
            return (Wait(time_ms=Estimate(draft.time_ms, certainty=certainty), certainty=certainty, evidence=evidence),)
        case _:
            return _block(draft, loops, budget, depth)


def _block(draft: Draft, loops: int, budget: list[int], depth: int) -> tuple[Step, ...]:
    certainty, evidence = draft.certainty, draft.evidence
    looping = draft.kind is Kind.REPEAT
    blocks = [_steps(block, loops + looping, budget, depth + 1) for block in draft.blocks]
    first = blocks[0] if blocks else ()
    if not any(blocks):
        return ()
    match draft.kind:
        case Kind.TRANSACTION:
            return (
                Transaction(store=draft.target, steps=first, isolation=draft.isolation, certainty=certainty, evidence=evidence),
            )
        case Kind.PARALLEL:
            ahead = 1 if draft.count is not None else 0
            busy = tuple(block for block in blocks if block)
            return (Parallel(branches=busy, first=ahead, certainty=certainty, evidence=evidence),) if len(busy) > 1 else first
        case Kind.DETACHED:
            # A branch without steps is done at once, so the program goes on while the other runs.
            loose = Parallel(
                branches=((), first),
                first=1,
                detached="handled" if draft.handled else "bare",
                certainty=certainty,
                evidence=evidence,
            )
            return (loose,)
        case Kind.REPEAT if loops < LOOPS_LIMIT and draft.count is not None:
            return (Repeat(count=draft.count, steps=first, certainty=certainty, evidence=evidence),)
        case Kind.BRANCH:
            other = blocks[1] if len(blocks) > 1 else ()
            return (
                Branch(
                    probability=FAILING if draft.fails else SOMETIMES,
                    then=first,
                    otherwise=other,
                    condition=draft.condition,
                    certainty=certainty,
                    evidence=evidence,
                ),
            )
        case Kind.COMPENSATE:
            undo = blocks[1] if len(blocks) > 1 else ()
            return (Compensate(steps=first, undo=undo, certainty=certainty, evidence=evidence),) if undo and first else first
        case _:
            return first


def policy(draft: Draft) -> Policy:
    """Return the policy that is known of a step."""
    made: Protection = draft.protection
    evidence: tuple[Evidence, ...] = made.evidence[:3]
    absent = set(made.absent)
    if made.timeout_ms:
        absent.discard(Mechanism.TIMEOUT)
    if made.retry is not None:
        absent.discard(Mechanism.RETRY)
    return Policy(
        timeout_ms=Estimate(made.timeout_ms, certainty=Certainty.RECOVERED, evidence=evidence[:1]) if made.timeout_ms else None,
        retry=made.retry,
        breaker=Breaker(failure_ratio=Estimate(0.5, certainty=Certainty.ASSUMED)) if made.breaker else None,
        pool=Pool(size=Estimate(made.pool, certainty=Certainty.RECOVERED, evidence=evidence[:1])) if made.pool else None,
        cancels=made.cancels,
        optional=made.optional,
        idempotency_key=made.idempotency_key,
        absent=tuple(sorted(absent)),
        unused=tuple(sorted(made.unused)),
        evidence=(*made.caught, *(evidence if absent or made.timeout_ms or made.pool or made.retry else ())),
    )

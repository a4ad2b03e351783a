"""Libraries that try again, give up in time or stop calling: p-retry, async-retry, rxjs, opossum, cockatiel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_expert.model import Certainty, Estimate, Mechanism, Retry
from backend_expert.readers.node import loops
from backend_expert.readers.node.drafts import REMOTE, Draft, inner
from backend_expert.readers.node.values import (
    UNKNOWN,
    Foreign,
    Function,
    Made,
    Outcome,
    Record,
    Resource,
    Value,
    is_open,
    member,
    number,
)

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call

PACKAGES = frozenset(
    {
        "p-retry",
        "async-retry",
        "promise-retry",
        "retry",
        "rxjs",
        "rxjs/operators",
        "opossum",
        "cockatiel",
        "p-timeout",
        "p-limit",
        "p-map",
        "p-queue",
        "bottleneck",
    }
)
KINDS = frozenset({"breaker"})

_RETRIES = {"p-retry": 10.0, "async-retry": 10.0, "promise-retry": 10.0}
"""Retries unless told otherwise: the documented defaults of the three packages."""


_FOLLOWED = frozenset({"map", "switchMap", "mergeMap", "concatMap", "tap", "exhaustMap", "finalize"})
_OPERATORS = _FOLLOWED | {
    "retry",
    "timeout",
    "timeoutWith",
    "catchError",
    "filter",
    "take",
    "first",
    "delay",
    "share",
    "throwError",
    "defaultIfEmpty",
}
"""Functions of rxjs that make an operator for a pipe; what they are given runs when the pipe does."""


def function(callee: Foreign, call: Call) -> Value | None:
    """Follow the function that is tried again, and mark its calls."""
    if callee.package in _RETRIES and callee.name in {callee.package, "default", "pRetry", "retry"}:
        work = next((each for each in call.arguments if isinstance(each, Function)), None)
        options = next((each for each in call.arguments if isinstance(each, Record)), None)
        kept: list[Value] = []
        from backend_expert.readers.node.calls import captured

        drafts = captured(call.frame, lambda: kept.append(call.run(work)))
        loops.retried(drafts, _retry(options, _RETRIES[callee.package], call), (call.frame.place(call.node),))
        call.frame.block.extend(drafts)
        return kept[0] if kept else UNKNOWN
    if callee.package.startswith("rxjs") and callee.name in _OPERATORS:
        return Made(callee, call.arguments, call.node)
    if callee.package == "p-timeout":
        limit = number(call.argument(1)) or number(member(call.argument(1), "milliseconds"))
        first = call.argument(0)
        if isinstance(first, Outcome) and limit:
            limited(first.draft, limit)
        return first
    if callee.package == "p-limit" and not call.frame.unit.starting:
        return Made(callee, call.arguments)
    return None


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return a circuit breaker around a function."""
    if maker.package == "opossum":
        return Resource("breaker", {"work": call.argument(0), "options": call.argument(1)}, call.frame.evidence(call.node))
    return None


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Follow the function behind a circuit breaker."""
    work = owner.facts.get("work")
    if name != "fire" or not isinstance(work, Function):
        return None
    from backend_expert.readers.node.calls import captured

    kept: list[Value] = []
    drafts = captured(call.frame, lambda: kept.append(call.run(work, *call.arguments)))
    options = owner.facts.get("options")
    limit = number(member(options if isinstance(options, Record) else UNKNOWN, "timeout"))
    for draft in inner(drafts):
        if draft.kind in REMOTE:
            draft.protection.breaker = True
            draft.protection.absent.discard(Mechanism.BREAKER)
            limited(draft, limit if limit is not None else 10_000)  # opossum's documented default
    call.frame.block.extend(drafts)
    return kept[0] if kept else UNKNOWN


def operators(draft: Draft, given: list[Value], call: Call) -> None:
    """Apply the operators of a pipe to the call it begins with."""
    for each in given:
        if not isinstance(each, Made) or not each.maker.package.startswith("rxjs"):
            continue
        argument = each.arguments[0] if each.arguments else UNKNOWN
        if each.maker.name == "retry":
            count = number(member(argument, "count")) if isinstance(argument, Record) else number(argument)
            pause = number(member(argument, "delay"))
            place = (call.frame.place(each.node) if each.node is not None else call.frame.place(call.node),)
            retry = None
            if count is not None:
                backoff = Estimate(pause, certainty=Certainty.RECOVERED, evidence=place) if pause else None
                # A number as delay is the same before every attempt.
                retry = Retry(Estimate(count + 1, certainty=Certainty.RECOVERED, evidence=place), backoff, backoff)
            loops.retried([draft], retry, place)
        elif each.maker.name in {"timeout", "timeoutWith"}:
            limit = number(member(argument, "each", "first")) if isinstance(argument, Record) else number(argument)
            if limit:
                limited(draft, limit)
        elif each.maker.name in _FOLLOWED:
            call.run(argument, Outcome(draft))


def limited(draft: Draft, limit_ms: float) -> None:
    """Give a call a timeout; the shorter of two holds."""
    before = draft.protection.timeout_ms
    draft.protection.timeout_ms = min(limit_ms, before) if before else limit_ms
    draft.protection.absent.discard(Mechanism.TIMEOUT)


def _retry(options: Value | None, default: float, call: Call) -> Retry | None:
    if options is not None and not (isinstance(options, Record) and options.complete):
        return None
    given = member(options, "retries")
    count = default if is_open(given) else number(given)
    if count is None:
        return None
    place = (call.frame.place(call.node),)
    pause = number(member(options, "minTimeout"))
    backoff = Estimate(pause or 1000, certainty=Certainty.RECOVERED, evidence=place)  # node-retry: minTimeout is 1000 unless set
    return Retry(Estimate(count + 1, certainty=Certainty.RECOVERED, evidence=place), backoff)

"""Calls from the side of the caller: attempts, timeouts, retries, hedges, cancellation; and the branches of a parallel step."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math

import numpy as np

from backend_expert.lab.load.codes import (
    A_ATTEMPT,
    A_CANCEL,
    A_FAIL,
    A_RUN,
    A_SUBMIT,
    AWAITS,
    CANCELLED,
    E_HEDGE,
    E_RETRY,
    E_SUBMIT,
    E_TIMEOUT,
    ERROR,
    LESS,
    NOTHING,
    OK,
    PERMIT,
    QUEUED,
    REFUSED,
    SLOT,
)
from backend_expert.lab.load.frames import do, free_frame, hold, new_frame, place, step_key
from backend_expert.lab.load.gates import give, leave_queue, take
from backend_expert.lab.load.heap import FRAME_BITS, push, set_alarm
from backend_expert.lab.load.jit import compiled
from backend_expert.lab.load.policies import backoff, breaker_allows, breaker_note, budget_allows
from backend_expert.lab.load.random_keys import ATTEMPT, CHILD, HOP, LOSS, exponential, mix, uniform
from backend_expert.lab.load.rows import Index, Key, State, calls_at, frame_at, link_at, row_at, site_at


@compiled
def attempt(w: State, f: Index) -> None:
    """Start an attempt of the call at which a frame stands."""
    frame = frame_at(w.frames, f)
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    calls = calls_at(w.calls, site.calls)
    frame.pending = 0
    frame.stage = NOTHING
    if w.now > frame.deadline:
        do(w, A_FAIL, f)
        return
    if site.breaker >= 0 and not breaker_allows(w, site.breaker + place(w, f)):
        calls.rejected += 1
        attempt_over(w, f, ERROR)
        return
    calls.attempts += 1
    if frame.deadline < w.now + site.timeout:
        push(w, frame.deadline, E_TIMEOUT, np.int64(frame.token) << FRAME_BITS | f)
    elif site.ring >= 0:
        set_alarm(w, site.ring, f, frame.token)
    if site.gate >= 0:
        g = site.gate + site.gate_stride * place(w, f)
        answer = take(w, g, f, PERMIT)
        if answer == QUEUED:
            return
        if answer == REFUSED:
            attempt_over(w, f, ERROR)
            return
        frame.permit = g
    send_first(w, f)


@compiled
def send_first(w: State, f: Index) -> None:
    """Send the first request of an attempt, and plan its hedge."""
    frame = frame_at(w.frames, f)
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    frame.pending = 1
    frame.stage = AWAITS
    send(w, f, np.uint64(0))
    if site.hedge >= 0.0:
        push(w, w.now + site.hedge, E_HEDGE, np.int64(frame.token) << FRAME_BITS | f)


@compiled
def send(w: State, f: Index, variant: Key) -> None:
    """Send a request to the target of the call at which a frame stands; `variant` tells a hedge from the first try."""
    frame = frame_at(w.frames, f)
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    base = step_key(w, f) + np.uint64(frame.attempt) * ATTEMPT + variant
    if site.link >= 0:
        lost = link_at(w.links, site.link).lost
        if lost > 0.0 and uniform(base + LOSS) < lost:
            return
    deadline = math.inf
    if site.propagates:
        deadline = min(frame.deadline, w.now + site.timeout)
    c = new_frame(w, mix(base + CHILD), site.target, site.group, f, frame.token, w.now, deadline)
    frame_at(w.frames, c).sheddable = frame.sheddable | site.sheddable
    frame.child = c
    if site.hop > 0.0:
        push(w, w.now + site.hop * exponential(base + HOP), E_SUBMIT, np.int64(frame_at(w.frames, c).ticket) << FRAME_BITS | c)
    else:
        do(w, A_SUBMIT, c)


@compiled
def attempt_over(w: State, f: Index, result: Index) -> None:
    """End an attempt: go on, try again, or fail."""
    frame = frame_at(w.frames, f)
    if result != OK and frame.pending > 1:
        frame.pending -= 1
        return
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    sent = frame.pending > 0 or frame.permit >= 0
    frame.token += 1
    frame.pending = 0
    frame.stage = NOTHING
    if frame.permit >= 0:
        g = frame.permit
        frame.permit = -1
        give(w, g)
    if site.breaker >= 0 and sent:
        breaker_note(w, site.breaker + place(w, f), result == OK)
    if result == OK:
        frame.pc += 1 + row_at(w.program, frame.pc).b
        do(w, A_RUN, f)
        return
    calls = calls_at(w.calls, site.calls)
    calls.failures += 1
    if frame.attempt < site.attempts and w.now < frame.deadline and budget_allows(w, site.budget):
        calls.retries += 1
        pause = backoff(w, f)
        frame.attempt += 1
        if pause > 0.0:
            frame.stage = AWAITS
            push(w, w.now + pause, E_RETRY, np.int64(frame.token) << FRAME_BITS | f)
        else:
            do(w, A_ATTEMPT, f)
    elif site.optional:
        frame.pc += 1
        do(w, A_RUN, f)
    else:
        do(w, A_FAIL, f)


@compiled
def time_out(w: State, f: Index) -> None:
    """End the attempt of a frame that has waited long enough."""
    frame = frame_at(w.frames, f)
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    calls_at(w.calls, site.calls).timeouts += 1
    waited = frame.waits_at >= 0
    leave_queue(w, f)
    if site.cancels and not waited:
        _cancel_child(w, f)
    frame.pending = min(frame.pending, 1)
    attempt_over(w, f, ERROR)


@compiled
def _cancel_child(w: State, f: Index) -> None:
    frame = frame_at(w.frames, f)
    if frame.child >= 0:
        child = frame_at(w.frames, frame.child)
        if child.live and child.parent == f and child.parent_token == frame.token:
            child.deadline = CANCELLED
            do(w, A_CANCEL, frame.child)


@compiled
def cancel(w: State, f: Index) -> None:
    """Stop a frame whose caller has given up, and what it waits for; a step that has begun runs to its end."""
    frame = frame_at(w.frames, f)
    if not frame.live or frame.deadline != CANCELLED:
        return
    if frame.stage == SLOT and frame.waits_at >= 0:
        hold(w, frame.instance, LESS)
        leave_queue(w, f)
        free_frame(w, f)
    elif frame.stage == AWAITS or (frame.stage == PERMIT and frame.waits_at >= 0):
        leave_queue(w, f)
        if frame.pending > 0:
            _cancel_child(w, f)
        frame.pending = min(frame.pending, 1)
        frame.attempt = 1 << 30
        attempt_over(w, f, ERROR)


@compiled
def branch_over(w: State, f: Index, result: Index) -> None:
    """End a branch of a parallel step: go on when enough are done, fail when they cannot be any more."""
    frame = frame_at(w.frames, f)
    frame.pending -= 1
    if result == OK:
        frame.needed -= 1
        if frame.needed <= 0:
            frame.token += 1
            frame.pc += 1
            do(w, A_RUN, f)
    elif frame.pending < frame.needed:
        frame.token += 1
        do(w, A_FAIL, f)

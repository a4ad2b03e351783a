"""What lets an attempt pass or not: breakers, retry budgets, backoff, rate limits."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from backend_expert.lab.load.frames import step_key
from backend_expert.lab.load.jit import compiled
from backend_expert.lab.load.layout import BREAKER_BUCKETS
from backend_expert.lab.load.random_keys import ATTEMPT, JITTER, uniform
from backend_expert.lab.load.rows import Index, State, breaker_at, budget_at, frame_at, limit_at, row_at, site_at


@compiled
def breaker_allows(w: State, b: Index) -> bool:
    """Tell whether a breaker lets a call pass; when its pause is over, count the call as a probe."""
    now = w.now
    breaker = breaker_at(w.breakers, b)
    if breaker.state == 1:
        if now < breaker.opened_at + breaker.pause:
            return False
        breaker.state = 2
        breaker.probing = 0
        breaker.good = 0
    if breaker.state == 2:
        if breaker.probing >= breaker.probes:
            return False
        breaker.probing += 1
    return True


@compiled
def breaker_note(w: State, b: Index, ok: bool) -> None:
    """Tell a breaker how a call ended."""
    now = w.now
    breaker = breaker_at(w.breakers, b)
    if breaker.state == 2:
        if not ok:
            breaker.state = 1
            breaker.opened_at = now
            return
        breaker.good += 1
        if breaker.good >= breaker.probes:
            breaker.state = 0
            breaker.oks[:] = 0
            breaker.bads[:] = 0
        return
    if breaker.state == 1:
        return
    current = np.int64(now / breaker.width)
    for old in range(max(breaker.bucket + 1, current - BREAKER_BUCKETS + 1), current + 1):
        breaker.oks[old % BREAKER_BUCKETS] = 0
        breaker.bads[old % BREAKER_BUCKETS] = 0
    breaker.bucket = current
    if ok:
        breaker.oks[current % BREAKER_BUCKETS] += 1
        return
    breaker.bads[current % BREAKER_BUCKETS] += 1
    good = 0
    bad = 0
    for each in range(BREAKER_BUCKETS):
        good += breaker.oks[each]
        bad += breaker.bads[each]
    if good + bad >= breaker.minimum and bad >= breaker.ratio * (good + bad):
        breaker.state = 1
        breaker.opened_at = now
        breaker.oks[:] = 0
        breaker.bads[:] = 0


@compiled
def budget_allows(w: State, b: Index) -> bool:
    """Tell whether a retry budget holds a whole token, and take it."""
    if b < 0:
        return True
    budget = budget_at(w.budgets, b)
    if budget.tokens < 1.0:
        return False
    budget.tokens -= 1.0
    return True


@compiled
def limit_allows(w: State, b: Index) -> bool:
    """Tell whether the token bucket of an instance holds a whole token, and take it."""
    limit = limit_at(w.limits, b)
    limit.tokens = min(limit.burst, limit.tokens + limit.rate * (w.now - limit.counted_at))
    limit.counted_at = w.now
    if limit.tokens < 1.0:
        return False
    limit.tokens -= 1.0
    return True


@compiled
def backoff(w: State, f: Index) -> float:
    """Return the pause before the next attempt."""
    frame = frame_at(w.frames, f)
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    if site.backoff <= 0.0:
        return 0.0
    u = uniform(step_key(w, f) + np.uint64(frame.attempt) * ATTEMPT + JITTER)
    if site.jitter == 2:
        frame.sleep = min(site.backoff_cap, site.backoff + u * (3.0 * max(frame.sleep, site.backoff) - site.backoff))
        return frame.sleep
    pause = min(site.backoff_cap, site.backoff * 2.0 ** (frame.attempt - 1))
    return u * pause if site.jitter == 1 else pause

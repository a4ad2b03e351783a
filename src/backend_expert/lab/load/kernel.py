"""The kernel: one compiled interpreter of step programs, for every system and scenario.

It is longer than other modules because the functions of one interpreter call each other in a circle: a reply lets the caller go on, which
frees a slot, which seats the next request. The circle is broken by a stack of (frame, action) that is worked off before time goes on.

All state lives in the workspace. Between any two actions the kernel may return and be called again: when an array is nearly full
(`GROW`), and every `pause` events so that Python can see an interrupt (`PAUSED`).

Rules that are easy to break:
- Every number a frame waits for carries a stamp. `token` moves when an attempt ends: it voids replies, timeouts, retries and hedges of
  that attempt. `ticket` moves when a wait ends: it voids places in queues and ends of steps. Nothing is ever deleted from heap or ring.
- A frame that is freed moves both stamps.
- Time integrals are kept as sums of entry times: the integral up to T of n(t) is n·T minus the sum over entries plus the sum over exits.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from backend_expert.lab.load.heap import (
    FRAME_BITS,
    FRAME_MASK,
    KIND_MASK,
    close_hole,
    free_node,
    new_node,
    push,
    set_alarm,
)
from backend_expert.lab.load.histogram import bucket
from backend_expert.lab.load.layout import BREAKER_BUCKETS, Action, Balancer, Control, Counter, Discipline, Kind, Op, Stage, Status
from backend_expert.lab.load.random_keys import (
    ARRIVAL,
    ATTEMPT,
    BALANCING,
    BRANCH,
    CHILD,
    CHOICE,
    HEDGE,
    HOP,
    JITTER,
    LOOP_SALTS,
    LOSS,
    REQUEST,
    SERVICE,
    draw,
    mix,
    uniform,
)
from backend_expert.lab.load.rows import (
    branch_at,
    breaker_at,
    budget_at,
    cache_at,
    calls_at,
    control_at,
    entry_at,
    event_at,
    frame_at,
    gate_at,
    group_at,
    instance_at,
    integral_at,
    item_at,
    link_at,
    node_at,
    ring_at,
    row_at,
    scaler_at,
    segment_at,
    site_at,
    slice_at,
    workload_at,
)

# Plain integers would be types of their own to numba, and every function be compiled once for each.
END, WORK, SLEEP, CALL, SPAWN, PARALLEL, REPLY, ACQUIRE, RELEASE, LOOP, AGAIN, JUMP, CHANCE, LOOKUP, FILL, FAIL, DELIVER = map(
    np.int64, Op
)
E_ARRIVAL, E_STEP_END, E_RETRY, E_RING, E_CONTROL, E_SUBMIT, E_HEDGE, E_TIMEOUT = map(np.int64, Kind)
A_RUN, A_SUBMIT, A_GRANTED, A_ATTEMPT, A_FAIL, A_LOST, A_CANCEL = map(np.int64, Action)
NOTHING, SLOT, CORE, PERMIT, HOLD, AWAITS = map(np.int64, Stage)
C_SLICE, C_SLOW, C_CRASH, C_RESTART, C_EJECT, C_READMIT, C_LINK, C_ERRORS, C_FLUSH, C_SCALE = map(np.int64, Control)
ROUND_ROBIN, RANDOM, LEAST, TWO_CHOICES, PRIMARY = map(np.int64, Balancer)
FIFO, LIFO, CODEL, DEADLINE = map(np.int64, Discipline)
OFFERED, SUCCEEDED, LATE, FAILED, SHED = map(np.int64, Counter)
DONE, GROW, PAUSED, BROKEN = map(np.int64, Status)
GRANTED_NOW, QUEUED, REFUSED = map(np.int64, range(3))
OK, ERROR, TURNED_AWAY = map(np.int64, range(3))
NONE, ZERO = np.int64(-1), np.int64(0)
ANSWERED = np.int64(-2)
"""Stands in the place of the parent of a frame that has replied already."""

# Controlled delay for servers: a queue that was not empty within the last 100 ms serves only who waited less than 5 ms
# (Maurer, Fail at Scale, ACM Queue 13(8), 2015).
CODEL_INTERVAL_MS, CODEL_TARGET_MS = 100.0, 5.0

CANCELLED = -1.0
"""The deadline of a frame that was told to stop."""


@njit(forceinline=True)
def _do(w, action, f):
    item_at(w.stack, w.stacked).what = action << FRAME_BITS | f
    w.stacked += 1


# Frames


@njit
def _new_frame(w, key, pc, group, parent, parent_token, start, deadline):
    f = w.free_frame
    frame = frame_at(w.frames, f)
    w.free_frame = frame.child
    w.free_frames -= 1
    frame.key = key
    frame.salt = np.uint64(0)
    frame.start = start
    frame.deadline = deadline
    frame.work = 0.0
    frame.pc = pc
    frame.instance = -1
    frame.group = group
    frame.parent = parent
    frame.parent_token = parent_token
    frame.attempt = 0
    frame.pending = 0
    frame.child = -1
    frame.entry = -1
    frame.stage = NOTHING
    frame.seated = 0
    frame.permit = -1
    frame.waits_at = -1
    frame.core = -1
    frame.live = 1
    frame.sleep = 0.0
    return f


@njit
def _free_frame(w, f):
    frame = frame_at(w.frames, f)
    frame.token += 1
    frame.ticket += 1
    frame.live = 0
    frame.child = w.free_frame
    w.free_frame = f
    w.free_frames += 1


# Gates: slots, cores, permits of pools, locks, consumers


@njit
def _take(w, g, f, stage):
    """Take a place of gate `g`, or stand in its queue, or be refused."""
    gate = gate_at(w.gates, g)
    now = w.now
    if gate.busy < gate.capacity:
        gate.busy += 1
        gate.busy_area -= now
        return GRANTED_NOW
    if gate.waiting >= gate.limit:
        gate.refused += 1
        return REFUSED
    frame = frame_at(w.frames, f)
    n = new_node(w, now, f, frame.ticket)
    if gate.head < 0:
        gate.empty_at = now
        gate.head = n
        gate.tail = n
    elif gate.discipline == LIFO:
        node_at(w.nodes, n).next = gate.head
        gate.head = n
    else:
        node_at(w.nodes, gate.tail).next = n
        gate.tail = n
    gate.waiting += 1
    gate.wait_area -= now
    frame.stage = stage
    frame.waits_at = g
    if gate.ring >= 0:
        set_alarm(w, gate.ring, f, frame.ticket)
    return QUEUED


@njit
def _leave_queue(w, f):
    """Make the place void that a frame has in a queue."""
    frame = frame_at(w.frames, f)
    if frame.waits_at >= 0:
        gate = gate_at(w.gates, frame.waits_at)
        gate.waiting -= 1
        gate.wait_area += w.now
        frame.waits_at = -1
        frame.stage = NOTHING
        frame.ticket += 1


@njit
def _dropped(w, gate, node):
    """Tell whether the discipline of a gate drops a waiting frame instead of serving it."""
    now = w.now
    if gate.discipline == CODEL:
        patience = CODEL_TARGET_MS if gate.empty_at < now - CODEL_INTERVAL_MS else CODEL_INTERVAL_MS
        return now - node.time > patience
    frame = frame_at(w.frames, node.frame)
    if frame.parent >= 0 and frame_at(w.frames, frame.parent).token != frame.parent_token:
        return True
    return now > frame.deadline


@njit
def _give(w, g):
    """Give a place of gate `g` back: to the next in its queue, or to nobody."""
    gate = gate_at(w.gates, g)
    now = w.now
    while gate.head >= 0 and gate.busy <= gate.capacity:
        n = gate.head
        node = node_at(w.nodes, n)
        gate.head = node.next
        f = node.frame
        valid = frame_at(w.frames, f).ticket == node.stamp
        if valid:
            dropped = gate.discipline >= CODEL and _dropped(w, gate, node)
            free_node(w, n)
            gate.waiting -= 1
            gate.wait_area += now
            frame = frame_at(w.frames, f)
            frame.waits_at = -1
            frame.ticket += 1
            if not dropped:
                _do(w, A_GRANTED, f)
                return
            gate.refused += 1
            _do(w, A_LOST, f)
        else:
            free_node(w, n)
    if gate.head < 0:
        gate.empty_at = now
    gate.busy -= 1
    gate.busy_area += now


# Random draws of a frame


@njit(forceinline=True)
def _step_key(w, f):
    frame = frame_at(w.frames, f)
    return frame.key + row_at(w.program, frame.pc).key + frame.salt


# Requests from outside


@njit
def _record(w, f, result):
    """Count the end of a request from outside."""
    frame = frame_at(w.frames, f)
    entry = frame.entry
    frame.entry = -1
    if frame.start < w.warm:
        return
    latency = w.now - frame.start
    counter = SUCCEEDED
    if result == ERROR:
        counter = FAILED
    elif result == TURNED_AWAY:
        counter = SHED
    elif latency > w.patience:
        counter = LATE
    at = min(np.int64((frame.start - w.warm) / w.slice), w.slice_count - 1)
    entry_at(w.entries, entry).counts[counter] += 1
    slice_at(w.slices, at).counts[counter] += 1
    if counter == SUCCEEDED:
        row = bucket(latency)
        entry_at(w.entries, entry).bins[row] += 1
        slice_at(w.slices, at).bins[row] += 1
        entry_at(w.entries, entry).total += latency


@njit
def _answer(w, f, result):
    """Tell whoever waits for a frame how it ended."""
    frame = frame_at(w.frames, f)
    parent = frame.parent
    if parent >= 0:
        frame.parent = -1
        above = frame_at(w.frames, parent)
        if above.token == frame.parent_token:
            above.work += frame.work
            if row_at(w.program, above.pc).op == PARALLEL:
                _branch_over(w, parent, result)
            else:
                _attempt_over(w, parent, result)
        elif frame.seated:
            w.orphans += 1
    elif frame.entry >= 0:
        if result == OK:
            w.useful += frame.work
        _record(w, f, result)
    elif parent == -1 and result == OK:
        w.useful += frame.work
    frame.parent = ANSWERED


@njit
def _finish(w, f, result):
    """End a frame: answer, leave the slot to the next, free the memory."""
    frame = frame_at(w.frames, f)
    if frame.parent != ANSWERED:
        _answer(w, f, result)
    if frame.instance >= 0 and frame.seated:
        instance = instance_at(w.instances, frame.instance)
        instance.load -= 1
        if instance.slot >= 0:
            _give(w, instance.slot)
    _free_frame(w, f)


@njit
def _branch_over(w, f, result):
    frame = frame_at(w.frames, f)
    frame.pending -= 1
    if result == OK:
        frame.needed -= 1
        if frame.needed <= 0:
            frame.token += 1
            frame.pc += 1
            _do(w, A_RUN, f)
    elif frame.pending < frame.needed:
        frame.token += 1
        _do(w, A_FAIL, f)


# Calls


@njit
def _breaker_allows(w, b):
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


@njit
def _breaker_note(w, b, ok):
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


@njit(forceinline=True)
def _place(w, f):
    instance = frame_at(w.frames, f).instance
    return instance_at(w.instances, instance).place if instance >= 0 else np.int32(0)


@njit
def _attempt(w, f):
    """Start an attempt of the call at which a frame stands."""
    frame = frame_at(w.frames, f)
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    calls = calls_at(w.calls, site.calls)
    frame.pending = 0
    frame.stage = NOTHING
    if w.now > frame.deadline:
        _do(w, A_FAIL, f)
        return
    if site.breaker >= 0 and not _breaker_allows(w, site.breaker + _place(w, f)):
        calls.rejected += 1
        _attempt_over(w, f, ERROR)
        return
    calls.attempts += 1
    if frame.deadline < w.now + site.timeout:
        push(w, frame.deadline, E_TIMEOUT, np.int64(frame.token) << FRAME_BITS | f)
    elif site.ring >= 0:
        set_alarm(w, site.ring, f, frame.token)
    if site.gate >= 0:
        g = site.gate + site.gate_stride * _place(w, f)
        answer = _take(w, g, f, PERMIT)
        if answer == QUEUED:
            return
        if answer == REFUSED:
            _attempt_over(w, f, ERROR)
            return
        frame.permit = g
    _send_first(w, f)


@njit
def _send_first(w, f):
    frame = frame_at(w.frames, f)
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    frame.pending = 1
    frame.stage = AWAITS
    _send(w, f, np.uint64(0))
    if site.hedge >= 0.0:
        push(w, w.now + site.hedge, E_HEDGE, np.int64(frame.token) << FRAME_BITS | f)


@njit
def _send(w, f, variant):
    """Send a request to the target of the call at which a frame stands; `variant` tells a hedge from the first try."""
    frame = frame_at(w.frames, f)
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    base = _step_key(w, f) + np.uint64(frame.attempt) * ATTEMPT + variant
    if site.link >= 0:
        lost = link_at(w.links, site.link).lost
        if lost > 0.0 and uniform(base + LOSS) < lost:
            return
    deadline = math.inf
    if site.propagates:
        deadline = min(frame.deadline, w.now + site.timeout)
    c = _new_frame(w, mix(base + CHILD), site.target, site.group, f, frame.token, w.now, deadline)
    frame.child = c
    if site.hop > 0.0:
        push(
            w, w.now - site.hop * math.log(uniform(base + HOP)), E_SUBMIT, np.int64(frame_at(w.frames, c).ticket) << FRAME_BITS | c
        )
    else:
        _do(w, A_SUBMIT, c)


@njit
def _attempt_over(w, f, result):
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
        _give(w, g)
    if site.breaker >= 0 and sent:
        _breaker_note(w, site.breaker + _place(w, f), result == OK)
    if result == OK:
        frame.pc += 1
        _do(w, A_RUN, f)
        return
    calls = calls_at(w.calls, site.calls)
    calls.failures += 1
    if frame.attempt < site.attempts and w.now < frame.deadline and _budget_allows(w, site.budget):
        calls.retries += 1
        pause = _backoff(w, f)
        frame.attempt += 1
        if pause > 0.0:
            frame.stage = AWAITS
            push(w, w.now + pause, E_RETRY, np.int64(frame.token) << FRAME_BITS | f)
        else:
            _do(w, A_ATTEMPT, f)
    elif site.optional:
        frame.pc += 1
        _do(w, A_RUN, f)
    else:
        _do(w, A_FAIL, f)


@njit
def _budget_allows(w, b):
    if b < 0:
        return True
    budget = budget_at(w.budgets, b)
    if budget.tokens < 1.0:
        return False
    budget.tokens -= 1.0
    return True


@njit
def _backoff(w, f):
    frame = frame_at(w.frames, f)
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    if site.backoff <= 0.0:
        return 0.0
    u = uniform(_step_key(w, f) + np.uint64(frame.attempt) * ATTEMPT + JITTER)
    if site.jitter == 2:
        frame.sleep = min(site.backoff_cap, site.backoff + u * (3.0 * max(frame.sleep, site.backoff) - site.backoff))
        return frame.sleep
    pause = min(site.backoff_cap, site.backoff * 2.0 ** (frame.attempt - 1))
    return u * pause if site.jitter == 1 else pause


@njit
def _time_out(w, f):
    """End the attempt of a frame that has waited long enough."""
    frame = frame_at(w.frames, f)
    site = site_at(w.sites, row_at(w.program, frame.pc).a)
    calls_at(w.calls, site.calls).timeouts += 1
    waited = frame.waits_at >= 0
    _leave_queue(w, f)
    if site.cancels and frame.child >= 0 and not waited:
        child = frame_at(w.frames, frame.child)
        if child.live and child.parent == f and child.parent_token == frame.token:
            child.deadline = CANCELLED
            _do(w, A_CANCEL, frame.child)
    frame.pending = min(frame.pending, 1)
    _attempt_over(w, f, ERROR)


# Instances


@njit
def _pick(w, f):
    """Return the instance of a frame's group that gets it, by what the balancer believes; -1 when it trusts none."""
    frame = frame_at(w.frames, f)
    group = group_at(w.groups, frame.group)
    first = group.first
    count = group.count
    if count == 1:
        return first if instance_at(w.instances, first).trusted else -1
    if group.balancer == ROUND_ROBIN:
        for _ in range(count):
            group.turn = group.turn + 1 if group.turn + 1 < count else 0
            if instance_at(w.instances, first + group.turn).trusted:
                return first + group.turn
        return -1
    best = -1
    if group.balancer == RANDOM or group.balancer == TWO_CHOICES:
        trusted = 0
        for i in range(first, first + count):
            trusted += instance_at(w.instances, i).trusted
        if trusted == 0:
            return -1
        key = frame.key + BALANCING
        one = np.int64(uniform(key) * trusted)
        other = np.int64(uniform(key + CHOICE) * trusted)
        seen = 0
        for i in range(first, first + count):
            if instance_at(w.instances, i).trusted:
                if seen == one or (seen == other and group.balancer == TWO_CHOICES):
                    if best < 0 or instance_at(w.instances, i).load < instance_at(w.instances, best).load:
                        best = i
                seen += 1
        return best
    for i in range(first, first + count):
        if instance_at(w.instances, i).trusted:
            if group.balancer != LEAST:
                return i
            if best < 0 or instance_at(w.instances, i).load < instance_at(w.instances, best).load:
                best = i
    return best


@njit
def _submit(w, f):
    """Bring a frame to an instance: run it, let it wait for a slot, or turn it away."""
    frame = frame_at(w.frames, f)
    group = group_at(w.groups, frame.group)
    i = _pick(w, f)
    if i < 0:
        _finish(w, f, ERROR)
        return
    instance = instance_at(w.instances, i)
    if not instance.up:
        if not group.silent:
            _finish(w, f, ERROR)
        elif frame.entry >= 0:
            _swallow(w, f)
        else:
            _free_frame(w, f)
        return
    if group.errors > 0.0 and uniform(frame.key + LOSS) < group.errors:
        _finish(w, f, ERROR)
        return
    frame.instance = i
    if instance.slot >= 0:
        answer = _take(w, instance.slot, f, SLOT)
        if answer == REFUSED:
            group.shed += 1
            _finish(w, f, TURNED_AWAY)
            return
        instance.load += 1
        if answer == QUEUED:
            return
    else:
        instance.load += 1
    frame.seated = 1
    _run(w, f)


@njit
def _swallow(w, f):
    """Leave a request from outside without an answer for ever: it stays in flight."""
    frame = frame_at(w.frames, f)
    frame.token += 1
    frame.ticket += 1
    frame.instance = -1


@njit
def _granted(w, f):
    """Go on with a frame that has waited for a place."""
    frame = frame_at(w.frames, f)
    stage = frame.stage
    frame.stage = NOTHING
    if stage == SLOT:
        frame.seated = 1
        _run(w, f)
    elif stage == CORE:
        frame.core = instance_at(w.instances, frame.instance).core
        _begin(w, f)
    elif stage == PERMIT:
        site = site_at(w.sites, row_at(w.program, frame.pc).a)
        frame.permit = site.gate + site.gate_stride * _place(w, f)
        if w.now > frame.deadline:
            _attempt_over(w, f, ERROR)
        else:
            _send_first(w, f)
    else:
        frame.pc += 1
        _run(w, f)


@njit
def _begin(w, f):
    """Start the work or the sleep at which a frame stands."""
    frame = frame_at(w.frames, f)
    row = row_at(w.program, frame.pc)
    time = draw(_step_key(w, f) + SERVICE, row.law, row.mean, row.shape)
    if frame.instance >= 0:
        time *= instance_at(w.instances, frame.instance).slowness
        if row.op == WORK:
            group_at(w.groups, frame.group).work += time
            frame.work += time
    push(w, w.now + time, E_STEP_END, np.int64(frame.ticket) << FRAME_BITS | f)


@njit
def _run(w, f):
    """Run the steps of a frame until one of them takes time."""
    frame = frame_at(w.frames, f)
    while True:
        row = row_at(w.program, frame.pc)
        op = row.op
        if op == END:
            _finish(w, f, OK)
            return
        if op == WORK:
            if w.now > frame.deadline:
                _fail(w, f)
                return
            core = instance_at(w.instances, frame.instance).core if frame.instance >= 0 else np.int32(-1)
            if core >= 0:
                if _take(w, core, f, CORE) == QUEUED:
                    return
                frame.core = core
            _begin(w, f)
            return
        if op == CALL:
            frame.attempt = 1
            frame.sleep = 0.0
            budget = site_at(w.sites, row.a).budget
            if budget >= 0:
                budget_at(w.budgets, budget).tokens = min(
                    budget_at(w.budgets, budget).tokens + budget_at(w.budgets, budget).earns, budget_at(w.budgets, budget).cap
                )
            _attempt(w, f)
            return
        if op == SLEEP:
            if w.now > frame.deadline:
                _fail(w, f)
                return
            _begin(w, f)
            return
        if op == PARALLEL:
            _fork(w, f)
            return
        if op == ACQUIRE:
            answer = _take(w, row.a + row.b * _place(w, f), f, HOLD)
            if answer == QUEUED:
                return
            if answer == REFUSED:
                _fail(w, f)
                return
        elif op == RELEASE:
            _give(w, row.a + row.b * _place(w, f))
        elif op == FAIL:
            _fail(w, f)
            return
        elif op == REPLY:
            if frame.parent != ANSWERED:
                _answer(w, f, OK)
        elif op == LOOP:
            rounds = np.int64(row.mean)
            if uniform(_step_key(w, f) + CHOICE) < row.mean - rounds:
                rounds += 1
            if rounds == 0:
                frame.pc = row.a
                continue
            frame.loop[row.c] = rounds
        elif op == AGAIN:
            frame.loop[row.c] -= 1
            if frame.loop[row.c] > 0:
                frame.salt += LOOP_SALTS[row.c]
                frame.pc = row.a
                continue
        elif op == JUMP:
            frame.pc = row.a
            continue
        elif op == CHANCE:
            if uniform(_step_key(w, f) + CHOICE) >= row.mean:
                frame.pc = row.a
                continue
        elif op == LOOKUP:
            cache = cache_at(w.caches, row.b)
            if uniform(_step_key(w, f) + CHOICE) < row.mean * cache.fill:
                frame.pc = row.a
                continue
        elif op == FILL:
            cache = cache_at(w.caches, row.b)
            cache.fill += (1.0 - cache.fill) / cache.keys
        elif op == SPAWN:
            site = site_at(w.sites, row.a)
            key = mix(_step_key(w, f) + CHILD)
            _do(w, A_SUBMIT, _new_frame(w, key, site.target, site.group, NONE, ZERO, w.now, math.inf))
        elif op == DELIVER:
            for each in range(row.a, row.a + row.b):
                key = mix(_step_key(w, f) + CHILD + np.uint64(each - row.a) * BRANCH)
                _do(w, A_RUN, _new_frame(w, key, branch_at(w.branches, each).row, NONE, NONE, ZERO, w.now, math.inf))
        frame.pc += 1


@njit
def _fork(w, f):
    """Start the branches of a parallel step as frames that share the caller's place."""
    frame = frame_at(w.frames, f)
    row = row_at(w.program, frame.pc)
    frame.pending = row.b
    frame.needed = row.c
    base = _step_key(w, f) + CHILD
    for each in range(row.b):
        key = mix(base + np.uint64(each) * BRANCH)
        c = _new_frame(w, key, branch_at(w.branches, row.a + each).row, frame.group, f, frame.token, w.now, frame.deadline)
        frame_at(w.frames, c).instance = frame.instance
        _do(w, A_RUN, c)


@njit
def _fail(w, f):
    """Let the step at which a frame stands fail: what it holds is given back by its handlers, then the caller hears of it."""
    frame = frame_at(w.frames, f)
    frame.deadline = math.inf
    row = row_at(w.program, frame.pc)
    if row.handler >= 0:
        frame.pc = row.handler
        _do(w, A_RUN, f)
        return
    if frame.group < 0:
        w.dead_letters += 1
    _finish(w, f, ERROR)


@njit
def _cancel(w, f):
    """Stop a frame whose caller has given up, and what it waits for; a step that has begun runs to its end."""
    frame = frame_at(w.frames, f)
    if not frame.live or frame.deadline != CANCELLED:
        return
    if frame.stage == SLOT and frame.waits_at >= 0:
        instance_at(w.instances, frame.instance).load -= 1
        _leave_queue(w, f)
        _free_frame(w, f)
    elif frame.stage == AWAITS or (frame.stage == PERMIT and frame.waits_at >= 0):
        _leave_queue(w, f)
        child = frame.child
        if frame.pending > 0 and child >= 0 and frame_at(w.frames, child).live and frame_at(w.frames, child).parent == f:
            if frame_at(w.frames, child).parent_token == frame.token:
                frame_at(w.frames, child).deadline = CANCELLED
                _do(w, A_CANCEL, child)
        frame.pending = min(frame.pending, 1)
        frame.attempt = 1 << 30
        _attempt_over(w, f, ERROR)


# Faults and other interventions


@njit
def _reset_gate(w, g):
    """Empty a gate whose instance is gone."""
    gate = gate_at(w.gates, g)
    now = w.now
    gate.busy_area += now * gate.busy
    gate.busy = 0
    gate.wait_area += now * gate.waiting
    gate.waiting = 0
    while gate.head >= 0:
        n = gate.head
        gate.head = node_at(w.nodes, n).next
        free_node(w, n)


@njit
def _crash(w, i, silent):
    """Take an instance down with everything on it."""
    instance = instance_at(w.instances, i)
    if not instance.up:
        return
    instance.up = 0
    instance.load = 0
    group_at(w.groups, instance.group).silent = silent
    for g in range(w.gate_count):
        if gate_at(w.gates, g).instance == i:
            _reset_gate(w, g)
    for f in range(w.frame_count):
        frame = frame_at(w.frames, f)
        if frame.live and frame.instance == i and frame.waits_at >= 0 and gate_at(w.gates, frame.waits_at).instance != i:
            _leave_queue(w, f)
    for f in range(w.frame_count):
        frame = frame_at(w.frames, f)
        if frame.live and frame.instance == i:
            _give_back(w, f, i)
            frame.token += 1
            frame.ticket += 1
            frame.seated = 0
            frame.permit = -1
            frame.core = -1
            frame.waits_at = -1
            frame.stage = NOTHING
            if not silent:
                _do(w, A_LOST, f)
            elif frame.entry >= 0:
                _swallow(w, f)
            else:
                _free_frame(w, f)


@njit
def _give_back(w, f, i):
    """Release what a dying frame holds outside its instance: a lock ends with the connection of its holder."""
    frame = frame_at(w.frames, f)
    if frame.permit >= 0 and gate_at(w.gates, frame.permit).instance != i:
        _give(w, frame.permit)
    pc = row_at(w.program, frame.pc).handler
    while pc >= 0:
        row = row_at(w.program, pc)
        if row.op == RELEASE and gate_at(w.gates, row.a).instance < 0:
            _give(w, row.a)
        pc = row.handler


@njit
def _close_slice(w, c):
    """Note the time integrals of every gate at the end of a slice."""
    for g in range(w.gate_count):
        gate = gate_at(w.gates, g)
        integral = integral_at(w.integrals, w.slices_done * w.gate_count + g)
        integral.busy = gate.busy * w.now + gate.busy_area
        integral.waiting = gate.waiting * w.now + gate.wait_area
    if w.slices_done == 0:
        _start_measuring(w)
    w.slices_done += 1
    if w.slices_done <= w.slice_count:
        control_at(w.controls, c).time = w.warm + w.slices_done * w.slice
        push(w, control_at(w.controls, c).time, E_CONTROL, np.int64(c))


@njit
def _start_measuring(w):
    """Forget what the warm-up counted; the integrals of slice boundary 0 are subtracted later."""
    w.useful = 0.0
    w.orphans = 0
    w.dead_letters = 0
    for g in range(w.gate_count):
        gate_at(w.gates, g).refused = 0
    for g in range(w.group_count):
        group_at(w.groups, g).work = 0.0
        group_at(w.groups, g).shed = 0
    for c in range(w.call_count):
        calls = calls_at(w.calls, c)
        calls.attempts = 0
        calls.retries = 0
        calls.timeouts = 0
        calls.failures = 0
        calls.rejected = 0


@njit
def _busy_time(w, group):
    """Return the time integral of busy cores, or of busy slots where cores are never short, over the instances of a group."""
    now = w.now
    total = 0.0
    for i in range(group.first, group.first + group.count):
        g = instance_at(w.instances, i).core if instance_at(w.instances, i).core >= 0 else instance_at(w.instances, i).slot
        if g >= 0:
            total += gate_at(w.gates, g).busy * now + gate_at(w.gates, g).busy_area
    return total


@njit
def _scale(w, a):
    """Let an autoscaler look at the last period (Kubernetes: wanted = ceil(current * utilisation / target), 10 % tolerance)."""
    scaler = scaler_at(w.scalers, a)
    group = group_at(w.groups, scaler.group)
    running = 0
    places = 0
    for i in range(group.first, group.first + group.count):
        if instance_at(w.instances, i).up and instance_at(w.instances, i).trusted:
            g = instance_at(w.instances, i).core if instance_at(w.instances, i).core >= 0 else instance_at(w.instances, i).slot
            running += 1
            places += gate_at(w.gates, g).capacity if g >= 0 else 0
    area = _busy_time(w, group)
    utilisation = (area - scaler.last_area) / max(scaler.period * places, 1e-9)
    scaler.last_area = area
    ratio = utilisation / scaler.target
    wanted = scaler.wanted
    if abs(ratio - 1.0) > 0.1:
        wanted = np.int64(math.ceil(max(running, 1) * ratio - 1e-9))
    wanted = min(max(wanted, scaler.minimum), scaler.maximum)
    if wanted >= scaler.wanted:
        scaler.hold_until = w.now + scaler.hold
    elif w.now < scaler.hold_until:
        wanted = scaler.wanted
    for place in range(scaler.wanted, wanted):
        push(w, w.now + scaler.startup, E_CONTROL, np.int64(scaler.admissions + place))
    for place in range(wanted, scaler.wanted):
        instance_at(w.instances, group.first + place).trusted = 0
    scaler.wanted = wanted
    push(w, w.now + scaler.period, E_CONTROL, np.int64(scaler.control))


@njit
def _control(w, c):
    control = control_at(w.controls, c)
    op = control.op
    if op == C_SLICE:
        _close_slice(w, c)
    elif op == C_SLOW:
        instance_at(w.instances, control.a).slowness *= control.x
    elif op == C_CRASH:
        _crash(w, control.a, control.b)
    elif op == C_RESTART:
        instance_at(w.instances, control.a).up = 1
    elif op == C_EJECT:
        if not instance_at(w.instances, control.a).up:
            instance_at(w.instances, control.a).trusted = 0
    elif op == C_READMIT:
        instance_at(w.instances, control.a).trusted = 1
    elif op == C_LINK:
        link_at(w.links, control.a).lost = control.x
    elif op == C_ERRORS:
        group_at(w.groups, control.a).errors = control.x
    elif op == C_FLUSH:
        cache_at(w.caches, control.a).fill = 0.0
    else:
        _scale(w, control.a)


# Arrivals


@njit
def _schedule_arrival(w, stream, unit):
    """Schedule the next arrival of a workload: where the integral of its rate has grown by `unit` (time change of a Poisson process)."""
    load = workload_at(w.workloads, stream)
    now = w.now
    while True:
        segment = segment_at(w.segments, load.segment)
        rate = load.rate * (segment.factor + segment.slope * (now - segment.start))
        if segment.slope == 0.0:
            step = unit / rate if rate > 0.0 else math.inf
        else:
            slope = load.rate * segment.slope
            square = rate * rate + 2.0 * slope * unit
            bottom = rate + math.sqrt(square) if square >= 0.0 else 0.0
            step = 2.0 * unit / bottom if bottom > 0.0 else math.inf
        if now + step <= segment.end:
            push(w, now + step, E_ARRIVAL, np.int64(stream))
            return
        rest = segment.end - now
        unit -= rest * (rate + 0.5 * load.rate * segment.slope * rest)
        unit = max(unit, 0.0)
        now = segment.end
        load.segment += 1
        if load.segment >= w.segment_count:
            return


@njit
def _arrive(w, stream):
    load = workload_at(w.workloads, stream)
    key = load.key + np.uint64(load.index) * REQUEST
    f = _new_frame(w, mix(key), load.target, load.group, NONE, ZERO, w.now, math.inf)
    frame_at(w.frames, f).entry = load.entry
    if w.now >= w.warm:
        at = min(np.int64((w.now - w.warm) / w.slice), w.slice_count - 1)
        entry_at(w.entries, load.entry).counts[OFFERED] += 1
        slice_at(w.slices, at).counts[OFFERED] += 1
    load.index += 1
    _schedule_arrival(w, stream, -math.log(uniform(key + ARRIVAL)))
    if load.hop > 0.0:
        wait = -load.hop * math.log(uniform(key + HOP))
        push(w, w.now + wait, E_SUBMIT, np.int64(frame_at(w.frames, f).ticket) << FRAME_BITS | f)
    else:
        _submit(w, f)


# The loop


@njit
def _ring(w, r):
    """Let the first alarm of a ring go off, and put the next one that still matters into the heap."""
    ring = ring_at(w.rings, r)
    n = ring.head
    node = node_at(w.nodes, n)
    f = node.frame
    frame = frame_at(w.frames, f)
    if ring.gate >= 0:
        if frame.ticket == node.stamp:
            gate_at(w.gates, ring.gate).refused += 1
            stage = frame.stage
            _leave_queue(w, f)
            if stage == PERMIT:
                frame.pending = 0
                _attempt_over(w, f, ERROR)
            else:
                _do(w, A_FAIL, f)
    elif frame.token == node.stamp:
        _time_out(w, f)
    while True:
        following = node_at(w.nodes, n).next
        free_node(w, n)
        ring.head = following
        if following < 0:
            return
        n = following
        node = node_at(w.nodes, n)
        frame = frame_at(w.frames, node.frame)
        stamp = frame.ticket if ring.gate >= 0 else frame.token
        if stamp == node.stamp:
            push(w, node.time, E_RING, np.int64(r))
            return


@njit
def _lose(w, f):
    """End a frame that was dropped from a queue, or that died with its instance."""
    frame = frame_at(w.frames, f)
    if frame.stage == SLOT:
        instance = instance_at(w.instances, frame.instance)
        instance.load -= 1
        group_at(w.groups, instance.group).shed += 1
        _finish(w, f, TURNED_AWAY)
    else:
        _finish(w, f, ERROR)


@njit
def _act(w, action, f):
    if action == A_RUN:
        _run(w, f)
    elif action == A_SUBMIT:
        _submit(w, f)
    elif action == A_GRANTED:
        _granted(w, f)
    elif action == A_ATTEMPT:
        _attempt(w, f)
    elif action == A_FAIL:
        _fail(w, f)
    elif action == A_CANCEL:
        _cancel(w, f)
    else:
        _lose(w, f)


@njit
def _prepare(w):
    """Chain the free frames and nodes, and schedule the first arrivals and interventions."""
    w.prepared = 1
    for f in range(w.frame_count):
        frame_at(w.frames, f).child = f + 1
    for n in range(w.node_count):
        node_at(w.nodes, n).next = n + 1
    w.free_frames = w.frame_count
    w.free_nodes = w.node_count
    for stream in range(w.workload_count):
        key = workload_at(w.workloads, stream).key + np.uint64(workload_at(w.workloads, stream).index) * REQUEST
        workload_at(w.workloads, stream).index += 1
        _schedule_arrival(w, stream, -math.log(uniform(key + ARRIVAL)))
    for c in range(w.control_count):
        if control_at(w.controls, c).time >= 0.0:
            push(w, control_at(w.controls, c).time, E_CONTROL, np.int64(c))


@njit(cache=True, nogil=True, error_model="numpy")
def simulate(state, pause):
    """Run until the end of the scenario, until a table is nearly full, or for about `pause` events; return a `Status`."""
    w = state[0]
    if not w.prepared:
        _prepare(w)
    stop = w.events + pause
    while True:
        while w.stacked > 0:
            if (
                w.free_frames < w.margin
                or w.free_nodes < w.margin
                or w.heap_room - w.events_pending < w.margin
                or w.stack_room - w.stacked < w.margin
            ):
                return GROW
            w.stacked -= 1
            item = item_at(w.stack, w.stacked).what
            _act(w, item >> FRAME_BITS, item & FRAME_MASK)
        close_hole(w)
        if w.events_pending == 0:
            w.now = w.end
            return DONE
        if w.free_frames < w.margin or w.free_nodes < w.margin or w.heap_room - w.events_pending < w.margin:
            return GROW
        first = event_at(w.heap, 0)
        time = first.time
        if time > w.end:
            w.now = w.end
            return DONE
        if w.events >= stop:
            return PAUSED
        if not time >= w.now:
            return BROKEN
        kind = first.key & KIND_MASK
        payload = first.payload
        w.now = time
        w.events += 1
        w.hole = 1
        f = payload & FRAME_MASK
        stamp = payload >> FRAME_BITS
        if kind == E_STEP_END:
            frame = frame_at(w.frames, f)
            if frame.ticket == stamp:
                frame.ticket += 1
                if frame.core >= 0:
                    _give(w, frame.core)
                    frame.core = -1
                frame.pc += 1
                _run(w, f)
        elif kind == E_ARRIVAL:
            _arrive(w, payload)
        elif kind == E_RING:
            _ring(w, payload)
        elif kind == E_SUBMIT:
            if frame_at(w.frames, f).ticket == stamp:
                _submit(w, f)
        elif kind == E_RETRY:
            if frame_at(w.frames, f).token == stamp:
                _attempt(w, f)
        elif kind == E_CONTROL:
            _control(w, payload)
        elif kind == E_TIMEOUT:
            if frame_at(w.frames, f).token == stamp:
                _time_out(w, f)
        elif frame_at(w.frames, f).token == stamp and frame_at(w.frames, f).pending > 0:
            frame_at(w.frames, f).pending += 1
            _send(w, f, HEDGE)

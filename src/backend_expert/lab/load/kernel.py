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

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.load.arrivals import schedule_arrival
from backend_expert.lab.load.balancing import pick
from backend_expert.lab.load.caches import fill, found, joins, land
from backend_expert.lab.load.calls import attempt, attempt_over, branch_over, cancel, send, send_first, time_out
from backend_expert.lab.load.codes import (
    A_ATTEMPT,
    A_CANCEL,
    A_FAIL,
    A_GRANTED,
    A_RUN,
    A_SUBMIT,
    ACQUIRE,
    AGAIN,
    ANSWERED,
    BROKEN,
    CALL,
    CHANCE,
    CORE,
    DELIVER,
    DONE,
    E_ARRIVAL,
    E_CONTROL,
    E_LEAVE,
    E_RETRY,
    E_RING,
    E_STEP_END,
    E_SUBMIT,
    E_TIMEOUT,
    END,
    ERROR,
    FAIL,
    FAILED,
    FILL,
    GONE,
    GROW,
    HOLD,
    JOIN,
    JOINED,
    JUMP,
    LAND,
    LATE,
    LESS,
    LOOKUP,
    LOOP,
    MORE,
    NONE,
    NOTHING,
    OFFERED,
    OK,
    PARALLEL,
    PAUSED,
    PERMIT,
    QUEUED,
    REFUSED,
    RELEASE,
    REPLY,
    SHED,
    SLEEP,
    SLOT,
    SPAWN,
    SUCCEEDED,
    TURNED_AWAY,
    WORK,
    ZERO,
)
from backend_expert.lab.load.control import close_slice, intervene
from backend_expert.lab.load.frames import do, free_frame, hold, new_frame, place, step_key, swallow
from backend_expert.lab.load.gates import give, leave_queue, take
from backend_expert.lab.load.heap import FRAME_BITS, FRAME_MASK, KIND_MASK, close_hole, free_node, push
from backend_expert.lab.load.histogram import bucket
from backend_expert.lab.load.jit import cached, compiled
from backend_expert.lab.load.layout import CACHE_DEPTH
from backend_expert.lab.load.outliers import note
from backend_expert.lab.load.policies import limit_allows
from backend_expert.lab.load.random_keys import (
    ARRIVAL,
    BRANCH,
    CHILD,
    CHOICE,
    HEDGE,
    HOP,
    LOOP_SALTS,
    LOSS,
    PATIENCE,
    REQUEST,
    SERVICE,
    THINK,
    draw,
    exponential,
    mix,
    uniform,
)
from backend_expert.lab.load.rows import (
    Index,
    State,
    branch_at,
    budget_at,
    cell_at,
    control_at,
    entry_at,
    event_at,
    frame_at,
    gate_at,
    group_at,
    instance_at,
    item_at,
    node_at,
    ring_at,
    row_at,
    site_at,
    slice_at,
    workload_at,
)


@compiled
def _record(w: State, f: Index, result: Index) -> None:
    """Count the end of a request from outside, or of the handling of a message."""
    frame = frame_at(w.frames, f)
    entry = frame.entry
    frame.entry = -1
    stream = entry_at(w.entries, entry).closed - 1
    if stream >= 0:
        think = workload_at(w.workloads, stream).think
        push(w, w.now + think * exponential(frame.key + THINK), E_ARRIVAL, np.int64(stream))
    if frame.start < w.warm:
        return
    latency = w.now - frame.start
    counter = SUCCEEDED
    if result == ERROR:
        counter = FAILED
    elif result == TURNED_AWAY:
        counter = SHED
    elif result == GONE or (latency > w.patience and frame.slice >= 0):
        counter = LATE
    at = frame.slice
    entry_at(w.entries, entry).counts[counter] += 1
    if at >= 0:
        cell_at(w.cells, entry * w.slice_count + at).counts[counter] += 1
    if counter == SUCCEEDED:
        row = bucket(latency)
        entry_at(w.entries, entry).bins[row] += 1
        entry_at(w.entries, entry).total += latency
        if at >= 0:
            slice_at(w.slices, at).bins[row] += 1


@compiled
def _answer(w: State, f: Index, result: Index) -> None:
    """Tell whoever waits for a frame how it ended."""
    frame = frame_at(w.frames, f)
    parent = frame.parent
    if parent >= 0:
        frame.parent = -1
        above = frame_at(w.frames, parent)
        if above.token == frame.parent_token:
            above.work += frame.work
            if row_at(w.program, above.pc).op == PARALLEL:
                branch_over(w, parent, result)
            else:
                attempt_over(w, parent, result)
        elif frame.seated:
            w.orphans += 1
    elif frame.entry >= 0:
        if result == OK:
            w.useful += frame.work
        _record(w, f, result)
    elif parent == -1 and result == OK:
        w.useful += frame.work
    frame.parent = ANSWERED


@compiled
def _finish(w: State, f: Index, result: Index) -> None:
    """End a frame: answer, leave the slot to the next, free the memory."""
    frame = frame_at(w.frames, f)
    if frame.parent != ANSWERED:
        _answer(w, f, result)
    if frame.instance >= 0 and frame.seated:
        if instance_at(w.instances, frame.instance).watched:
            note(w, f, frame.instance, result)
        hold(w, frame.instance, LESS)
        slot = instance_at(w.instances, frame.instance).slot
        if slot >= 0:
            give(w, slot)
    free_frame(w, f)


@compiled
def _turns_away(w: State, f: Index, i: Index) -> bool:
    """Tell whether an instance turns a frame away at its door: for its rate, its backlog, or the places kept for what is critical."""
    instance = instance_at(w.instances, i)
    if instance.limit >= 0 and not limit_allows(w, instance.limit):
        return True
    sheddable = frame_at(w.frames, f).sheddable
    if sheddable and instance.load >= instance.open_load:
        return True
    if instance.core >= 0:
        core = gate_at(w.gates, instance.core)
        return core.busy >= core.capacity and core.waiting >= (instance.open_backlog if sheddable else instance.backlog)
    return False


@compiled
def _submit(w: State, f: Index) -> None:
    """Bring a frame to an instance: run it, let it wait for a slot, or turn it away."""
    frame = frame_at(w.frames, f)
    i = pick(w, f)
    if i < 0:
        _finish(w, f, ERROR)
        return
    instance = instance_at(w.instances, i)
    group = group_at(w.groups, instance.group)
    if not instance.up:
        if instance.watched:
            note(w, f, i, ERROR)
        if not group.silent:
            _finish(w, f, ERROR)
        elif frame.entry >= 0:
            swallow(w, f)
        else:
            free_frame(w, f)
        return
    if group.errors > 0.0 and uniform(frame.key + LOSS) < group.errors:
        _finish(w, f, ERROR)
        return
    if instance.guarded and _turns_away(w, f, i):
        group.shed += 1
        if instance.watched:
            note(w, f, i, ERROR)
        _finish(w, f, TURNED_AWAY)
        return
    frame.instance = i
    if instance.slot >= 0:
        answer = take(w, instance.slot, f, SLOT)
        if answer == REFUSED:
            group.shed += 1
            _finish(w, f, TURNED_AWAY)
            return
        hold(w, i, MORE)
        if answer == QUEUED:
            return
    else:
        hold(w, i, MORE)
    frame.seated = 1
    _run(w, f)


@compiled
def _granted(w: State, f: Index) -> None:
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
        frame.permit = site.gate + site.gate_stride * place(w, f)
        if w.now > frame.deadline:
            attempt_over(w, f, ERROR)
        else:
            send_first(w, f)
    elif stage == JOINED:
        frame.pc = row_at(w.program, frame.pc).a
        _run(w, f)
    else:
        frame.pc += 1
        _run(w, f)


@compiled
def _begin(w: State, f: Index) -> None:
    """Start the work or the sleep at which a frame stands."""
    frame = frame_at(w.frames, f)
    row = row_at(w.program, frame.pc)
    time = draw(step_key(w, f) + SERVICE, row.law, row.mean, row.shape)
    if frame.instance >= 0:
        instance = instance_at(w.instances, frame.instance)
        if row.op == WORK:
            time *= instance.stretch
            if w.now < instance.warm_at:
                time *= 1.0 + instance.cold * (instance.warm_at - w.now) / instance.warming
            group_at(w.groups, instance.group).work += time
            frame.work += time
        else:
            time *= instance.slowness
    push(w, w.now + time, E_STEP_END, np.int64(frame.ticket) << FRAME_BITS | f)


@compiled
def _run(w: State, f: Index) -> None:
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
                if take(w, core, f, CORE) == QUEUED:
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
            attempt(w, f)
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
            answer = take(w, row.a + row.b * place(w, f), f, HOLD)
            if answer == QUEUED:
                return
            if answer == REFUSED:
                _fail(w, f)
                return
        elif op == RELEASE:
            give(w, row.a + row.b * place(w, f))
        elif op == FAIL:
            _fail(w, f)
            return
        elif op == REPLY:
            if frame.parent != ANSWERED:
                _answer(w, f, OK)
        elif op == LOOP:
            rounds = np.int64(row.mean)
            if uniform(step_key(w, f) + CHOICE) < row.mean - rounds:
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
            if uniform(step_key(w, f) + CHOICE) >= row.mean:
                frame.pc = row.a
                continue
        elif op == LOOKUP:
            if found(w, f):
                frame.pc = row.a
                continue
        elif op == FILL:
            fill(w, f)
        elif op == JOIN:
            if joins(w, f):
                return
        elif op == LAND:
            land(w, f, np.int64(frame.pc))
        elif op == SPAWN:
            site = site_at(w.sites, row.a)
            key = mix(step_key(w, f) + CHILD)
            do(w, A_SUBMIT, new_frame(w, key, site.target, site.group, NONE, ZERO, w.now, math.inf))
        elif op == DELIVER:
            _deliver(w, f)
        frame.pc += 1


@compiled
def _deliver(w: State, f: Index) -> None:
    """Start the delivery of a message to each group of its subscribers."""
    row = row_at(w.program, frame_at(w.frames, f).pc)
    for each in range(row.b):
        key = mix(step_key(w, f) + CHILD + np.uint64(each) * BRANCH)
        branch = branch_at(w.branches, row.a + each)
        c = new_frame(w, key, branch.row, NONE, NONE, ZERO, w.now, math.inf)
        frame_at(w.frames, c).entry = branch.entry
        frame_at(w.frames, c).slice = -1
        frame_at(w.frames, c).leaves_at = -1.0
        if w.now >= w.warm:
            entry_at(w.entries, branch.entry).counts[OFFERED] += 1
        do(w, A_RUN, c)


@compiled
def _fork(w: State, f: Index) -> None:
    """Start the branches of a parallel step as frames that share the caller's place."""
    frame = frame_at(w.frames, f)
    row = row_at(w.program, frame.pc)
    frame.pending = row.b
    frame.needed = row.c
    base = step_key(w, f) + CHILD
    for each in range(row.b):
        key = mix(base + np.uint64(each) * BRANCH)
        c = new_frame(w, key, branch_at(w.branches, row.a + each).row, frame.group, f, frame.token, w.now, frame.deadline)
        frame_at(w.frames, c).instance = frame.instance
        frame_at(w.frames, c).sheddable = frame.sheddable
        for depth in range(CACHE_DEPTH):
            frame_at(w.frames, c).keys[depth] = frame.keys[depth]
        do(w, A_RUN, c)


@compiled
def _fail(w: State, f: Index) -> None:
    """Let the step at which a frame stands fail: what it holds is given back by its handlers, then the caller hears of it."""
    frame = frame_at(w.frames, f)
    frame.deadline = math.inf
    row = row_at(w.program, frame.pc)
    if row.handler >= 0:
        frame.pc = row.handler
        do(w, A_RUN, f)
        return
    if frame.group < 0:
        w.dead_letters += 1
    _finish(w, f, ERROR)


@compiled
def _lose(w: State, f: Index) -> None:
    """End a frame that was dropped from a queue, or that died with its instance."""
    frame = frame_at(w.frames, f)
    if frame.stage == SLOT:
        hold(w, frame.instance, LESS)
        group_at(w.groups, instance_at(w.instances, frame.instance).group).shed += 1
        _finish(w, f, TURNED_AWAY)
    else:
        _finish(w, f, ERROR)


@compiled
def _arrive(w: State, stream: Index) -> None:
    load = workload_at(w.workloads, stream)
    key = load.key + np.uint64(load.index) * REQUEST
    f = new_frame(w, mix(key), load.target, load.group, NONE, ZERO, w.now, math.inf)
    frame_at(w.frames, f).entry = load.entry
    frame_at(w.frames, f).sheddable = load.sheddable
    if w.now >= w.warm:
        at = min(np.int64((w.now - w.warm) * w.slice_rate), w.slice_count - 1)
        frame_at(w.frames, f).slice = at
        entry_at(w.entries, load.entry).counts[OFFERED] += 1
        cell_at(w.cells, load.entry * w.slice_count + at).counts[OFFERED] += 1
    load.index += 1
    if load.think < 0.0:
        schedule_arrival(w, stream, exponential(key + ARRIVAL))
    if w.stay >= 0.0:
        frame = frame_at(w.frames, f)
        frame.leaves_at = w.now + w.stay * (1.0 if w.constant_stay else exponential(key + PATIENCE))
        push(w, frame.leaves_at, E_LEAVE, f)
    if load.hop > 0.0:
        wait = load.hop * exponential(key + HOP)
        push(w, w.now + wait, E_SUBMIT, np.int64(frame_at(w.frames, f).ticket) << FRAME_BITS | f)
    else:
        _submit(w, f)


@compiled
def _leave(w: State, f: Index) -> None:
    """Let whoever sent a request go: it leaves the queue in which it waits for its first place, or is worked on for nobody.

    A request without an instance was swallowed by one that hung: nothing will ever come of it.
    """
    frame = frame_at(w.frames, f)
    if not (frame.live and frame.entry >= 0 and frame.leaves_at == w.now):
        return
    _record(w, f, GONE)
    frame.parent = ANSWERED
    if frame.stage == SLOT and frame.waits_at >= 0:
        hold(w, frame.instance, LESS)
        leave_queue(w, f)
        free_frame(w, f)
    elif frame.instance < 0:
        free_frame(w, f)
    elif frame.seated:
        w.orphans += 1


@compiled
def _ring(w: State, r: Index) -> None:
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
            leave_queue(w, f)
            if stage == PERMIT:
                frame.pending = 0
                attempt_over(w, f, ERROR)
            else:
                do(w, A_FAIL, f)
    elif frame.token == node.stamp:
        time_out(w, f)
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


@compiled
def _act(w: State, action: Index, f: Index) -> None:
    if action == A_RUN:
        _run(w, f)
    elif action == A_SUBMIT:
        _submit(w, f)
    elif action == A_GRANTED:
        _granted(w, f)
    elif action == A_ATTEMPT:
        attempt(w, f)
    elif action == A_FAIL:
        _fail(w, f)
    elif action == A_CANCEL:
        cancel(w, f)
    else:
        _lose(w, f)


@compiled
def _prepare(w: State) -> None:
    """Chain the free frames and nodes, and schedule the first arrivals and interventions."""
    w.prepared = 1
    for f in range(w.frame_count):
        frame_at(w.frames, f).child = f + 1
    for n in range(w.node_count):
        node_at(w.nodes, n).next = n + 1
    w.free_frames = w.frame_count
    w.free_nodes = w.node_count
    for stream in range(w.workload_count):
        load = workload_at(w.workloads, stream)
        for user in range(load.users):
            key = load.key + np.uint64(user) * REQUEST
            push(w, load.think * exponential(mix(key) + THINK), E_ARRIVAL, np.int64(stream))
        if load.think < 0.0:
            key = load.key + np.uint64(load.index) * REQUEST
            load.index += 1
            schedule_arrival(w, stream, exponential(key + ARRIVAL))
    for c in range(w.control_count):
        if control_at(w.controls, c).time >= 0.0:
            push(w, control_at(w.controls, c).time, E_CONTROL, np.int64(c))


@compiled
def _end(w: State) -> None:
    """Stop the clock and close the last slice, which may be a short one."""
    w.now = w.end
    while w.slices_done <= w.slice_count:
        close_slice(w, ZERO)


@cached
def simulate(state: NDArray[np.void], pause: Index) -> Index:
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
            _end(w)
            return DONE
        if w.free_frames < w.margin or w.free_nodes < w.margin or w.heap_room - w.events_pending < w.margin:
            return GROW
        first = event_at(w.heap, 0)
        time = first.time
        if time > w.end:
            _end(w)
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
                    give(w, frame.core)
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
                attempt(w, f)
        elif kind == E_CONTROL:
            intervene(w, payload)
        elif kind == E_TIMEOUT:
            if frame_at(w.frames, f).token == stamp:
                time_out(w, f)
        elif kind == E_LEAVE:
            _leave(w, f)
        elif frame_at(w.frames, f).token == stamp and frame_at(w.frames, f).pending > 0:
            frame_at(w.frames, f).pending += 1
            send(w, f, HEDGE)

"""Interventions: slices of time, faults, autoscalers."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math

import numpy as np

from backend_expert.lab.load.caches import flush, land
from backend_expert.lab.load.codes import (
    A_LOST,
    C_CRASH,
    C_EJECT,
    C_ERRORS,
    C_FLUSH,
    C_JUDGE,
    C_LINK,
    C_READMIT,
    C_RESTART,
    C_SLICE,
    C_SLOW,
    C_STEAL,
    E_CONTROL,
    JOINED,
    LAND,
    NOTHING,
    RELEASE,
)
from backend_expert.lab.load.frames import do, free_frame, hold, swallow
from backend_expert.lab.load.gates import give, leave_queue, reset_gate
from backend_expert.lab.load.heap import push
from backend_expert.lab.load.jit import compiled
from backend_expert.lab.load.outliers import judge
from backend_expert.lab.load.rows import (
    Index,
    Record,
    State,
    cache_at,
    calls_at,
    control_at,
    frame_at,
    gate_at,
    group_at,
    instance_at,
    integral_at,
    link_at,
    row_at,
    scaler_at,
)


@compiled
def intervene(w: State, c: Index) -> None:
    """Do what a scheduled intervention says."""
    control = control_at(w.controls, c)
    op = control.op
    if op == C_SLICE:
        close_slice(w, c)
    elif op == C_SLOW:
        instance_at(w.instances, control.a).slowness *= control.x
        instance_at(w.instances, control.a).stretch *= control.x
    elif op == C_STEAL:
        instance_at(w.instances, control.a).stretch *= control.x
    elif op == C_CRASH:
        crash(w, control.a, control.b)
    elif op == C_RESTART:
        instance_at(w.instances, control.a).up = 1
        start(w, control.a)
    elif op == C_EJECT:
        if not instance_at(w.instances, control.a).up:
            instance_at(w.instances, control.a).trusted = 0
    elif op == C_READMIT:
        instance_at(w.instances, control.a).trusted = 1
        if control.b:
            start(w, control.a)
    elif op == C_LINK:
        link_at(w.links, control.a).lost = control.x
    elif op == C_ERRORS:
        group_at(w.groups, control.a).errors = control.x
    elif op == C_FLUSH:
        flush(w, control.a)
    elif op == C_JUDGE:
        judge(w, control.a)
    else:
        scale(w, control.a)


@compiled
def start(w: State, i: Index) -> None:
    """Let an instance be cold: its work takes longer until it is warm."""
    instance = instance_at(w.instances, i)
    instance.warm_at = w.now + instance.warming


@compiled
def crash(w: State, i: Index, silent: Index) -> None:
    """Take an instance down with everything on it."""
    instance = instance_at(w.instances, i)
    if not instance.up:
        return
    instance.up = 0
    hold(w, i, -instance.load)
    group_at(w.groups, instance.group).silent = silent
    for g in range(w.gate_count):
        if gate_at(w.gates, g).instance == i:
            reset_gate(w, g)
    for f in range(w.frame_count):
        frame = frame_at(w.frames, f)
        if frame.live and frame.instance == i:
            if frame.waits_at >= 0 and gate_at(w.gates, frame.waits_at).instance != i:
                leave_queue(w, f)
            elif frame.stage == JOINED:
                frame.stage = NOTHING
                frame.ticket += 1
    for f in range(w.frame_count):
        frame = frame_at(w.frames, f)
        if frame.live and frame.instance == i:
            give_back(w, f, i)
            frame.token += 1
            frame.ticket += 1
            frame.seated = 0
            frame.permit = -1
            frame.core = -1
            frame.waits_at = -1
            frame.stage = NOTHING
            if not silent:
                do(w, A_LOST, f)
            elif frame.entry >= 0:
                swallow(w, f)
            else:
                free_frame(w, f)


@compiled
def give_back(w: State, f: Index, i: Index) -> None:
    """Release what a dying frame holds outside its instance: a lock ends with the connection of its holder."""
    frame = frame_at(w.frames, f)
    if frame.permit >= 0 and gate_at(w.gates, frame.permit).instance != i:
        give(w, frame.permit)
    pc = row_at(w.program, frame.pc).handler
    while pc >= 0:
        row = row_at(w.program, pc)
        if row.op == RELEASE and gate_at(w.gates, row.a).instance < 0:
            give(w, row.a)
        elif row.op == LAND:
            land(w, f, pc)
        pc = row.handler


@compiled
def close_slice(w: State, c: Index) -> None:
    """Note the time integrals of every gate at the end of a slice."""
    for g in range(w.gate_count):
        gate = gate_at(w.gates, g)
        integral = integral_at(w.integrals, w.slices_done * w.gate_count + g)
        integral.busy = gate.busy * w.now + gate.busy_area
        integral.waiting = gate.waiting * w.now + gate.wait_area
    if w.slices_done == 0:
        start_measuring(w)
    w.slices_done += 1
    if w.slices_done <= w.slice_count:
        control_at(w.controls, c).time = w.warm + w.slices_done * w.slice
        push(w, control_at(w.controls, c).time, E_CONTROL, np.int64(c))


@compiled
def start_measuring(w: State) -> None:
    """Forget what the warm-up counted; the integrals of slice boundary 0 are subtracted later."""
    w.useful = 0.0
    w.orphans = 0
    w.dead_letters = 0
    for g in range(w.gate_count):
        gate_at(w.gates, g).refused = 0
    for g in range(w.group_count):
        group = group_at(w.groups, g)
        group.work = 0.0
        group.shed = 0
        for i in range(group.first, group.first + group.count):
            instance_at(w.instances, i).held = -instance_at(w.instances, i).load * w.now
    for c in range(w.cache_count):
        cache_at(w.caches, c).lookups = 0
        cache_at(w.caches, c).hits = 0
    for c in range(w.call_count):
        calls = calls_at(w.calls, c)
        calls.attempts = 0
        calls.retries = 0
        calls.timeouts = 0
        calls.failures = 0
        calls.rejected = 0


@compiled
def scale(w: State, a: Index) -> None:
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
    area = busy_time(w, group)
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


@compiled
def busy_time(w: State, group: Record) -> float:
    """Return the time integral of busy cores, or of busy slots where cores are never short, over the instances of a group."""
    now = w.now
    total = 0.0
    for i in range(group.first, group.first + group.count):
        g = instance_at(w.instances, i).core if instance_at(w.instances, i).core >= 0 else instance_at(w.instances, i).slot
        if g >= 0:
            total += gate_at(w.gates, g).busy * now + gate_at(w.gates, g).busy_area
    return total

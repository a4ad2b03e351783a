"""Gates: slots of instances, cores, permits of pools, locks, consumers. Whoever finds no place free stands in the queue."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from backend_expert.lab.load.codes import A_GRANTED, A_LOST, CODEL, GRANTED_NOW, LIFO, NOTHING, QUEUED, REFUSED
from backend_expert.lab.load.frames import do
from backend_expert.lab.load.heap import free_node, new_node, set_alarm
from backend_expert.lab.load.jit import compiled
from backend_expert.lab.load.rows import Index, Record, State, frame_at, gate_at, node_at

# Controlled delay for servers: a queue that was not empty within the last 100 ms serves only who waited less than 5 ms
# (Maurer, Fail at Scale, ACM Queue 13(8), 2015).
CODEL_INTERVAL_MS, CODEL_TARGET_MS = 100.0, 5.0


@compiled
def take(w: State, g: Index, f: Index, stage: Index) -> Index:
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


@compiled
def leave_queue(w: State, f: Index) -> None:
    """Make the place void that a frame has in a queue."""
    frame = frame_at(w.frames, f)
    if frame.waits_at >= 0:
        gate = gate_at(w.gates, frame.waits_at)
        gate.waiting -= 1
        gate.wait_area += w.now
        frame.waits_at = -1
        frame.stage = NOTHING
        frame.ticket += 1


@compiled
def drops(w: State, gate: Record, node: Record) -> bool:
    """Tell whether the discipline of a gate drops a waiting frame instead of serving it."""
    now = w.now
    if gate.discipline == CODEL:
        patience = CODEL_TARGET_MS if gate.empty_at < now - CODEL_INTERVAL_MS else CODEL_INTERVAL_MS
        return now - node.time > patience
    frame = frame_at(w.frames, node.frame)
    if frame.parent >= 0 and frame_at(w.frames, frame.parent).token != frame.parent_token:
        return True
    return now > frame.deadline


@compiled
def give(w: State, g: Index) -> None:
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
            dropped = gate.discipline >= CODEL and drops(w, gate, node)
            free_node(w, n)
            gate.waiting -= 1
            gate.wait_area += now
            frame = frame_at(w.frames, f)
            frame.waits_at = -1
            frame.ticket += 1
            if not dropped:
                do(w, A_GRANTED, f)
                return
            gate.refused += 1
            do(w, A_LOST, f)
        else:
            free_node(w, n)
    if gate.head < 0:
        gate.empty_at = now
    gate.busy -= 1
    gate.busy_area += now


@compiled
def reset_gate(w: State, g: Index) -> None:
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

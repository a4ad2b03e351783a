"""Caches key by key: which key a look-up asks for, whether it is there, who fetches it, and who waits for that."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from backend_expert.lab.load.codes import A_FAIL, A_GRANTED, JOINED, NONE, NOTHING
from backend_expert.lab.load.frames import do, step_key
from backend_expert.lab.load.heap import free_node, new_node
from backend_expert.lab.load.jit import compiled
from backend_expert.lab.load.random_keys import CHOICE, JITTER, POPULAR, uniform
from backend_expert.lab.load.rows import Index, Record, State, cache_at, frame_at, key_at, node_at, row_at


@compiled
def asked_for(w: State, cache: Record, share: float) -> Index:
    """Return the key below which a share of the look-ups lies, -1 for one of those without a row of their own."""
    low = cache.first
    end = low + cache.count
    high = end
    while low < high:
        middle = (low + high) >> 1
        if key_at(w.keys, middle).cumulated < share:
            low = middle + 1
        else:
            high = middle
    return low if low < end else NONE


@compiled
def found(w: State, f: Index) -> bool:
    """Look a key up for a frame, and tell whether it was there."""
    frame = frame_at(w.frames, f)
    row = row_at(w.program, frame.pc)
    cache = cache_at(w.caches, row.b)
    draw = step_key(w, f) + CHOICE
    k: Index = NONE
    if cache.count > 0:
        k = asked_for(w, cache, uniform(draw + POPULAR))
        if row.c >= 0:
            frame.keys[row.c] = k
    there = uniform(draw) < row.mean * cache.fill if k < 0 else w.now < key_at(w.keys, k).until
    hit = there and row.mean >= 0.0
    cache.lookups += 1
    if hit:
        cache.hits += 1
    return hit


@compiled
def fill(w: State, f: Index) -> None:
    """Put the key that a look-up missed, or one of the step's own."""
    frame = frame_at(w.frames, f)
    row = row_at(w.program, frame.pc)
    cache = cache_at(w.caches, row.b)
    k: Index = NONE
    if cache.count > 0:
        k = np.int64(frame.keys[row.c]) if row.c >= 0 else asked_for(w, cache, uniform(step_key(w, f) + POPULAR))
    if k >= 0:
        life = row.mean
        if row.shape > 0.0:
            life *= 1.0 + row.shape * (2.0 * uniform(step_key(w, f) + JITTER) - 1.0)
        key_at(w.keys, k).until = w.now + life
    else:
        cache.fill += (1.0 - cache.fill) / cache.others


@compiled
def flush(w: State, c: Index) -> None:
    """Forget every key of a cache."""
    cache = cache_at(w.caches, c)
    cache.fill = 0.0
    for k in range(cache.first, cache.first + cache.count):
        key_at(w.keys, k).until = w.now


@compiled
def joins(w: State, f: Index) -> bool:
    """Let a frame wait for the one of its instance that fetches the same key already, or become that one; tell whether it waits."""
    frame = frame_at(w.frames, f)
    k = np.int64(frame.keys[row_at(w.program, frame.pc).c])
    if cache_at(w.caches, row_at(w.program, frame.pc).b).count == 0 or k < 0:
        return False
    key = key_at(w.keys, k)
    flight = np.int64(key.flight)
    while flight >= 0:
        node = node_at(w.nodes, flight)
        if frame_at(w.frames, node.frame).instance == frame.instance:
            n = new_node(w, w.now, f, frame.ticket)
            node_at(w.nodes, n).next = node.stamp
            node.stamp = n
            frame.stage = JOINED
            return True
        flight = node.next
    n = new_node(w, w.now, f, NONE)
    node_at(w.nodes, n).next = key.flight
    key.flight = n
    return False


@compiled
def land(w: State, f: Index, pc: Index) -> None:
    """End the fetch of a key, by the row that says so: those that wait for it go on, or fail as it did."""
    row = row_at(w.program, pc)
    frame = frame_at(w.frames, f)
    k = np.int64(frame.keys[row.c])
    if cache_at(w.caches, row.b).count == 0 or k < 0:
        return
    key = key_at(w.keys, k)
    before = NONE
    flight = np.int64(key.flight)
    while flight >= 0 and node_at(w.nodes, flight).frame != f:
        before = flight
        flight = node_at(w.nodes, flight).next
    if flight < 0:
        return
    if before < 0:
        key.flight = node_at(w.nodes, flight).next
    else:
        node_at(w.nodes, before).next = node_at(w.nodes, flight).next
    n = np.int64(node_at(w.nodes, flight).stamp)
    free_node(w, flight)
    while n >= 0:
        node = node_at(w.nodes, n)
        waiting = node.frame
        if frame_at(w.frames, waiting).ticket == node.stamp:
            frame_at(w.frames, waiting).ticket += 1
            if row.a:
                do(w, A_GRANTED, waiting)
            else:
                frame_at(w.frames, waiting).stage = NOTHING
                do(w, A_FAIL, waiting)
        following = node.next
        free_node(w, n)
        n = following

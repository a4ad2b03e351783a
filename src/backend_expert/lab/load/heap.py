"""The pending events: a 4-ary heap with a deferred pop, and lists of waiting frames from one pool of nodes.

An event is (time, sequence << 4 | kind, payload); equal times keep the order in which they were pushed. `take_first` leaves a hole at the
root that the next push fills with one sift instead of two. Timeouts of one length expire in the order in which they were set,
so each length has a ring, and only the head of a ring stands in the heap.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from backend_expert.lab.load.jit import compiled
from backend_expert.lab.load.rows import Index, State, event_at, node_at, ring_at
from backend_expert.lab.load.vocabulary import Kind

KIND_BITS = 4
KIND_MASK = 15
FRAME_BITS = 32
FRAME_MASK = (1 << FRAME_BITS) - 1
RING_EVENT = np.int64(Kind.RING)


@compiled
def _sift_down(heap: Index, size: Index, time: float, key: Index, payload: Index) -> None:
    place = 0
    while True:
        child = 4 * place + 1
        if child >= size:
            break
        least = child
        least_time = event_at(heap, child).time
        least_key = event_at(heap, child).key
        for other in range(child + 1, min(child + 4, size)):
            other_time = event_at(heap, other).time
            if other_time < least_time or (other_time == least_time and event_at(heap, other).key < least_key):
                least = other
                least_time = other_time
                least_key = event_at(heap, other).key
        if time < least_time or (time == least_time and key < least_key):
            break
        to = event_at(heap, place)
        to.time = least_time
        to.key = least_key
        to.payload = event_at(heap, least).payload
        place = least
    to = event_at(heap, place)
    to.time = time
    to.key = key
    to.payload = payload


@compiled
def _sift_up(heap: Index, place: Index, time: float, key: Index, payload: Index) -> None:
    while place > 0:
        above = (place - 1) >> 2
        from_ = event_at(heap, above)
        if from_.time < time or (from_.time == time and from_.key < key):
            break
        to = event_at(heap, place)
        to.time = from_.time
        to.key = from_.key
        to.payload = from_.payload
        place = above
    to = event_at(heap, place)
    to.time = time
    to.key = key
    to.payload = payload


@compiled
def push(w: State, time: float, kind: Index, payload: Index) -> None:
    """Schedule an event."""
    key = w.sequence << KIND_BITS | kind
    w.sequence += 1
    if w.hole:
        w.hole = 0
        _sift_down(w.heap, w.events_pending, time, key, payload)
    else:
        _sift_up(w.heap, w.events_pending, time, key, payload)
        w.events_pending += 1


@compiled
def close_hole(w: State) -> None:
    """Bring the heap in order when the last event pushed nothing."""
    if w.hole:
        w.hole = 0
        w.events_pending -= 1
        last = event_at(w.heap, w.events_pending)
        if w.events_pending > 0:
            _sift_down(w.heap, w.events_pending, last.time, last.key, last.payload)


@compiled
def new_node(w: State, time: float, frame: Index, stamp: Index) -> Index:
    """Take a node from the pool."""
    n = w.free_node
    node = node_at(w.nodes, n)
    w.free_node = node.next
    w.free_nodes -= 1
    node.time = time
    node.frame = frame
    node.stamp = stamp
    node.next = -1
    return n


@compiled
def free_node(w: State, n: Index) -> None:
    """Give a node back to the pool."""
    node_at(w.nodes, n).next = w.free_node
    w.free_node = n
    w.free_nodes += 1


@compiled
def set_alarm(w: State, r: Index, frame: Index, stamp: Index) -> None:
    """Ask ring `r` to call the frame after the ring's delay, unless its stamp has moved by then."""
    ring = ring_at(w.rings, r)
    deadline = w.now + ring.delay
    n = new_node(w, deadline, frame, stamp)
    if ring.head < 0:
        ring.head = n
        push(w, deadline, RING_EVENT, r)
    else:
        node_at(w.nodes, ring.tail).next = n
    ring.tail = n

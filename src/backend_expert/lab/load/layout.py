"""The shape of the kernel's memory: records, operation codes, event kinds. Times are milliseconds, indices are rows, -1 is none."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

MANTISSA_BITS = 7
OCTAVES = 32
BUCKETS = OCTAVES << MANTISSA_BITS
"""Of a histogram: 128 an octave, so that a bucket is at most 0.8 % wide, from 1 µs to 70 minutes."""

UNBOUNDED = 1 << 40
BREAKER_BUCKETS = 10
LOOP_DEPTH = 4
CACHE_DEPTH = 4


class Op(IntEnum):
    """What a row of the program table does to the frame that runs it."""

    END = 0
    WORK = 1  # hold a core for a drawn time
    SLEEP = 2  # let a drawn time pass
    CALL = 3  # a: site, b: rows to leave out when it succeeds
    SPAWN = 4  # a: site; start its target and wait for nothing
    PARALLEL = 5  # a: first row of `branches`, b: how many, c: how many must be done
    REPLY = 6
    ACQUIRE = 7  # a: first gate, b: 1 when there is one for each instance of the component
    RELEASE = 8  # the same
    LOOP = 9  # a: row after the loop, c: depth, mean: count
    AGAIN = 10  # a: row of the first step, c: depth
    JUMP = 11  # a: row
    CHANCE = 12  # a: row taken otherwise, mean: probability of the next row
    LOOKUP = 13  # a: row after a hit, b: cache, c: depth, mean: hit ratio of the keys without a row of their own, -1 for a miss
    FILL = 14  # b: cache, c: depth of the look-up whose key it puts, -1 for a key of its own, mean: life, shape: its jitter
    FAIL = 15
    DELIVER = 16  # a: first row of `branches`, b: how many subscribers
    JOIN = 17  # a: row after a hit, b: cache, c: depth; wait for who fetches the key already, or fetch it
    LAND = 18  # a: 1 when the key was fetched, b: cache, c: depth


class LawCode(IntEnum):
    """The law of a service time."""

    CONSTANT = 0
    EXPONENTIAL = 1
    GAMMA = 2
    LOGNORMAL = 3
    PARETO = 4


class Kind(IntEnum):
    """What an event of the heap is; four bits of its key."""

    ARRIVAL = 0
    STEP_END = 1
    RETRY = 2
    RING = 3
    CONTROL = 4
    SUBMIT = 5
    HEDGE = 6
    TIMEOUT = 7
    LEAVE = 8


class Action(IntEnum):
    """What is to be done with a frame before time may go on."""

    RUN = 0
    SUBMIT = 1
    GRANTED = 2
    ATTEMPT = 3
    FAIL = 4
    LOST = 5
    CANCEL = 6


class Stage(IntEnum):
    """What a frame waits for in the queue of a gate."""

    NOTHING = 0
    SLOT = 1
    CORE = 2
    PERMIT = 3
    HOLD = 4
    REPLY = 5  # of a call, or the end of the pause before the next attempt
    JOINED = 6  # who fetches the same key


class Control(IntEnum):
    """What a scheduled intervention does."""

    SLICE = 0
    SLOW = 1  # a: instance, x: factor
    CRASH = 2  # a: instance, b: silent
    RESTART = 3  # a: instance
    EJECT = 4  # a: instance
    READMIT = 5  # a: instance, b: 1 when it has just started
    LINK = 6  # a: link, x: ratio of calls lost
    ERRORS = 7  # a: group, x: ratio
    FLUSH = 8  # a: cache
    SCALE = 9  # a: scaler
    STEAL = 10  # a: instance, x: factor
    JUDGE = 11  # a: outlier ejection


class Balancer(IntEnum):
    """How an instance is picked."""

    ROUND_ROBIN = 0
    RANDOM = 1
    LEAST = 2
    TWO_CHOICES = 3
    PRIMARY = 4


class Discipline(IntEnum):
    """Who is served next in the queue of a gate."""

    FIFO = 0
    LIFO = 1
    CODEL = 2
    DEADLINE = 3


class Status(IntEnum):
    """Why the kernel returned."""

    DONE = 0
    GROW = 1
    PAUSED = 2
    BROKEN = 3


class Counter(IntEnum):
    """Columns of the counts of an entry."""

    OFFERED = 0
    SUCCEEDED = 1
    LATE = 2
    FAILED = 3
    SHED = 4


EVENT = np.dtype([("time", "f8"), ("key", "i8"), ("payload", "i8")])

FRAME = np.dtype(
    [
        ("key", "u8"),  # of its random draws
        ("salt", "u8"),  # tells the rounds of its loops apart
        ("start", "f8"),
        ("deadline", "f8"),
        ("leaves_at", "f8"),  # when whoever sent a request from outside has no more patience
        ("work", "f8"),  # service time spent on it and on what answered it
        ("pc", "i8"),
        ("instance", "i8"),
        ("group", "i8"),
        ("parent", "i8"),
        ("parent_token", "i8"),
        ("token", "i8"),  # moves when an attempt ends: voids replies, timeouts, retries
        ("ticket", "i8"),  # moves when a wait ends: voids places in queues and ends of steps
        ("attempt", "i8"),
        ("pending", "i8"),
        ("needed", "i8"),
        ("child", "i8"),
        ("entry", "i8"),  # of a request from outside, or of a message
        ("slice", "i8"),  # in which it arrived, -1 for a message
        ("stage", "i8"),
        ("seated", "i8"),  # holds a slot of its instance
        ("permit", "i8"),  # gate of the pool that it holds a permit of
        ("waits_at", "i8"),  # gate whose queue it stands in
        ("core", "i8"),  # gate of the core that it holds
        ("live", "i8"),
        ("sheddable", "i8"),  # turned away first
        ("sleep", "f8"),  # last pause of a decorrelated backoff
        ("loop", "i4", (LOOP_DEPTH,)),
        ("keys", "i4", (CACHE_DEPTH,)),  # that its open look-ups asked for, -1 for one without a row of its own
    ],
    align=True,
)

NODE = np.dtype([("time", "f8"), ("frame", "i8"), ("stamp", "i8"), ("next", "i8")], align=True)

GATE = np.dtype(
    [
        ("busy_area", "f8"),
        ("wait_area", "f8"),
        ("empty_at", "f8"),  # when its queue was last empty, for controlled delay
        ("capacity", "i8"),
        ("limit", "i8"),
        ("busy", "i8"),
        ("waiting", "i8"),
        ("refused", "i8"),
        ("head", "i8"),
        ("tail", "i8"),
        ("ring", "i8"),
        ("discipline", "i8"),
        ("instance", "i8"),  # that it belongs to, -1 for a global one
    ],
    align=True,
)

RING = np.dtype([("delay", "f8"), ("head", "i8"), ("tail", "i8"), ("gate", "i8")], align=True)

SITE = np.dtype(
    [
        ("timeout", "f8"),
        ("backoff", "f8"),
        ("backoff_cap", "f8"),
        ("hedge", "f8"),  # delay, negative for none
        ("hop", "f8"),  # mean of the way there and back
        ("target", "i8"),  # row of the program
        ("group", "i8"),
        ("ring", "i8"),
        ("attempts", "i8"),
        ("jitter", "i8"),  # 0 none, 1 full, 2 decorrelated
        ("budget", "i8"),
        ("breaker", "i8"),  # first of one for each instance of the caller
        ("gate", "i8"),
        ("gate_stride", "i8"),
        ("optional", "i8"),
        ("cancels", "i8"),
        ("propagates", "i8"),
        ("sheddable", "i8"),
        ("link", "i8"),
        ("calls", "i8"),
    ],
    align=True,
)

ROW = np.dtype(
    [
        ("key", "u8"),
        ("mean", "f8"),
        ("shape", "f8"),  # second number of the law
        ("op", "i8"),
        ("a", "i8"),
        ("b", "i8"),
        ("c", "i8"),
        ("law", "i8"),
        ("handler", "i8"),
    ],
    align=True,
)

GROUP = np.dtype(
    [
        ("errors", "f8"),
        ("work", "f8"),
        ("first", "i8"),
        ("count", "i8"),
        ("balancer", "i8"),
        ("turn", "i8"),
        ("silent", "i8"),
        ("shed", "i8"),
    ],
    align=True,
)

INSTANCE = np.dtype(
    [
        ("slowness", "f8"),  # of everything
        ("stretch", "f8"),  # of work on a processor, slowness included
        ("warm_at", "f8"),
        ("warming", "f8"),  # how long an instance needs to be warm
        ("cold", "f8"),  # by how much more of itself work takes longer at first
        ("ejected_until", "f8"),
        ("latency", "f8"),  # of the answers since it was judged last
        ("held", "f8"),  # load x now + held is the time integral of its load
        ("group", "i8"),
        ("place", "i8"),  # within its group
        ("slot", "i8"),
        ("core", "i8"),
        ("backlog", "i8"),  # of work waiting for a core that turns new requests away
        ("load", "i8"),
        ("up", "i8"),
        ("trusted", "i8"),  # the balancer sends to it
        ("open_load", "i8"),  # requests inside from which on only critical ones are let in
        ("open_backlog", "i8"),  # the same for work that waits for a core
        ("limit", "i8"),
        ("watched", "i8"),
        ("answers", "i8"),
        ("errors", "i8"),
    ],
    align=True,
)

BREAKER = np.dtype(
    [
        ("opened_at", "f8"),
        ("width", "f8"),
        ("ratio", "f8"),
        ("pause", "f8"),
        ("bucket", "i8"),
        ("minimum", "i8"),
        ("probes", "i8"),
        ("state", "i8"),  # 0 closed, 1 open, 2 half open
        ("probing", "i8"),
        ("good", "i8"),
        ("oks", "i4", (BREAKER_BUCKETS,)),
        ("bads", "i4", (BREAKER_BUCKETS,)),
    ],
    align=True,
)

BUDGET = np.dtype([("tokens", "f8"), ("earns", "f8"), ("cap", "f8")])

LIMIT = np.dtype([("tokens", "f8"), ("rate", "f8"), ("burst", "f8"), ("counted_at", "f8")])

CACHE = np.dtype(
    [
        ("fill", "f8"),  # share that is there of the keys without a row of their own
        ("others", "f8"),  # how many of those there are
        ("first", "i8"),  # key
        ("count", "i8"),  # of keys with rows of their own
        ("lookups", "i8"),
        ("hits", "i8"),
    ]
)

KEY = np.dtype(
    [
        ("cumulated", "f8"),  # share of the look-ups that ask for this key or one before it
        ("until", "f8"),  # when it expires
        ("flight", "i8"),  # first node of who fetches it: the frame, and in the place of the stamp who waits for it
    ]
)

LINK = np.dtype([("lost", "f8")])

CALLS = np.dtype([("attempts", "i8"), ("retries", "i8"), ("timeouts", "i8"), ("failures", "i8"), ("rejected", "i8")])

WORKLOAD = np.dtype(
    [
        ("key", "u8"),
        ("index", "i8"),
        ("rate", "f8"),
        ("hop", "f8"),
        ("target", "i8"),
        ("group", "i8"),
        ("entry", "i8"),
        ("segment", "i8"),
        ("sheddable", "i8"),
        ("users", "i8"),
        ("think", "f8"),  # mean pause of a user after an answer, negative for an open stream
    ],
    align=True,
)

SEGMENT = np.dtype([("start", "f8"), ("end", "f8"), ("factor", "f8"), ("slope", "f8")])

CONTROL = np.dtype([("time", "f8"), ("x", "f8"), ("op", "i8"), ("a", "i8"), ("b", "i8")], align=True)

SCALER = np.dtype(
    [
        ("period", "f8"),
        ("target", "f8"),
        ("startup", "f8"),
        ("hold_until", "f8"),
        ("hold", "f8"),
        ("last_area", "f8"),
        ("group", "i8"),
        ("minimum", "i8"),
        ("maximum", "i8"),
        ("wanted", "i8"),
        ("control", "i8"),  # its own row of `controls`
        ("admissions", "i8"),  # first of the rows that admit an instance
    ],
    align=True,
)

OUTLIERS = np.dtype(
    [
        ("period", "f8"),
        ("ejected", "f8"),  # for how long
        ("ratio", "f8"),  # of errors
        ("slower", "f8"),  # than the median
        ("share", "f8"),  # of the instances that may be out
        ("first", "i8"),
        ("count", "i8"),
        ("control", "i8"),  # its own row of `controls`
        ("admissions", "i8"),  # first of the rows that admit an instance
    ],
    align=True,
)

ITEM = np.dtype([("what", "i8")])  # action << 32 | frame

BRANCH = np.dtype([("row", "i8"), ("entry", "i8")])  # the entry counts a message

ENTRY = np.dtype(
    [
        ("total", "f8"),
        ("closed", "i8"),  # 1 + the workload whose users wait for the answers, 0 without any
        ("counts", "i8", (len(Counter),)),
        ("bins", "i4", (BUCKETS,)),
    ]
)

SLICE = np.dtype([("bins", "i4", (BUCKETS,))])

CELL = np.dtype([("counts", "i8", (len(Counter),))])

INTEGRAL = np.dtype([("busy", "f8"), ("waiting", "f8")])


TABLES = {
    "heap": EVENT,
    "stack": ITEM,
    "frames": FRAME,
    "nodes": NODE,
    "gates": GATE,
    "rings": RING,
    "sites": SITE,
    "program": ROW,
    "branches": BRANCH,
    "groups": GROUP,
    "instances": INSTANCE,
    "breakers": BREAKER,
    "budgets": BUDGET,
    "limits": LIMIT,
    "caches": CACHE,
    "keys": KEY,
    "links": LINK,
    "calls": CALLS,
    "workloads": WORKLOAD,
    "segments": SEGMENT,
    "controls": CONTROL,
    "scalers": SCALER,
    "outliers": OUTLIERS,
    "entries": ENTRY,  # of requests from outside, then of messages
    "slices": SLICE,
    "cells": CELL,  # entry × slice
    "integrals": INTEGRAL,  # slice boundary × gate
}
"""The tables of a run, last those that start as zeros. Together with the state they are all there is: stop anywhere, make a table longer,
and go on."""


STATE = np.dtype(
    [(name, "i8") for name in TABLES]  # their addresses
    + [
        ("now", "f8"),
        ("end", "f8"),
        ("warm", "f8"),
        ("patience", "f8"),
        ("stay", "f8"),  # mean time after which a request is left, negative for never
        ("slice", "f8"),
        ("slice_rate", "f8"),
        ("useful", "f8"),
        ("sequence", "i8"),
        ("events_pending", "i8"),
        ("prepared", "i8"),
        ("hole", "i8"),
        ("stacked", "i8"),
        ("free_frames", "i8"),
        ("free_nodes", "i8"),
        ("free_frame", "i8"),
        ("free_node", "i8"),
        ("margin", "i8"),
        ("events", "i8"),
        ("slice_count", "i8"),
        ("slices_done", "i8"),
        ("orphans", "i8"),
        ("dead_letters", "i8"),
        ("heap_room", "i8"),
        ("stack_room", "i8"),
        ("frame_count", "i8"),
        ("node_count", "i8"),
        ("gate_count", "i8"),
        ("group_count", "i8"),
        ("call_count", "i8"),
        ("workload_count", "i8"),
        ("segment_count", "i8"),
        ("control_count", "i8"),
        ("cache_count", "i8"),
        ("constant_stay", "i8"),
    ]
)

"""The shape of the kernel's memory: the records of its tables. Times are milliseconds, indices are rows, -1 is none."""

from __future__ import annotations

import numpy as np

from backend_expert.lab.load.vocabulary import Counter

MANTISSA_BITS = 7
OCTAVES = 32
BUCKETS = OCTAVES << MANTISSA_BITS
"""Of a histogram: 128 an octave, so that a bucket is at most 0.8 % wide, from 1 µs to 70 minutes."""

UNBOUNDED = 1 << 40
BREAKER_BUCKETS = 10
LOOP_DEPTH = 4
CACHE_DEPTH = 4

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
        ("held", "f8"),  # load x now + held is the time integral of its load
        ("load", "i8"),
        ("group", "i8"),
        ("slot", "i8"),
        ("core", "i8"),
        ("up", "i8"),
        ("trusted", "i8"),  # the balancer sends to it
        ("guarded", "i8"),  # it may turn requests away before they reach a queue
        ("watched", "i8"),  # the balancer looks at its answers
        ("place", "i8"),  # within its group
        ("backlog", "i8"),  # of work waiting for a core that turns new requests away
        ("open_load", "i8"),  # requests inside from which on only critical ones are let in
        ("open_backlog", "i8"),  # the same for work that waits for a core
        ("limit", "i8"),
        ("warming", "f8"),  # how long it needs to be warm
        ("cold", "f8"),  # by how much more of itself work takes longer at first
        ("ejected_until", "f8"),
        ("latency", "f8"),  # of the answers since it was judged last
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

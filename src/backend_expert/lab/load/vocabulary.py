"""What the kernel can do, and what can happen to it: operation codes, kinds of events, stages, controls, counters."""

from __future__ import annotations

from enum import IntEnum


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
    LOOKUP = (
        13  # a: row after a hit, b: cache, c: depth or -1, mean: hit ratio of the keys without a row of their own, -1 for a miss
    )
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

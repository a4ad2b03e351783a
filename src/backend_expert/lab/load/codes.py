"""The codes of the layout as the integers that compiled code compares.

Plain integers would be types of their own to numba, and every function be compiled once for each value it is called with.
"""

from __future__ import annotations

import numpy as np

from backend_expert.lab.load.vocabulary import Action, Balancer, Control, Counter, Discipline, Kind, Op, Stage, Status

END, WORK, SLEEP, CALL, SPAWN, PARALLEL, REPLY, ACQUIRE, RELEASE, LOOP, AGAIN, JUMP = map(np.int64, list(Op)[:12])
CHANCE, LOOKUP, FILL, FAIL, DELIVER, JOIN, LAND = map(np.int64, list(Op)[12:])
E_ARRIVAL, E_STEP_END, E_RETRY, E_RING, E_CONTROL, E_SUBMIT, E_HEDGE, E_TIMEOUT, E_LEAVE = map(np.int64, Kind)
A_RUN, A_SUBMIT, A_GRANTED, A_ATTEMPT, A_FAIL, A_LOST, A_CANCEL = map(np.int64, Action)
NOTHING, SLOT, CORE, PERMIT, HOLD, AWAITS, JOINED = map(np.int64, Stage)
C_SLICE, C_SLOW, C_CRASH, C_RESTART, C_EJECT, C_READMIT, C_LINK, C_ERRORS, C_FLUSH, C_SCALE, C_STEAL, C_JUDGE = map(
    np.int64, Control
)
ROUND_ROBIN, RANDOM, LEAST, TWO_CHOICES, PRIMARY = map(np.int64, Balancer)
FIFO, LIFO, CODEL, DEADLINE = map(np.int64, Discipline)
OFFERED, SUCCEEDED, LATE, FAILED, SHED = map(np.int64, Counter)
DONE, GROW, PAUSED, BROKEN = map(np.int64, Status)
GRANTED_NOW, QUEUED, REFUSED = map(np.int64, range(3))
OK, ERROR, TURNED_AWAY, GONE = map(np.int64, range(4))
NONE, ZERO = np.int64(-1), np.int64(0)
MORE, LESS = np.int64(1), np.int64(-1)
ANSWERED = np.int64(-2)
"""Stands in the place of the parent of a frame that has replied already."""

CANCELLED = -1.0
"""The deadline of a frame that was told to stop."""

"""Frames: one execution of an operation, or of a branch of it, and the stack of what is to be done with them."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from backend_expert.lab.load.codes import NOTHING
from backend_expert.lab.load.heap import FRAME_BITS
from backend_expert.lab.load.jit import compiled, inlined
from backend_expert.lab.load.rows import Index, Key, State, frame_at, instance_at, item_at, row_at


@inlined
def do(w: State, action: Index, f: Index) -> None:
    """Put a frame on the stack of what is to be done before time goes on."""
    item_at(w.stack, w.stacked).what = action << FRAME_BITS | f
    w.stacked += 1


@compiled
def new_frame(
    w: State, key: Key, pc: Index, group: Index, parent: Index, parent_token: Index, start: float, deadline: float
) -> Index:
    """Take a frame from the free ones; its parent hears of its end while the token is the one given here."""
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
    frame.child = -1
    frame.entry = -1
    frame.stage = NOTHING
    frame.seated = 0
    frame.sheddable = 0
    frame.permit = -1
    frame.waits_at = -1
    frame.core = -1
    frame.live = 1
    return f


@inlined
def hold(w: State, i: Index, more: Index) -> None:
    """Note that an instance has a request more, or one less, that waits there or is worked on."""
    instance = instance_at(w.instances, i)
    instance.held -= more * w.now
    instance.load += more


@compiled
def free_frame(w: State, f: Index) -> None:
    """Give a frame back and void everything that still refers to it."""
    frame = frame_at(w.frames, f)
    frame.token += 1
    frame.ticket += 1
    frame.live = 0
    frame.child = w.free_frame
    w.free_frame = f
    w.free_frames += 1


@inlined
def step_key(w: State, f: Index) -> Key:
    """Return what the random draws of the step at which a frame stands are made of."""
    frame = frame_at(w.frames, f)
    return frame.key + row_at(w.program, frame.pc).key + frame.salt


@inlined
def place(w: State, f: Index) -> Index:
    """Return the number of the instance of a frame within its component."""
    instance = frame_at(w.frames, f).instance
    return instance_at(w.instances, instance).place if instance >= 0 else 0


@compiled
def swallow(w: State, f: Index) -> None:
    """Leave a request from outside without an answer for ever: it stays in flight."""
    frame = frame_at(w.frames, f)
    frame.token += 1
    frame.ticket += 1
    frame.instance = -1

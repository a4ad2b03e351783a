"""Which instance gets a request, by what the balancer believes."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from backend_expert.lab.load.codes import LEAST, RANDOM, ROUND_ROBIN, TWO_CHOICES
from backend_expert.lab.load.jit import compiled
from backend_expert.lab.load.random_keys import BALANCING, CHOICE, uniform
from backend_expert.lab.load.rows import Index, State, frame_at, group_at, instance_at


@compiled
def pick(w: State, f: Index) -> Index:
    """Return the instance of a frame's group that gets it, by what the balancer believes; -1 when it trusts none."""
    frame = frame_at(w.frames, f)
    group = group_at(w.groups, frame.group)
    first = group.first
    count = group.count
    if count == 1:
        return first if instance_at(w.instances, first).trusted else -1
    if group.balancer == ROUND_ROBIN:
        for _ in range(count):
            group.turn = group.turn + 1 if group.turn + 1 < count else 0
            if instance_at(w.instances, first + group.turn).trusted:
                return first + group.turn
        return -1
    best = -1
    if group.balancer == RANDOM or group.balancer == TWO_CHOICES:
        trusted = 0
        for i in range(first, first + count):
            trusted += instance_at(w.instances, i).trusted
        if trusted == 0:
            return -1
        key = frame.key + BALANCING
        one = np.int64(uniform(key) * trusted)
        other = np.int64(uniform(key + CHOICE) * trusted)
        seen = 0
        for i in range(first, first + count):
            if instance_at(w.instances, i).trusted:
                looked_at = seen == one or (seen == other and group.balancer == TWO_CHOICES)
                if looked_at and (best < 0 or instance_at(w.instances, i).load < instance_at(w.instances, best).load):
                    best = i
                seen += 1
        return best
    for i in range(first, first + count):
        if instance_at(w.instances, i).trusted:
            if group.balancer != LEAST:
                return i
            if best < 0 or instance_at(w.instances, i).load < instance_at(w.instances, best).load:
                best = i
    return best

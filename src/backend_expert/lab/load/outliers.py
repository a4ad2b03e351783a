"""Instances that answer worse than their siblings: what the balancer sees of them, and how long it leaves them out."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from backend_expert.lab.load.codes import E_CONTROL, NONE, OK
from backend_expert.lab.load.heap import push
from backend_expert.lab.load.jit import compiled
from backend_expert.lab.load.rows import Index, Record, State, frame_at, instance_at, outliers_at

FEWEST = 5
"""Answers in a period before an instance is judged: Envoy's `consecutive_5xx`."""


@compiled
def note(w: State, f: Index, i: Index, result: Index) -> None:
    """Let the balancer see how an instance that it watches answered a frame."""
    instance = instance_at(w.instances, i)
    instance.answers += 1
    instance.latency += w.now - frame_at(w.frames, f).start
    if result != OK:
        instance.errors += 1


@compiled
def judge(w: State, a: Index) -> None:
    """Eject the instances whose answers of the last period were errors or slow, as many as may be out at the same time."""
    outliers = outliers_at(w.outliers, a)
    end = outliers.first + outliers.count
    out = 0
    for i in range(outliers.first, end):
        out += instance_at(w.instances, i).ejected_until > w.now
    most = min(max(np.int64(outliers.share * outliers.count), 1), outliers.count - 1)
    typical = median(w, outliers)
    for i in range(outliers.first, end):
        instance = instance_at(w.instances, i)
        if out < most and instance.trusted and instance.answers >= FEWEST:
            wrong = instance.errors >= outliers.ratio * instance.answers
            slow = typical > 0.0 and instance.latency >= outliers.slower * typical * instance.answers
            if wrong or slow:
                out += 1
                instance.trusted = 0
                instance.ejected_until = w.now + outliers.ejected
                push(w, instance.ejected_until, E_CONTROL, np.int64(outliers.admissions + i - outliers.first))
    for i in range(outliers.first, end):
        instance = instance_at(w.instances, i)
        instance.answers = 0
        instance.errors = 0
        instance.latency = 0.0
    push(w, w.now + outliers.period, E_CONTROL, np.int64(outliers.control))


@compiled
def median(w: State, outliers: Record) -> float:
    """Return the median, the lower one of two, of the mean latencies of the instances that answered; 0 when none did."""
    end = outliers.first + outliers.count
    answering = 0
    for i in range(outliers.first, end):
        answering += instance_at(w.instances, i).answers > 0
    middle: Index = NONE
    for i in range(outliers.first, end):
        instance = instance_at(w.instances, i)
        if instance.answers > 0:
            below = 0
            for other in range(outliers.first, end):
                sibling = instance_at(w.instances, other)
                if sibling.answers > 0:
                    difference = sibling.latency * instance.answers - instance.latency * sibling.answers
                    below += difference < 0.0 or (difference == 0.0 and other < i)
            if below == (answering - 1) // 2:
                middle = np.int64(i)
    return instance_at(w.instances, middle).latency / instance_at(w.instances, middle).answers if middle >= 0 else 0.0

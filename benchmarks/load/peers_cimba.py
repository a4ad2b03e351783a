"""M/M/4 at load 0.8 in cimba, run as a process of its own by speed.py: prints requests, CPU seconds and the mean queue.

Four server processes that never end are the fastest form we know. It keeps no latency of any request, which is an advantage to cimba.
"""

from __future__ import annotations

import sys
import time

import cimba as cb
import numpy
from cimba import inputs


class Station(cb.Model):
    """Four workers of 10 ms, 0.32 requests a millisecond."""

    interarrival: cb.Input[float] = inputs.dist.exponential(mean=1 / 0.32)
    service_time: cb.Input[float] = inputs.dist.exponential(mean=10)
    queue: cb.Container
    mean_queue: cb.Output[float]

    @cb.process
    def arrivals(self):
        """Let requests arrive."""
        while True:
            cb.hold(self.interarrival.next())
            self.queue.put(1)

    @cb.process
    def first(self):
        """Serve."""
        while True:
            self.queue.get(1)
            cb.hold(self.service_time.next())

    @cb.process
    def second(self):
        """Serve."""
        while True:
            self.queue.get(1)
            cb.hold(self.service_time.next())

    @cb.process
    def third(self):
        """Serve."""
        while True:
            self.queue.get(1)
            cb.hold(self.service_time.next())

    @cb.process
    def fourth(self):
        """Serve."""
        while True:
            self.queue.get(1)
            cb.hold(self.service_time.next())

    @cb.on_end
    def measure(self):
        """Keep the mean number waiting."""
        self.mean_queue = self.queue.mean_level()


def run(duration: float) -> tuple[float, float]:
    """Return the CPU seconds and the mean queue of one run."""
    model = Station()
    experiment = cb.Experiment(model, replications=1, window=cb.Window(warmup=1000, duration=duration), seed=1)
    start = time.process_time()
    results = experiment.run()
    return time.process_time() - start, float(numpy.ravel(results[model].mean_queue)[0])


if __name__ == "__main__":
    requests = int(sys.argv[1])
    run(1000)  # compiles
    seconds, queue = run(requests / 0.32)
    print(requests, seconds, queue)

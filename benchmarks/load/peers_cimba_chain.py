"""The three tiers in cimba, run as a process of its own by speed.py: prints requests, CPU seconds and timeouts for each request.

Forty server processes that never end are the fastest form we know (a process for each call is many times slower). A call is a number in a
store: the place of its caller and a count of that place, which moves when the answer comes or nobody waits for it any more; work that
nobody waits for is done all the same. It keeps no latency of any request, which is an advantage to cimba.
"""

from __future__ import annotations

import sys
import time

import cimba as cb
import numpy
from cimba import inputs


class Chain(cb.Model):
    """gateway(16) → service(16) → database(8), timeouts of 150 and 60 ms, one immediate retry each, 0.64 requests a millisecond."""

    interarrival: cb.Input[float] = inputs.dist.exponential(mean=1 / 0.64)
    gateway_time: cb.Input[float] = inputs.dist.exponential(mean=1)
    service_time: cb.Input[float] = inputs.dist.exponential(mean=4)
    query_time: cb.Input[float] = inputs.dist.exponential(mean=10)
    requests: cb.Container
    calls: cb.Store[int]
    queries: cb.Store[int]
    gateways: cb.Array[int] = cb.Array(16)
    gateway_counts: cb.Array[int] = cb.Array(16)
    services: cb.Array[int] = cb.Array(16)
    service_counts: cb.Array[int] = cb.Array(16)
    gateways_started: int = 0
    services_started: int = 0
    done: int = 0
    timeouts: int = 0
    answered: cb.Output[float]
    late: cb.Output[float]

    @cb.process
    def arrivals(self):
        """Let requests arrive."""
        while True:
            cb.hold(self.interarrival.next())
            self.requests.put(1)

    @cb.process(copies=16)
    def gateway(self):
        """Work, and call the service."""
        me = cb.this_process()
        place = self.gateways_started
        self.gateways_started += 1
        self.gateways[place] = me.pointer
        while True:
            self.requests.get(1)
            cb.hold(self.gateway_time.next())
            attempt = 0
            while attempt < 2:
                attempt += 1
                self.gateway_counts[place] += 1
                self.calls.put(self.gateway_counts[place] * 16 + place)
                me.timer_set(150.0, 7)
                signal = cb.suspend()
                me.timers_clear()
                if signal != 7:
                    break
                self.timeouts += 1
            self.gateway_counts[place] += 1
            self.done += 1

    @cb.process(copies=16)
    def service(self):
        """Work, query the database, and answer."""
        me = cb.this_process()
        place = self.services_started
        self.services_started += 1
        self.services[place] = me.pointer
        while True:
            call = self.calls.get()
            cb.hold(self.service_time.next())
            attempt = 0
            while attempt < 2:
                attempt += 1
                self.service_counts[place] += 1
                self.queries.put(self.service_counts[place] * 16 + place)
                me.timer_set(60.0, 7)
                signal = cb.suspend()
                me.timers_clear()
                if signal != 7:
                    break
                self.timeouts += 1
            self.service_counts[place] += 1
            if self.gateway_counts[call % 16] == call // 16:
                self.gateway_counts[call % 16] += 1
                cb.Process(self.gateways[call % 16]).resume(1)

    @cb.process(copies=8)
    def database(self):
        """Answer queries."""
        while True:
            query = self.queries.get()
            cb.hold(self.query_time.next())
            if self.service_counts[query % 16] == query // 16:
                self.service_counts[query % 16] += 1
                cb.Process(self.services[query % 16]).resume(1)

    @cb.on_end
    def measure(self):
        """Keep what was counted."""
        self.answered = self.done
        self.late = self.timeouts


def run(duration: float) -> tuple[float, float, float]:
    """Return the answered requests, the CPU seconds and the timeouts of one run."""
    model = Chain()
    experiment = cb.Experiment(model, replications=1, window=cb.Window(warmup=0, duration=duration), seed=1)
    start = time.process_time()
    results = experiment.run()
    seconds = time.process_time() - start
    return float(numpy.ravel(results[model].answered)[0]), seconds, float(numpy.ravel(results[model].late)[0])


if __name__ == "__main__":
    requests = int(sys.argv[1])
    run(1000)  # compiles
    answered, seconds, late = run(requests / 0.64)
    print(answered, seconds, late / answered)

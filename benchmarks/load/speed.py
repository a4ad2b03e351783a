"""Measure the speed of the lab, side by side with other simulators in one run.

    python benchmarks/load/speed.py [--peers PYTHON]

`PYTHON` is an interpreter of an environment with simpy and cimba (`pip install simpy cimba`); without it only the lab is measured.
Speeds are CPU seconds of one core with every feature compiled in and histograms on. Quote the ratios of one run: the machine may be shared.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from backend_expert.lab.load import Scenario, run, sketch, workspace
from backend_expert.lab.load.compiled import kernel
from backend_expert.lab.load.experiment import simulate
from backend_expert.lab.load.program import Program, compile_program
from backend_expert.lab.load.vocabulary import Status
from backend_expert.model import System
from backend_expert.model.assume import complete

HERE = Path(__file__).parent
REPEATS = 15


def station() -> System:
    """Return benchmark (a): M/M/4 at load 0.8."""
    return sketch.system([sketch.component("s", workers=4)], [sketch.operation("op", "s", sketch.work(10))], {"op": 320})


def chain() -> System:
    """Return benchmark (b): gateway(16) → service(16) → database(8), timeouts of 150 and 60 ms, one immediate retry each."""
    return sketch.system(
        [sketch.component("gateway", workers=16), sketch.component("service", workers=16), sketch.component("db", workers=8)],
        [
            sketch.operation("GET /", "gateway", sketch.work(1), sketch.call("serve", timeout_ms=150, attempts=2)),
            sketch.operation("serve", "service", sketch.work(4), sketch.call("query", timeout_ms=60, attempts=2)),
            sketch.operation("query", "db", sketch.work(10)),
        ],
        {"GET /": 640},
    )


def program(system: System, requests: int) -> Program:
    """Return the compiled tables for about so many requests."""
    duration = requests / system.workloads[0].rate_per_s.value
    return compile_program(complete(system), Scenario(duration, warmup_s=0, slice_s=duration / 100, patience_s=None))


def kernel_speed(system: System, requests: int) -> tuple[float, float]:
    """Return requests a CPU second and nanoseconds an event, the best of several runs of the kernel alone."""
    tables = program(system, requests)
    best = (0.0, 0.0)
    for _ in range(REPEATS):
        state = workspace.make(tables, 1)
        start = time.process_time()
        while kernel()(state.state, 1 << 40) != Status.DONE:
            state = workspace.grow(state)
        seconds = time.process_time() - start
        offered = int(state.table("entries")["counts"][:, 0].sum())
        best = max(best, (offered / seconds, 1e9 * seconds / int(state.state["events"][0])))
    return best


def small_run() -> tuple[float, float]:
    """Return the microseconds of a run without requests, and of 1,000 requests of (b) beyond it."""
    times = []
    for requests in (1, 1000):
        tables = program(chain(), requests)
        best = min(_timed(tables) for _ in range(200))
        times.append(best * 1e6)
    return times[0], times[1] - times[0]


def _timed(tables: Program) -> float:
    start = time.process_time()
    simulate(tables, 1)
    return time.process_time() - start


def threads_gain() -> tuple[float, float]:
    """Return what a second thread gains on 40 replications of 50,000 requests: by the wall clock, and by the processors in use.

    On a machine that others use too the wall clock says what they left; the processors in use say whether the threads hinder each other:
    the ratio of processor time to wall time with two threads over that with one.
    """
    tables = program(chain(), 50_000)

    def measured(workers: int) -> tuple[float, float]:
        start, used = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda seed: simulate(tables, seed), range(40)))
        wall = time.perf_counter() - start
        return wall, (time.process_time() - used) / wall

    one, two = ([measured(workers) for _ in range(3)] for workers in (1, 2))
    return min(one)[0] / min(two)[0], max(use for _, use in two) / max(use for _, use in one)


def peer(python: str, script: str, *arguments: str) -> float:
    """Return the requests a CPU second of another simulator."""
    answer = subprocess.run([python, str(HERE / script), *arguments], capture_output=True, text=True, check=True).stdout
    requests, seconds, _ = (float(word) for word in answer.split())
    return requests / seconds


def main() -> None:
    """Print one line a measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="an interpreter with simpy and cimba installed")
    options = parser.parse_args()
    run(station(), Scenario(1))
    simulate(program(station(), 1_000_000), 1)
    print(f"memory after a run of 1 M requests: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    one, two = kernel_speed(station(), 1_000_000), kernel_speed(chain(), 300_000)
    print(f"(a) M/M/4        {one[0] / 1e6:6.2f} M requests/s  {one[1]:5.1f} ns an event")
    print(f"(b) three tiers  {two[0] / 1e6:6.2f} M requests/s  {two[1]:5.1f} ns an event")
    fixed, thousand = small_run()
    print(f"fixed cost of a run {fixed:.0f} µs; 1,000 requests of (b) {thousand:.0f} µs beyond it")
    gain, use = threads_gain()
    print(f"two threads: {gain:.2f} times the throughput of one by the wall clock, {use:.2f} times the processors in use")
    if options.peers:
        simpy_a = peer(options.peers, "peers_simpy.py", "station", "200000")
        simpy_b = peer(options.peers, "peers_simpy.py", "chain", "60000")
        cimba_a = peer(options.peers, "peers_cimba.py", "3000000")
        cimba_b = peer(options.peers, "peers_cimba_chain.py", "1000000")
        print(f"SimPy: (a) {simpy_a / 1e3:.0f} k, (b) {simpy_b / 1e3:.1f} k requests/s")
        print(f"the lab is {one[0] / simpy_a:.0f} and {two[0] / simpy_b:.0f} times as fast")
        print(f"cimba: (a) {cimba_a / 1e6:.2f} M, (b) {cimba_b / 1e6:.2f} M requests/s")
        print(f"the lab is {one[0] / cimba_a:.2f} and {two[0] / cimba_b:.2f} times as fast")
    else:
        print("no peers: give --peers PYTHON to compare", file=sys.stderr)


if __name__ == "__main__":
    main()

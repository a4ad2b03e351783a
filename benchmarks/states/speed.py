"""Measure both engines on a place-order flow: distinct states a second of CPU time, and bytes a state.

Run `python benchmarks/states/speed.py [STATES]`; STATES (default 16,777,216) caps the run of the compiled engine on a flow that is
larger than that.
"""

import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import structs

TESTS = Path(__file__).parents[2] / "tests"
sys.path[:0] = [str(TESTS / "lab" / "states"), str(TESTS / "flows")]

from test_plan import PLACE_ORDER  # noqa: E402

from backend_expert.lab.states.compile import compile_flow  # noqa: E402
from backend_expert.lab.states.compiled_engine import explore_compiled  # noqa: E402
from backend_expert.lab.states.explore import prepared  # noqa: E402
from backend_expert.lab.states.flow import Bounds  # noqa: E402
from backend_expert.lab.states.machine import Machine  # noqa: E402
from backend_expert.lab.states.python_engine import Run, explore_machine  # noqa: E402


def timed(name: str, run: Callable[[], Run]) -> None:
    start = time.process_time()
    done = run()
    took = time.process_time() - start
    print(f"{name}: {done.states:,} states, {done.transitions:,} transitions, {took:.1f} s CPU, {done.states / took:,.0f} states/s")


def main() -> None:
    """Print what was measured, with the machine."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 24
    machine = compile_flow(prepared(PLACE_ORDER))
    machine = Machine(machine.variables, machine.commands, ())
    explore_compiled(machine, limit=10)
    print(f"{platform.machine()} {platform.system()}, Python {platform.python_version()}")
    print(f"{machine.bits} bits, {len(machine.commands)} commands")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    large = compile_flow(prepared(structs.replace(PLACE_ORDER, bounds=Bounds(requests=3, crash=2, duplicate=1, timeout=2))))
    large = Machine(large.variables, large.commands, ())
    timed(f"compiled, {large.bits} bits, capped", lambda: explore_compiled(large, limit=most - 5_000))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory grew by {(after - before) / 1024:,.0f} MB, {(after - before) * 1024 / most:.0f} bytes a state")
    timed("compiled", lambda: explore_compiled(machine, limit=10**7))
    timed("plain", lambda: explore_machine(machine, limit=10**7))


if __name__ == "__main__":
    main()

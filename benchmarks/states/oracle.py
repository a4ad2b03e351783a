"""Compare distinct states with SPIN on 200 random machines and 24 flows, one by one.

Run `python benchmarks/states/oracle.py`; it needs SPIN and a C compiler (`apt-get install spin gcc`) and takes some minutes.
"""

import random
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parents[2] / "tests"
sys.path[:0] = [str(TESTS / "lab" / "states"), str(TESTS / "flows")]

import corpus  # noqa: E402
import promela  # noqa: E402
from random_machines import drawn  # noqa: E402

from backend_expert.lab.states import parse_flow  # noqa: E402
from backend_expert.lab.states.compile import compile_flow  # noqa: E402
from backend_expert.lab.states.compiled_engine import explore_compiled  # noqa: E402
from backend_expert.lab.states.explore import prepared  # noqa: E402
from backend_expert.lab.states.machine import Machine  # noqa: E402
from backend_expert.lab.states.python_engine import explore_machine, in_engine_order  # noqa: E402

RANDOM_MACHINES = 200


def main() -> int:
    """Print one line for each disagreement and the totals; return 1 when there is a disagreement."""
    if not promela.AVAILABLE:
        print(promela.MISSING)
        return 1
    models = [(f"random {seed}", drawn(random.Random(seed))) for seed in range(RANDOM_MACHINES)]
    for anomaly in corpus.CLASSES:
        for kind in ("bad", "fixed"):
            flow = prepared(parse_flow(corpus.text_of(anomaly, kind, "order")))
            models.append((f"{anomaly} {kind}", compile_flow(flow)))
    wrong = total = 0
    for name, machine in models:
        whole = in_engine_order(Machine(machine.variables, machine.commands, ()))
        plain, compiled = explore_machine(whole, limit=10**7).states, explore_compiled(whole, limit=10**7).states
        with tempfile.TemporaryDirectory() as folder:
            oracle = promela.states_of([machine], Path(folder))
        total += oracle
        if not plain == compiled == oracle:
            wrong += 1
            print(f"{name}: plain {plain}, compiled {compiled}, SPIN {oracle}")
    print(f"{len(models)} models, {total:,} states, {wrong} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

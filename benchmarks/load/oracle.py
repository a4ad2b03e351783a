"""Compare the simulator with the SimPy model of the tests on 200 random small systems.

    python benchmarks/load/oracle.py [SYSTEMS]

Prints the distribution of the disagreement, in units of the 95 % half-width of the difference: for two right simulators 5 % of the values
are above 1 for one measure, and nearly 10 % for the worse of two.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path

TEST = Path(__file__).parents[2] / "tests" / "lab" / "load" / "test_oracle.py"


def main() -> None:
    """Print how far apart the two simulators are."""
    specification = importlib.util.spec_from_file_location("test_oracle", TEST)
    assert specification is not None
    assert specification.loader is not None
    oracle = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(oracle)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    start = time.process_time()
    values = [(oracle.disagreement(seed), seed) for seed in range(count)]
    worst = sorted(values, reverse=True)[:3]
    above = sum(value > 1 for value, _ in values)
    print(f"{count} systems, {time.process_time() - start:.0f} CPU s: {above} beyond the 95 % half-width ({above / count:.1%})")
    print("largest: " + ", ".join(f"{value:.2f} (seed {seed})" for value, seed in worst))


if __name__ == "__main__":
    main()

"""Check the load lab against services that really run.

    python benchmarks/rig/rig.py [--requests 9000] [--store sleep|postgresql] [--json FILE]

Starts three tiers on the loopback interface and drives them open-loop with Poisson traffic; nothing leaves the machine. Calibrates
the model at 15 % load (time of a hop, delays of work, processor time), then predicts 30, 60 and 80 % and ten changes, and compares.
A run in which the machine was too noisy is repeated once; when it is noisy again, nothing is judged, and the exit code is 3.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import drive
import judge
import shape

SEED = 7
SHORTEST_S, LONGEST_S = 5.0, 120.0


class Bench:
    """The runs of one session: how long each is, and what was too noisy."""

    def __init__(self, requests: int, store: dict[str, Any]) -> None:
        self.requests = requests
        self.store = store
        self.noisy: list[str] = []
        self.record: list[dict[str, Any]] = []

    def measured(self, name: str, tiers: shape.Tiers, share: float) -> drive.Run:
        """Run the system at a share of the most it can do, again when the machine was noisy, and say how it went."""
        rate = share * shape.MOST_PER_S
        seconds = min(max(self.requests / rate, SHORTEST_S), LONGEST_S)
        tiers = {**tiers, "db": {**tiers["db"], **self.store}}
        for attempt in (1, 2):
            run = drive.real(tiers, rate, seconds, SEED)
            if not run.noise.reasons:
                break
            print(f"{name}: noisy, {' and '.join(run.noise.reasons)}{'; again' if attempt == 1 else ''}", flush=True)
        else:
            self.noisy.append(name)
        self.record.append({"run": name, "rate_per_s": rate, "seconds": seconds, **run.figures, **run.noise._asdict()})
        return run


def main() -> int:
    """Measure, predict, compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=9000, help="requests of one run")
    parser.add_argument("--store", choices=("sleep", "postgresql"), default="sleep", help="what the last tier does")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    options = parser.parse_args()
    priority()
    with postgresql() if options.store == "postgresql" else contextlib.nullcontext({}) as store:
        bench = Bench(options.requests, store)
        low = bench.measured("calibration", shape.BASE, shape.LOW)
        fit = shape.fitted(shape.BASE, low.tiers, low.driver)
        print(f"calibrated at {shape.LOW:.0%} load: {told(fit)}\n", flush=True)
        levels, base = compared_levels(bench, fit)
        effects = compared_changes(bench, fit, base) if options.store == "sleep" else []
    said, code = judge.verdict(levels, effects, len(bench.noisy))
    print("\n" + said)
    if options.json is not None:
        options.json.write_text(json.dumps({"fit": fit._asdict(), "runs": bench.record, "verdict": said}, indent=1) + "\n")
    return code


def compared_levels(bench: Bench, fit: shape.Fit) -> tuple[list[judge.Level], dict[float, judge.Figures]]:
    """Measure and predict the base at each load, and print a table."""
    print(
        "| load | | p50 ms | p95 ms | p99 ms | success | ± p99 | lag p99 | steal | others |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    levels, base = [], {}
    for share in shape.LEVELS:
        run = bench.measured(f"{share:.0%} load", shape.BASE, share)
        base[share] = run.figures
        predicted = shape.predicted(shape.BASE, share * shape.MOST_PER_S, fit)
        levels.append(judge.level(share, run.figures, predicted))
        noise = run.noise
        tail = f"{run.half_width(0.99):.0%} | {noise.lag_ms:.1f} ms | {part(noise.steal)} | {part(noise.others)}"
        print(f"| {share:.0%} | measured | {row(run.figures)} | {tail} |")
        print(f"| | predicted | {row(predicted)} | | | | |")
        errors = " | ".join(f"{each:+.1%}" for each in levels[-1].errors.values())
        print(f"| | error | {errors} | {'good' if levels[-1].good else f'over {levels[-1].limit:.0%}'} | | | | |", flush=True)
    return levels, base


def compared_changes(bench: Bench, fit: shape.Fit, base: dict[float, judge.Figures]) -> list[judge.Effect]:
    """Measure and predict every change, and print a table."""
    print("\n| change | load | figure | measured | predicted | sign | size | lag p99 |\n|---|---|---|---|---|---|---|---|")
    effects = []
    for change in shape.CHANGES:
        tiers, rate = shape.changed(change.tier, change.options), change.level * shape.MOST_PER_S
        run = bench.measured(change.name, tiers, change.level)
        said = shape.predicted(shape.BASE, rate, fit), shape.predicted(tiers, rate, fit)
        found = judge.effect(change.figure, (base[change.level], run.figures), said)
        effects.append(found)
        unit = " points" if change.figure == "success" else " %"
        words = f"{100 * found.measured:+.1f}{unit} | {100 * found.predicted:+.1f}{unit}"
        marks = f"{'right' if found.sign else 'WRONG'} | {'right' if found.size else 'WRONG'}"
        print(
            f"| {change.name} | {change.level:.0%} | {change.figure} | {words} | {marks} | {run.noise.lag_ms:.1f} ms |", flush=True
        )
    return effects


def row(figures: judge.Figures) -> str:
    """Return the cells of one line of figures."""
    return " | ".join(f"{figures[name]:.1f}" for name in judge.PERCENTILES) + f" | {figures['success']:.4f}"


def part(share: float | None) -> str:
    """Return a share in percent, a dash where nobody told."""
    return "–" if share is None else f"{share:.0%}"


def told(fit: shape.Fit) -> str:
    """Return the calibrated numbers in words."""
    work = ", ".join(f"{name} {fit.work_ms[name]:.2f} ms work and {fit.cpu_ms[name]:.2f} ms processor" for name in fit.work_ms)
    return f"{work}; {fit.hop_ms:.2f} ms a hop"


def priority() -> None:
    """Let the rig run before the other programs of the machine where that is allowed, and say whether it was."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        print("running before other programs (SCHED_RR)")
    except (AttributeError, PermissionError):
        print("running beside other programs: only root on Linux may go before them")


@contextlib.contextmanager
def postgresql() -> Iterator[dict[str, Any]]:
    """Start a real PostgreSQL with one table of its own, and yield the options of the last tier."""
    from tier import ROWS

    from backend_expert.lab.planner import server

    with server.running() as running:
        name = running.create_database()
        with running.connect(name) as connection:
            connection.execute("CREATE TABLE item (id bigint PRIMARY KEY, title text NOT NULL)")
            connection.execute("INSERT INTO item SELECT n, repeat(md5(n::text), 4) FROM generate_series(1, %s) n", (ROWS,))
            connection.execute("ANALYZE item")
        where = {"host": str(running.directory), "port": 5432, "dbname": name, "user": server.OWNER, "sslmode": "disable"}
        yield {"postgresql": where}


if __name__ == "__main__":
    sys.exit(main())

"""Check the load lab against services that really run.

    python benchmarks/rig/rig.py [--requests 9000] [--seeds 3] [--store sleep|postgresql] [--record FILE]
    python benchmarks/rig/rig.py --replay FILE

Starts three tiers on the loopback interface and drives them open-loop with Poisson traffic; nothing leaves the machine. Calibrates
the model at 15 % load (time of a hop, delays of work, processor time), then predicts 30, 60 and 80 % and ten changes, and compares.
A run in which the machine was too noisy is repeated once; when it is noisy again, nothing is judged, and the exit code is 3. A recorded
session can be judged again by a lab that has changed since.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent))

import drive
import judge
import noise
import shape

SEED = 7
"""The first seed: each of the next ones has other arrivals and other work, the same before and after a change."""

SHORTEST_S, LONGEST_S = 5.0, 120.0
CONNECTIONS = 40


class Seen(NamedTuple):
    """What a run gave, as it is recorded: `half_width` is half the 95 % interval of p99 as a part of it, where it was told."""

    figures: dict[str, float]
    noise: noise.Noise
    half_width: float | None
    seconds: float


class Bench:
    """The runs of one session, each as long as its number of requests takes."""

    def __init__(self, requests: int, seeds: int, store: dict[str, Any]) -> None:
        self.requests = requests
        self.seeds = range(SEED, SEED + seeds)
        self.store = store
        self.runs: dict[str, list[Seen]] = {}

    def run(self, name: str, tiers: shape.Tiers, share: float, seed: int) -> drive.Run:
        """Run the system at a share of the most it can do, again when the machine was noisy, and say so."""
        rate = share * shape.MOST_PER_S
        seconds = min(max(self.requests / rate, SHORTEST_S), LONGEST_S)
        tiers = {**tiers, "db": {**tiers["db"], **self.store}}
        for again in ("; again", ""):
            run = drive.real(tiers, rate, seconds, seed)
            if not run.noise.reasons:
                break
            print(f"{name}: noisy, {' and '.join(run.noise.reasons)}{again}", flush=True)
        self.runs.setdefault(name, []).append(Seen(run.figures, run.noise, run.half_width(0.99), seconds))
        return run

    def calibrated(self) -> shape.Fit:
        """Return the numbers of the model from a run at the low load."""
        low = self.run("calibration", shape.BASE, shape.LOW, SEED)
        return shape.fitted(shape.BASE, low.tiers, low.driver)

    def seen(self, name: str, tiers: shape.Tiers, share: float) -> list[Seen]:
        """Return what the runs of all seeds gave."""
        for seed in self.seeds:
            self.run(name, tiers, share, seed)
        return self.runs[name]


class Replay:
    """The runs of a session that was recorded."""

    def __init__(self, file: Path) -> None:
        told = json.loads(file.read_text())
        self.fit = shape.Fit(**told["fit"])
        self.store = told["store"]
        self.runs = {
            name: [Seen(**{**each, "noise": noise.Noise(**each["noise"])}) for each in seeds]
            for name, seeds in told["runs"].items()
        }

    def calibrated(self) -> shape.Fit:
        """Return the numbers of the model that were calibrated then."""
        return self.fit

    def seen(self, name: str, tiers: shape.Tiers, share: float) -> list[Seen]:  # noqa: ARG002 - the shape of a bench
        """Return what the runs of all seeds gave then."""
        return self.runs[name]


def main() -> int:
    """Measure, predict, compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=9000, help="requests of one run")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each load and change, of which the median counts")
    parser.add_argument("--store", choices=("sleep", "postgresql"), default="sleep", help="what the last tier does")
    parser.add_argument("--record", type=Path, help="write what was measured to this file")
    parser.add_argument("--replay", type=Path, help="judge a recorded session again instead of measuring")
    options = parser.parse_args()
    if options.replay is not None:
        replay = Replay(options.replay)
        return judged(replay)[0]
    priority()
    with postgresql() if options.store == "postgresql" else contextlib.nullcontext({}) as store:
        bench = Bench(options.requests, options.seeds, store)
        code, fit = judged(bench)
    if options.record is not None:
        runs = {name: [{**each._asdict(), "noise": each.noise._asdict()} for each in seeds] for name, seeds in bench.runs.items()}
        options.record.write_text(json.dumps({"store": options.store, "fit": fit._asdict(), "runs": runs}, indent=1) + "\n")
    return code


def judged(bench: Bench | Replay) -> tuple[int, shape.Fit]:
    """Print the tables and the verdict; return the exit code and the calibrated numbers."""
    fit = bench.calibrated()
    print(f"calibrated at {shape.LOW:.0%} load: {told(fit)}\n", flush=True)
    levels, base = compared_levels(bench, fit)
    effects = compared_changes(bench, fit, base)
    noisy = sum(bool(each.noise.reasons) for seeds in bench.runs.values() for each in seeds)
    said, code = judge.verdict(levels, effects, noisy)
    print("\n" + said)
    return code, fit


def compared_levels(bench: Bench | Replay, fit: shape.Fit) -> tuple[list[judge.Level], dict[float, list[Seen]]]:
    """Compare the base at each load, and print a table."""
    print(
        "| load | | p50 ms | p95 ms | p99 ms | success | ± p99 | lag p99 | steal | others |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    levels, base = [], {}
    for share in shape.LEVELS:
        seeds = base[share] = bench.seen(f"{share:.0%} load", shape.BASE, share)
        figures, worst = judge.middle([each.figures for each in seeds]), max(seeds, key=lambda each: each.noise.lag_ms)
        predicted = shape.predicted(shape.BASE, share * shape.MOST_PER_S, seeds[0].seconds, fit)
        levels.append(judge.level(share, figures, predicted))
        tail = f"{part(worst.half_width)} | {worst.noise.lag_ms:.1f} ms | {part(worst.noise.steal)} | {part(worst.noise.others)}"
        print(f"| {share:.0%} | measured | {row(figures)} | {tail} |")
        print(f"| | predicted | {row(judge.middle(predicted))} | | | | |")
        errors = " | ".join(f"{each:+.1%}" for each in levels[-1].errors.values())
        print(f"| | error | {errors} | {'good' if levels[-1].good else f'over {levels[-1].limit:.0%}'} | | | | |", flush=True)
    return levels, base


def compared_changes(bench: Bench | Replay, fit: shape.Fit, base: dict[float, list[Seen]]) -> list[judge.Effect]:
    """Compare every change, and print a table."""
    print("\n| change | load | figure | measured | predicted | nearest runs | sign | size | lag p99 |")
    print("|---|---|---|---|---|---|---|---|---|")
    effects = []
    for change in shape.CHANGES:
        tiers, rate = shape.changed(change.tier, change.options), change.level * shape.MOST_PER_S
        before, after = base[change.level], bench.seen(change.name, tiers, change.level)
        said = [shape.predicted(each, rate, after[0].seconds, fit) for each in (shape.BASE, tiers)]
        pairs = [(one.figures, other.figures) for one, other in zip(before, after, strict=True)]
        found = judge.effect(change.figure, pairs, list(zip(*said, strict=True)))
        effects.append(found)
        unit = "points" if change.figure == "success" else "%"
        measured, middle, low, high = (f"{100 * each:+.1f}" for each in found)
        lag_ms = max(each.noise.lag_ms for each in after)
        marks = f"{'right' if found.sign else 'WRONG'} | {'right' if found.size else 'WRONG'} | {lag_ms:.1f} ms"
        cells = (change.name, f"{change.level:.0%}", f"{change.figure}, {unit}", measured, middle, f"{low} to {high}", marks)
        print(f"| {' | '.join(cells)} |", flush=True)
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

    # The server of the planner lab is small; a second replica and more workers of the last tier need connections of their own.
    with mock.patch.dict(server._SETTINGS, max_connections=str(CONNECTIONS)), server.running() as running:
        name = running.create_database()
        with running.connect(name) as connection:
            connection.execute("CREATE TABLE item (id bigint PRIMARY KEY, title text NOT NULL)")
            connection.execute("INSERT INTO item SELECT n, repeat(md5(n::text), 4) FROM generate_series(1, %s) n", (ROWS,))
            connection.execute("ANALYZE item")
        where = {"host": str(running.directory), "port": 5432, "dbname": name, "user": server.OWNER, "sslmode": "disable"}
        yield {"postgresql": where}


if __name__ == "__main__":
    sys.exit(main())

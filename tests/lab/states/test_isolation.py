"""The levels of transactions behave as the engines do in the Hermitage tests of Martin Kleppmann (facts of October 2024).

Each anomaly is a flow of two or three transactions; a call to a clock between the statements lets the others in at every step. A cell holds
when the exploration finds the anomaly exactly where Hermitage says that the level does not prevent it.
"""

from functools import cache

import pytest

from backend_expert.lab.states import (
    Bounds,
    Branch,
    Column,
    Effect,
    External,
    Fail,
    Flow,
    Handler,
    Insert,
    Invariant,
    Read,
    Table,
    Transaction,
    Write,
    explore,
)
from backend_expert.lab.states.flow import Isolation, Step

ANOMALIES = ("G0", "G1a", "G1b", "G1c", "OTV", "PMP", "P4", "G-single", "G2-item", "G2")

# One letter a cell, in the order above: y prevented, n not, s prevented in some forms only (either answer is right), r prevented for
# transactions that only read (the forms below).
TABLE = {
    ("PostgreSQL", "read committed", "read-committed"): "yyyyynnnnn",
    ("PostgreSQL", "repeatable read", "snapshot"): "yyyyyyyynn",
    ("PostgreSQL", "serializable", "serializable"): "yyyyyyyyyy",
    ("MySQL", "read uncommitted", "read-uncommitted"): "ynnnnnnnnn",
    ("MySQL", "read committed", "read-committed"): "yyyyynnnnn",
    ("MySQL", "repeatable read", "repeatable-read"): "yyyyyrnrnn",
    ("MySQL", "serializable", "serializable"): "yyyyyyyyyy",
    ("Oracle", "read committed", "read-committed"): "yyyyynnnnn",
    ("Oracle", "serializable", "snapshot"): "yyyyyyyyns",
    ("SQL Server", "read uncommitted", "read-uncommitted"): "ynnnnnnnnn",
    ("SQL Server", "read committed (locking)", "read-committed"): "yyyyynnnnn",
    ("SQL Server", "read committed (snapshot)", "read-committed"): "yyyyynnnnn",
    ("SQL Server", "repeatable read", "locking reads"): "yyyyynysyn",
    ("SQL Server", "snapshot", "snapshot"): "yyyyyyyynn",
    ("SQL Server", "serializable", "serializable"): "yyyyyyyyyy",
    ("FoundationDB", "serializable", "serializable"): "yyyyyyyyyy",
    ("CockroachDB", "read committed", "read-committed"): "yyyyynnnnn",
    ("CockroachDB", "repeatable read", "snapshot"): "yyyyyyyynn",
    ("CockroachDB", "serializable", "serializable"): "yyyyyyyyyy",
    ("YugabyteDB", "read committed", "read-committed"): "yyyyynnnnn",
    ("YugabyteDB", "repeatable read", "snapshot"): "yyyyyyyynn",
    ("YugabyteDB", "serializable", "serializable"): "yyyyyyyyyy",
    ("Memgraph", "snapshot isolation", "snapshot"): "yyyyyyyynn",
    ("Memgraph", "read committed", "conflict-checked"): "yyyyynynnn",
    ("Memgraph", "read uncommitted", "read-uncommitted"): "ynnnynynnn",
}
NOT_MODELLED = {("Memgraph", "read uncommitted", anomaly) for anomaly in ("OTV", "P4")}

TICK = Effect("clock.tick")
ALWAYS = "skew"
AT_REST = "half-compensated"


def stepwise(*steps: Step) -> tuple[Step, ...]:
    return tuple(each for step in steps for each in (step, TICK))


def handler(name: str, level: str, *inside: Step, after: tuple[Step, ...] = ()) -> Handler:
    if level == "locking reads":
        inside = tuple(Read(s.source, s.into, lock=not s.source.startswith("sum(")) if isinstance(s, Read) else s for s in inside)
        level = "read-committed"
    isolation: Isolation = level  # type: ignore[assignment]
    return Handler(name, (Transaction(stepwise(*inside), isolation), *after))


def note(name: str, local: str) -> Write:
    return Write(f"seen.{name}.value", local)


def scene(level: str, anomaly: str) -> tuple[tuple[Handler, ...], Invariant]:
    """Return the transactions of an anomaly and the state that shows it."""
    x, y = "test.x.value", "test.y.value"
    match anomaly:
        case "G0":
            return (
                handler("t1", level, Write(x, "1"), Write(y, "1")),
                handler("t2", level, Write(x, "2"), Write(y, "2")),
            ), Invariant(AT_REST, "", (), (f"{x} = 1", f"{y} = 1"))
        case "G1a":
            return (
                handler("t1", level, Write(x, "1"), Fail()),
                handler("t2", level, Read(x, "a"), after=(note("a", "a"),)),
            ), Invariant(ALWAYS, "", (), ("seen.a.value != 1",))
        case "G1b":
            return (
                handler("t1", level, Write(x, "1"), Write(x, "2")),
                handler("t2", level, Read(x, "a"), after=(note("a", "a"),)),
            ), Invariant(ALWAYS, "", (), ("seen.a.value != 1",))
        case "G1c":
            return (
                handler("t1", level, Write(x, "1"), Read(y, "a"), after=(note("a", "a"),)),
                handler("t2", level, Write(y, "1"), Read(x, "b"), after=(note("b", "b"),)),
            ), Invariant(ALWAYS, "", (), ("not (seen.a.value = 1 and seen.b.value = 1)",))
        case "OTV":
            # The third sees the second's x, then a y from before the second, although the second came last.
            return (
                handler("t1", level, Write(x, "1"), Write(y, "1")),
                handler("t2", level, Write(x, "2"), Write(y, "2"), after=(note("c", "1"),)),
                handler("t3", level, Read(x, "a"), Read(y, "b"), after=(note("a", "a"), note("b", "b"), note("d", "1"))),
            ), Invariant(
                ALWAYS,
                "",
                (),
                (
                    f"not (seen.a.value = 2 and seen.b.value != 2 and seen.d.value = 1 and seen.c.value = 1 and {x} = 2 and {y} = 2)",
                ),
            )
        case "PMP":
            return (
                handler("t1", level, Read("sum(test.row.rows)", "a"), Read("sum(test.row.rows)", "b"), after=(note("a", "b - a"),)),
                handler("t2", level, Insert("test.row")),
            ), Invariant(ALWAYS, "", (), ("seen.a.value = 0",))
        case "P4":
            return tuple(
                handler(name, level, Read(x, "v"), Write(x, "v + 1"), after=(note(done, "1"),))
                for name, done in (("t1", "a"), ("t2", "b"))
            ), Invariant(ALWAYS, "", (), (f"not (seen.a.value = 1 and seen.b.value = 1 and {x} = 1)",))
        case "G-single":
            return (
                handler("t1", level, Read(x, "a"), Read(y, "b"), after=(note("a", "b - a"),)),
                handler("t2", level, Write(x, "1"), Write(y, "1")),
            ), Invariant(ALWAYS, "", (), ("seen.a.value <= 0",))
        case "G2-item":
            return tuple(
                handler(name, level, Read(x, "a"), Read(y, "b"), Branch("a = 0 and b = 0", (Write(own, "1"),)))
                for name, own in (("t1", x), ("t2", y))
            ), Invariant(ALWAYS, "", (), (f"not ({x} = 1 and {y} = 1)",))
        case _:
            return tuple(
                handler(name, level, Read(f"sum({other}.rows)", "n"), Branch("n = 0", (Insert(own),)))
                for name, own, other in (("t1", "test.left", "test.right"), ("t2", "test.right", "test.left"))
            ), Invariant(ALWAYS, "", (), ("not (test.left.rows = 1 and test.right.rows = 1)",))


@cache
def prevented(level: str, anomaly: str) -> bool:
    handlers, invariant = scene(level, anomaly)
    value = Column("value", low=-2, high=2)
    shared = tuple(Table(name, (value,), per="flow") for name in ("test.x", "test.y", "seen.a", "seen.b", "seen.c", "seen.d"))
    flow = Flow(
        name=f"{anomaly} at {level}",
        tables=(*shared, Table("test.row"), Table("test.left"), Table("test.right")),
        externals=(External("clock", outcome="known"),),
        handlers=handlers,
        invariants=(invariant,),
        bounds=Bounds(requests=1, crash=0, duplicate=0, timeout=0, pause=0),
    )
    verdict = explore(flow)
    assert verdict.answers[0].verdict in {"none", "violated"}
    return verdict.holds


CELLS = [
    (engine, name, level, anomaly, cell)
    for (engine, name, level), cells in TABLE.items()
    for anomaly, cell in zip(ANOMALIES, cells, strict=True)
    if (engine, name, anomaly) not in NOT_MODELLED
]


def test_at_least_235_of_250_cells_are_compared() -> None:
    assert len(TABLE) * len(ANOMALIES) == 250
    assert len(CELLS) >= 235


@pytest.mark.parametrize(("engine", "name", "level"), sorted(TABLE))
def test_levels_prevent_what_the_engines_prevent(engine: str, name: str, level: str) -> None:
    for its_engine, its_name, _, anomaly, cell in CELLS:
        if (its_engine, its_name) == (engine, name) and cell != "s":
            assert prevented(level, anomaly) is (cell in "yr"), anomaly

"""The database ends a deadlock: the victim fails or is tried again, and nothing hangs for ever."""

import pytest

from backend_expert.lab.states import (
    Bounds,
    Column,
    Flow,
    Handler,
    Insert,
    Invariant,
    Publish,
    Read,
    Table,
    Topic,
    Transaction,
    Write,
    explore,
)

FIRST, SECOND = "accounts.from.balance", "accounts.to.balance"
TABLES = (
    Table("accounts.transfer"),
    Table("accounts.from", (Column("balance", initial="requests"),), per="flow"),
    Table("accounts.to", (Column("balance"),), per="flow"),
)


def moving(name: str, first: str, second: str) -> Handler:
    """Return a consumer that locks both rows before it changes them."""
    reads = (Read(first, "a", lock=True), Read(second, "b", lock=True))
    return Handler(name, (Transaction((*reads, Write(first, "a"), Write(second, "b"))),), consumes="transfer.asked")


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_a_deadlock_loses_no_message(order: tuple[str, str]) -> None:
    flow = Flow(
        name="transfer",
        handlers=(
            Handler("accounts.ask", (Transaction((Insert("accounts.transfer"), Publish("transfer.asked", "outbox"))),)),
            moving("accounts.book", FIRST, SECOND),
            moving("ledger.book", *order),
        ),
        tables=TABLES,
        topics=(Topic("transfer.asked", row="accounts.transfer"),),
        invariants=(Invariant("lost-event", "transfer.asked"),),
        bounds=Bounds(requests=1, crash=0, duplicate=0, timeout=0),
    )
    (answer,) = explore(flow).answers
    assert answer.verdict == "none"

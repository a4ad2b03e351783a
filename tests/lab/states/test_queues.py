"""Messages of one key come in the order in which they were published, one at a time; all others come in any order."""

import pytest
from msgspec import structs

from backend_expert.lab.states import (
    Bounds,
    Column,
    Flow,
    Handler,
    Insert,
    Invariant,
    Lock,
    Observe,
    Publish,
    Read,
    Table,
    Topic,
    Verdict,
    Write,
    explore,
    parse_flow,
)
from backend_expert.lab.states.compile import compile_flow
from backend_expert.lab.states.compiled_engine import explore_compiled
from backend_expert.lab.states.explore import prepared
from backend_expert.lab.states.python_engine import explore_machine

NUMBERED = Table("catalogue.price", (Column("version", low=0, high=4),), per="flow")
CHANGE = Table("catalogue.change", (Column("version", low=0, high=4),))
COPY = Table("search.price", (Column("version", low=0, high=4),), per="flow")
BACK = Invariant("stale-read", "newer")
CHANGES = Handler(
    "catalogue.change-price",
    (
        Lock(
            "price",
            (
                Read("catalogue.price.version", "version"),
                Write("catalogue.price.version", "version + 1"),
                Insert("catalogue.change", (("version", "version + 1"),)),
                Publish("price.changed"),
            ),
            per="flow",
        ),
    ),
)
FOLLOWS = Handler(
    "search.follow",
    (
        Read("search.price.version", "old"),
        Read("catalogue.change.version", "new"),
        Observe("newer", "new >= old"),
        Write("search.price.version", "new"),
    ),
    consumes="price.changed",
)


def flow(ordered: str, *, workers: int = 1, bounds: Bounds = Bounds(crash=0, duplicate=0, timeout=0)) -> Flow:  # noqa: B008 - frozen
    return Flow(
        name="projection",
        handlers=(CHANGES, structs.replace(FOLLOWS, workers=workers)),
        tables=(NUMBERED, CHANGE, COPY),
        topics=(Topic("price.changed", row="catalogue.change", ordered=ordered),),
        invariants=(BACK,),
        bounds=bounds,
    )


def verdict(explored: Verdict) -> str:
    (answer,) = explored.answers
    return answer.verdict


def test_without_a_key_a_later_message_overtakes() -> None:
    assert verdict(explore(flow(""))) == "violated"


@pytest.mark.parametrize("workers", [1, 2])
def test_one_key_for_all_keeps_the_order(workers: int) -> None:
    bounds = Bounds(crash=1, duplicate=1, timeout=1)
    assert verdict(explore(flow("search.price", workers=workers, bounds=bounds))) == "none"


def test_a_key_for_each_row_orders_nothing_between_rows() -> None:
    assert verdict(explore(flow("catalogue.change"))) == "violated"


def test_a_message_that_comes_back_is_handed_out_before_the_next() -> None:
    """The consumer dies between the read and the acknowledgement; nobody may work on the second message meanwhile."""
    dies = Bounds(crash=1, duplicate=0, timeout=0)
    assert verdict(explore(flow("search.price", workers=2, bounds=dies))) == "none"
    assert verdict(explore(flow("", workers=2, bounds=dies))) == "violated"


def test_nothing_waits_for_ever() -> None:
    handled = structs.replace(flow("search.price", bounds=Bounds(crash=1)), invariants=(Invariant("lost-event", "price.changed"),))
    lossless = structs.replace(handled, bounds=Bounds(crash=0))
    assert verdict(explore(lossless)) == "none"
    lossy = structs.replace(handled, bounds=Bounds(crash=0, loss=1))
    assert verdict(explore(lossy)) == "violated"


def test_both_engines_agree() -> None:
    machine = compile_flow(prepared(flow("search.price", bounds=Bounds(crash=1, duplicate=1, loss=1))))
    plain = explore_machine(machine, limit=10**6)
    assert plain == explore_compiled(machine, limit=10**6)
    assert not plain.saturated
    assert not plain.capped


def test_the_file_names_the_table_of_the_key() -> None:
    text = """
flow: projection
stores:
  catalogue: {tables: {change: {key: id, version: {init: 0}}}}
topics:
  price.changed: {key: change.id, ordered: change.id}
steps:
  - at: catalogue.change-price
    do: [{insert: {into: catalogue.change}}, {publish: price.changed}]
  - at: search.follow
    consume: price.changed
    do: [{ack: {}}]
invariants:
  - {class: lost-event, of: price.changed}
"""
    assert parse_flow(text).topics[0].ordered == "catalogue.change"

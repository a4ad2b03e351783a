"""Independent steps in a row are found, and only they go at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend_expert.model import Action, Branch, Call, Estimate, Parallel, Query, Step, Transaction, walk
from backend_expert.model.runs import at_once, independent_runs

A, B, C = Call(operation="a"), Call(operation="b", independent=True), Call(operation="c", independent=True)
AFTER = Call(operation="after", independent=False)
WRITE = Query(dataset="d/t", action=Action.INSERT, independent=True)


def test_the_longest_run_is_one() -> None:
    assert list(independent_runs((A, B, C, AFTER))) == [(A, B, C)]
    assert at_once((A, B, C, AFTER)) == (Parallel(branches=((A,), (B,), (C,))), AFTER)


def test_a_write_ends_a_run() -> None:
    assert list(independent_runs((A, WRITE, C))) == []
    assert list(independent_runs((A, B, WRITE, C, B))) == [(A, B), (C, B)]


def test_what_is_not_known_to_be_independent_waits() -> None:
    assert list(independent_runs((A, Call(operation="b"), C))) == [(Call(operation="b"), C)]


def test_statements_of_a_transaction_share_one_connection() -> None:
    assert list(independent_runs((Transaction(store="d", steps=(A, B)),))) == []


def test_runs_are_found_inside_branches() -> None:
    branch = Branch(probability=Estimate(0.5), then=(A, B))
    assert at_once((branch,)) == (Branch(probability=Estimate(0.5), then=(Parallel(branches=((A,), (B,))),)),)


@given(st.lists(st.sampled_from([A, B, C, AFTER, WRITE]), max_size=12))
def test_no_step_is_lost_and_nothing_is_left_to_do(steps: list[Step]) -> None:
    program = tuple(steps)
    changed = at_once(program)
    assert [step for step in walk(changed) if not isinstance(step, Parallel)] == steps
    assert at_once(changed) == changed

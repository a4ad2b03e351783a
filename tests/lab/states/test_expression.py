import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.lab.states.expression import (
    CLAUSE_LIMIT,
    FALSE,
    TRUE,
    Atom,
    ExpressionError,
    Guard,
    Linear,
    both,
    compare,
    either,
    holds,
    number,
    opposite,
    parse_condition,
    parse_sum,
    substitute,
    variable,
)

NAMES = ("a", "b", "c")
sums = st.builds(
    lambda factors, constant: Linear(
        tuple((name, factor) for name, factor in zip(NAMES, factors, strict=True) if factor), constant
    ),
    st.tuples(*[st.integers(-2, 2)] * 3),
    st.integers(-3, 3),
)
atoms = st.builds(Atom, sums, st.sampled_from(("=", "!=", "<=")))
guards = st.lists(st.lists(atoms, max_size=2).map(tuple), max_size=3).map(tuple)
states = st.fixed_dictionaries({name: st.integers(-2, 3) for name in NAMES})


@given(guards, states)
def test_opposite_is_exact(guard: Guard, state: dict[str, int]) -> None:
    assert holds(opposite(guard), state) is not holds(guard, state)


@given(guards, guards, states)
def test_both_and_either(left: Guard, right: Guard, state: dict[str, int]) -> None:
    assert holds(both(left, right), state) == (holds(left, state) and holds(right, state))
    assert holds(either(left, right), state) == (holds(left, state) or holds(right, state))


@given(guards, sums, states)
def test_substitution_is_evaluation_after_assignment(guard: Guard, value: Linear, state: dict[str, int]) -> None:
    assert holds(substitute(guard, {"a": value}), state) == holds(guard, {**state, "a": value.value(state)})


def test_contradictions_vanish() -> None:
    assert both(compare(variable("a"), "=", number(1)), compare(variable("a"), "=", number(2))) == FALSE
    assert compare(number(1), "<", number(2)) == TRUE


def test_too_many_alternatives_are_refused() -> None:
    wide = tuple((Atom(Linear((("a", 1),), -k), "="),) for k in range(CLAUSE_LIMIT + 1))
    with pytest.raises(ExpressionError, match="more than 64 alternatives"):
        both(wide)


@pytest.mark.parametrize(
    ("text", "state", "expected"),
    [
        ("a > 0 and b = 2", {"a": 1, "b": 2, "c": 0}, True),
        ("a > 0 and b = 2 or c != 0", {"a": 0, "b": 2, "c": 1}, True),
        ("not (a > 0 or b > 0)", {"a": 0, "b": 1, "c": 0}, False),
        ("(a + b) * 2 <= 6 - c", {"a": 1, "b": 2, "c": 0}, True),
        ("a - -1 >= 3", {"a": 1, "b": 0, "c": 0}, False),
        ("a == 3", {"a": 3, "b": 0, "c": 0}, True),
    ],
)
def test_conditions_are_read(text: str, state: dict[str, int], expected: bool) -> None:
    assert holds(parse_condition(text, variable), state) is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a >", "the end"),
        ("a", "expected '='"),
        ("a = 1 b", "left over"),
        ("a * b = 1", "cannot be multiplied"),
        ("a = 99999999", "too large"),
        ("a ? 1", "cannot be read"),
        ("(" * 60 + "a = 1" + ")" * 60, "nested too deeply"),
    ],
)
def test_nonsense_is_refused_with_a_reason(text: str, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem.replace("?", r"\?")):
        parse_condition(text, variable)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        parse_condition(text, variable)
    with contextlib.suppress(ExpressionError):
        parse_sum(text, variable)

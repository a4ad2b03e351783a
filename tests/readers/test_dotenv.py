from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.readers.dotenv import variables


def values(text: str) -> dict[str, str]:
    return {variable.name: variable.value for variable in variables(text)}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("export A=1", "1"),
        ("A = 1", "1"),
        ("A: 1", "1"),
        ("A=", ""),
        ("A=x # why", "x"),
        ("A=x#y", "x#y"),
        ("A=# nothing", ""),
        ('A="x # y"', "x # y"),
        ("A='x'", "x"),
        ('A="x" # why', "x"),
        ("A=postgres://u:p@db/x?a=b", "postgres://u:p@db/x?a=b"),
    ],
)
def test_forms_of_a_line(line: str, value: str):
    assert values(line) == {"A": value}


def test_comments_and_other_lines_are_passed_over():
    assert values("# A=1\n\nnot a variable\nB=2\n") == {"B": "2"}


def test_lines_are_counted_from_one_and_the_last_of_a_name_wins():
    found = variables("A=1\nB=2\nA=3\n")
    assert [(each.name, each.value, each.line) for each in found] == [("B", "2", 2), ("A", "3", 3)]


def test_quoted_values_go_over_lines():
    found = variables('KEY="one\ntwo"\nB=2\n')
    assert [(each.name, each.value, each.line) for each in found] == [("KEY", "one\ntwo", 1), ("B", "2", 3)]


def test_a_quote_that_is_never_closed_ends_with_its_line():
    assert values('A="open\nB=2') == {"A": "open", "B": "2"}


def test_earlier_variables_fill_later_ones_but_not_in_single_quotes():
    assert values("H=db\nA=http://${H}:80\nB='${H}'\nC=${X:-y}\nD=$H") == {
        "H": "db",
        "A": "http://db:80",
        "B": "${H}",
        "C": "y",
        "D": "db",
    }


def test_variables_that_double_each_other_stay_small():
    text = "A0=" + "x" * 100 + "\n" + "\n".join(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}" for n in range(1, 60))
    assert all(len(value) < 10_000 for value in values(text).values())


@given(st.text())
def test_any_text_is_read(text: str):
    assert all(variable.line >= 1 for variable in variables(text))

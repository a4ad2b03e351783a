from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.readers import Repository
from backend_expert.readers.compose.interpolation import Environment, environment, fill, stand_in
from backend_expert.readers.dotenv import Variable

KNOWN = Environment({"A": (Variable("A", "one", 3), ".env"), "EMPTY": (Variable("EMPTY", "", 4), ".env")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A", "one"),
        ("${A}", "one"),
        ("x-${A}-y-$A", "x-one-y-one"),
        ("${A:-d}", "one"),
        ("${B:-d}", "d"),
        ("${B-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${B:-${A}}", "one"),
        ("${B:-${C:-deep}}", "deep"),
        ("${A:+there}", "there"),
        ("${B:+there}", ""),
        ("${A:?must}", "one"),
        ("${B:?must}", "${B}"),
        ("${B}", "${B}"),
        ("$B", "$B"),
        ("$$A", "$A"),
        ("${unclosed", "${unclosed"),
        ("100%$", "100%$"),
    ],
)
def test_fill(text: str, expected: str):
    assert fill(text, KNOWN).text == expected


def test_the_line_of_the_variable_is_evidence():
    assert [str(line) for line in fill("http://${A}:80", KNOWN).evidence] == [".env:3"]


def test_variables_that_multiply_do_not_fill_the_memory():
    big = Environment({"A": (Variable("A", "x" * 1500, 1), ".env")})
    assert len(fill("${A}" * 400, big).text) < 10_000


def test_an_example_stands_in_for_a_file_that_is_kept_out(tree):
    repository = Repository.open(tree({"api/.env.example": "A=1", "web/.env": "B=2", "web/.env.example": "B=3"}))
    assert stand_in(repository, "api/.env") == "api/.env.example"
    assert stand_in(repository, "web/.env") == "web/.env"
    assert stand_in(repository, ".env") is None
    assert environment(repository, "api/.env").values["A"][1] == "api/.env.example"


@given(st.text(alphabet="$A{}:-+?B", max_size=60))
def test_any_text_is_filled(text: str):
    assert isinstance(fill(text, KNOWN).text, str)

"""The page about the load lab says what happens: every line of it is run."""

import doctest
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "load-lab.md"


def test_every_line_of_the_page_runs() -> None:
    if not PAGE.exists():
        pytest.skip("docs/ is not part of this installation")
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert tried >= 15
    assert failed == 0

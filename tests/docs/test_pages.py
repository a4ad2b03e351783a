"""What the pages of `docs` show is what happens: every line of Python prints what stands below it, and every flow can be read."""

import doctest
import re
from pathlib import Path

import pytest

from backend_expert.lab.states import is_flow, parse_flow

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_happens(page: Path) -> None:
    failed, tried = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert tried >= 5
    assert failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_flows_of_a_page_can_be_read(page: Path) -> None:
    for text in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        assert not is_flow(text) or parse_flow(text).handlers

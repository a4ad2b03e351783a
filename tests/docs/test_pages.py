"""What the pages of `docs` show is what happens: their Python runs and prints what stands below it, their flows can be read."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from backend_expert.lab.states import is_flow, parse_flow

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page for page in DOCS.glob("*.md") if "```" in page.read_text(encoding="utf-8"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_happens(page: Path) -> None:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    assert blocks
    names: dict[str, object] = {}
    printed = ""
    for language, text in blocks:
        if language == "python":
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(text, str(page), "exec"), names)
            printed = said.getvalue()
        elif language == "text":
            assert printed == text
        elif language == "yaml" and is_flow(text):
            assert parse_flow(text).handlers

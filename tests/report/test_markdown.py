import re

import pytest
from hostile_result import hostile
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec import structs
from sample_result import sample

from backend_expert.model import Severity, Text
from backend_expert.report import render
from backend_expert.report.markdown import LONGEST, escaped, fenced, sentence


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_every_part_is_there(language: str) -> None:
    text = render(sample(), "markdown", language)
    assert text.startswith("# shop: ")
    assert "```mermaid\nflowchart LR\n" in text
    assert text.count("\n## ") >= 7
    assert "F9" in text


@pytest.mark.parametrize("count", [40, 400, 4000])
def test_it_always_fits_a_comment(count: int) -> None:
    base = sample()
    many = tuple(
        structs.replace(base.findings[0], id=f"x{n}", subject=f"s{n}", severity=list(Severity)[n % 5], rule=f"rule-{n % 7}")
        for n in range(count)
    )
    text = render(structs.replace(base, findings=many), "markdown")
    assert len(text) <= LONGEST
    assert "HTML report" in text or count == 40
    assert text.count("F1") > 0


def test_a_short_review_keeps_its_code_and_a_long_one_says_that_it_is_short() -> None:
    base = sample()
    assert "AbortSignal" in render(base, "markdown")
    many = tuple(structs.replace(base.findings[0], id=f"x{n}") for n in range(150))
    assert "Kept short" in render(structs.replace(base, findings=many), "markdown")


def test_hostile_texts_become_no_html_no_link_and_no_mention() -> None:
    page = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable("table").render(render(hostile(), "markdown"))
    tags = {name.lower() for name in re.findall(r"<([a-zA-Z][a-zA-Z0-9]*)", page)}
    allowed = {"h1", "h2", "h3", "p", "strong", "em", "ul", "li", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "hr"}
    assert tags <= allowed | {"details", "summary"}
    text = re.sub(r"<(code|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert "everyone" in text
    assert not re.search(r"@\w|#\d|://", text)


@given(st.text())
def test_escaped_text_reads_back_as_text(text: str) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).parseInline(escaped("x" + text))
    assert {child.type for child in tokens[0].children or ()} <= {"text", "text_special"}


@given(st.text())
def test_a_fence_holds_whatever_stands_in_it(text: str) -> None:
    tokens = MarkdownIt("commonmark").parse(fenced(text) + "\n\nafter")
    assert next(token.type for token in tokens if token.level == 0) == "fence"
    assert tokens[-2].content == "after"


def test_code_in_a_sentence_stays_code() -> None:
    assert sentence("`a|b` and <b>") == "`a\\|b` and &lt;b&gt;"
    assert Text("a", "b").pt == "b"

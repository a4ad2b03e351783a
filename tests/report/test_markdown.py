import re

import pytest
from hostile_result import hostile
from markdown_it import MarkdownIt
from msgspec import structs
from sample_result import sample

from backend_expert.model import Severity
from backend_expert.report import render
from backend_expert.report.markdown import LONGEST


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_every_part_is_there(language: str) -> None:
    text = render(sample(), "markdown", language)
    assert text.startswith("# shop: ")
    assert "```mermaid\nflowchart LR\n" in text
    assert text.count("\n## ") >= 7
    assert "F9" in text


def test_both_forms_and_both_plans_of_a_statement_are_shown() -> None:
    page = render(sample(), "markdown", "en")
    assert "- SELECT id FROM orders WHERE placed_at::date = $1" in page
    assert "Index Scan using [orders (placed_at)]" in page
    assert "CREATE INDEX CONCURRENTLY orders_customer_id_idx" in page
    assert "DROP INDEX CONCURRENTLY public.orders_customer_id_idx;" in page


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
    allowed = {
        "h1",
        "h2",
        "h3",
        "h4",
        "p",
        "strong",
        "em",
        "ol",
        "ul",
        "li",
        "code",
        "pre",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "hr",
    }
    assert tags <= allowed | {"details", "summary"}
    text = re.sub(r"<(code|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert "everyone" in text
    assert not re.search(r"@\w|#\d|://", text)

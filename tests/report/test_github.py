from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from backend_expert.report.github import escaped, fenced, passage, sentence


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


def test_lists_of_a_page_stay_lists() -> None:
    assert passage("- a <b>\n- `c`\n\n1. d") == "- a &lt;b&gt;\n- `c`\n\n1. d"


def test_people_and_issues_are_not_called() -> None:
    assert escaped("@team #12 https://a.example") == "@&#8203;team \\#&#8203;12 https:&#8203;//a.example"

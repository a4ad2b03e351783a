import os
import re

import pytest
from hostile_result import HOSTILE, hostile
from msgspec import structs
from rich.cells import cell_len
from sample_result import sample

from backend_expert.model import Text
from backend_expert.report import render

LANGUAGES = ["en", "pt-BR"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(language: str, width: int) -> None:
    for result in (sample(), hostile()):
        text = render(result, "text", language, width=width)
        assert max(cell_len(line) for line in text.split("\n")) <= width


def test_it_says_what_matters() -> None:
    text = render(sample(), "text")
    for words in (
        "grade D, 54 of 100",
        "8,420 → 812 ms",
        "better in 97 % of",
        "F1",
        "compose.yaml:41-42",
        "broken",
        "proved in the lab",
    ):
        assert words in text
    assert text.index("WHAT TO DO FIRST") < text.index("REQUIREMENTS") < text.index("FINDINGS") < text.index("NOT READ")
    assert "--format html" in text.splitlines()[-2] + text.splitlines()[-1]


def test_a_schema_says_what_its_indexes_bring_and_how_sure_that_is() -> None:
    said = " ".join(render(sample(), "text", "en").split())
    assert "orders/migrations New indexes: 1 (15.7 MB). They bring the planner cost of the workload (1 statement) to 6.1 %" in said
    assert "Evidence: GUESS" in said
    assert "Planner cost 29,206 → 412 (GUESS) with an index on orders (placed_at)." in said


def test_a_long_list_of_changes_is_cut_at_a_sentence_and_counted() -> None:
    result = sample()
    several = " ".join(f"service-{n}: instances 1 → 2." for n in range(100))
    (one, *rest) = result.recommendations
    long = structs.replace(one, action=Text(several, several))
    text = " ".join(render(structs.replace(result, recommendations=(long, *rest)), "text").split())
    shown = text.count(": instances 1 → 2")
    assert 10 < shown < 40
    assert f"service-{shown - 1}: instances 1 → 2 … and {100 - shown} more." in text
    assert f"service-{shown}:" not in text


def test_portuguese_says_it_too() -> None:
    text = render(sample(), "text", "pt-BR")
    for words in ("nota D, 54 de 100", "8.420 → 812 ms", "melhor em 97 %", "violado", "O QUE FAZER PRIMEIRO"):
        assert words in text


def test_a_number_is_not_parted_from_its_unit() -> None:
    for language in LANGUAGES:
        for width in range(50, 100, 3):
            text = render(sample(), "text", language, width=width)
            assert not re.search(r"\d\n\s*(ms|s|%)\b", text)


def test_colour_is_an_addition_only(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = render(sample(), "text")
    coloured = render(sample(), "text", color=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in bare.splitlines()] == plain.splitlines()
    monkeypatch.setitem(os.environ, "FORCE_COLOR", "1")
    monkeypatch.setitem(os.environ, "COLUMNS", "33")
    assert render(sample(), "text") == plain


def test_a_hostile_name_cannot_move_the_cursor_or_turn_the_line() -> None:
    text = render(hostile(), "text", width=100)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u001b" in text
    assert HOSTILE


def test_an_empty_review_still_reads() -> None:
    empty = structs.replace(
        sample(), recommendations=(), findings=(), requirements=(), peak=None, unread=(), assumptions=(), nodes=(), edges=()
    )
    text = render(empty, "text")
    assert "no rule found a problem" in text
    assert "Nothing to do first" in text

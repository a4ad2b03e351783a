"""Numbers and names as people of each language write them."""

from __future__ import annotations

import pytest

from backend_expert.rules.wording import counted, duration, figure, listed, percent


@pytest.mark.parametrize(
    ("value", "en", "pt"),
    [
        (1234.5, "1,234", "1.234"),
        (5604.0, "5,604", "5.604"),
        (93.4, "93.4", "93,4"),
        (0.25, "0.25", "0,25"),
        (2.0, "2", "2"),
        (1.234, "1.23", "1,23"),
        (0.0004, "0.0004", "0,0004"),
    ],
)
def test_figures(value: float, en: str, pt: str) -> None:
    assert (figure(value, "en"), figure(value, "pt")) == (en, pt)


@pytest.mark.parametrize(
    ("milliseconds", "en", "pt"),
    [(250, "250 ms", "250 ms"), (1500, "1.5 s", "1,5 s"), (90_000, "90 s", "90 s"), (150_000, "2.5 min", "2,5 min")],
)
def test_durations(milliseconds: float, en: str, pt: str) -> None:
    assert (duration(milliseconds, "en"), duration(milliseconds, "pt")) == (en, pt)


def test_percentages_keep_the_space() -> None:
    assert percent(0.0394, "en") == "3.9 %"
    assert percent(0.99501, "pt", 2) == "99,5 %"


def test_names_are_joined_as_in_a_sentence() -> None:
    assert listed(["a"], "en") == "`a`"
    assert listed(["a", "b", "c"], "en") == "`a`, `b` and `c`"
    assert listed(["a", "b", "c"], "pt") == "`a`, `b` e `c`"
    assert listed(["a", "b", "c", "d"], "en", most=2) == "`a`, `b` and 2 more"
    assert listed(["a", "b", "c", "d"], "pt", most=2) == "`a`, `b` e mais 2"


def test_counts_agree_with_their_noun() -> None:
    assert counted(1, "call", "calls") == "1 call"
    assert counted(3, "call", "calls") == "3 calls"

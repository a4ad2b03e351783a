from hypothesis import given
from hypothesis import strategies as st

from backend_expert.report.hostile import one_line, plain, spans, visible


def test_what_cannot_be_seen_is_written_out() -> None:
    assert visible("a\x1b[31mb") == "a\\u001b[31mb"
    assert visible("abc\u202edcba") == "abc\\u202edcba"
    assert visible("zero\u200bwidth\ufeff") == "zero\\u200bwidth\\ufeff"
    assert visible("\ud800") == "\\ud800"
    assert visible("a\tb\nc") == "a    b\nc"


def test_ordinary_text_stays() -> None:
    assert visible("ação → 日本語 é") == "ação → 日本語 é"


@given(st.text())
def test_nothing_invisible_is_left(text: str) -> None:
    assert all(character.isprintable() or character == "\n" or character.isspace() for character in visible(text))
    assert "\n" not in one_line(text)
    visible(text).encode()


def test_backticks_mark_code() -> None:
    assert spans("`a` calls `b`") == (("a", True), (" calls ", False), ("b", True))
    assert spans("an odd ` one") == (("an odd ` one", False),)
    assert plain("`a` calls\n `b`") == "a calls b"

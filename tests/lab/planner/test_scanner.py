"""Cutting SQL into statements: every way to hide a semicolon, and any text at all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend_expert.lab.planner.scanner import pieces, without_comments


def statements(text: str) -> list[tuple[int, str]]:
    return [(piece.line, piece.text) for piece in pieces(text) if piece.kind == "statement"]


def test_semicolons_in_strings_names_bodies_and_comments_end_nothing() -> None:
    text = """SELECT 'a;b', E'c\\';d', "e;f", $$g;h$$, $x$i;$$;j$x$ /* k; /* l; */ m; */ -- n;
;
SELECT 2;"""
    assert [line for line, _ in statements(text)] == [1, 3]


def test_a_body_of_begin_atomic_is_one_statement() -> None:
    text = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 ELSE 2 END; SELECT 3; END;\nSELECT 4;"
    assert [line for line, _ in statements(text)] == [1, 2]


def test_the_rows_of_copy_are_skipped_and_counted() -> None:
    found = list(pieces("COPY a (x) FROM stdin;\n1;2\n'3\n\\.\nSELECT 5;"))
    assert [(piece.kind, piece.rows) for piece in found] == [("statement", 0), ("data", 2), ("statement", 0)]
    assert found[-1].line == 5


def test_meta_commands_are_told_apart_from_statements() -> None:
    found = list(pieces("\\restrict abc\nSELECT 1;\n\\! rm -rf /\nSELECT 2;"))
    assert [piece.kind for piece in found] == ["meta", "statement", "meta", "statement"]


def test_the_line_is_that_of_the_first_word() -> None:
    assert statements("-- a\n/* b\n c */\n\n  SELECT 1;\nSELECT 2") == [(5, "SELECT 1"), (6, "SELECT 2")]


def test_comments_go_and_strings_stay() -> None:
    assert without_comments("SELECT '--a' /* b */, $$ -- c $$ -- d").split() == ["SELECT", "'--a'", ",", "$$", "--", "c", "$$"]


@given(st.text(alphabet="aA'\"$;-/*\\\n. copyfrmstdin()", max_size=200))
def test_any_text_gives_pieces_in_order(text: str) -> None:
    lines = [piece.line for piece in pieces(text)]
    assert lines == sorted(lines)
    assert isinstance(without_comments(text), str)

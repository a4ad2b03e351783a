from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.model.positions import NODE_LIMIT, Mapping, PositionError, Scalar, Sequence, parse_documents, plain


def one(text: str) -> Mapping:
    (node,) = parse_documents(text)
    assert isinstance(node, Mapping)
    return node


def test_every_key_and_value_knows_its_line():
    node = one("a:\n  b: 1\n  c:\n    - x\n    - y\n")
    assert node.key_line("a") == 1
    inner = node.at("a", "c")
    assert isinstance(inner, Sequence)
    assert [item.line for item in inner] == [4, 5]


def test_scalars_stay_text_until_a_field_asks():
    node = one("port: 22:22\nswitch: on\ncount: 3\nquoted: '3'\nnothing: ~\n")
    assert plain(node) == {"port": "22:22", "switch": "on", "count": 3, "quoted": "3", "nothing": None}


def test_merge_keys_stand_below_the_keys_of_the_mapping_itself():
    node = one("base: &base {a: 1, b: 1}\nuser:\n  b: 2\n  <<: *base\n")
    assert plain(node)["user"] == {"a": 1, "b": 2}


def test_a_repeated_key_keeps_its_last_value_and_says_so():
    node = one("a: 1\nb: 2\na: 3\n")
    assert plain(node) == {"a": 3, "b": 2}
    assert node.repeated == (Scalar("a", 1),)
    assert [name.line for name, _ in node.pairs if name.text == "a"] == [3]


def test_empty_documents_are_left_out():
    assert parse_documents("---\n---\n# nothing\n") == ()
    assert len(parse_documents("a: 1\n---\nb: 2\n")) == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\nb: [1, 2\n", 2), ("a: 1\n\tb: 2\n", 2), ("a: *nowhere\n", 1), ("a: 1\nb: \x07\n", 2)],
)
def test_a_broken_text_names_its_line(text: str, line: int):
    with pytest.raises(PositionError) as raised:
        parse_documents(text)
    assert raised.value.line == line


def test_a_document_that_explodes_is_refused():
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))
    with pytest.raises(PositionError, match=f"{NODE_LIMIT:,}"):
        parse_documents(f"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{levels}\n")


def test_an_alias_that_contains_itself_is_refused():
    with pytest.raises(PositionError, match="contains itself"):
        parse_documents("a: &a [*a]\n")


def test_a_document_that_is_nested_too_deeply_is_refused():
    with pytest.raises(PositionError):
        parse_documents("[" * 5_000)


@given(st.text(max_size=200))
def test_any_text_is_a_tree_or_a_position(text: str):
    lines = []
    try:
        parse_documents(text)
    except PositionError as error:
        lines.append(error.line)
    assert all(line >= 1 for line in lines)


def test_a_number_of_a_thousand_digits_is_no_whole_number():
    (node,) = parse_documents("a: " + "9" * 5_000)
    assert not isinstance(node.get("a").value(), int)

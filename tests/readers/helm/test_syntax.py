"""The language of templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.readers.helm.syntax import NESTING_LIMIT, Action, Block, Literal, Name, Path, TemplateError, Words, parse


def test_text_actions_and_their_lines() -> None:
    parts = parse("a: 1\nb: {{ .Values.b }}\n  {{- .c }}\n").parts
    assert [(type(each), each.line) for each in parts] == [(Words, 1), (Action, 2), (Action, 3), (Words, 3)]
    first, second = parts[1], parts[2]
    assert isinstance(first, Action)
    assert isinstance(second, Action)
    assert first.pipeline.commands == ((Path(".", ("Values", "b")),),)
    assert (first.alone, first.joined, second.alone, second.joined) == (False, False, True, True)


def test_white_space_is_cut_where_the_action_says_so() -> None:
    assert [each.text for each in parse("a  {{- /* c */ -}}\n\n b").parts if isinstance(each, Words)] == ["a", "b"]
    assert [each.line for each in parse("a  {{- /* c */ -}}\n\n b").parts if isinstance(each, Words)] == [1, 3]
    assert [each.text for each in parse("a {{/* c */}} b").parts if isinstance(each, Words)] == ["a ", " b"]


def test_operands_of_every_kind() -> None:
    (action,) = parse('{{ f "a\\"}}" `b` 1 -2.5 1e3 0x10 true nil $x.y (g .z).w . $ }}').parts
    assert isinstance(action, Action)
    ((function, *operands),) = action.pipeline.commands
    assert function == Name("f")
    assert operands[:8] == [*map(Literal, ['a"}}', "b", 1, -2.5, 1000.0, 16.0, True, None])]
    assert operands[8] == Path("$x", ("y",))
    assert isinstance(operands[9], Path)
    assert operands[9].keys == ("w",)
    assert operands[10:] == [Path(".", ()), Path("$", ())]


def test_blocks_with_every_else() -> None:
    (block,) = parse("{{ if .a }}1{{ else if .b }}2{{ else }}3{{ end }}").parts
    assert isinstance(block, Block)
    assert block.word == "if"
    (inner,) = block.otherwise
    assert isinstance(inner, Block)
    assert inner.otherwise == (Words("3", 1),)


def test_definitions_are_no_output() -> None:
    template = parse('{{ define "a" }}x{{ end }}y')
    assert template.defined == {"a": (Words("x", 1),)}
    assert template.parts == (Words("y", 1),)


def test_declarations_and_assignments() -> None:
    declared, assigned = parse("{{ $a := 1 }}{{ $a = 2 }}").parts
    assert isinstance(declared, Action)
    assert isinstance(assigned, Action)
    assert (declared.pipeline.variables, declared.pipeline.declares) == (("$a",), True)
    assert not assigned.pipeline.declares


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a\n{{ .b", 2, "never closed"),
        ("{{ if .a }}\n", 1, "never closed with an 'end'"),
        ("\n{{ end }}", 2, "without a block"),
        ("{{ a | }}", 1, "a value is missing"),
        ("{{ (a }}", 1, "a bracket is never closed"),
        ("{{ a ] }}", 1, "']' is not expected"),
        ("{{ define a }}{{ end }}", 1, "a name in quotes"),
        ("{{ if }}{{ end }}", 1, "a value is missing"),
        ("{{ if a }}" * (NESTING_LIMIT + 2), 1, "nested too deeply"),
        ("{{ " + "(" * (NESTING_LIMIT + 2), 1, "never closed"),
        ("{{ " + "(" * (NESTING_LIMIT + 2) + " }}", 1, "nested too deeply"),
    ],
)
def test_what_is_no_template_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(TemplateError, match="line") as caught:
        parse(text)
    assert caught.value.line == line
    assert problem in caught.value.problem


PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{{-",
        "-}}",
        "if",
        "else",
        "end",
        "range",
        "with",
        "define",
        '"a"',
        "(",
        ")",
        "|",
        "$x",
        ":=",
        ".a",
        "1",
        "`",
        "/*",
        "*/",
        "\n",
        "$",
        ".",
        ",",
        "block",
        "template",
        "0x1p9",
        "true",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=30))
def test_any_text_is_a_template_or_refused_with_its_line(pieces: list[str]) -> None:
    text = " ".join(pieces)
    lines = text.count("\n") + 1
    try:
        parts = parse(text).parts
    except TemplateError as error:
        assert 1 <= error.line <= lines  # noqa: PT017 (either way is right)
    else:
        assert all(1 <= each.line <= lines for each in parts)

"""The functions of charts, with known and unknown values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend_expert.readers.helm.functions import FUNCTIONS
from backend_expert.readers.helm.values import ITEM_LIMIT, UNKNOWN, overlaid, shown, to_yaml


def call(name: str, *arguments: Any) -> Any:
    return FUNCTIONS[name](list(arguments))


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("default", ("a", ""), "a"),
        ("default", ("a", 0), "a"),
        ("default", ("a", "b"), "b"),
        ("default", ("a", UNKNOWN), UNKNOWN),
        ("coalesce", (None, "", "x", "y"), "x"),
        ("ternary", (1, 2, False), 2),
        ("and", (1, 0, 2), 0),
        ("and", (UNKNOWN, 0), False),
        ("and", (UNKNOWN, 1), UNKNOWN),
        ("or", (0, UNKNOWN, 3), 3),
        ("or", (0, UNKNOWN), UNKNOWN),
        ("not", ("",), True),
        ("eq", ("a", "b", "a"), True),
        ("eq", (1, True), False),
        ("eq", ([1], [1]), UNKNOWN),
        ("ne", (1, 2), True),
        ("gt", (2, 1), True),
        ("gt", ("a", 1), UNKNOWN),
        ("required", ("say", ""), UNKNOWN),
        ("required", ("say", "x"), "x"),
        ("fail", ("no",), UNKNOWN),
        ("quote", ('a"b', 1), '"a\\"b" "1"'),
        ("squote", ("a",), "'a'"),
        ("nindent", (2, "a\nb"), "\n  a\n  b"),
        ("indent", (UNKNOWN, "a"), UNKNOWN),
        ("printf", ("%s-%d %q %05d %%", "a", 3, "b", 7), 'a-3 "b" 00007 %'),
        ("printf", ("%s %s", "a"), UNKNOWN),
        ("trunc", (3, "abcdef"), "abc"),
        ("trunc", (-3, "abcdef"), "def"),
        ("trimSuffix", ("-", "a-"), "a"),
        ("replace", ("+", "_", "1+2"), "1_2"),
        ("contains", ("b", "abc"), True),
        ("b64enc", ("a",), "YQ=="),
        ("b64dec", ("no base64!",), UNKNOWN),
        ("semverCompare", (">=1.19-0", "v1.31.0"), True),
        ("semverCompare", (">=1.16, <1.19", "v1.31.0"), False),
        ("semverCompare", ("^2.0.0", "1.9.9"), False),
        ("semverCompare", (">=1 || <3", "1.0"), UNKNOWN),
        ("regexReplaceAll", ("[^a-z0-9-]+", "My App!", "-"), "-y-pp-"),
        ("regexMatch", ("(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"), UNKNOWN),
        ("regexMatch", ("a*a*a*b", "a" * 4000), UNKNOWN),
        ("dict", ("a", 1, "b", 2), {"a": 1, "b": 2}),
        ("get", ({"a": 1}, "b"), ""),
        ("hasKey", ({"a": 1}, "a"), True),
        ("index", ({"a": [1, 2]}, "a", 1), 2),
        ("index", ([1], 5), UNKNOWN),
        ("dig", ("a", "b", 7, {"a": {"b": 1}}), 1),
        ("dig", ("a", "c", 7, {"a": {"b": 1}}), 7),
        ("merge", ({"a": 1}, {"a": 2, "b": 3}), {"a": 1, "b": 3}),
        ("mergeOverwrite", ({"a": {"x": 1}}, {"a": {"y": 2}}), {"a": {"x": 1, "y": 2}}),
        ("join", (",", ["a", 1, None]), "a,1"),
        ("keys", ({"b": 1, "a": 2},), ["a", "b"]),
        ("until", (3,), [0, 1, 2]),
        ("until", (10**9,), list(range(ITEM_LIMIT))),
        ("int", ("8080",), 8080),
        ("add", (1, "2"), 3),
        ("mul", (10**12, 10**12), UNKNOWN),
        ("div", (1, 0), UNKNOWN),
        ("fromYaml", ("a: [1, 'x']",), {"a": [1, "x"]}),
        ("fromYaml", ("a: ${unknown}",), {"a": UNKNOWN}),
        ("fromYaml", ("a: [",), UNKNOWN),
        ("kindIs", ("map", {}), True),
        ("kindOf", ("x",), "string"),
        ("kebabcase", ("myAppName",), "my-app-name"),
        ("lookup", ("v1", "Secret", "a", "b"), {}),
    ],
)
def test_results(name: str, arguments: tuple[Any, ...], expected: Any) -> None:
    assert call(name, *arguments) == expected


def test_yaml_of_values_keeps_what_is_unknown_as_a_placeholder() -> None:
    assert to_yaml({"b": [1, True, None], "a": UNKNOWN}) == "a: ${unknown}\nb:\n- 1\n- true\n- null"
    assert to_yaml("words") == "words"


def test_shared_values_that_unfold_without_end_are_not_printed() -> None:
    value: Any = {"a": 1}
    for _ in range(40):
        value = {"x": value, "y": value}
    assert to_yaml(value) is UNKNOWN
    assert call("merge", value, value) is UNKNOWN
    itself: dict[str, Any] = {}
    itself["a"] = itself
    assert call("toJson", itself) is UNKNOWN


def test_values_laid_over_each_other() -> None:
    below = {"a": {"x": 1, "y": 2}, "b": 3}
    assert overlaid(below, {"a": {"y": None}, "c": 4}) == {"a": {"x": 1, "y": None}, "b": 3, "c": 4}
    assert below == {"a": {"x": 1, "y": 2}, "b": 3}


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (None, ""), (3, "3"), (1e6, "1e+06"), ("a", "a"), (10**30, UNKNOWN), ([], UNKNOWN)]
)
def test_printing(value: Any, text: Any) -> None:
    assert shown(value) == text


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.just(UNKNOWN)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)


@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(VALUES, max_size=4))
@example("kindOf", [None])
def test_no_function_fails(name: str, arguments: list[Any]) -> None:
    result = FUNCTIONS[name](arguments)
    assert result is None or result is UNKNOWN or isinstance(result, str | int | float | bool | list | dict)

"""The functions that charts use in their templates (Go, Sprig, Helm), for values of which some are unknown.

Each takes the list of its arguments. What depends on an unknown argument is unknown, and so is what a function gives that is not
here: random values, dates, certificates.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
import re
from collections.abc import Callable
from typing import Any

from backend_expert.readers.helm.values import (
    ITEM_LIMIT,
    TEXT_LIMIT,
    UNKNOWN,
    Unknown,
    from_yaml,
    overlaid,
    shown,
    to_json,
    to_yaml,
    too_large,
    truth,
)

Function = Callable[[list[Any]], Any]


def _pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression whose search takes time in proportion to the text; raise `ValueError` for any other.

    One repetition outside of brackets is enough for what charts do with names, and leaves nothing to try twice.
    """
    bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "x", text)
    if len(re.findall(r"[*+?{]", bare)) > 1 or re.search(r"[()|]", bare) or len(text) > 200:
        raise ValueError(text)
    return re.compile(text)


def _replaced(pattern: str, text: str, word: str) -> str:
    if len(text) > 4_096 or "$" in word:
        raise ValueError(pattern)
    return _pattern(pattern).sub(lambda _: word, text)


def _known(function: Callable[..., Any]) -> Function:
    """Make a function of known values: an unknown or unfitting argument makes the result unknown."""

    @functools.wraps(function)
    def guarded(arguments: list[Any]) -> Any:
        if any(isinstance(argument, Unknown) for argument in arguments):
            return UNKNOWN
        try:
            return function(*arguments)
        except (
            TypeError,
            ValueError,
            AttributeError,
            IndexError,
            KeyError,
            ZeroDivisionError,
            OverflowError,
            RecursionError,
            re.error,
        ):
            return UNKNOWN

    return guarded


def _texts(function: Callable[..., Any]) -> Function:
    """Make a function of known texts: every argument is printed first."""

    def printed(*arguments: Any) -> Any:
        texts = [shown(argument) for argument in arguments]
        return UNKNOWN if any(isinstance(text, Unknown) for text in texts) else function(*texts)

    return _known(printed)


def _indented(width: Any, text: Any) -> Any:
    words = shown(text)
    if isinstance(words, Unknown) or not isinstance(width, int) or not 0 <= width <= 200:
        return UNKNOWN
    if words.count("\n") * width > TEXT_LIMIT:
        return UNKNOWN
    return "\n".join(" " * width + line for line in words.split("\n"))


def _new_line_indented(width: Any, text: Any) -> Any:
    words = _indented(width, text)
    return words if isinstance(words, Unknown) else f"\n{words}"


def _default(arguments: list[Any]) -> Any:
    """`default "a" .x`: a known value that counts for something wins."""
    if len(arguments) < 2:
        return arguments[0] if arguments else UNKNOWN
    return arguments[1] if isinstance(arguments[1], Unknown) or truth(arguments[1]) else arguments[0]


def _coalesce(arguments: list[Any]) -> Any:
    return next((each for each in arguments if isinstance(each, Unknown) or truth(each)), None)


def _ternary(arguments: list[Any]) -> Any:
    if len(arguments) != 3 or isinstance(arguments[2], Unknown):
        return UNKNOWN
    return arguments[0] if truth(arguments[2]) else arguments[1]


def _and(arguments: list[Any]) -> Any:
    """Return the first argument that is not true, else the last; unknown only where it decides."""
    for each in arguments:
        if isinstance(each, Unknown):
            return UNKNOWN if all(isinstance(other, Unknown) or truth(other) for other in arguments) else False
        if not truth(each):
            return each
    return arguments[-1] if arguments else UNKNOWN


def _or(arguments: list[Any]) -> Any:
    """Return the first argument that is true, else the last; unknown only where it decides."""
    for each in arguments:
        if isinstance(each, Unknown):
            return next((other for other in arguments if not isinstance(other, Unknown) and truth(other)), UNKNOWN)
        if truth(each):
            return each
    return arguments[-1] if arguments else UNKNOWN


def _required(arguments: list[Any]) -> Any:
    """`required "say it" .x`: what the user has to give and the chart does not hold is unknown."""
    return arguments[1] if len(arguments) == 2 and truth(arguments[1]) else UNKNOWN


def _equal(first: Any, *others: Any) -> Any:
    if any(isinstance(each, (dict, list)) for each in (first, *others)):
        return UNKNOWN
    return any(first == other and isinstance(first, bool) == isinstance(other, bool) for other in others)


def _printf(form: str, *arguments: Any) -> Any:
    given = list(arguments)

    def piece(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        value = given.pop(0)
        text = shown(value)
        if isinstance(text, Unknown):
            raise ValueError(form)
        if match[2] == "q":
            return json.dumps(text)
        if match[2] in "df" and match[1] and not isinstance(value, str):
            return str(f"%{match[1]}{match[2]}" % value)
        return text

    return re.sub(r"%([-+ #0]*\d{0,3}(?:\.\d{1,2})?)([sdvqft%])|%%", piece, form)


def _set(target: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    target[key] = value
    return target


def _merged(arguments: list[Any], *, last_wins: bool) -> Any:
    """Return mappings laid over each other, the inner ones too; the first wins in `merge`, the last in `mergeOverwrite`."""
    if not arguments or not all(isinstance(each, dict) for each in arguments) or too_large(arguments):
        return UNKNOWN
    ordered = arguments if last_wins else arguments[::-1]
    result: dict[str, Any] = {}
    for each in ordered:
        result = overlaid(result, each)
    return result


def _dict(*pairs: Any) -> dict[str, Any]:
    return {str(key): value for key, value in zip(pairs[::2], pairs[1::2], strict=False)}


def _dig(*arguments: Any) -> Any:
    *keys, fallback, value = arguments
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return fallback
        value = value[key]
    return value


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,6}", text.split("-")[0])[:3])


def _satisfies(constraint: str, version: str) -> bool:
    """Compare versions as `semverCompare` does, for the constraints of charts: one or more of the form `>=1.19-0`."""
    compare: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
        "": lambda one, other: one[: len(other)] == other,
        "=": lambda one, other: one[: len(other)] == other,
        ">=": lambda one, other: one >= other,
        "<=": lambda one, other: one <= other,
        ">": lambda one, other: one > other,
        "<": lambda one, other: one < other,
        "^": lambda one, other: one >= other and one[:1] == other[:1],
        "~": lambda one, other: one >= other and one[:2] == other[:2],
    }
    found = re.findall(r"(>=|<=|>|<|\^|~|=|)\s*v?(\d[\w.-]*)", constraint)
    if not found or "||" in constraint:
        raise ValueError(constraint)
    return all(compare[sign](_version(version), _version(wanted)) for sign, wanted in found)


def _at(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value[key] if isinstance(value, list) else value.get(key)
    return value


def _is_kind(kind: str, value: Any) -> bool:
    kinds = {"string": str, "map": dict, "slice": list, "bool": bool, "int": int, "float64": float, "invalid": type(None)}
    return isinstance(value, kinds[kind]) and not (kind == "int" and isinstance(value, bool))


def _kebab(text: str) -> str:
    return re.sub(r"[_\s]+", "-", re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", text)).lower()


def _number(value: Any) -> int:
    return int(float(value)) if isinstance(value, str) else int(value)


FUNCTIONS: dict[str, Function] = {
    "default": _default,
    "coalesce": _coalesce,
    "ternary": _ternary,
    "and": _and,
    "or": _or,
    "required": _required,
    "not": _known(lambda value: not truth(value)),
    "empty": _known(lambda value: not truth(value)),
    "eq": _known(_equal),
    "ne": _known(lambda one, other: UNKNOWN if isinstance(_equal(one, other), Unknown) else not _equal(one, other)),
    "lt": _known(lambda one, other: one < other),
    "le": _known(lambda one, other: one <= other),
    "gt": _known(lambda one, other: one > other),
    "ge": _known(lambda one, other: one >= other),
    "fail": lambda _: UNKNOWN,
    "toYaml": lambda given: UNKNOWN if not given or isinstance(given[0], Unknown) else to_yaml(given[0]),
    "toYamlPretty": lambda given: UNKNOWN if not given or isinstance(given[0], Unknown) else to_yaml(given[0]),
    "toJson": lambda given: UNKNOWN if not given or isinstance(given[0], Unknown) else to_json(given[0]),
    "mustToJson": lambda given: UNKNOWN if not given or isinstance(given[0], Unknown) else to_json(given[0]),
    "fromYaml": _known(from_yaml),
    "fromYamlArray": _known(from_yaml),
    "fromJson": _known(from_yaml),
    "mustFromJson": _known(from_yaml),
    "toRawJson": lambda given: UNKNOWN if not given or isinstance(given[0], Unknown) else to_json(given[0]),
    "indent": _known(_indented),
    "nindent": _known(_new_line_indented),
    "quote": _texts(lambda *texts: " ".join(json.dumps(text, ensure_ascii=False) for text in texts)),
    "squote": _texts(lambda *texts: " ".join(f"'{text}'" for text in texts)),
    "toString": _texts(lambda text: text),
    "print": _texts(lambda *texts: "".join(texts)),
    "printf": _known(_printf),
    "cat": _texts(lambda *texts: " ".join(texts)),
    "trim": _texts(str.strip),
    "trimAll": _texts(lambda signs, text: text.strip(signs)),
    "trimPrefix": _texts(lambda prefix, text: text.removeprefix(prefix)),
    "trimSuffix": _texts(lambda suffix, text: text.removesuffix(suffix)),
    "upper": _texts(str.upper),
    "lower": _texts(str.lower),
    "title": _texts(str.title),
    "kebabcase": _texts(_kebab),
    "snakecase": _texts(lambda text: _kebab(text).replace("-", "_")),
    "replace": _texts(lambda old, new, text: text.replace(old, new)),
    "contains": _texts(lambda part, text: part in text),
    "hasPrefix": _texts(lambda prefix, text: text.startswith(prefix)),
    "hasSuffix": _texts(lambda suffix, text: text.endswith(suffix)),
    "trunc": _known(lambda width, text: text[:width] if width >= 0 else text[width:]),
    "b64enc": _texts(lambda text: base64.b64encode(text.encode()).decode()),
    "b64dec": _texts(lambda text: base64.b64decode(text, validate=True).decode()),
    "sha256sum": _texts(lambda text: hashlib.sha256(text.encode()).hexdigest()),
    "regexMatch": _texts(lambda pattern, text: _pattern(pattern).search(text[:4_096]) is not None),
    "regexReplaceAll": _texts(_replaced),
    "regexReplaceAllLiteral": _texts(_replaced),
    "splitList": _texts(lambda sign, text: text.split(sign)),
    "split": _texts(lambda sign, text: {f"_{place}": part for place, part in enumerate(text.split(sign))}),
    "join": _known(lambda sign, items: sign.join(str(shown(item)) for item in items if item is not None)),
    "any": lambda given: _or([*given, False]),
    "all": lambda given: _and([*given, True]),
    "semverCompare": _texts(_satisfies),
    "list": lambda given: list(given),
    "tuple": lambda given: list(given),
    "dict": lambda given: UNKNOWN if any(isinstance(key, Unknown) for key in given[::2]) else _dict(*given),
    "get": _known(lambda target, key: target.get(key, "")),
    "set": lambda given: _set(*given) if len(given) == 3 and isinstance(given[0], dict) and isinstance(given[1], str) else UNKNOWN,
    "unset": _known(lambda target, key: {name: value for name, value in target.items() if name != key}),
    "hasKey": _known(lambda target, key: key in target),
    "keys": _known(lambda target: sorted(target)),
    "values": _known(lambda target: [target[key] for key in sorted(target)]),
    "pick": _known(lambda target, *keys: {key: target[key] for key in keys if key in target}),
    "omit": _known(lambda target, *keys: {key: value for key, value in target.items() if key not in keys}),
    "merge": lambda given: _merged(given, last_wins=False),
    "mergeOverwrite": lambda given: _merged(given, last_wins=True),
    "mustMerge": lambda given: _merged(given, last_wins=False),
    "mustMergeOverwrite": lambda given: _merged(given, last_wins=True),
    "deepCopy": _known(lambda value: value),
    "dig": _known(_dig),
    "index": _known(_at),
    "len": _known(len),
    "first": _known(lambda items: items[0]),
    "last": _known(lambda items: items[-1]),
    "rest": _known(lambda items: items[1:]),
    "initial": _known(lambda items: items[:-1]),
    "append": lambda given: [*given[0], given[1]] if len(given) == 2 and isinstance(given[0], list) else UNKNOWN,
    "prepend": lambda given: [given[1], *given[0]] if len(given) == 2 and isinstance(given[0], list) else UNKNOWN,
    "concat": _known(lambda *lists: [item for items in lists for item in items]),
    "uniq": _known(lambda items: list(dict.fromkeys(items))),
    "sortAlpha": _known(lambda items: sorted(str(shown(item)) for item in items)),
    "has": _known(lambda item, items: UNKNOWN if isinstance(item, (dict, list)) else item in items),
    "compact": _known(lambda items: [item for item in items if truth(item)]),
    "until": _known(lambda count: list(range(min(count, ITEM_LIMIT)))),
    "int": _known(_number),
    "int64": _known(_number),
    "float64": _known(float),
    "add": _known(lambda *numbers: sum(map(_number, numbers))),
    "add1": _known(lambda number: _number(number) + 1),
    "sub": _known(lambda one, other: _number(one) - _number(other)),
    "mul": _known(lambda one, other: _number(one) * _number(other) if abs(_number(one)) < 10**9 > abs(_number(other)) else UNKNOWN),
    "mulf": _known(lambda one, other: float(one) * float(other)),
    "divf": _known(lambda one, other: float(one) / float(other)),
    "floor": _known(lambda number: float(math.floor(float(number)))),
    "ceil": _known(lambda number: float(math.ceil(float(number)))),
    "round": _known(lambda number, places: round(float(number), min(places, 10))),
    "div": _known(lambda one, other: _number(one) // _number(other)),
    "mod": _known(lambda one, other: _number(one) % _number(other)),
    "max": _known(lambda *numbers: max(map(_number, numbers))),
    "min": _known(lambda *numbers: min(map(_number, numbers))),
    "kindIs": _known(_is_kind),
    "typeIs": _known(_is_kind),
    "kindOf": _known(
        lambda value: next(
            (kind for kind in ("bool", "string", "map", "slice", "int", "float64") if _is_kind(kind, value)), "invalid"
        )
    ),
    "lookup": lambda _: {},
    "untitle": _texts(lambda text: text[:1].lower() + text[1:]),
    "nospace": _texts(lambda text: re.sub(r"\s", "", text)),
}
"""Functions by name. `lookup` gives an empty mapping, as it does when Helm renders without a cluster."""

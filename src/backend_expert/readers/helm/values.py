"""The values that templates work on, of which some are unknown: how they are printed, kept small, laid over each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import yaml

from backend_expert.model.positions import PositionError, parse_documents, plain

TEXT_LIMIT = 1024 * 1024
"""Longest text a function may make, in characters; a chart that doubles a text in a loop becomes unknown, not large."""

ITEM_LIMIT = 10_000
"""Most items a function may put into one list or mapping, and most nodes that are printed."""


PLACEHOLDER = "${unknown}"
"""What stands in the output for a value nobody knows: plain YAML, and the form in which readers know a placeholder."""


class Unknown:
    """The value of what nobody knows."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


def truth(value: Any) -> bool:
    """Tell whether a template takes a value for true: anything but false, zero, nil and the empty."""
    return bool(value)


def shown(value: Any) -> str | Unknown:
    """Return a value as a template prints it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else UNKNOWN
    if isinstance(value, float):
        return f"{value:g}"
    return UNKNOWN


def bounded(value: Any) -> Any:
    """Return the value, or unknown when it has grown beyond what a chart holds."""
    if isinstance(value, str) and len(value) > TEXT_LIMIT:
        return UNKNOWN
    if isinstance(value, (list, dict)) and len(value) > ITEM_LIMIT:
        return UNKNOWN
    return value


def _nodes(value: Any) -> Iterator[None]:
    """Yield once for each node, shared ones every time: what printing would cost."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        yield
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def too_large(value: Any) -> bool:
    """Tell whether a value has more nodes than a chart prints, shared ones counted every time."""
    return any(count > ITEM_LIMIT for count, _ in enumerate(_nodes(value)))


def _printable(value: Any) -> Any:
    """Return a copy with placeholders for what is unknown; unknown as a whole when it is too large to print."""
    if too_large(value):
        return UNKNOWN

    def copied(each: Any) -> Any:
        if isinstance(each, dict):
            return {str(key): copied(inner) for key, inner in each.items()}
        if isinstance(each, list):
            return [copied(inner) for inner in each]
        return PLACEHOLDER if isinstance(each, Unknown) else each

    return copied(value)


class _Dumper(yaml.SafeDumper):
    """Write YAML as Helm does: no aliases, lists at the indentation of their key."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature of PyYAML
        return True


def to_yaml(value: Any) -> Any:
    """Return a value as YAML without a line end, as `toYaml` writes it."""
    printable = _printable(value)
    if isinstance(printable, Unknown):
        return UNKNOWN
    return (
        yaml.dump(printable, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=100_000)
        .removesuffix("\n")
        .removesuffix("\n...")
    )


def to_json(value: Any) -> Any:
    """Return a value as JSON."""
    printable = _printable(value)
    return UNKNOWN if isinstance(printable, Unknown) else json.dumps(printable, sort_keys=True)


def from_yaml(text: str) -> Any:
    """Return what a text in YAML (or JSON, which is YAML too) holds; an empty mapping for an empty text, as Helm does."""
    if len(text) > TEXT_LIMIT:
        return UNKNOWN
    try:
        documents = parse_documents(text)
    except PositionError:
        return UNKNOWN
    value = plain(documents[0]) if documents else {}
    return UNKNOWN if PLACEHOLDER in text and not isinstance(value, (dict, list)) else _marked(value)


def _marked(value: Any) -> Any:
    """Return the value with the placeholders in it turned back into what they stand for."""
    if isinstance(value, dict):
        return {key: _marked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_marked(inner) for inner in value]
    return UNKNOWN if isinstance(value, str) and PLACEHOLDER in value else value


def overlaid(below: dict[str, Any], above: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return a mapping with another laid over it, inner mappings too; nil above takes a key out, as Helm does with values."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and depth < 30:
            result[key] = overlaid(old, value, depth + 1)
        else:
            result[key] = value
    return result

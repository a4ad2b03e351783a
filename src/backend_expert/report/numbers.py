"""Numbers as people of a language write them, with the unit that the name of a figure carries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backend_expert.model.wording import percentage, written
from backend_expert.review.result import Interval

if TYPE_CHECKING:
    from backend_expert.review.result import Measure

NO_BREAK = "\u00a0"

_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|MB)\b|%)")

# From here on milliseconds are read more easily as seconds.
_SECONDS_FROM_MS = 10_000


def number(value: float, language: str, decimals: int | None = None) -> str:
    """Return `1,234.5` in English and `1.234,5` in Portuguese; without `decimals`, three significant digits below 100."""
    return written(value, language, decimals)


def percent(ratio: float, language: str) -> str:
    """Return a ratio as a percentage; one that is not whole never rounds up to 100."""
    return percentage(ratio, language) + NO_BREAK + "%"


def unit(figure: str) -> str:
    """Return the unit that the name of a figure ends with: `ms`, `s`, `/s`, `%`, `MB`, or nothing."""
    if figure.endswith("_per_s"):
        return "/s"
    for suffix, name in (("_ms", "ms"), ("_s", "s"), ("_mb", "MB"), ("_ratio", "%"), ("_share", "%")):
        if figure.endswith(suffix):
            return name
    return ""


def quantity(figure: str, value: float, language: str) -> str:
    """Return one value of a figure with its unit."""
    shown, name = _scaled(figure, (value,), language)
    return _with_unit(shown[0], name)


def before_after(measure: Measure, language: str) -> str:
    """Return `820 → 104 ms`, both in one unit."""
    shown, name = _scaled(measure.id, (measure.before.value, measure.after.value), language)
    return _with_unit(f"{shown[0]} → {shown[1]}", name)


def interval(figure: str, bounds: Interval, language: str) -> str:
    """Return `104 ms (90–121)`: the value and the ends of its 95 % interval."""
    shown, name = _scaled(figure, (bounds.value, bounds.low, bounds.high), language)
    joint = f" {'a' if language == 'pt-BR' else 'to'} " if bounds.low < 0 else "–"
    return f"{_with_unit(shown[0], name)} ({shown[1]}{joint}{shown[2]})"


def difference(measure: Measure, language: str) -> str:
    """Return `−716 ms (−742 to −690)`: how a figure changed; two shares differ by percentage points."""
    if unit(measure.id) != "%":
        return interval(measure.id, measure.difference, language)
    points = "p.p." if language == "pt-BR" else "points"
    ends = Interval(
        *(round(value * 100, 2) for value in (measure.difference.value, measure.difference.low, measure.difference.high))
    )
    return interval("share_points", ends, language).replace(" (", f"{NO_BREAK}{points} (", 1)


def bounds(figure: str, ends: Interval, language: str) -> str:
    """Return `90–121`: the ends of an interval, in the unit that its value is shown in; no share goes past 0 or 100 %."""
    low, high = (max(0.0, ends.low), min(1.0, ends.high)) if unit(figure) == "%" else (ends.low, ends.high)
    shown, _ = _scaled(figure, (ends.value, low, high), language)
    return f"{shown[1]}–{shown[2]}"


def with_units(text: str) -> str:
    """Return a sentence in which no line can end between a number and its unit."""
    return _BEFORE_UNIT.sub(NO_BREAK, text)


def _scaled(figure: str, values: tuple[float, ...], language: str) -> tuple[list[str], str]:
    name = unit(figure)
    if name == "%":
        return [percentage(value, language) for value in values], name
    if name == "ms" and max(abs(value) for value in values) >= _SECONDS_FROM_MS:
        return [number(value / 1000, language) for value in values], "s"
    return [number(value, language) for value in values], name


def _with_unit(text: str, name: str) -> str:
    return text + ("" if name in ("", "/s") else NO_BREAK) + name

"""Names and numbers inside the sentences of a finding, in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Language = Literal["en", "pt"]


def figure(value: float, language: Language) -> str:
    """Return a number as a person of that language writes it: whole from 100 up, three significant digits below."""
    digits = 0 if abs(value) >= 100 or float(value).is_integer() else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if language == "en" else text.translate(str.maketrans(",.", ".,"))


def percent(share: float, language: Language, digits: int = 1) -> str:
    """Return a share from 0 to 1 as a percentage, with a space before the sign."""
    text = f"{100 * share:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text if language == 'en' else text.replace('.', ',')} %"


def duration(milliseconds: float, language: Language) -> str:
    """Return a time in the unit that a person would choose: milliseconds below a second, minutes from two minutes up."""
    if milliseconds < 1000:
        return f"{figure(milliseconds, language)} ms"
    if milliseconds < 120_000:
        return f"{figure(milliseconds / 1000, language)} s"
    return f"{figure(milliseconds / 60_000, language)} min"


def listed(names: Sequence[str], language: Language, most: int = 0) -> str:
    """Return names in backticks, joined as in a sentence; with `most`, the rest is counted instead of named."""
    shown = [f"`{name}`" for name in names]
    if most and len(shown) > most:
        others = len(shown) - most
        shown = [*shown[:most], f"{others} more" if language == "en" else f"mais {others}"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {'and' if language == 'en' else 'e'} {shown[-1]}"


def counted(number: int, one: str, many: str) -> str:
    """Return a count with its noun (`1 call`, `3 calls`)."""
    return f"{number} {one if number == 1 else many}"

"""Names and numbers inside the sentences of a finding, in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from backend_expert.model.wording import percentage, written

Language = Literal["en", "pt"]


def figure(value: float, language: Language) -> str:
    """Return a number as a person of that language writes it: whole from 100 up, three significant digits below."""
    return written(value, language)


def percent(share: float, language: Language, digits: int | None = None) -> str:
    """Return a share from 0 to 1 as a percentage, with a space before the sign."""
    if digits is None:
        return f"{percentage(share, language)} %"
    return f"{written(100 * share, language, digits).rstrip('0').rstrip('.,')} %"


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

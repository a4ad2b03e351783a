"""Numbers and names inside sentences, as English and Brazilian Portuguese write them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from backend_expert.model.facts import Text

MINUS = "\u2212"
_POINTS = str.maketrans(",.", ".,")
_SECONDS_FROM_MS = 10_000
"""From here on milliseconds are read more easily as seconds."""


def written(value: float, language: str, decimals: int | None = None) -> str:
    """Return a number as `1,234.5` in English and `1.234,5` in Portuguese (`pt` or `pt-BR`).

    Without `decimals`: whole from 100 up, three significant digits below. What is not finite is a dash.
    """
    if not math.isfinite(value):
        return "–"
    text = f"{abs(value):,.{_decimals(value) if decimals is None else decimals}f}"
    if decimals is None and "." in text:
        text = text.rstrip("0").rstrip(".")
    sign = MINUS if value < 0 and text.strip("0.,") else ""
    return sign + (text.translate(_POINTS) if language.startswith("pt") else text)


def percentage(share: float, language: str) -> str:
    """Return a share as a percentage without its sign: whole or one decimal, more just below 100, which it never rounds up to."""
    decimals = 0 if math.isclose(share * 100, round(share * 100), abs_tol=1e-9) else 1
    while decimals < 4 and 0.9 < share < 1 and round(share * 100, decimals) >= 100:
        decimals += 1
    return written(share * 100, language, decimals)


def figure(value: float) -> Text:
    """Return a number in both languages."""
    return Text(written(value, "en"), written(value, "pt"))


def percent(share: float) -> Text:
    """Return a share from 0 to 1 as a percentage in both languages."""
    return Text(f"{percentage(share, 'en')} %", f"{percentage(share, 'pt')} %")


def milliseconds(value: float | None) -> Text:
    """Return a time in milliseconds, in seconds from 10 s; without a value, that nothing was answered."""
    if value is None:
        return Text("no answer", "sem resposta")
    shown, unit = (figure(value / 1000), "s") if value >= _SECONDS_FROM_MS else (figure(value), "ms")
    return Text(f"{shown.en} {unit}", f"{shown.pt} {unit}")


def named(names: Sequence[str], most: int = 3) -> Text:
    """Return names in backticks as in a sentence; those after `most` are counted."""
    shown = [f"`{name}`" for name in names[:most]]
    rest = len(names) - most
    if rest > 0:
        return Text(f"{', '.join(shown)} and {rest} more", f"{', '.join(shown)} e mais {rest}")
    return Text(_joined(shown, "and"), _joined(shown, "e"))


def counted(number: int, one: Text, many: Text) -> Text:
    """Return a count with its noun in both languages (`1 file`, `1,200 arquivos`)."""
    noun = one if number == 1 else many
    return Text(f"{written(number, 'en')} {noun.en}", f"{written(number, 'pt')} {noun.pt}")


def sentence(en: str, pt: str, **values: Text | str | float) -> Text:
    """Return a sentence in both languages with each `{name}` filled in; numbers are written as the language does."""
    return Text(
        en.format_map({name: _as_text(value).en for name, value in values.items()}),
        pt.format_map({name: _as_text(value).pt for name, value in values.items()}),
    )


def together(parts: Sequence[Text], separator: str = " ") -> Text:
    """Return several texts as one."""
    return Text(separator.join(each.en for each in parts), separator.join(each.pt for each in parts))


def _decimals(value: float) -> int:
    size = abs(value)
    if size >= 100 or float(value).is_integer():
        return 0
    if size >= 10:
        return 1
    if size >= 1:
        return 2
    return min(6, 2 - math.floor(math.log10(size)))


def _as_text(value: Text | str | float) -> Text:
    if isinstance(value, Text):
        return value
    return Text(value, value) if isinstance(value, str) else figure(value)


def _joined(shown: Sequence[str], conjunction: str) -> str:
    return f"{', '.join(shown[:-1])} {conjunction} {shown[-1]}" if len(shown) > 1 else "".join(shown)

"""Sentences with numbers in two languages: the numbers are written as each language writes them."""

from __future__ import annotations

from backend_expert.model import Text


def phrase(en: str, pt: str, **values: Text | str | float) -> Text:
    """Return a sentence in both languages with `{name}` replaced by the values; numbers are formatted for each language."""
    return Text(
        en.format(**{name: _in(value, "en") for name, value in values.items()}),
        pt.format(**{name: _in(value, "pt-BR") for name, value in values.items()}),
    )


def number(value: float, digits: int = 3) -> Text:
    """Return a number with so many significant digits, grouped in thousands: `1,234.5` and `1.234,5`."""
    text = f"{value:,.{_decimals(value, digits)}f}"
    return Text(text, text.translate(str.maketrans(",.", ".,")))


def percent(ratio: float) -> Text:
    """Return a share as a percentage with at most one decimal, two above 99 %."""
    points = 100 * ratio
    text = f"{points:.2f}" if 99 < points < 100 else f"{points:.1f}"
    text = text.removesuffix(".0") if points in {0, 100} or "." not in text else text.rstrip("0").rstrip(".")
    return Text(f"{text} %", f"{text.replace('.', ',')} %")


def milliseconds(value: float | None) -> Text:
    """Return a time in milliseconds, in seconds from 10 s; without a value, that nothing was answered."""
    if value is None:
        return Text("no answer", "sem resposta")
    shown = number(value / 1000 if value >= 10_000 else value)
    unit = "s" if value >= 10_000 else "ms"
    return Text(f"{shown.en} {unit}", f"{shown.pt} {unit}")


def listed(names: tuple[str, ...], most: int = 4) -> Text:
    """Return names as a list, cut after `most` with the count of the rest."""
    shown, rest = names[:most], len(names) - most
    if rest > 0:
        return Text(f"{', '.join(shown)} and {rest} more", f"{', '.join(shown)} e mais {rest}")
    if len(shown) < 2:
        return Text("".join(shown), "".join(shown))
    return Text(f"{', '.join(shown[:-1])} and {shown[-1]}", f"{', '.join(shown[:-1])} e {shown[-1]}")


def _decimals(value: float, digits: int) -> int:
    whole = len(f"{abs(value):.0f}") if abs(value) >= 1 else 0
    return 0 if float(value).is_integer() else max(0, digits - whole)


def _in(value: Text | str | float, language: str) -> str:
    if isinstance(value, Text):
        return value.in_language(language)
    return value if isinstance(value, str) else number(value).in_language(language)

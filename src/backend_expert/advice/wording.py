"""Numbers and names inside sentences, as each language writes them."""

from __future__ import annotations

from collections.abc import Sequence

from backend_expert.model import Text

PORTUGUESE_POINTS = str.maketrans(",.", ".,")


def figure(value: float) -> Text:
    """Return a number with three significant digits, whole from 100 up: `1,234` and `1.234`."""
    digits = 0 if abs(value) >= 100 or float(value).is_integer() else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Text(text, text.translate(PORTUGUESE_POINTS))


def percent(share: float) -> Text:
    """Return a share from 0 to 1 as a percentage with one decimal, two above 99 %."""
    points = 100 * share
    text = f"{points:.2f}" if 99 < points < 100 else f"{points:.1f}"
    text = text.rstrip("0").rstrip(".")
    return Text(f"{text} %", f"{text.replace('.', ',')} %")


def named(names: Sequence[str], most: int = 3) -> Text:
    """Return names in backticks as in a sentence; those after `most` are counted."""
    shown = [f"`{name}`" for name in names[:most]]
    rest = len(names) - most
    if rest > 0:
        return Text(f"{', '.join(shown)} and {rest} more", f"{', '.join(shown)} e mais {rest}")
    return Text(_joined(shown, "and"), _joined(shown, "e"))


def sentence(en: str, pt: str, **values: Text | str | float) -> Text:
    """Return a sentence in both languages with each `{name}` filled in; numbers are written as the language does."""
    return Text(
        en.format_map({name: _as_text(value).en for name, value in values.items()}),
        pt.format_map({name: _as_text(value).pt for name, value in values.items()}),
    )


def together(parts: Sequence[Text], separator: str = " ") -> Text:
    """Return several texts as one."""
    return Text(separator.join(each.en for each in parts), separator.join(each.pt for each in parts))


def _as_text(value: Text | str | float) -> Text:
    if isinstance(value, Text):
        return value
    return Text(value, value) if isinstance(value, str) else figure(value)


def _joined(shown: Sequence[str], conjunction: str) -> str:
    return f"{', '.join(shown[:-1])} {conjunction} {shown[-1]}" if len(shown) > 1 else "".join(shown)

"""What we print was written by strangers: show it, never obey it."""

from __future__ import annotations

import unicodedata

# Controls, direction marks, surrogates, characters without a meaning, line and paragraph separators: what moves a cursor, recolours
# a terminal, reorders a line ("Trojan Source", Boucher and Anderson 2021) or shows as nothing.
_UNSHOWN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    """Return the text with every character that cannot be seen written as its number; newlines stay, a tab becomes spaces."""
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\n":
        return character
    if character == "\t":
        return "    "
    if unicodedata.category(character) in _UNSHOWN:
        return f"\\u{ord(character):04x}"
    return character


def one_line(text: str) -> str:
    """Return the text, made visible, on one line with single spaces."""
    return " ".join(visible(text).split())


def spans(text: str) -> tuple[tuple[str, bool], ...]:
    """Return the pieces of a sentence, each with whether it stood between backticks; unpaired backticks stay as they are."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return ((text, False),)
    return tuple((piece, index % 2 == 1) for index, piece in enumerate(pieces) if piece)


def plain(text: str) -> str:
    """Return the sentence without its backticks, on one line."""
    return "".join(piece for piece, _ in spans(one_line(text)))

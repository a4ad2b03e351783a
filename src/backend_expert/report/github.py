"""Texts that GitHub shows as they are: no HTML, no link, no mention of a person or an issue comes out of them."""

from __future__ import annotations

import re

from backend_expert.report.hostile import one_line, spans, visible

_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")
# GitHub links people, issues and bare addresses after it has read the Markdown; a space of no width keeps it from seeing them.
_LIST_MARK = re.compile(r" *(?:[-*]|\d+\.) ")
_LINKED = re.compile(r"(@|\\#|GH-|:(?=//)|www(?=\.))", re.IGNORECASE)


def escaped(text: str) -> str:
    """Return a text on one line that Markdown shows as it is: no HTML, no link, no mention of a person or an issue."""
    text = _SPECIAL.sub(r"\\\1", one_line(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINKED.sub(r"\1&#8203;", text)


def code(text: str) -> str:
    """Return a text as inline code that can stand in a cell of a table."""
    return "`" + one_line(text).replace("`", "'").replace("|", "\\|") + "`"


def sentence(text: str) -> str:
    """Return a sentence, escaped, with what stood between backticks as code."""
    return "".join(code(piece) if is_code else _around_spaces(piece) for piece, is_code in spans(visible(text)))


def passage(text: str) -> str:
    """Return paragraphs and lists of a page, every line escaped as a sentence is; the marks of lists stay."""
    return "\n".join(mark + sentence(rest) for mark, rest in (_item(line) for line in visible(text).strip().split("\n")))


def _item(line: str) -> tuple[str, str]:
    mark = _LIST_MARK.match(line)
    return (mark.group(), line[mark.end() :]) if mark else ("", line.strip())


def _around_spaces(piece: str) -> str:
    lead = " " if piece[:1].isspace() else ""
    trail = " " if piece[-1:].isspace() and piece.strip() else ""
    return lead + escaped(piece) + trail


def fenced(text: str, language: str = "") -> str:
    """Return a block of code whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text).strip(chr(10))}\n{fence}"

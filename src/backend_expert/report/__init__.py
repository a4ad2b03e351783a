"""Render a Result: terminal, Markdown, HTML, JSON. Reports know the Result and nothing behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from backend_expert.review.result import Result

Format = Literal["text", "markdown", "html", "json"]
Language = Literal["en", "pt-BR"]


def render(result: Result, format: Format, language: Language = "en", *, width: int = 80, color: bool = False) -> str:  # noqa: A002
    """Return the report in a format; `width` (columns) and `color` are heard by `text` alone; raise `ValueError` on another format.

    Equal results give equal characters: there is no clock in a report.
    """
    if format == "text":
        from backend_expert.report.terminal import terminal

        return terminal(result, language, width=width, color=color)
    if format == "markdown":
        from backend_expert.report.markdown import markdown

        return markdown(result, language)
    if format == "html":
        from backend_expert.report.html import html

        return html(result, language)
    if format == "json":
        from backend_expert.review.result import to_json

        return to_json(result).decode()
    raise ValueError(f"no report is called {format!r}: choose text, markdown, html or json")

"""Pages of rules and remedies, and code, as HTML that holds no more than text."""

from __future__ import annotations

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from backend_expert.report.hostile import visible

_FENCE = re.compile(r"\A\s*```[^\n]*\n(.*?)\n?```\s*\Z", re.DOTALL)

# Headings of a page inside the report start below those of the report itself.
_HEADING_OFFSET = 3


def rendered(text: str) -> Markup:
    """Return a Markdown text as HTML; HTML in it is shown, not obeyed, and only http(s) and fragments become links."""
    parser = _parser()
    environment: dict[str, object] = {}
    tokens = parser.parse(visible(text), environment)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + _HEADING_OFFSET, 6)}"
        for inner in token.children or ():
            if inner.type == "link_open":
                inner.attrSet("rel", "noreferrer")
    return Markup(parser.renderer.render(tokens, parser.options, environment))  # noqa: S704 - the parser escapes, html is off


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "highlight": _fenced}).enable("table").disable("image")
    parser.validateLink = lambda url: url.startswith(("https://", "http://", "#"))  # type: ignore[method-assign]
    return parser


def _fenced(code: str, language: str, _attributes: str) -> str:
    return str(highlighted(code, language))


def highlighted(code: str, language: str) -> Markup:
    """Return code with its words marked for the style sheet; a language without a lexer stays plain."""
    code = visible(code).strip("\n")
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return Markup.escape(code)
    return Markup(highlight(code, lexer, HtmlFormatter(nowrap=True)))  # noqa: S704 - Pygments escapes what it marks


def pseudocode(text: str) -> Markup:
    """Return pseudocode, its fence taken off, with comments marked."""
    fenced = _FENCE.match(text)
    lines = visible(fenced.group(1) if fenced else text).strip("\n").split("\n")
    return Markup("\n").join(_commented(line) for line in lines)


def _commented(line: str) -> Markup:
    found = re.search(r"(?:^|\s)(#|//|--) ", line)
    if not found:
        return Markup.escape(line)
    at = found.start(1)
    return Markup('{}<span class="c1">{}</span>').format(line[:at], line[at:])

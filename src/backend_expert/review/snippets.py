"""Lines of the reviewed files around an evidence, with secrets masked."""

from __future__ import annotations

import re

from backend_expert.model import Evidence
from backend_expert.readers.repository import Repository
from backend_expert.review.result import Snippet

CONTEXT = 1
LONGEST = 6
WIDEST = 160

_SECRET_NAME = re.compile(
    r"(?i)((?:[\w.-]*(?:passw(?:or)?d|secret|token|api[_-]?key|private[_-]?key|credential)[\w.-]*)[\"']?\s*[:=]\s*)(\S.*)"
)
_CREDENTIALS = re.compile(r"(://[^\s:/@]+:)([^\s@/]+)(@)")
_ENCODED = re.compile(r"(:\s*[\"']?)((?=\S*[A-Z0-9])[A-Za-z0-9+/_-]{24,}={0,2})([\"']?\s*)$")
# Kubernetes writes the name of a variable and its value on two lines.
_NAMED = re.compile(
    r"(?i)\bname:\s*[\"']?[\w.-]*(?:passw(?:or)?d|pwd|pass\b|secret|token|api[_-]?key|private[_-]?key|credential)[\w.-]*[\"']?\s*$"
)
_VALUE = re.compile(r"(?i)(\bvalue:\s*)(\S.*)")
MASK = "•••"


def snippet(repository: Repository, evidence: Evidence) -> Snippet | None:
    """Return the lines of an evidence and one around them, at most six; `None` when the file cannot be shown."""
    if evidence.file not in repository.files:
        return None
    text = repository.text(evidence.file)
    if text is None:
        return None
    lines = text.splitlines()
    first = max(1, evidence.line - CONTEXT)
    last = min(len(lines), max(evidence.line, evidence.end_line) + CONTEXT, first + LONGEST - 1)
    if evidence.line > len(lines):
        return None
    shown = tuple(_beside_a_name(masked(lines[place]), lines, place) for place in range(first - 1, last))
    return Snippet(evidence=evidence, first_line=first, lines=shown)


def _beside_a_name(line: str, lines: list[str], place: int) -> str:
    """Return a line with its value masked where the line before or after names it a secret."""
    around = (*lines[max(0, place - 1) : place], *lines[place + 1 : place + 2])
    return _VALUE.sub(rf"\1{MASK}", line) if any(_NAMED.search(each) for each in around) else line


def masked(line: str) -> str:
    """Return a line with what looks like a secret replaced by dots, cut to a width that a page can show.

    Masks values under secret names, passwords in URLs, and long encoded values; a mask too many is better than a secret too many.
    """
    line = _CREDENTIALS.sub(rf"\1{MASK}\3", line)
    line = _SECRET_NAME.sub(rf"\1{MASK}", line)
    line = _ENCODED.sub(rf"\1{MASK}\3", line)
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"

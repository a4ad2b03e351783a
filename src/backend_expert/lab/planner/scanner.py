"""Cut SQL text into statements, with the line of each, without understanding them and without obeying `psql`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

_TOKEN = re.compile(
    r"""
      (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<escaped>(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))
    | (?P<text>'(?:[^']|'')*(?:'|\Z))
    | (?P<name>"(?:[^"]|"")*(?:"|\Z))
    | (?P<dollar>(?<![\w$])\$(?P<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)
    | (?P<meta>^[ \t]*\\[^\n]*)
    | (?P<end>;)
    | (?P<word>[A-Za-z_][\w$]*)
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_COPY = re.compile(r"copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
_ROUTINE = re.compile(r"create\s+(?:or\s+replace\s+)?(?:function|procedure)\b", re.IGNORECASE)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_END_OF_DATA = re.compile(r"^\\\.\r?$\n?", re.MULTILINE)
_LEADING = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z))*")


class Piece(Struct, frozen=True):
    """A piece of a file: a statement without its semicolon, a meta command of psql, or a block of COPY data (`rows` lines)."""

    kind: str
    text: str
    line: int
    rows: int = 0


def pieces(text: str) -> Iterator[Piece]:
    """Yield the statements, meta commands and data blocks of SQL text in order; lines count from 1.

    Knows strings, quoted names, dollar quotes, nested comments, `BEGIN ATOMIC` bodies and COPY data. What is never closed runs to
    the end and is left for the server to refuse.
    """
    start = position = 0
    counted, line = 0, 1
    atomic, previous = 0, ""
    while True:
        match = _TOKEN.search(text, position)
        if match is None:
            break
        position = match.end()
        kind = match.lastgroup if match.lastgroup != "tag" else "dollar"
        if kind == "block":
            position = _after_comment(text, position)
        elif kind == "dollar":
            close = text.find(match[0], position)
            position = len(text) if close < 0 else close + len(match[0])
        elif kind == "word":
            word = match[0].lower()
            if word == "atomic" and previous == "begin" and _ROUTINE.match(_body(text[start : match.start()])):
                atomic = 1
            elif atomic:
                atomic += (word in ("case", "begin")) - (word == "end")
            previous = word
        elif kind == "meta" and not _body(text[start : match.start()]):
            line += text.count("\n", counted, match.start())
            counted = match.start()
            yield Piece("meta", match[0].strip(), line)
            start = position
        elif kind == "end" and not atomic:
            begin = start + _skipped(text[start : match.start()])
            line += text.count("\n", counted, begin)
            counted = begin
            statement = text[begin : match.start()].rstrip()
            start = position
            if statement:
                yield Piece("statement", statement, line)
            if _COPY.match(statement):
                position = start = _after_data(text, position)
                rows = max(0, text.count("\n", match.end(), position) - 2)
                yield Piece("data", statement, line, rows)
    begin = start + _skipped(text[start:])
    if text[begin:].strip():
        line += text.count("\n", counted, begin)
        yield Piece("statement", text[begin:].rstrip(), line)


def without_comments(statement: str) -> str:
    """Return the statement with comments replaced by a space; strings and quoted names stay as they are."""
    parts, last, position = [], 0, 0
    while (match := _TOKEN.search(statement, position)) is not None:
        position = match.end()
        if match.lastgroup in ("tag", "dollar"):
            close = statement.find(match[0], position)
            position = len(statement) if close < 0 else close + len(match[0])
        elif match.lastgroup in ("comment", "block"):
            if match.lastgroup == "block":
                position = _after_comment(statement, position)
            parts += [statement[last : match.start()], " "]
            last = position
    return "".join((*parts, statement[last:])).strip()


def _body(text: str) -> str:
    return text[_skipped(text) :].strip()


def _skipped(text: str) -> int:
    """Return where the first word stands, after blanks and comments."""
    position = 0
    while True:
        match = _LEADING.match(text, position)
        position = position if match is None else match.end()
        if not text.startswith("/*", position):
            return position
        position = _after_comment(text, position + 2)


def _after_comment(text: str, position: int) -> int:
    depth = 1
    for match in _COMMENT_EDGE.finditer(text, position):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)


def _after_data(text: str, position: int) -> int:
    """Return where the data of a COPY ends: after the line that holds only a backslash and a dot."""
    match = _END_OF_DATA.search(text, position)
    return len(text) if match is None else match.end()

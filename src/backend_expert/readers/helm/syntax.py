"""Read the language of Go templates, as its manual (`text/template`) describes it, into parts that can be evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

NESTING_LIMIT = 40
"""Deepest nesting of blocks, brackets and includes; the deepest we met (a common library chart) is 11."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?(?:0x[0-9a-fA-F]+(?:p\d+)?|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?))(?![\w.])|(?P<name>[$.]?[A-Za-z_]\w*|\$|\.)"""
    r"""|(?P<sign>:=|[=|(),])|(?P<other>\S))""",
    re.DOTALL,
)
_WORDS = {"true": True, "false": False, "nil": None}


class TemplateError(Exception):
    """Report a template that cannot be read: `line` counts from 1, `problem` is a clause without a full stop."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


class Literal(Struct, frozen=True):
    """A constant."""

    value: str | int | float | bool | None


class Path(Struct, frozen=True):
    """A walk from a start (`.`, `$`, `$name`, or a pipeline in brackets) along keys."""

    start: str | Pipeline
    keys: tuple[str, ...]


class Name(Struct, frozen=True):
    """A function."""

    name: str


Operand = Literal | Path | Name


class Pipeline(Struct, frozen=True):
    """Commands, each with the result of the one before as its last argument; `variables` take the result.

    `declares` tells `$x := 1`, a new variable of this block, from `$x = 1`, another value for an old one.
    """

    commands: tuple[tuple[Operand, ...], ...]
    variables: tuple[str, ...] = ()
    declares: bool = True


class Words(Struct, frozen=True):
    """Text between actions; `line` is that of its first character."""

    text: str
    line: int


class Action(Struct, frozen=True):
    """A value to print. `alone` tells that nothing else stands on its lines; `joined` that white space before it was cut away."""

    pipeline: Pipeline
    line: int
    alone: bool
    joined: bool


class Block(Struct, frozen=True):
    """An `if`, `with`, `range`, `define` or `block` with its body, and what follows its `else`."""

    word: str
    pipeline: Pipeline
    line: int
    body: tuple[Part, ...]
    otherwise: tuple[Part, ...] = ()
    name: str = ""


Part = Words | Action | Block


class Template(Struct, frozen=True):
    """A parsed file: its parts, and the templates it defines."""

    parts: tuple[Part, ...]
    defined: dict[str, tuple[Part, ...]]


def parse(text: str) -> Template:
    """Return the parsed template; raise `TemplateError` with the line of the first problem."""
    return _Parser(text).template()


class _Parser:
    """Read the pieces of a template one after the other into nested blocks."""

    def __init__(self, text: str) -> None:
        self.pieces = list(_pieces(text))
        self.at = 0
        self.defined: dict[str, tuple[Part, ...]] = {}

    def template(self) -> Template:
        parts, word, line = self.parts(0)
        if word:
            raise TemplateError(line, f"'{word}' without a block that it could belong to")
        return Template(parts, self.defined)

    def parts(self, depth: int) -> tuple[tuple[Part, ...], str, int]:
        """Return the parts up to the `end` or `else` of the block that is being read, that word (with its rest), and its line."""
        found: list[Part] = []
        while self.at < len(self.pieces):
            piece = self.pieces[self.at]
            self.at += 1
            if isinstance(piece, Words):
                found.append(piece)
                continue
            word = piece.source.split(None, 1)[0] if piece.source else ""
            if word in {"end", "else"}:
                return tuple(found), piece.source, piece.line
            if word in {"if", "with", "range", "define", "block"}:
                block = self.block(word, piece, depth + 1)
                if block is not None:
                    found.append(block)
            elif word == "template":
                found.append(Action(_expression(f"include {piece.source[8:]}", piece.line), piece.line, piece.alone, piece.joined))
            elif piece.source:
                found.append(Action(_expression(piece.source, piece.line), piece.line, piece.alone, piece.joined))
        return tuple(found), "", 0

    def block(self, word: str, piece: _Piece, depth: int) -> Block | None:
        if depth > NESTING_LIMIT:
            raise TemplateError(piece.line, "its blocks are nested too deeply")
        source, name = piece.source[len(word) :], ""
        if word in {"define", "block"}:
            match = re.match(r"\s*(\"(?:\\.|[^\"\\])*\"|`[^`]*`)(.*)", source, re.DOTALL)
            if match is None:
                raise TemplateError(piece.line, f"'{word}' needs a name in quotes")
            name, source = match[1][1:-1], match[2] or " ."
        pipeline = _expression(source if word != "define" else ".", piece.line)
        body, ended, line = self.parts(depth)
        otherwise: tuple[Part, ...] = ()
        if ended.startswith("else"):
            more = ended[4:].strip()
            if more:
                nested = self.block(more.split(None, 1)[0], _Piece(more, line, alone=False, joined=False), depth + 1)
                otherwise = (nested,) if nested is not None else ()
                ended = "end"
            else:
                otherwise, ended, line = self.parts(depth)
        if ended != "end":
            raise TemplateError(piece.line, f"the '{word}' is never closed with an 'end'")
        if name:
            self.defined[name] = body
        return None if word == "define" else Block(word, pipeline, piece.line, body, otherwise, name)


class _Piece(Struct, frozen=True):
    """The inside of one action and how it stands on its line."""

    source: str
    line: int
    alone: bool
    joined: bool


def _pieces(text: str) -> Iterator[Words | _Piece]:
    """Cut a text into what stands between actions and the actions, white space cut where `{{-` and `-}}` say so."""
    at, line, trim = 0, 1, False
    while True:
        start = text.find("{{", at)
        words = text[at : start if start >= 0 else len(text)]
        begin = line
        line += words.count("\n")
        if trim:
            kept = words.lstrip()
            begin += words[: len(words) - len(kept)].count("\n")
            words = kept
        end = _end_of_action(text, start + 2, line) if start >= 0 else len(text)
        inside = text[start + 2 : end] if start >= 0 else ""
        joined = inside[:1] == "-" and inside[1:2].isspace()
        if joined:
            words = words.rstrip()
        if words:
            yield Words(words, begin)
        if start < 0:
            return
        trim = len(inside) > 1 and inside[-1] == "-" and inside[-2].isspace()
        source = inside[joined : len(inside) - trim].strip()
        at = end + 2
        if not source.startswith("/*"):
            yield _Piece(source, line, _nothing_before(text, start) and _nothing_after(text, at), joined)
        line += inside.count("\n")


def _nothing_before(text: str, start: int) -> bool:
    """Tell whether nothing but white space stands before a place on its line; the margin is wider than any indentation."""
    before = text[max(0, start - 400) : start].rpartition("\n")
    return not before[2].strip() and (bool(before[1]) or start <= 400)


def _nothing_after(text: str, end: int) -> bool:
    after = text[end : end + 400].partition("\n")
    return not after[0].strip() and (bool(after[1]) or end + 400 >= len(text))


def _end_of_action(text: str, at: int, line: int) -> int:
    """Return the place of the `}}` that closes an action, strings and comments inside it skipped."""
    comment = re.compile(r"-?\s*/\*").match(text, at)
    if comment:
        closed = text.find("*/", comment.end())
        at = closed + 2 if closed >= 0 else len(text)
    for match in re.compile(r"\"(?:\\.|[^\"\\\n])*\"|`[^`]*`|\}\}").finditer(text, at):
        if match[0] == "}}":
            return match.start()
    raise TemplateError(line, "an action is opened with '{{' and never closed")


def _expression(source: str, line: int) -> Pipeline:
    tokens = [match for match in _TOKEN.finditer(source) if match[0].strip()]
    pipeline, at = _pipeline(tokens, 0, source, line, 0)
    if at < len(tokens):
        raise TemplateError(line, f"'{tokens[at][0].strip()[:20]}' is not expected here")
    return pipeline


def _pipeline(tokens: list[re.Match[str]], at: int, source: str, line: int, depth: int) -> tuple[Pipeline, int]:
    if depth > NESTING_LIMIT:
        raise TemplateError(line, "its brackets are nested too deeply")
    variables: list[str] = []
    declares = True
    ahead = at
    while ahead < len(tokens) and (tokens[ahead]["name"] or "").startswith("$"):
        variables.append(tokens[ahead]["name"])
        ahead += 1
        if ahead < len(tokens) and tokens[ahead]["sign"] == ",":
            ahead += 1
    if variables and ahead < len(tokens) and tokens[ahead]["sign"] in {":=", "="}:
        declares = tokens[ahead]["sign"] == ":="
        at = ahead + 1
    else:
        variables = []
    commands: list[tuple[Operand, ...]] = []
    operands: list[Operand] = []
    while at < len(tokens):
        token = tokens[at]
        if token["sign"] == ")":
            break
        at += 1
        if token["sign"] == "|":
            commands.append(tuple(operands))
            operands = []
        elif token["sign"] == "(":
            inner, at = _pipeline(tokens, at, source, line, depth + 1)
            if at >= len(tokens):
                raise TemplateError(line, "a bracket is never closed")
            at += 1
            keys, at = _keys(tokens, at)
            operands.append(Path(inner, keys))
        else:
            operand, at = _operand(token, tokens, at, line)
            operands.append(operand)
    commands.append(tuple(operands))
    if not all(commands):
        raise TemplateError(line, "a value is missing in this action")
    return Pipeline(tuple(commands), tuple(variables), declares), at


def _operand(token: re.Match[str], tokens: list[re.Match[str]], at: int, line: int) -> tuple[Operand, int]:
    if token["text"] is not None:
        quoted = token["text"]
        text = quoted[1:-1] if quoted[0] == "`" else _unescaped(quoted[1:-1])
        return Literal(text), at
    if token["number"] is not None:
        return Literal(_number(token["number"])), at
    name = token["name"]
    if name is None:
        raise TemplateError(line, f"'{token[0].strip()[:20]}' is not expected here")
    if name in _WORDS:
        return Literal(_WORDS[name]), at
    if name == "." or name.startswith("$"):
        keys, at = _keys(tokens, at)
        return Path(name, keys), at
    if name.startswith("."):
        keys, at = _keys(tokens, at)
        return Path(".", (name[1:], *keys)), at
    return Name(name), at


def _number(text: str) -> int | float:
    """Return a number in one of the forms of Go; hexadecimal ones stand for sizes and fit into a float."""
    if text.lstrip("-").startswith("0x"):
        return float.fromhex(text) if len(text) < 20 else 0.0
    return float(text) if re.search(r"[.eE]", text) else int(text[:18])


def _keys(tokens: list[re.Match[str]], at: int) -> tuple[tuple[str, ...], int]:
    """Return the keys that follow an operand without white space: `.a.b`."""
    keys = []
    while at < len(tokens) and (tokens[at]["name"] or "").startswith(".") and len(tokens[at]["name"]) > 1:
        if tokens[at][0] != tokens[at][0].lstrip():
            break
        keys.append(tokens[at]["name"][1:])
        at += 1
    return tuple(keys), at


def _unescaped(text: str) -> str:
    signs = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: signs.get(match[1], match[1]), text, flags=re.DOTALL)

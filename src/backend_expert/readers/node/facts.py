"""What a program says beside its handlers, in the form that all languages share: that it is there, and which addresses it holds."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.readers.code import Code, Piece, Target
from backend_expert.readers.settings import name_words
from backend_expert.readers.source_code.facts import Fact, Mention, Module

_WHOLE = frozenset({"url", "uri", "dsn", "connection", "string", "address", "addr", "brokers"})
"""Last words of variables that hold more than a host: what comes from them needs no scheme before it."""


def facts_of(code: Code) -> Iterator[Fact]:
    """Yield that the program is there, and the addresses of its clients."""
    yield Module(directory=code.directory, language=code.technology, evidence=code.evidence)
    seen = set()
    for target in code.targets:
        text = _text(target)
        if text and (text, target.evidence) not in seen:
            seen.add((text, target.evidence))
            variable = next((piece.variable for piece in target.address if piece.variable), "")
            yield Mention(directory=code.directory, key=variable or "call url", text=text, evidence=target.evidence)

    for name, line in code.reads:
        yield Mention(directory=code.directory, key=name, text=f"${{{name}}}", evidence=(line,))


def _text(target: Target) -> str:
    """Return the address as a template; empty for one whose host only a request knows."""
    if target.from_caller or not target.address or target.address[0].hole or not target.evidence:
        return ""
    text = "".join(_template(piece) for piece in _before_query(target.address))
    if target.protocol == "http" or "://" in text:
        return text
    first = target.address[0]
    if first.variable and set(name_words(first.variable)[-1:]) & _WHOLE:
        return text
    port = "".join(_template(piece) for piece in target.port)
    database = "".join(_template(piece) for piece in target.database)
    return f"{target.protocol or 'tcp'}://{text}" + (f":{port}" if port.isdigit() else "") + (f"/{database}" if database else "")


def _before_query(address: tuple[Piece, ...]) -> Iterator[Piece]:
    for piece in address:
        if "?" in piece.text:
            yield Piece(piece.text.partition("?")[0])
            return
        yield piece


def _template(piece: Piece) -> str:
    if piece.variable:
        default = "".join(_template(inner) for inner in piece.default or () if not inner.variable)
        return f"${{{piece.variable}:-{default}}}" if default and "{" not in default else f"${{{piece.variable}}}"
    return piece.text if not piece.hole else f"{{{piece.hole}}}"

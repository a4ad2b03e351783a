"""gRPC from the names that generated code has: who registers a service, and who makes a stub of it (any of the languages)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend_expert.model import Evidence
from backend_expert.readers.source_code.facts import Registration, Use

_SERVED = {
    "python": r"\badd_(\w+)Servicer_to_server\s*\(",
    "go": r"\.Register(\w+)Server\s*\(",
    "java": r"\bextends\s+(?:\w+\.)*(\w+)Grpc\.\w+ImplBase\b",
    "csharp": r"\bMapGrpcService<\s*(?:\w+\.)*(\w+?)(?:Service|Impl|ServiceImpl)?\s*>|:\s*(?:\w+\.)*(\w+)\.\2Base\b",
    "php": r"(?!)",
}
_USED = {
    "python": r"\b(\w+)Stub\s*\(",
    "go": r"\.New(\w+)Client\s*\(",
    "java": r"\b(\w+)Grpc\.new(?:Blocking|Future|)(?:V2)?Stub\s*\(",
    "csharp": r"\bnew\s+(?:\w+\.)*(\w+)\.\1Client\s*\(|AddGrpcClient<\s*(?:\w+\.)*(\w+)\.\2Client\s*>",
    "php": r"\bnew\s+\\?(?:\w+\\)*(\w+)Client\s*\(",
}
"""J4 of the notes on reading: the names that the generators of each language give to servers and stubs."""


def contracts(path: str, text: str, reader: str) -> Iterator[Registration | Use]:
    """Yield the gRPC services that a file serves and those that it makes stubs of."""
    directory = path.rpartition("/")[0] or "."
    for match in re.finditer(_SERVED[reader], text):
        yield Registration(directory=directory, kind="grpc", name=_name(match), evidence=(_line(path, text, match, reader),))
    for match in re.finditer(_USED[reader], text):
        yield Use(directory=directory, kind="grpc", name=_name(match), evidence=(_line(path, text, match, reader),))


def _name(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group)


def _line(path: str, text: str, match: re.Match[str], reader: str) -> Evidence:
    return Evidence(path, text.count("\n", 0, match.start()) + 1, reader)

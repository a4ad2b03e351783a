"""gRPC from the names that generated code has: who registers a service, and who makes a stub of it (any of the languages)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from backend_expert.model import UNKNOWN_POLICY, Evidence, Mechanism, Policy
from backend_expert.readers.source_code.facts import Registration, Use
from backend_expert.readers.source_code.program import File

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


_DEADLINE = {
    "python": r"(?i)timeout",
    "go": r"(?i)timeout|deadline",
    "java": r"(?i)timeout|deadline",
    "csharp": r"(?i)timeout|deadline|CancelAfter",
    "php": r"(?i)timeout|deadline",
}
"""Words without which a program sets no deadline on its calls; gRPC sets none by itself (gRPC guides, "Deadlines")."""


def contracts(files: Sequence[File], home: Mapping[str, str], reader: str) -> Iterator[Registration | Use]:
    """Yield the gRPC services that files serve and those that they make stubs of; `home` says which program each is part of."""
    limited = {home[file.path] for file in files if re.search(_DEADLINE[reader], file.text)}
    for file in files:
        for match in re.finditer(_SERVED[reader], file.text):
            yield Registration(directory=file.directory, kind="grpc", name=_name(match), evidence=(_line(file, match, reader),))
        for match in re.finditer(_USED[reader], file.text):
            evidence = (_line(file, match, reader),)
            policy = UNKNOWN_POLICY if home[file.path] in limited else Policy(absent=(Mechanism.TIMEOUT,), evidence=evidence)
            yield Use(directory=file.directory, kind="grpc", name=_name(match), evidence=evidence, policy=policy)


def _name(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group)


def _line(file: File, match: re.Match[str], reader: str) -> Evidence:
    return Evidence(file.path, file.text.count("\n", 0, match.start()) + 1, reader)

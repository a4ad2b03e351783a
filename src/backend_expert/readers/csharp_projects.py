"""Which program each library of a .NET solution is a part of: the one that refers to it."""

from __future__ import annotations

import posixpath
import re

from backend_expert.readers.repository import Repository, beside
from backend_expert.readers.source_code.files import left_out

_PROGRAM = re.compile(r"Sdk=\"Microsoft\.NET\.Sdk\.(Web|Worker)\"|<OutputType>\s*Exe\b")
_REFERENCE = re.compile(r"<ProjectReference\s[^>]*Include=\"([^\"]+)\"")


def parts(repository: Repository) -> dict[str, str]:
    """Return the directory of its program by that of each library which exactly one program is built with."""
    references: dict[str, set[str]] = {}
    programs = []
    for path in repository.matching("*.csproj"):
        text = repository.text(path) if not left_out(path) else None
        if text is None:
            continue
        directory = posixpath.dirname(path) or "."
        found = (beside(path, each) for each in _REFERENCE.findall(text))
        references.setdefault(directory, set()).update(posixpath.dirname(each) or "." for each in found if each is not None)
        if _PROGRAM.search(text):
            programs.append(directory)
    users: dict[str, set[str]] = {}
    for program in programs:
        for library in _reached(program, references):
            users.setdefault(library, set()).add(program)
    return {library: min(found) for library, found in users.items() if len(found) == 1 and library not in programs}


def _reached(program: str, references: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [program]
    while waiting:
        for each in references.get(waiting.pop(), set()) - found:
            found.add(each)
            waiting.append(each)
    return found

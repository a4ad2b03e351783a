"""Which program each source file belongs to, and programs that only their code describes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from backend_expert.model import Evidence
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.facts import Module
from backend_expert.readers.source_code.files import BUILD_FILES
from backend_expert.readers.source_code.program import File

BEGINS = {
    "python": re.compile(
        r"\b(Flask|FastAPI|Sanic|Quart|Starlette|Bottle|web\.Application)\(|\buvicorn\.run\(|\bgrpc\.(aio\.)?server\("
    ),
    "go": re.compile(r"\bListenAndServe(TLS)?\(|\bgrpc\.NewServer\(|\b(gin\.(Default|New)|echo\.New|fiber\.New)\("),
    "java": re.compile(r"@SpringBootApplication\b|\bSpringApplication\.run\("),
    "csharp": re.compile(r"\bWebApplication\.CreateBuilder\(|\bCreate(Default|Web|Application)*Builder\("),
    "php": re.compile(r"\bAppFactory::create\(|\bRoute::(get|post)\("),
}
"""What code holds in which a server begins, by language."""


def homes(repository: Repository, files: Iterable[File], libraries: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the directory of the program that each file belongs to: the nearest with a build file, else its own.

    `libraries` are directories with build files that are part of the program in another one.
    """
    known = _directories(repository, *BUILD_FILES, "Dockerfile")
    found = {}
    for file in files:
        directory = file.directory
        while directory not in known and directory not in {".", ""}:
            directory = posixpath.dirname(directory) or "."
        home = directory if directory in known else file.directory
        found[file.path] = (libraries or {}).get(home, home)
    return found


def undescribed(repository: Repository, files: Sequence[File], home: Mapping[str, str], language: str) -> Iterator[Module]:
    """Yield the programs in whose directories no build file stands, by the first line that begins a server."""
    described = _directories(repository, *BUILD_FILES)
    told: set[str] = set()
    for file in files:
        directory = home[file.path]
        begin = BEGINS[language].search(file.text) if directory not in described and directory not in told else None
        if begin is not None:
            told.add(directory)
            line = file.text.count("\n", 0, begin.start()) + 1
            yield Module(directory=directory, language=language, evidence=(Evidence(file.path, line, language),))


def _directories(repository: Repository, *names: str) -> set[str]:
    return {posixpath.dirname(path) or "." for path in repository.matching(*names)}

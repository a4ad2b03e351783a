"""Read the JavaScript and TypeScript of Node.js programs: routes, consumers, clients, and handlers as step programs."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backend_expert.model import Text
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.repository import Repository

if TYPE_CHECKING:
    from backend_expert.readers.node.project import Project

__all__ = ["read"]

_STARTS = re.compile(
    r"\.listen\s*\(|NestFactory\s*\.|\bserve\s*\(|Bun\.serve|\.consume\s*\(|eachMessage|new\s+Worker\s*\(|\.process\s*\(|app\.start\s*\(|\.addService\s*\("
)
"""What a file holds that begins a program: it listens, or it takes messages."""

_ROUTES = re.compile(
    r"\bexpress\s*\(\s*\)|\bRouter\s*\(|\b[fF]astify\s*\(|[\x22\x27]fastify[\x22\x27]|@Controller\s*\(|new\s+(Koa|Hono|Elysia|Router|KoaRouter)\b"
)
"""What a file holds that has routes."""

_ENTRY = re.compile(r"(^|/)(main|server|app|index|start|www|worker|bootstrap|consumer)\.[cm]?[jt]s$|(^|/)bin/www$", re.IGNORECASE)

_RUNNERS = re.compile(r"\b(?:node|nodemon|ts-node|ts-node-dev|tsx|babel-node|bun)\s+([^&|;]*)")
_ASIDE = re.compile(r"test|spec|seed|migrat|script|mock|bench", re.IGNORECASE)
"""Files that people run beside the program."""


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each program of the repository that is written for Node.js."""
    if not any(path.endswith((".js", ".ts", ".mjs", ".cjs", ".mts", ".cts")) for path in repository.files):
        return
    # The parsers are loaded only for repositories that have something for them.
    from backend_expert.readers.node.build import code_of
    from backend_expert.readers.node.facts import facts_of
    from backend_expert.readers.node.project import Project

    project = Project(repository)
    programs = _programs(project)
    if programs and project.skipped:
        reason = Text(
            f"{project.skipped} files of JavaScript and TypeScript were left out: tests, files for browsers, made by a machine",
            f"{project.skipped} arquivos de JavaScript e TypeScript ficaram de fora: testes, arquivos para navegadores ou gerados",
        )
        repository.leave(".", reason, partly=True)
    for directory, entries in sorted(programs.items()):
        with _deep_stack():
            code = code_of(project, directory, entries)
        if code is not None and code.handlers:
            yield Fragment(reader="node", code=(code,), facts=tuple(facts_of(code)), files=tuple(sorted(project.read_files())))


@contextmanager
def _deep_stack() -> Iterator[None]:
    """Give Python the stack that following calls takes, and take it back."""
    from backend_expert.readers.node.unit import RECURSION_LIMIT

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, RECURSION_LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _programs(project: Project) -> dict[str, tuple[str, ...]]:
    """Return the files in which programs begin, by the directory of the program.

    Where nothing starts a server by itself (a platform does, or a file without a suffix), the files with routes are taken.
    """
    found: dict[str, list[str]] = {}
    for path in project.paths:
        package = project.package(path)
        content = project.content(path) if _might_start(path, package.directory if package is not None else ".") else None
        if content is not None and _STARTS.search(content):
            found.setdefault(project.home(path), []).append(path)
    for home, paths in found.items():
        paths += [path for path in _declared(project, home) if path not in paths]
    begun = sorted(found)
    for path in project.paths:
        home = project.home(path)
        if any(home == other or home == "." or other.startswith(f"{home}/") for other in begun):
            continue
        content = project.content(path)
        if content is not None and _ROUTES.search(content):
            found.setdefault(home, []).append(path)
    return {directory: _begins(paths) for directory, paths in found.items()}


def _declared(project: Project, home: str) -> list[str]:
    """Return the files with which a package.json says that its program begins: they may leave the listening to others."""
    package = project.packages.get(home)
    if package is None:
        return []
    words = [package.main, *(word for script in package.scripts for run in _RUNNERS.findall(script) for word in run.split())]
    found = []
    for word in words:
        inside = re.sub(r"^(\./)?(dist|build|lib|out)/", "src/", word.removeprefix("./"))
        for written in dict.fromkeys((word.removeprefix("./"), inside)):
            stem = posixpath.normpath(posixpath.join(home, re.sub(r"\.[cm]?[jt]s$", "", written)))
            found += [
                path
                for path in (f"{stem}{end}" for end in (".js", ".ts", ".mjs", ".cjs", ".mts", "/index.js", "/index.ts"))
                if written and path in project.repository and not _ASIDE.search(written)
            ]
    return list(dict.fromkeys(found))


def _might_start(path: str, directory: str) -> bool:
    depth = path.count("/") - (0 if directory == "." else directory.count("/") + 1)
    return bool(_ENTRY.search(path)) or depth <= 2


def _begins(paths: list[str]) -> tuple[str, ...]:
    """Return the files to begin with: those with the name of an entry, or all where none has one."""
    named = [path for path in paths if _ENTRY.search(posixpath.basename(path)) or _ENTRY.search(path)]
    return tuple(sorted(named or paths, key=lambda path: (path.count("/"), path)))

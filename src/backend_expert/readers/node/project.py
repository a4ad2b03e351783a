"""The JavaScript and TypeScript of a repository: its packages, its files parsed once, and what an import in one of them means."""

from __future__ import annotations

import json
import posixpath
import re
from typing import Any

from msgspec import Struct

from backend_expert.model import Text
from backend_expert.readers.node.files import SIZE_LIMIT, is_made, is_source, left_out, nearest
from backend_expert.readers.node.modules import Source, index
from backend_expert.readers.node.syntax import SUFFIXES, parse
from backend_expert.readers.repository import Repository

DEPTH_LIMIT = 1_500
"""Deepest nesting of brackets that is walked: Python's own stack ends before that of the parser."""


class Package(Struct, frozen=True):
    """A package.json: where it stands, what it is called, what it depends on, and where it says that it begins."""

    directory: str
    name: str
    main: str
    scripts: tuple[str, ...]
    dependencies: frozenset[str]


class Paths(Struct, frozen=True):
    """What a tsconfig says of imports: the directory they count from, and patterns with where they lead."""

    base: str
    patterns: tuple[tuple[str, tuple[str, ...]], ...]


class Project:
    """Give the indexed sources of a repository, each parsed at most once, and find what specifiers mean."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.paths = tuple(path for path in repository.files if is_source(path) and not left_out(path))
        self.skipped = sum(is_source(path) for path in repository.files) - len(self.paths)
        self._known = frozenset(self.paths)
        self._sources: dict[str, Source | None] = {}
        self._resolved: dict[tuple[str, str], str | None] = {}
        self._configured: dict[str, Paths | None] = {}
        self.packages = {package.directory: package for package in _packages(repository)}
        self._named = {package.name: package for package in self.packages.values() if package.name}

    def home(self, path: str) -> str:
        """Return the directory of the program that a file belongs to: that of its package, or its own below `apps/` of a monorepo."""
        package = nearest(path, self.packages) or "."
        match = re.match(r"(?P<home>.*?(?:^|/)(?:apps|services|packages|microservices)/[^/]+)/", path)
        inside = match is not None and (package == "." or match["home"].startswith(f"{package}/"))
        return match["home"] if match is not None and inside else package

    def package(self, path: str) -> Package | None:
        """Return the package that a file belongs to."""
        directory = nearest(path, self.packages)
        return self.packages[directory] if directory is not None else None

    def content(self, path: str) -> str | None:
        """Return the text of a source file that people wrote, or nothing."""
        content = self.repository.text(path)
        if content is None:
            return None
        if len(content) > SIZE_LIMIT or is_made(content.encode()):
            reason = Text(
                "it was made by a machine (minified, bundled or generated), or is as large as if it were",
                "foi gerado por uma máquina (minificado, empacotado ou gerado), ou é grande como se fosse",
            )
            self.repository.leave(path, reason)
            return None
        return content

    def read_files(self) -> tuple[str, ...]:
        """Return the files that were parsed so far, in order."""
        return tuple(sorted(path for path, source in self._sources.items() if source is not None))

    def source(self, path: str) -> Source | None:
        """Return the index of a file, or nothing when it cannot be read; the reason is then among the unread files."""
        if path not in self._sources:
            self._sources[path] = self._read(path)
        return self._sources[path]

    def _read(self, path: str) -> Source | None:
        content = self.content(path) if path in self._known else None
        if content is None:
            return None
        if _depth(content) > DEPTH_LIMIT:
            reason = Text(
                "its brackets are nested too deeply to be read", "os parênteses estão aninhados fundo demais para serem lidos"
            )
            self.repository.leave(path, reason)
            return None
        root = parse(content.encode(), posixpath.splitext(path)[1])
        if root.has_error:
            broken = root
            while (deeper := next((child for child in broken.children if child.has_error or child.is_missing), None)) is not None:
                broken = deeper
            reason = Text("it has a syntax error; the rest of it was read", "tem um erro de sintaxe; o resto foi lido")
            self.repository.leave(path, reason, line=broken.start_point.row + 1, partly=True)
        return index(path, root)

    def resolve(self, path: str, specifier: str) -> str | None:
        """Return the file that a specifier means in a file; nothing for a library."""
        key = (posixpath.dirname(path), specifier)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(path, specifier)
        return self._resolved[key]

    def _resolve(self, path: str, specifier: str) -> str | None:
        if specifier.startswith("."):
            return self._file(posixpath.normpath(posixpath.join(posixpath.dirname(path), specifier)))
        if specifier.startswith("/") or "\0" in specifier:
            return None
        paths = self._paths(posixpath.dirname(path))
        for pattern, targets in paths.patterns if paths is not None else ():
            match = re.fullmatch(re.escape(pattern).replace(r"\*", "(.*)"), specifier)
            for target in targets if match is not None else ():
                rest = match[1] if match is not None and match.groups() else ""
                found = self._file(posixpath.normpath(target.replace("*", rest)))
                if found is not None:
                    return found
        if paths is not None and paths.base and (found := self._file(posixpath.normpath(f"{paths.base}/{specifier}"))):
            return found
        if specifier.startswith(("@/", "~/")):
            # No package is called so: build tools take it for the sources of the package itself.
            home = self.home(path)
            below = specifier[2:]
            return self._file(posixpath.normpath(f"{home}/src/{below}")) or self._file(posixpath.normpath(f"{home}/{below}"))
        return self._workspace(specifier)

    def _workspace(self, specifier: str) -> str | None:
        parts = specifier.split("/")
        name = "/".join(parts[:2]) if specifier.startswith("@") else parts[0]
        package = self._named.get(name)
        if package is None:
            return None
        rest = specifier[len(name) :].lstrip("/")
        if rest:
            return self._file(f"{package.directory}/{rest}") or self._file(f"{package.directory}/src/{rest}")
        main = re.sub(r"^\./", "", package.main)
        written = re.sub(r"^(dist|lib|build)/", "src/", main)
        candidates = [written, main, "src/index", "index", "src/main", "lib/index"]
        return next(
            (found for each in candidates if each and (found := self._file(posixpath.normpath(f"{package.directory}/{each}")))),
            None,
        )

    def _file(self, path: str) -> str | None:
        path = path.removeprefix("./")
        if path in self._known:
            return path
        for suffix in SUFFIXES:
            if path + suffix in self._known:
                return path + suffix
        stem, suffix = posixpath.splitext(path)
        if suffix in {".js", ".mjs", ".cjs", ".jsx"}:
            # TypeScript names the file that will be there after it was compiled.
            for other in (suffix.replace("j", "t", 1), ".tsx"):
                if stem + other in self._known:
                    return stem + other
        return next((f"{path}/index{suffix}" for suffix in SUFFIXES if f"{path}/index{suffix}" in self._known), None)

    def _paths(self, directory: str) -> Paths | None:
        """Return what the nearest tsconfig above a directory says."""
        if directory not in self._configured:
            found = None
            for name in ("tsconfig.json", "jsconfig.json", "tsconfig.base.json"):
                file = posixpath.join(directory, name)
                if file in self.repository:
                    found = self._tsconfig(file, 0)
                    if found is not None:
                        break
            if found is None and directory:
                found = self._paths(posixpath.dirname(directory))
            self._configured[directory] = found
        return self._configured[directory]

    def _tsconfig(self, file: str, depth: int) -> Paths | None:
        body = relaxed_json(self.repository.text(file) or "")
        if not isinstance(body, dict):
            return None
        options = body.get("compilerOptions")
        options = options if isinstance(options, dict) else {}
        directory = posixpath.dirname(file)
        base = options.get("baseUrl")
        patterns = options.get("paths")
        if isinstance(base, str) or isinstance(patterns, dict):
            root = posixpath.normpath(posixpath.join(directory, base if isinstance(base, str) else "."))
            listed = tuple(
                (pattern, tuple(posixpath.join(root, target) for target in targets if isinstance(target, str)))
                for pattern, targets in (patterns.items() if isinstance(patterns, dict) else ())
                if isinstance(targets, list)
            )
            return Paths(root if isinstance(base, str) else "", tuple(sorted(listed, key=lambda each: -len(each[0]))))
        extended = body.get("extends")
        if isinstance(extended, str) and extended.startswith(".") and depth < 4:
            path = posixpath.normpath(posixpath.join(directory, extended))
            path = path if path.endswith(".json") else f"{path}.json"
            return self._tsconfig(path, depth + 1) if path in self.repository else None
        return None


def relaxed_json(content: str) -> Any:
    """Return the value of JSON with comments and trailing commas; `None` for anything else."""
    strings = r'"(?:[^"\\\n]|\\.)*"'
    plain = re.sub(rf"({strings})|//[^\n]*|/\*.*?\*/", lambda match: match[1] or " ", content, flags=re.DOTALL)
    plain = re.sub(rf"({strings})|,(?=\s*[}}\]])", lambda match: match[1] or "", plain)
    try:
        return json.loads(plain)
    except (ValueError, RecursionError):
        return None


def _packages(repository: Repository) -> list[Package]:
    found = []
    for path in repository.matching("package.json"):
        body = relaxed_json(repository.text(path) or "")
        if not isinstance(body, dict):
            continue
        scripts = body.get("scripts")
        dependencies = body.get("dependencies")
        found.append(
            Package(
                directory=posixpath.dirname(path) or ".",
                name=body["name"] if isinstance(body.get("name"), str) else "",
                main=body["main"] if isinstance(body.get("main"), str) else "",
                scripts=tuple(str(value) for _, value in sorted(scripts.items())) if isinstance(scripts, dict) else (),
                dependencies=frozenset(dependencies) if isinstance(dependencies, dict) else frozenset(),
            )
        )
    return found


def _depth(content: str) -> int:
    """Return an upper bound of the nesting of brackets; those in texts count too, which errs on the safe side."""
    if content.count("(") + content.count("[") + content.count("{") <= DEPTH_LIMIT:
        return 0
    deepest = depth = 0
    for sign in content:
        if sign in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ")]}":
            depth = max(0, depth - 1)
    return deepest

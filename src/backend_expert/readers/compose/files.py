"""Find the Compose files of a repository and tell which of them describe one deployment together."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Text
from backend_expert.model.positions import Mapping, PositionError, Scalar, Sequence, parse_documents
from backend_expert.readers.repository import Repository, beside
from backend_expert.readers.settings import name_words, words

RANK, PRODUCTION, DEVELOPMENT, ASIDE = 50, 45, 60, 90
"""How much a description is like production, the lowest the most. `ASIDE` is for tests, examples and telemetry."""

_ASIDE_WORDS = words(
    "test tests testing e2e ci load loadtest bench benchmark benchmarks example examples sample samples docs doc devcontainer github "
    "mock mocks stress profiling integration old archive legacy deprecated fixtures logging logs monitoring observability metrics "
    "tracing telemetry"
)
"""Words of files and directories that hold what tests, shows or watches the system and is no part of it."""

_DEVELOPMENT_WORDS = words("dev development local debug")
_PRODUCTION_WORDS = words("prod production release live")
_TOP_LEVEL = words("version name services networks volumes configs secrets include models")
_ORDER = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""The order in which Compose itself looks for the file of a project."""


class Document(Struct, frozen=True):
    """One Compose file: its top level and its services by name."""

    file: str
    body: Mapping
    services: dict[str, tuple[int, Mapping]]

    @property
    def directory(self) -> str:
        """Return the directory of the file."""
        return posixpath.dirname(self.file)

    @property
    def purpose(self) -> frozenset[str]:
        """Return the words of the name that say what the file is for: `docker-compose.prod.yml` gives `prod`."""
        stem = posixpath.basename(self.file).rpartition(".")[0]
        return frozenset(name_words(stem)) - {"docker", "compose", "container", "override"}

    @property
    def rank(self) -> int:
        """Return how much the file is like production."""
        if (self.purpose | frozenset(name_words(self.directory))) & _ASIDE_WORDS:
            return ASIDE
        if self.purpose & _DEVELOPMENT_WORDS:
            return DEVELOPMENT
        return PRODUCTION if self.purpose & _PRODUCTION_WORDS else RANK

    def defines(self, name: str) -> bool:
        """Tell whether the file can start the service by itself: an image or a build is there, or taken from elsewhere."""
        found = self.services.get(name)
        return found is not None and any(found[1].get(key) is not None for key in ("image", "build", "extends"))

    @property
    def published(self) -> frozenset[str]:
        """Return the ports of the machine that the file takes, as far as they are written as numbers."""
        found = set()
        for _, body in self.services.values():
            ports = body.get("ports")
            for port in ports if isinstance(ports, Sequence) else ():
                outside = port.get("published") if isinstance(port, Mapping) else port
                written = outside.text if isinstance(outside, Scalar) else ""
                short = re.fullmatch(r"(?:[\d.]+:)?(\d+):\d+(?:/tcp)?", written)
                found.add(short[1] if short is not None else written if isinstance(port, Mapping) and written.isdigit() else "")
        return frozenset(found - {""})


class Project(Struct, frozen=True):
    """The files that are started together, the lowest first; `rank` says how much they are like production."""

    name: str
    rank: int
    documents: tuple[Document, ...]


def documents(repository: Repository) -> dict[str, Document]:
    """Return the Compose files by path; what looks like one and cannot be read goes to `unread`."""
    found = {}
    for file in repository.matching("*.yml", "*.yaml"):
        named = "compose" in posixpath.basename(file).lower()
        if not named and not re.search(r"compose|docker", posixpath.dirname(file).lower()) and "/" in file:
            continue
        text = repository.text(file)
        if text is None or (not named and not re.search(r"^services:\s*(#.*)?$", text, re.MULTILINE)):
            continue
        document = _document(repository, file, text, named)
        if document is not None:
            found[file] = document
    return found


def _document(repository: Repository, file: str, text: str, named: bool) -> Document | None:
    try:
        parsed = parse_documents(text)
    except PositionError as error:
        repository.leave(
            file,
            Text(
                f"this is not YAML that can be read: {error.problem}; correct the line and run again",
                f"não é um YAML que possa ser lido ({error.problem}); corrija a linha e execute de novo",
            ),
            line=error.line,
        )
        return None
    bodies = [body for body in parsed if isinstance(body, Mapping)]
    if not bodies:
        return None
    body = bodies[0]
    services = body.get("services")
    if services is None and body.get("include") is None:
        services = body if named and _is_first_version(body) else None
    if not isinstance(services, Mapping):
        if named and services is not None:
            reason = Text("services is not a list of services by name", "services não é uma lista de serviços por nome")
            repository.leave(file, reason, line=services.line)
        return Document(file, body, {}) if named and body.get("include") is not None else None
    names = {key.text: key.line for key, _ in services.pairs if not key.text.startswith("x-")}
    found = {key.text: (key.line, value) for key, value in services.pairs if key.text in names and isinstance(value, Mapping)}
    if not named and not all(value.get("image") or value.get("build") or value.get("extends") for _, value in found.values()):
        return None
    for name, line in names.items():
        if name not in found:
            reason = Text(f"service {name} says nothing that could be read", f"o serviço {name} não diz nada que possa ser lido")
            repository.leave(file, reason, line=line, partly=True)
    for key in services.repeated:
        reason = Text(
            f"service {key.text} stands twice in this file; line {names.get(key.text, 0)} was read, this one was not",
            f"o serviço {key.text} aparece duas vezes neste arquivo; foi lida a linha {names.get(key.text, 0)}, não esta",
        )
        repository.leave(file, reason, line=key.line, partly=True)
    if body is not services:
        _list_unknown_keys(body, file, repository)
    return Document(file, body, found)


def _list_unknown_keys(body: Mapping, file: str, repository: Repository) -> None:
    for key, _ in body.pairs:
        if key.text not in _TOP_LEVEL and not key.text.startswith("x-"):
            reason = Text(
                f"the key {key.text} is not one that Compose knows: not read",
                f"a chave {key.text} não é conhecida pelo Compose: não foi lida",
            )
            repository.leave(file, reason, line=key.line, partly=True)


def _is_first_version(body: Mapping) -> bool:
    """Tell whether the services stand at the top level, as in the first version of the format."""
    values = [value for _, value in body.pairs]
    return bool(values) and all(isinstance(value, Mapping) and (value.get("image") or value.get("build")) for value in values)


def projects(found: dict[str, Document]) -> list[Project]:
    """Return the deployments that the files describe, those of one directory put together where they belong together.

    `docker-compose.override.yml` lies over its base, as Compose itself does it. Another file of the directory lies over the base
    when it only changes services of the base, or only adds new ones; with services of its own under the same names, or with new ones
    on the same ports of the machine, it is a variant. Files that others include or extend are parts of those.
    """
    parts = _parts(found)
    directories: dict[str, list[Document]] = {}
    for document in found.values():
        if document.file not in parts:
            directories.setdefault(document.directory, []).append(document)
    return [project for directory in sorted(directories) for project in _together(directories[directory], found)]


def _together(beside_each_other: list[Document], found: dict[str, Document]) -> Iterator[Project]:
    base, *others = sorted(beside_each_other, key=_first)
    layers = [base]
    variants: list[Document] = []
    overrides = [document for document in others if _is_override(document, base)]
    for document in others:
        if document in overrides:
            continue
        together = {name for layer in layers for name in layer.services}
        shared = [name for name in document.services if name in together]
        aside = document.rank > base.rank
        crowded = not shared and any(document.published & layer.published for layer in layers)
        if not aside and not crowded and not any(document.defines(name) for name in shared):
            layers.append(document)
        else:
            variants.append(document)
    if not any(document.rank == PRODUCTION for document in layers[1:]):
        layers.extend(overrides)
    yield _project(layers, base.rank, found)
    for document in variants:
        names = set(document.services)
        over = names & set(base.services) and not all(document.defines(name) for name in names)
        # Of two that are equally near to production, the one with the name that Compose looks for is the one that people start.
        yield _project([base, document] if over else [document], document.rank + (document.rank == base.rank), found)


def _first(document: Document) -> tuple[int, int, int, str]:
    """Order the files of a directory: Compose's own names, then what is least aside, then the largest."""
    name = posixpath.basename(document.file)
    place = _ORDER.index(name) if name in _ORDER else len(_ORDER)
    return (place, document.rank, -len(document.services), name)


def _is_override(document: Document, base: Document) -> bool:
    stem = posixpath.basename(base.file).rpartition(".")[0]
    return posixpath.basename(document.file) in {f"{stem}.override.yml", f"{stem}.override.yaml"}


def _project(layers: list[Document], rank: int, found: dict[str, Document]) -> Project:
    whole: list[Document] = []
    for layer in layers:
        for document in (*_included(layer, found, frozenset({layer.file})), layer):
            if document not in whole:
                whole.append(document)
    depth = layers[0].file.count("/")
    name = "+".join([layers[0].file, *(posixpath.basename(layer.file) for layer in layers[1:])])
    return Project(f"compose:{name}", rank + min(depth, 4), tuple(whole))


def _included(document: Document, found: dict[str, Document], above: frozenset[str]) -> Iterator[Document]:
    for path in _includes(document):
        if path in found and path not in above:
            yield from _included(found[path], found, above | {path})
            yield found[path]


def _includes(document: Document) -> Iterator[str]:
    """Yield the paths under `include`: a text, or a mapping with one path or several."""
    entries = document.body.get("include")
    for entry in entries if isinstance(entries, Sequence) else ():
        paths = entry.get("path") if isinstance(entry, Mapping) else entry
        for item in paths if isinstance(paths, Sequence) else (paths,):
            path = beside(document.file, item.text) if isinstance(item, Scalar) else None
            if path is not None:
                yield path


def _parts(found: dict[str, Document]) -> frozenset[str]:
    """Return the files that exist to be included or extended by others; of files that only name each other, all but the first."""
    uses = {
        file: frozenset({*_includes(document), *_extended(document)} & found.keys()) - {file} for file, document in found.items()
    }
    parts = frozenset(used for each in uses.values() for used in each)
    whole = sorted(found.keys() - parts)
    covered: set[str] = set()
    for file in (*whole, *sorted(parts)):
        if file not in covered and file not in whole:
            whole.append(file)
        waiting = [file]
        while waiting:
            each = waiting.pop()
            if each not in covered:
                covered.add(each)
                waiting.extend(uses[each])
    return frozenset(found.keys() - set(whole))


def _extended(document: Document) -> Iterator[str]:
    for _, body in document.services.values():
        extended = body.get("extends")
        file = extended.get("file") if isinstance(extended, Mapping) else None
        path = beside(document.file, file.text) if isinstance(file, Scalar) else None
        if path is not None:
            yield path

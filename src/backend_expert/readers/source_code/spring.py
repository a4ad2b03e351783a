"""The configuration files of Spring applications as flat properties with their lines."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from backend_expert.model import Text
from backend_expert.model.positions import Mapping as Tree
from backend_expert.model.positions import Node, PositionError, Scalar, Sequence, parse_documents
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.files import left_out

_NAME = re.compile(r"(?P<stem>[\w.-]+)\.(?P<kind>properties|ya?ml)$")
_LINE = re.compile(r"\s*(?P<key>(?:\\.|[^\s:=#!\\])[^\s:=]*)\s*[:=]\s*(?P<value>.*)")
_PLACEHOLDER = re.compile(r"\$\{(?P<key>[\w.\[\]-]+)(?::(?P<default>[^{}]*))?\}")
_ASIDE = frozenset({"test", "dev", "develop", "development", "local", "h2", "hsqldb", "ci", "it"})
"""Profiles of desks and build machines: what they say does not hold in production."""

_PASSES = 4


class Property(Struct, frozen=True):
    """One property of a file; `profile` is empty where it always holds."""

    key: str
    value: str
    line: int
    profile: str = ""


class Configuration(Struct, frozen=True):
    """One file of properties; `application` is set where it stands on a configuration server and speaks for that application."""

    path: str
    properties: tuple[Property, ...]
    application: str = ""

    @property
    def directory(self) -> str:
        """Return the directory of the file; the root is `.`."""
        return posixpath.dirname(self.path) or "."


def configurations(repository: Repository) -> Iterator[Configuration]:
    """Yield the files that Spring applications read in production, in order; broken ones are listed as not read."""
    servers = _configuration_servers(repository)
    for path in repository.matching("*.properties", "*.yml", "*.yaml"):
        name = _NAME.search(posixpath.basename(path))
        if name is None or left_out(path):
            continue
        stem = name["stem"]
        own = re.fullmatch(r"(application|bootstrap)(-[\w-]+)?", stem) is not None
        served = (
            any(path.startswith(f"{server}/") for server in servers) or re.search(r"(^|/)[\w-]*config[\w-]*/", path) is not None
        )
        if own and "/resources/" not in f"/{path}" and "/config/" not in f"/{path}":
            continue
        if (
            own
            and served
            and not path.endswith(("/resources/" + posixpath.basename(path), "/resources/config/" + posixpath.basename(path)))
        ):
            continue  # The part that a configuration server gives to all: it says what there is, not who uses it.
        if not own and not served:
            continue
        text = repository.text(path)
        if text is None or not (own or re.search(r"(?m)^\s*(spring|server|eureka|zuul|feign|ribbon|security)[.:]", text)):
            continue
        properties = tuple(_of_yaml(path, text, repository) if name["kind"] != "properties" else _of_lines(text))
        profile = stem.partition("-")[2] if own else ""
        kept = tuple(each for each in properties if not _ASIDE & {profile, each.profile})
        if kept:
            yield Configuration(path, kept, "" if own else stem)


def module_of(path: str) -> str:
    """Return the directory of the module that a file belongs to: what stands above `src`, else its own directory."""
    return re.split(r"(?:^|/)src/main/", path)[0] if re.search(r"(^|/)src/main/", path) else posixpath.dirname(path)


def resolved(text: str, properties: Mapping[str, str]) -> str:
    """Return a text with the properties of the module filled in; what the module does not set stays with its default."""

    def value(match: re.Match[str]) -> str:
        found = properties.get(match["key"])
        return found if found is not None and match[0] not in found else match[0]

    for _ in range(_PASSES):
        filled = _PLACEHOLDER.sub(value, text)
        if filled == text or len(filled) > 2_000:
            break
        text = filled
    return text


def _configuration_servers(repository: Repository) -> tuple[str, ...]:
    found = []
    for path in repository.matching("pom.xml", "build.gradle", "build.gradle.kts"):
        text = repository.text(path)
        if text is not None and "spring-cloud-config-server" in text and posixpath.dirname(path):
            found.append(posixpath.dirname(path))
    return tuple(found)


def _of_lines(text: str) -> Iterator[Property]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip()[:1] not in {"#", "!"} and (match := _LINE.match(line)):
            yield Property(match["key"], match["value"].strip(), number)


def _of_yaml(path: str, text: str, repository: Repository) -> Iterator[Property]:
    # Maven fills `@name@` before Spring reads the file; YAML allows no such scalar.
    text = re.sub(r"(:\s+)(@[\w.-]+@)", r"\1'\2'", text)
    try:
        documents = parse_documents(text)
    except PositionError as error:
        repository.leave(path, Text(error.problem, error.problem), line=error.line)
        return
    for document in documents:
        flat = list(_flat("", document, 0))
        profile = next((each.value for each in flat if each.key in {"spring.profiles", "spring.config.activate.on-profile"}), "")
        for each in flat:
            yield Property(each.key, each.value, each.line, profile)


def _flat(prefix: str, node: Node, depth: int) -> Iterator[Property]:
    if depth > 20:
        return
    match node:
        case Scalar():
            yield Property(prefix, node.text, node.line)
        case Sequence():
            for index, item in enumerate(node.items[:200]):
                yield from _flat(f"{prefix}[{index}]", item, depth + 1)
        case Tree():
            for key, value in node.pairs:
                yield from _flat(f"{prefix}.{key.text}" if prefix else key.text, value, depth + 1)
        case _:
            return

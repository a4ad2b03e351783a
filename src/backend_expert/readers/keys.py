"""Read the keys of configuration files (JSON, TOML, YAML) that code reads: the value is the peer of whoever reads the key.

A file may be shared by many programs; a key belongs to the code that names it, not to all that mount the file. A value that no code
names is only a setting.
"""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Iterable, Iterator

from msgspec import Struct

from backend_expert.model import Evidence
from backend_expert.model.positions import PositionError, parse_documents, plain
from backend_expert.readers.addresses import peers
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.repository import Repository
from backend_expert.readers.settings import without_credentials
from backend_expert.readers.source_code.facts import Mention
from backend_expert.readers.source_code.files import is_made, left_out

READER = "configuration file"

_SIZE_LIMIT = 256 * 1024
_KEY_LIMIT = 200
_DEPTH_LIMIT = 12
_CODE = (".py", ".java", ".kt", ".go", ".cs", ".php", ".rb", ".rs", ".cpp", ".cc", ".h", ".hpp", ".scala")
_FILES = ("*.json", "*.toml", "config*.yml", "config*.yaml", "settings*.yml", "settings*.yaml", "conf*.yml", "conf*.yaml")
_ASIDE = re.compile(
    r"(^|/)(package(-lock)?|tsconfig[\w.]*|composer|renovate|launchSettings|openapi[\w.-]*|swagger[\w.-]*|angular|nest-cli|global|devcontainer)"
    r"\.json$|(^|/)(pyproject|Cargo|netlify|Pipfile|ruff|skaffold)\.toml$|(^|/)\.[\w.-]+/|(?i:[.-](development|dev|local|test|testing|sample|example)"
    r"\.(json|toml|ya?ml)$)|(^|/)(grafana|prometheus|dashboards?|charts?|k8s|kubernetes|manifests|deploy\w*|locales?|i18n)/"
)
_ADDRESS = re.compile(r"://|[\w)]:\d{4,5}\b|(?i:(server|host|data source)=)")
_GENERIC = re.compile(
    r"(?i)(host(name)?|url|uri|addr(ess)?|server|endpoint|port|name|default|base_?url|connection_?string|dsn|database|db)s?"
)


class Key(Struct, frozen=True):
    """A value of a configuration file with the names on the way to it."""

    path: tuple[str, ...]
    value: str
    line: int


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each configuration file whose addresses code reads."""
    code: list[tuple[str, str]] | None = None
    for file in repository.matching(*_FILES):
        if left_out(file) or _ASIDE.search(file):
            continue
        text = repository.text(file)
        if text is None or len(text) > _SIZE_LIMIT or not _ADDRESS.search(text):
            continue
        keys = [key for key in _keys(file, text) if peers(key.path[-1], key.value)][:_KEY_LIMIT]
        if not keys:
            continue
        if code is None:
            code = list(_code(repository))
        mentions = tuple(_mentions(file, keys, code))
        if mentions:
            yield Fragment(reader=READER, facts=mentions, files=(file,))


def _code(repository: Repository) -> Iterator[tuple[str, str]]:
    for path in repository.files:
        if path.endswith(_CODE) and not left_out(path):
            text = repository.text(path)
            if text is not None and not is_made(text):
                yield path, text


def _mentions(file: str, keys: Iterable[Key], code: Iterable[tuple[str, str]]) -> Iterator[Mention]:
    """Yield the reads of the keys in the code at and below the directory of the file, or beside it where it has one of its own."""
    root = posixpath.dirname(file)
    if re.fullmatch(r"(?i)(etc|conf|config|configs|configuration|resources|settings)", posixpath.basename(root)):
        root = posixpath.dirname(root)
    named = {form: key for key in keys for form in _forms(key)}
    if not named:
        return
    pattern = re.compile("|".join(re.escape(form) for form in sorted(named, key=lambda form: (-len(form), form))))
    for path, text in code:
        if root and not path.startswith(f"{root}/"):
            continue
        seen: set[Key] = set()
        for match in pattern.finditer(text):
            key = named[match[0]]
            if key not in seen:
                seen.add(key)
                yield Mention(
                    directory=posixpath.dirname(path) or ".",
                    key=key.path[-1],
                    text=_with_variable(key),
                    evidence=(
                        Evidence(path, text.count("\n", 0, match.start()) + 1, READER),
                        Evidence(file, key.line, READER),
                    ),
                )


def _forms(key: Key) -> Iterator[str]:
    """Yield how code writes a key: its whole path with dots or colons, and its last name where that says enough."""
    last = key.path[-1]
    if len(key.path) > 1:
        for separator in (".", ":", "__"):
            yield f'"{separator.join(key.path)}"'
        if key.path[0] == "ConnectionStrings":
            yield f'GetConnectionString("{last}")'
    if not _GENERIC.fullmatch(last) and len(last) > 4:
        yield f'"{last}"'
        yield f"'{last}'"


def _with_variable(key: Key) -> str:
    """Return the value as the default of the variable that would replace it (.NET and viper bind `a.b` from `A__B` and `A_B`)."""
    value = without_credentials(key.value)
    name = "__".join(re.sub(r"\W", "_", part) for part in key.path)
    return f"${{{name}:-{value}}}" if name and not re.search(r"[{}]", value) else value


def _keys(file: str, text: str) -> Iterator[Key]:
    try:
        if file.endswith(".json"):
            documents = [json.loads(re.sub(r"(?m)^\s*//.*$", "", text))]
        elif file.endswith(".toml"):
            documents = [tomllib.loads(text)]
        else:
            documents = [plain(document) for document in parse_documents(text)]
    except (ValueError, RecursionError, PositionError):
        # Whoever owns the format lists the file as broken; here it only holds no key.
        return
    for document in documents:
        for path, value in _leaves(document, (), 0):
            yield Key(path, value, _line(text, path))


def _leaves(node: object, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(node, str):
        if path and _ADDRESS.search(node):
            yield path, node
    elif isinstance(node, dict) and depth < _DEPTH_LIMIT:
        for name in node:
            yield from _leaves(node[name], (*path, str(name)), depth + 1)


def _line(text: str, path: tuple[str, ...]) -> int:
    """Return the line of a key: its names are looked for one after another."""
    place = 0
    for name in path:
        found = text.find(name, place)
        place = found if found >= 0 else place
    return text.count("\n", 0, place) + 1

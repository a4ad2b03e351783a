"""Read `kustomization.yaml`: which directories are overlays or components, which files are patches, what settings it makes."""

from __future__ import annotations

import posixpath

from msgspec import Struct

from backend_expert.model import Unread
from backend_expert.model.positions import Node
from backend_expert.readers.kubernetes.manifests import entries, read_documents, string, strings
from backend_expert.readers.repository import Repository, beside

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class GeneratedConfig(Struct, frozen=True):
    """A ConfigMap that kustomize makes: each key with its value, the file and the line on which it stands."""

    name: str
    directory: str
    values: tuple[tuple[str, str, str, int], ...]


class Kustomizations(Struct, frozen=True):
    """The kustomizations of a repository.

    `variants` are the directories that change another one (overlays, optional components): what stands in them is no further part
    of the system. `patches` are the files that hold changes to objects and no objects of their own.
    """

    files: tuple[str, ...]
    variants: frozenset[str]
    patches: frozenset[str]
    generated: tuple[GeneratedConfig, ...]
    unread: tuple[Unread, ...]


def kustomizations(repository: Repository) -> Kustomizations:
    """Read every `kustomization.yaml` of the repository."""
    files = repository.matching(*NAMES)
    directories = {posixpath.dirname(file) or "." for file in files}
    variants: set[str] = set()
    patches: set[str] = set()
    generated: list[GeneratedConfig] = []
    unread: list[Unread] = []
    for file in files:
        text = repository.text(file)
        if text is None:
            continue
        documents, problems = read_documents(file, text)
        unread += problems
        for document in documents[:1]:
            own = posixpath.dirname(file) or "."
            if string(document, "kind") == "Component" or _changes_another(document, file, own, directories):
                variants.add(own)
            patches |= _patch_files(document, file)
            generated += _generated(repository, document, file)
    return Kustomizations(files, frozenset(variants), frozenset(patches), tuple(generated), tuple(unread))


def _changes_another(document: Node, file: str, own: str, directories: set[str]) -> bool:
    """Tell an overlay: it takes one directory outside of itself as its base and changes it.

    A kustomization that only gathers the directories below it describes the whole system, and is no overlay.
    """
    for key in ("resources", "bases"):
        for entry in strings(document, key):
            target = beside(file, entry.text.rstrip("/"))
            if target in directories and not (own == "." or target.startswith(f"{own}/")):
                return True
    return False


def _patch_files(document: Node, file: str) -> set[str]:
    named = [entry.text for entry in strings(document, "patchesStrategicMerge")]
    named += [string(entry, "path") for key in ("patches", "patchesJson6902") for entry in entries(document, key)]
    return {target for name in named if name and "\n" not in name and (target := beside(file, name)) is not None}


def _generated(repository: Repository, document: Node, file: str) -> list[GeneratedConfig]:
    found = []
    for entry in entries(document, "configMapGenerator"):
        values = []
        for literal in strings(entry, "literals"):
            key, equals, value = literal.text.partition("=")
            if equals:
                values.append((key.strip(), value.strip("'\""), file, literal.line))
        names = [*strings(entry, "envs"), *strings(entry, "env")]
        for name in names:
            source = beside(file, name.text)
            text = repository.text(source) if source is not None and source in repository else None
            for line, content in enumerate((text or "").splitlines(), 1):
                key, equals, value = content.partition("=")
                if equals and not content.lstrip().startswith("#"):
                    values.append((key.strip(), value.strip().strip("'\""), source or file, line))
        found.append(GeneratedConfig(string(entry, "name"), posixpath.dirname(file), tuple(values)))
    return found

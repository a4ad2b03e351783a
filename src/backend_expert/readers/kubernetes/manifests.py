"""Kubernetes objects out of YAML text: many documents a file, lists of objects, a broken document among good ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from msgspec import Struct

from backend_expert.model import Evidence, Text, Unread
from backend_expert.model.positions import NODE_LIMIT, Mapping, Node, PositionError, Scalar, Sequence, parse_documents

BROKEN_LIMIT = 20
"""Most broken documents of one file that are tried one by one; a file with more is no manifest that somebody applies."""

_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)


class Manifest(Struct, frozen=True):
    """One object of the cluster: `group` is its API group without the version, empty for the core group."""

    file: str
    group: str
    kind: str
    name: str
    namespace: str
    body: Mapping

    @property
    def line(self) -> int:
        """Return the line on which the object begins."""
        return self.body.line

    @property
    def spec(self) -> Mapping:
        """Return the `spec`, empty where the object has none."""
        return mapping(self.body, "spec")


def manifests(file: str, text: str) -> tuple[list[Manifest], list[Unread]]:
    """Return the Kubernetes objects of a file and what of it could not be read."""
    if not looks_like_manifests(text):
        return [], []
    documents, unread = read_documents(file, text)
    return [found for document in documents for found in objects(file, document)], unread


def looks_like_manifests(text: str) -> bool:
    """Tell whether a text can hold a Kubernetes object at all, before anything is parsed."""
    return "apiVersion" in text and "kind" in text


def read_documents(file: str, text: str, place: Callable[[int], int] = int) -> tuple[list[Node], list[Unread]]:
    """Return the YAML documents of a text; where one is broken, the others and an entry with its line.

    `place` gives the line of the file for a line of the text, where the text was made from the file.
    """
    try:
        documents = parse_documents(text)
        return list(documents) if place is int else [moved(each, place, [NODE_LIMIT]) for each in documents], []
    except (PositionError, RecursionError):
        return _one_by_one(file, text, place)


def objects(file: str, document: Node) -> Iterator[Manifest]:
    """Yield the objects of one document, those of a `List` each by itself."""
    if not isinstance(document, Mapping):
        return
    api, kind = string(document, "apiVersion"), string(document, "kind")
    if not api or not kind:
        return
    items = document.get("items")
    if kind.endswith("List") and isinstance(items, Sequence):
        for item in items:
            yield from objects(file, item)
        return
    group = api.rpartition("/")[0]
    yield Manifest(file, group, kind, string(document, "metadata", "name"), string(document, "metadata", "namespace"), document)


def same_space(one: Manifest, other: Manifest) -> bool:
    """Tell whether two objects can see each other; an object without a namespace goes where the rest is applied."""
    return not one.namespace or not other.namespace or one.namespace == other.namespace


def evidence(file: str, line: int, reader: str) -> tuple[Evidence, ...]:
    """Return the evidence of one line."""
    return (Evidence(file, line, reader),)


def string(node: Node | None, *keys: str) -> str:
    """Return the text of the scalar at a path; empty where there is none or it is null."""
    found = _at(node, keys)
    return found.text if isinstance(found, Scalar) and found.value() is not None else ""


def number(node: Node | None, *keys: str) -> int | None:
    """Return the whole number at a path; `None` where there is none."""
    found = string(node, *keys)
    return int(found) if re.fullmatch(r"-?[0-9]{1,9}", found) else None


def mapping(node: Node | None, *keys: str) -> Mapping:
    """Return the mapping at a path; an empty one on the line of its parent where there is none."""
    found = _at(node, keys)
    return found if isinstance(found, Mapping) else Mapping((), node.line if node is not None else 0)


def entries(node: Node | None, *keys: str) -> tuple[Mapping, ...]:
    """Return the mappings of the list at a path; empty where there is none."""
    found = _at(node, keys)
    return tuple(item for item in found if isinstance(item, Mapping)) if isinstance(found, Sequence) else ()


def strings(node: Node | None, *keys: str) -> tuple[Scalar, ...]:
    """Return the scalars of the list at a path; a lone scalar counts as a list of one."""
    found = _at(node, keys)
    if isinstance(found, Scalar) and found.value() is not None:
        return (found,)
    return tuple(item for item in found if isinstance(item, Scalar)) if isinstance(found, Sequence) else ()


def moved(node: Node, place: Callable[[int], int], budget: list[int]) -> Node:
    """Return the node with every line replaced by `place(line)`; `budget` counts down the nodes."""
    budget[0] -= 1
    if isinstance(node, Scalar):
        return Scalar(node.text, place(node.line), node.plain)
    if isinstance(node, Sequence):
        return Sequence(tuple([moved(item, place, budget) for item in node.items]), place(node.line))
    pairs = []
    for key, value in node.pairs:
        pairs.append((Scalar(key.text, place(key.line), key.plain), moved(value, place, budget)))
    return Mapping(tuple(pairs), place(node.line))


def _at(node: Node | None, keys: tuple[str, ...]) -> Node | None:
    for key in keys:
        if not isinstance(node, Mapping):
            return None
        node = node.get(key)
    return node


def _one_by_one(file: str, text: str, place: Callable[[int], int]) -> tuple[list[Node], list[Unread]]:
    """Parse the documents of a text apart from each other, within the same bounds as the text as a whole."""
    documents: list[Node] = []
    broken: list[tuple[int, str]] = []
    rest: list[Unread] = []
    budget = [NODE_LIMIT]
    starts = [0, *(match.start() for match in _SEPARATOR.finditer(text)), len(text)]
    line = 0
    for start, end in pairwise(starts):
        part = text[start:end]
        try:
            documents.extend(moved(document, partial(_shifted, place, line), budget) for document in parse_documents(part))
        except RecursionError:
            broken.append((place(line + 1), "it is nested too deeply"))
        except PositionError as error:
            broken.append((place(line + error.line), error.problem))
        line += part.count("\n")
        if budget[0] < 0 or len(broken) >= BROKEN_LIMIT:
            reason = Text(
                "the rest of the file was left out: too much of it is broken or too large",
                "o resto do arquivo ficou de fora: há partes demais quebradas ou grandes demais",
            )
            rest.append(Unread(file, place(line + 1), reason, partly=bool(documents)))
            break
    return documents, [*(_broken(file, *each, partly=bool(documents)) for each in broken), *rest]


def _shifted(place: Callable[[int], int], before: int, line: int) -> int:
    return place(before + line)


def _broken(file: str, line: int, problem: str, *, partly: bool) -> Unread:
    if not partly:
        return Unread(file, line, Text(f"it is broken YAML: {problem}", f"o YAML está quebrado: {problem}"))
    return Unread(
        file,
        line,
        Text(
            f"this YAML document is broken ({problem}); the other documents of the file were read",
            f"este documento YAML está quebrado ({problem}); os demais documentos do arquivo foram lidos",
        ),
        partly=True,
    )

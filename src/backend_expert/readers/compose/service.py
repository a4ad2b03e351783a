"""One service of a Compose project: what its files say of it, the first file below, the last on top."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Evidence
from backend_expert.model.positions import Mapping, Node, Scalar, Sequence
from backend_expert.readers.compose.interpolation import Environment, Filled, fill

READER = "compose"


class Layer(Struct, frozen=True):
    """What one file says of a service: `line` is that of its name, `known` fills the references of the file."""

    file: str
    line: int
    body: Mapping
    known: Environment

    def evidence(self, line: int | None = None) -> Evidence:
        """Return the evidence of a line of the layer; of its name when none is given."""
        return Evidence(self.file, self.line if line is None else line, READER)

    def filled(self, scalar: Scalar) -> Filled:
        """Return the text of a scalar with its references filled."""
        return fill(scalar.text, self.known)


class Found(Struct, frozen=True):
    """A node with the layer it stands in."""

    layer: Layer
    node: Node

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Return the line of the node, and the lines of the variables that fill it."""
        filled = self.layer.filled(self.node).evidence if isinstance(self.node, Scalar) else ()
        return (self.layer.evidence(self.node.line), *filled)

    @property
    def text(self) -> str:
        """Return the filled text of a scalar; empty for anything else."""
        if not isinstance(self.node, Scalar) or self.node.value() is None:
            return ""
        return self.layer.filled(self.node).text.strip()

    def at(self, *keys: str) -> Found | None:
        """Return what stands under the keys."""
        node: Node | None = self.node
        for key in keys:
            node = node.get(key) if isinstance(node, Mapping) else None
        return None if node is None or _is_null(node) else Found(self.layer, node)

    def items(self) -> Iterator[Found]:
        """Yield the entries of a list; a lone scalar counts as a list of one."""
        if isinstance(self.node, Sequence):
            for item in self.node:
                yield Found(self.layer, item)
        elif isinstance(self.node, Scalar) and not _is_null(self.node):
            yield self

    def pairs(self) -> Iterator[tuple[Scalar, Found]]:
        """Yield the entries of a mapping."""
        if isinstance(self.node, Mapping):
            for key, value in self.node.pairs:
                yield key, Found(self.layer, value)

    def variables(self) -> Iterator[tuple[str, str | None, tuple[Evidence, ...]]]:
        """Yield names and filled values of a list of `NAME=value` or a mapping; the value is `None` where only the name stands."""
        for key, value in self.pairs():
            yield key.text.strip(), None if _is_null(value.node) else value.text, value.evidence
        if not isinstance(self.node, Mapping):
            for item in self.items():
                if isinstance(item.node, Scalar):
                    name, equals, _ = item.node.text.partition("=")
                    text = item.layer.filled(item.node).text
                    yield name.strip(), text.partition("=")[2] if equals else None, item.evidence


class Service(Struct, frozen=True):
    """A service with its layers; never without one."""

    name: str
    layers: tuple[Layer, ...]

    def each(self, *keys: str) -> Iterator[Found]:
        """Yield what every layer says under the keys, the lowest layer first."""
        for layer in self.layers:
            found = Found(layer, layer.body).at(*keys)
            if found is not None:
                yield found

    def last(self, *keys: str) -> Found | None:
        """Return what the topmost layer that speaks of it says under the keys."""
        return next(reversed(list(self.each(*keys))), None)

    def text(self, *keys: str) -> str:
        """Return the filled text under the keys; empty where none stands."""
        found = self.last(*keys)
        return found.text if found is not None else ""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Return the lines on which the service is named."""
        return tuple(layer.evidence() for layer in self.layers)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value() is None

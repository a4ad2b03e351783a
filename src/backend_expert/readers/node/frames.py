"""Where an expression is worked out: the names it sees, the steps it adds to, and how it was reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.model import Evidence
from backend_expert.readers.node.drafts import Draft
from backend_expert.readers.node.syntax import line
from backend_expert.readers.node.values import Value

if TYPE_CHECKING:
    from backend_expert.readers.node.modules import Module
    from backend_expert.readers.node.unit import Unit

READER = "node"

PATH_SHOWN = 5
"""Most lines of a call path that are kept as evidence of one step: a person reads no longer one."""

Path = tuple[tuple[int, Evidence], ...]
"""The calls that led to a place, the outermost first: the function that was entered and the line it was called on."""


class Frame:
    """The activation of one function, or of a module as a whole.

    `parent` is the frame that the function was made in. `block` is the list of steps that are being added to; the frames of one run
    share it until a loop, a branch or a promise opens another.
    """

    __slots__ = ("asynchronous", "block", "cut_short", "module", "names", "parent", "path", "returns", "this", "unit")

    def __init__(
        self,
        unit: Unit,
        module: Module,
        parent: Frame | None = None,
        this: Value | None = None,
        path: Path = (),
        block: list[Draft] | None = None,
    ) -> None:
        self.unit = unit
        self.module = module
        self.parent = parent
        self.this = this
        self.path = path
        self.block: list[Draft] = [] if block is None else block
        self.names: dict[str, Value] = {}
        self.returns: list[Value] = []
        self.asynchronous = False
        # Whether a condition that certainly holds ended the function.
        self.cut_short = False

    def evidence(self, node: Node) -> tuple[Evidence, ...]:
        """Return the line of a node and then the calls that led to it, the nearest first."""
        led = [place for _, place in reversed(self.path)]
        return tuple(dict.fromkeys((self.place(node), *led)))[:PATH_SHOWN]

    def place(self, node: Node) -> Evidence:
        """Return the line of a node."""
        return Evidence(self.module.path, line(node), READER)

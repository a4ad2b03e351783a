"""Which reads of a block need nothing of those before them: they could run at once, and the code waits for one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.model import Action
from backend_expert.readers.node.drafts import REMOTE, Draft, Kind, inner
from backend_expert.readers.node.modules import bound
from backend_expert.readers.node.syntax import children, text, walk

if TYPE_CHECKING:
    from backend_expert.readers.node.unit import Unit

_DECLARATIONS = frozenset({"lexical_declaration", "variable_declaration"})


class Readings:
    """The reads at the end of a block so far that change nothing and need nothing of each other, by the names that hold what they gave.

    A read whose result nobody keeps is a check (it may throw), and what follows a check waits for it; so does what follows a write.
    """

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._held: set[str] = set()

    def passed(self, statement: Node, added: list[Draft]) -> None:
        """Mark the steps that a statement added as independent or not of the reads before it, and keep what it binds."""
        if not added and not self._held:
            return
        remote = [draft for draft in inner(added) if draft.kind in REMOTE]
        keeps = statement.type in _DECLARATIONS or statement.type == "return_statement"
        if not remote:
            self._derived(statement)
        elif not keeps or not all(self._only_reads(draft) for draft in remote):
            self._held.clear()
        else:
            self._read(statement, added[0])

    def _read(self, statement: Node, first: Draft) -> None:
        needs = bool(self._held) and bool(_names(statement) & self._held)
        if self._held and first.kind in REMOTE:
            first.independent = not needs
        if needs or first.kind not in REMOTE:
            self._held.clear()
        self._held |= _binds(statement)

    def _derived(self, statement: Node) -> None:
        """Follow what the reads gave into the names that a statement makes of it; a choice that rests on it ends the run."""
        if not self._held:
            return
        used = _names(statement)
        if not used & self._held:
            return
        if statement.type in _DECLARATIONS or statement.type == "expression_statement":
            self._held |= used | _binds(statement)
        else:
            self._held.clear()

    def _only_reads(self, draft: Draft) -> bool:
        if draft.kind is Kind.QUERY:
            return draft.action is Action.READ
        return draft.kind is Kind.CACHE_GET or (draft.kind is Kind.CALL and self._unit.is_safe(draft.target))


def _names(node: Node) -> set[str]:
    return {text(each) for each in walk(node, "identifier", "shorthand_property_identifier")}


def _binds(statement: Node) -> set[str]:
    if statement.type not in _DECLARATIONS:
        return set()
    patterns = [each.child_by_field_name("name") for each in children(statement)]
    return {name for pattern in patterns if pattern is not None for name in bound(pattern)}

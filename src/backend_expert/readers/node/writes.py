"""Whether what is written follows from what was read: a row that is read, changed by what it held, and written back can lose an update.

Values carry the read they come from. An update follows from it when what it writes is worked out of a field that was read, or when a
condition on such a field decided that it runs; that a row was found is one when the search asked for more than its key. Where a value is
not known, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from backend_expert.model import Action
from backend_expert.readers.node import names
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.syntax import text, walk
from backend_expert.readers.node.values import UNKNOWN, Instance, Listing, Outcome, Record, Template, Unknown, Value
from backend_expert.readers.settings import words

_KEYS = words("id _id uuid guid key pk length")
"""Fields that say which row it is, and how many there are: nothing that two requests change."""

_DEEP = 4


class Seen:
    """What one handler has read and decided so far, by the keys of targets."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.decided: set[str] = set()
        self.changed: set[str] = set()
        self.unclear: set[str] = set()
        self.filled: set[str] = set()

    def step(self, draft: Draft, given: Iterable[Value]) -> None:
        """Take note of a read; say of a write whether it follows from one."""
        if draft.kind not in {Kind.QUERY, Kind.CACHE_GET, Kind.CACHE_PUT}:
            return
        if draft.action is Action.READ:
            self.read.add(draft.target)
        elif draft.action in {Action.UPDATE, Action.DELETE} and draft.target in self.read:
            held = [part for value in given for part in _parts(value, 0)]
            from_rows = {part.draft.target for part in held if isinstance(part, Outcome) and part.field}
            # To fill a cache because it was empty is no race: there only the value counts.
            decided = self.decided if draft.key != "cache" else set()
            if draft.target in decided | self.changed | from_rows:
                draft.computed = True
            elif draft.target not in self.unclear and not any(self._says_nothing(part) for part in held):
                draft.computed = False

    def condition(self, node: Node | None, frame: Frame) -> None:
        """Take note of a condition on what was read."""
        for each in walk(node, "identifier") if node is not None and self.read else ():
            value = names.lookup(text(each), frame)
            if not isinstance(value, Outcome):
                continue
            above = each.parent
            part = above.child_by_field_name("property") if above is not None and above.type == "member_expression" else None
            looks_at = text(part) if part is not None and part.id != each.id else value.field
            if not _is_key(looks_at) if looks_at else not all(_is_key(column) for column in value.draft.columns):
                self.decided.add(value.draft.target)

    def assigned(self, owner: Value, value: Value, augmented: bool = False) -> None:
        """Take note of a field of a row that gets a value, worked out of the row itself or not known."""
        if not isinstance(owner, Outcome):
            return
        target = owner.draft.target
        self.filled.add(target)
        held = list(_parts(value, 0))
        if augmented or any(isinstance(part, Outcome) and part.field and part.draft.target == target for part in held):
            self.changed.add(target)
        elif any(isinstance(part, Unknown) for part in held):
            self.unclear.add(target)

    def _says_nothing(self, part: Value) -> bool:
        """Tell whether nobody knows where a part of what is written comes from; so it is with a row that nothing was put into."""
        return isinstance(part, Unknown) or (isinstance(part, Outcome) and part.draft.target not in self.filled)


def _is_key(name: str) -> bool:
    return name in _KEYS or name.endswith(("Id", "_id", "ID"))


def _parts(value: Value | None, depth: int) -> Iterator[Value]:
    """Yield what a value is made of, without the keys that pick rows."""
    match value:
        case Outcome() if _is_key(value.field):
            pass
        case Record() if depth < _DEEP:
            for name, each in value.fields.items():
                if not _is_key(name) and name != "where":
                    yield from _parts(each, depth + 1)
            if not value.complete:
                yield UNKNOWN
        case Listing() if depth < _DEEP:
            for each in value.items[:32]:
                yield from _parts(each, depth + 1)
        case Template() if depth < _DEEP:
            for each in value.parts:
                yield from _parts(each, depth + 1)
        case Instance():
            for each in value.arguments or ():
                yield from _parts(each, depth + 1) if depth < _DEEP else ()
        case None:
            pass
        case _:
            yield value

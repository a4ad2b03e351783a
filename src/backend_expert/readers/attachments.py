"""Ties beside the path of requests: who registers where, is configured by whom, reports to whom."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from backend_expert.model import Attachment, Certainty, Component, Evidence, Kind
from backend_expert.model.facts import SUREST_FIRST

Tie = tuple[Component, Component, Certainty, tuple[Evidence, ...]]
"""Who names whom, how surely, and where."""

_APART = frozenset({Kind.CLIENT, Kind.EXTERNAL})


def attachments(ties: Iterable[Tie]) -> dict[str, tuple[Attachment, ...]]:
    """Return the attachments of each component, by target: of all ties those with a part of the platform at one end.

    A target is named once, as surely as its surest tie, with the evidence of all.
    """
    found: dict[str, dict[str, Attachment]] = {}
    for owner, target, certainty, evidence in ties:
        kinds = {owner.kind, target.kind}
        if owner.name == target.name or Kind.PLATFORM not in kinds or kinds & _APART:
            continue
        own = found.setdefault(owner.name, {})
        before = own.get(target.name)
        own[target.name] = (
            Attachment(target=target.name, certainty=certainty, evidence=evidence)
            if before is None
            else structs.replace(
                before,
                certainty=min(before.certainty, certainty, key=SUREST_FIRST.index),
                evidence=tuple(dict.fromkeys(before.evidence + evidence)),
            )
        )
    return {name: tuple(own[target] for target in sorted(own)) for name, own in found.items()}

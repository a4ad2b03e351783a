"""Addresses that came with a whole block of settings which several components import: nobody says which of them uses which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backend_expert.readers.fragment import Address


def holders(addresses: Iterable[Address]) -> Mapping[tuple[str, str], frozenset[str]]:
    """Return, by owner and key, the components that hold the same line of a block imported as a whole (`env_file`, `envFrom`, anchors).

    A variable that a component names itself is its own, even where its value stands in a shared file.
    """
    owners: dict[tuple[str, str, int], set[str]] = {}
    keys: dict[tuple[str, str, int], set[str]] = {}
    held = tuple(address for address in addresses if address.owner)
    for address in held:
        for line in address.evidence:
            owners.setdefault((address.key, line.file, line.line), set()).add(address.owner)
            keys.setdefault((address.owner, line.file, line.line), set()).add(address.key)
    found = {}
    for address in held:
        together = [owners[address.key, line.file, line.line] for line in address.evidence]
        imported = len(address.evidence) == 1 or any(
            len(keys[address.owner, line.file, line.line]) > 1 for line in address.evidence
        )
        if imported and max(map(len, together), default=0) > 1:
            found[address.owner, address.key] = frozenset().union(*together)
    return found

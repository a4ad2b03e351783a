"""Addresses that came with a whole block of settings which several components import: nobody says which of them uses which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backend_expert.readers.fragment import Address


def blocks(addresses: Iterable[Address]) -> Mapping[tuple[str, str], str]:
    """Return, by owner and key, the block of settings that the owner and others import as a whole (`env_file`, `envFrom`, anchors).

    A block is named by the line that imports it and the files it stands in. A variable that a component names itself is its own,
    even where its value stands in a shared file, and so is a block that nobody else imports.
    """
    held = tuple(address for address in addresses if address.owner)
    owners: dict[tuple[str, str, int], set[str]] = {}
    keys: dict[tuple[str, str, int], set[str]] = {}
    for address in held:
        for line in address.evidence:
            owners.setdefault((address.key, line.file, line.line), set()).add(address.owner)
            keys.setdefault((address.owner, line.file, line.line), set()).add(address.key)
    found = {}
    for address in held:
        together = any(len(owners[address.key, line.file, line.line]) > 1 for line in address.evidence)
        imports = [line for line in address.evidence if len(keys[address.owner, line.file, line.line]) > 1]
        if together and (imports or len(address.evidence) == 1):
            files = sorted({line.file for line in address.evidence})
            found[address.owner, address.key] = " ".join((str((imports or address.evidence)[0]), *files))
    return found

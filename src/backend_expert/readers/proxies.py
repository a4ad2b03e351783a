"""Give the addresses of proxy files an owner: what mounts them, what is built from their directory, the one proxy there is."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from msgspec import structs

from backend_expert.model import Component, Text
from backend_expert.readers.fragment import Address
from backend_expert.readers.settings import name_words, words

_NOTED = 10
_PROXY_WORDS = words("nginx gateway proxy reverse web www edge ingress")


def placed(loose: Sequence[Address], components: Mapping[str, Component]) -> tuple[tuple[Address, ...], tuple[Text, ...]]:
    """Return the addresses with their owners, and a note for each file that no component uses."""
    found: list[Address] = []
    unused: set[str] = set()
    for address in loose:
        owners = (address.owner,) if address.owner in components else _owners(address, components)
        found.extend(structs.replace(address, owner=owner) for owner in owners)
        if not owners:
            unused.update(line.file for line in address.evidence[:1])
    notes = tuple(
        Text(
            f"{file} configures a proxy, but no component that was found uses it.",
            f"{file} configura um proxy, mas nenhum componente encontrado o usa.",
        )
        for file in sorted(unused)[:_NOTED]
    )
    return tuple(found), notes


def _owners(address: Address, components: Mapping[str, Component]) -> tuple[str, ...]:
    file = address.evidence[0].file if address.evidence else ""
    mounting = sorted({name for name, source in _mounts(components) if file == source or file.startswith(f"{source}/")})
    if mounting:
        return tuple(mounting)
    built = [
        (len(component.source), name)
        for name, component in sorted(components.items())
        if component.source not in {"", "."} and f"{address.directory}/".startswith(f"{component.source}/")
    ]
    if built:
        nearest = max(length for length, _ in built)
        return tuple(name for length, name in built if length == nearest)
    proxies = [name for name, component in sorted(components.items()) if component.technology == "nginx"]
    told = set(name_words(posixpath.basename(address.directory))) & (_PROXY_WORDS | set(proxies))
    return tuple(proxies) if len(proxies) == 1 and (told or components[proxies[0]].source == ".") else ()


def _mounts(components: Mapping[str, Component]) -> Iterator[tuple[str, str]]:
    """Yield what components mount of the repository, as paths from the root."""
    for name, component in sorted(components.items()):
        for volume in component.deployment.volumes if component.deployment is not None else ():
            if volume.source.startswith("./"):
                yield name, volume.source.removeprefix("./").rstrip("/")

"""Put the Compose projects of several directories together where one uses the services of another."""

from __future__ import annotations

from backend_expert.readers.addresses import peers
from backend_expert.readers.compose.files import ASIDE
from backend_expert.readers.fragment import Fragment


def joined(fragments: list[Fragment]) -> list[Fragment]:
    """Return the fragments with those made one that share no service name and of which one names a service of the other.

    Infrastructure in one directory and applications in others are one deployment; two examples that both have a `db` are not.
    """
    waiting = sorted(fragments, key=lambda fragment: (fragment.rank, -len(fragment.components), fragment.deployment))
    result = []
    while waiting:
        whole = waiting.pop(0)
        while (other := next((each for each in waiting if _belongs(whole, each)), None)) is not None:
            waiting.remove(other)
            whole = _both(whole, other)
        result.append(whole)
    return result


def _belongs(one: Fragment, other: Fragment) -> bool:
    if max(one.rank, other.rank) >= ASIDE or _names(one) & _names(other):
        return False
    return bool(_wanted(one) & _names(other) or _wanted(other) & _names(one))


def _names(fragment: Fragment) -> set[str]:
    return {name for component in fragment.components for name in (component.name, *component.aliases)}


def _wanted(fragment: Fragment) -> set[str]:
    return {peer.host for address in fragment.addresses for peer in peers(address.key, address.text)}


def _both(one: Fragment, other: Fragment) -> Fragment:
    first, second = sorted((one, other), key=lambda fragment: (fragment.rank, fragment.deployment))
    return Fragment(
        reader=first.reader,
        deployment=f"{first.deployment} + {second.deployment.removeprefix('compose:')}",
        rank=first.rank,
        components=tuple(sorted(one.components + other.components, key=lambda component: component.name)),
        addresses=first.addresses + second.addresses,
        orders=first.orders + second.orders,
        files=tuple(sorted({*one.files, *other.files})),
    )

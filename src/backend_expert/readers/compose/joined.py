"""Put the Compose projects of several directories together where one uses the services of another."""

from __future__ import annotations

from msgspec import Struct

from backend_expert.readers.addresses import peers
from backend_expert.readers.compose.files import ASIDE
from backend_expert.readers.fragment import Fragment


class _Part(Struct, frozen=True):
    """A fragment with the names that answer in it and the hosts that it names."""

    fragment: Fragment
    names: frozenset[str]
    wanted: frozenset[str]


def joined(fragments: list[Fragment]) -> list[Fragment]:
    """Return the fragments with those made one that share no service name and of which one names a service of the other.

    Infrastructure in one directory and applications in others are one deployment; two examples that both have a `db` are not.
    """
    ordered = sorted(fragments, key=lambda fragment: (fragment.rank, -len(fragment.components), fragment.deployment))
    waiting = [_part(fragment) for fragment in ordered]
    result = []
    while waiting:
        whole = waiting.pop(0)
        while (other := next((each for each in waiting if _belongs(whole, each)), None)) is not None:
            waiting.remove(other)
            whole = _Part(_both(whole.fragment, other.fragment), whole.names | other.names, whole.wanted | other.wanted)
        result.append(whole.fragment)
    return result


def _part(fragment: Fragment) -> _Part:
    return _Part(
        fragment,
        frozenset(name for component in fragment.components for name in (component.name, *component.aliases)),
        frozenset(peer.host for address in fragment.addresses for peer in peers(address.key, address.text)),
    )


def _belongs(one: _Part, other: _Part) -> bool:
    if max(one.fragment.rank, other.fragment.rank) >= ASIDE or one.names & other.names:
        return False
    return not one.wanted.isdisjoint(other.names) or not other.wanted.isdisjoint(one.names)


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

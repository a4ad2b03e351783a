"""Which component answers for a host: by its names on the network, or by the port it publishes on the machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from backend_expert.model import Component
from backend_expert.readers.addresses import LOCAL_HOSTS, Peer


class Directory:
    """The names under which components answer."""

    def __init__(self, components: Mapping[str, Component]) -> None:
        self._names: dict[str, list[Component]] = {}
        for name in sorted(components):
            component = components[name]
            for answer in dict.fromkeys((component.name.lower(), *(alias.lower() for alias in component.aliases))):
                self._names.setdefault(answer, []).append(component)
        # A component that has the name itself hides the aliases of others.
        for name, component in components.items():
            self._names[name.lower()] = [component]
        self._all = tuple(components[name] for name in sorted(components))

    def find(self, peer: Peer, key: str, owner: Component, settings: Mapping[str, str]) -> list[Component]:
        """Return the components that answer for a peer: none, one, or several behind one name."""
        host = peer.host.lower().rstrip(".")
        if host in LOCAL_HOSTS:
            return self._local(peer.port or _sibling_port(key, settings), owner)
        for name in _dns_names(host):
            if name in self._names:
                return self._names[name]
        return []

    def _local(self, port: int | None, owner: Component) -> list[Component]:
        """Return the one component that publishes the port on the machine, unless the owner listens on it itself."""
        if port is None or _listens(owner, port, inside=True):
            return []
        found = [component for component in self._all if component.name != owner.name and _listens(component, port, inside=False)]
        return found if len(found) == 1 else []


def _dns_names(host: str) -> Iterator[str]:
    """Yield the names to look for: the host, and the Kubernetes Service of `a.ns.svc.cluster.local` and `a-0.a.ns.svc`."""
    yield host
    labels = host.split(".")
    if "svc" in labels[1:] or len(labels) == 2:
        service = labels[: labels.index("svc")] if "svc" in labels else labels
        if "svc" in labels:
            yield ".".join(service)
            yield service[0]
        if len(service) > 1 and re.fullmatch(re.escape(service[1]) + r"-\d+", service[0]):
            yield service[1]


def _listens(component: Component, port: int, inside: bool) -> bool:
    """Tell whether a component listens on a port: inside its container, or as the machine sees it."""
    ports = component.deployment.ports if component.deployment is not None else ()
    if any(each.published == port for each in ports):
        return True
    stated = any(
        setting.name.upper() in {"PORT", "SERVER_PORT", "HTTP_PORT"} and setting.value == str(port)
        for setting in component.settings
    )
    return stated or (inside and any(each.number == port for each in ports))


def _sibling_port(key: str, settings: Mapping[str, str]) -> int | None:
    """Return `REDIS_PORT` for `REDIS_HOST`."""
    value = settings.get(re.sub(r"[A-Za-z]+$", "PORT", key), "")
    return int(value) if re.fullmatch(r"\d{2,5}", value) else None

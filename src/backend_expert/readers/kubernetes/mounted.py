"""Addresses in the configuration files that a pod mounts from a ConfigMap: nginx, and URLs under a key in any other format."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend_expert.model.positions import Mapping
from backend_expert.readers import nginx
from backend_expert.readers.fragment import Address
from backend_expert.readers.kubernetes.containers import Entry, Store, names_another
from backend_expert.readers.kubernetes.manifests import entries, evidence, string
from backend_expert.readers.settings import setting

_URL_UNDER_A_KEY = re.compile(
    r"""^[ \t-]*["']?(?P<key>[A-Za-z_][\w.-]*)["']?[ \t]*[:=][ \t]*["']?(?P<url>[a-z][a-z0-9+:]*://[^\s"',;]+)"""
)


def addresses(container: Mapping, pod: Mapping, owner: str, reader: str, store: Store) -> Iterator[Address]:
    """Yield the addresses in the files that a container mounts from ConfigMaps."""
    mounted = {string(mount, "name") for mount in entries(container, "volumeMounts")}
    for volume in entries(pod, "volumes"):
        name = string(volume, "configMap", "name")
        if name and string(volume, "name") in mounted:
            for _, entry in sorted((store.entries("ConfigMap", name) or {}).items()):
                yield from _in_file(entry, owner, reader)


def _in_file(entry: Entry, owner: str, reader: str) -> Iterator[Address]:
    # The text of a block begins on the line below its key.
    first_line = entry.line + ("\n" in entry.value)
    if nginx.is_nginx(entry.value):
        yield from nginx.addresses(entry.file, entry.value, owner=owner, first_line=first_line)[0]
        return
    for place, line in enumerate(entry.value.split("\n")):
        match = _URL_UNDER_A_KEY.match(line)
        if match and names_another(match["key"], match["url"]):
            text = setting(match["key"], match["url"], ()).value
            yield Address(key=match["key"], text=text, owner=owner, evidence=evidence(entry.file, first_line + place, reader))

"""Make one System of the fragments of all readers: choose the description, find out what each part is, join who uses whom."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from msgspec import Struct, structs

from backend_expert.model import Component, Deployment, Evidence, Kind, Port, Probe, System, Text, Unread
from backend_expert.readers.descriptions import Description, choose, completed, descriptions, plain_name
from backend_expert.readers.edges import Edge, resolve
from backend_expert.readers.fragment import Address, Fragment, Image
from backend_expert.readers.programs import consumes, programs
from backend_expert.readers.repository import Repository
from backend_expert.readers.settings import name_words, words
from backend_expert.readers.technology import Traits, identify, runtime


class Reading(Struct, frozen=True):
    """What was recovered of a repository: the system, the files it comes from, what was not read, and what a reader should know."""

    system: System
    unread: tuple[Unread, ...]
    files: tuple[str, ...]
    notes: tuple[Text, ...]


def join(fragments: Sequence[Fragment], repository: Repository) -> Reading:
    """Return the system that the fragments describe together; one without components where none describes a deployment."""
    images = tuple(image for fragment in fragments for image in fragment.images)
    loose = tuple(address for fragment in fragments for address in fragment.addresses if not fragment.deployment)
    found = [
        structs.replace(each, components=tuple(_identified(component, images, repository) for component in each.components))
        for each in descriptions(fragments)
    ]
    files = {file for fragment in fragments for file in fragment.files}
    unread = {entry for fragment in fragments for entry in fragment.unread}
    name = repository.root.name
    if not found:
        return Reading(System(name=name), tuple(sorted({*unread, *repository.unread})), tuple(sorted(files)), ())
    chosen, others, notes = choose(found)
    chosen = completed(chosen, others)
    system, more = _system(name, chosen, images, loose, repository)
    files |= {line.file for component in system.components for setting in component.settings for line in setting.evidence}
    return Reading(system, tuple(sorted({*unread, *repository.unread})), tuple(sorted(files)), (*notes, *more))


def _system(
    name: str, described: Description, images: tuple[Image, ...], loose: tuple[Address, ...], repository: Repository
) -> tuple[System, tuple[Text, ...]]:
    components: dict[str, Component] = {}
    for component in sorted(described.components, key=lambda component: component.name):
        # A name that stands twice in one description is one component; the first place says the most.
        components.setdefault(component.name, _completed_by_image(_identified(component, images, repository), images))
    placed, notes = _placed(loose, components)
    addresses = [*described.addresses, *_from_settings(components, described.addresses), *placed]
    resolved = resolve(components, addresses, described.orders)
    for component in resolved.outside:
        components[component.name] = component
    components = _with_roles(components, resolved.edges)
    made = programs(components, resolved.edges)
    system = System(
        name=name,
        components=tuple(components[each] for each in sorted(components)),
        operations=made.operations,
        datasets=made.datasets,
        topics=made.topics,
    )
    return system, (*notes, *resolved.notes)


def _identified(component: Component, images: tuple[Image, ...], repository: Repository) -> Component:
    """Return the component with its kind and technology; what its reader already knows of it stays."""
    image = _image_of(component, images)
    ports = tuple(port.number for port in component.deployment.ports) if component.deployment is not None else ()
    identity = identify(
        Traits(
            name=component.name,
            image=component.image,
            base=image.base if image is not None else "",
            built=bool(component.source) or image is not None,
            settings=tuple(setting.name for setting in component.settings),
            ports=ports + (image.ports if image is not None else ()),
            command=image.command if image is not None else "",
        )
    )
    source = component.source or (image.directory if image is not None else "")
    technology = component.technology or identity.technology
    if technology in {"", "node"} and source and identity.kind in {Kind.SERVICE, Kind.WORKER, Kind.GATEWAY, Kind.CLIENT}:
        technology = _runtime(source, repository) or technology
    kind = identity.kind if component.kind is Kind.SERVICE else component.kind
    if component.kind is Kind.WORKER and identity.kind not in {Kind.SERVICE, Kind.WORKER}:
        kind = identity.kind
    return structs.replace(component, kind=kind, technology=technology, source=source)


def _runtime(source: str, repository: Repository) -> str:
    prefix = "" if source == "." else f"{source}/"
    names = frozenset(
        path.removeprefix(prefix) for path in repository.files if path.startswith(prefix) and path.count("/") == prefix.count("/")
    )
    package = repository.text(f"{prefix}package.json") if "package.json" in names else None
    return runtime(names, package or "")


def _image_of(component: Component, images: tuple[Image, ...]) -> Image | None:
    """Return the Dockerfile of a component: that of its build directory, else that of the one directory with its name."""
    if component.source:
        same = [image for image in images if image.directory == component.source]
        below = [image for image in images if component.source != "." and image.directory.startswith(f"{component.source}/")]
        return _plainest(same) or (below[0] if len(below) == 1 else None)
    names = {plain_name(component.name), plain_name(_image_name(component.image))}
    named = [image for image in images if names & {plain_name(part) for part in image.directory.split("/")[-2:]}]
    directories = {image.directory for image in named}
    return _plainest(named) if len(directories) == 1 else None


def _plainest(images: list[Image]) -> Image | None:
    """Prefer the file called Dockerfile to `Dockerfile.debug`."""
    return min(images, key=lambda image: (posixpath.basename(image.file) != "Dockerfile", image.file), default=None)


def _image_name(image: str) -> str:
    return image.split("@")[0].rpartition("/")[2].partition(":")[0]


def _completed_by_image(component: Component, images: tuple[Image, ...]) -> Component:
    """Add what the Dockerfile says: settings that no deployment sets, ports that it exposes, its health check and user."""
    image = _image_of(component, images)
    if image is None:
        return component
    known = {setting.name for setting in component.settings}
    added = tuple(setting for setting in image.settings if setting.name not in known)
    deployment = component.deployment or Deployment(complete=False)
    listening = {port.number for port in deployment.ports}
    lines = image.evidence or (Evidence(image.file, 1, "dockerfile"),)
    ports = tuple(Port(number=number, evidence=lines) for number in sorted(set(image.ports) - listening))
    kubernetes = any(probe.kind != "healthcheck" for probe in deployment.probes) or _is_kubernetes(component)
    probes = deployment.probes
    if image.healthcheck and not probes and not kubernetes:
        probes = (Probe(kind="healthcheck", mechanism="command", evidence=lines),)
    return structs.replace(
        component,
        settings=tuple(sorted(component.settings + added, key=lambda setting: setting.name)),
        deployment=structs.replace(
            deployment,
            ports=tuple(sorted(deployment.ports + ports, key=lambda port: port.number)),
            probes=probes,
            user=deployment.user or image.user,
        ),
    )


def _is_kubernetes(component: Component) -> bool:
    """Tell whether Kubernetes runs the component: it does not look at the HEALTHCHECK of an image."""
    return any(line.reader in {"kubernetes", "helm"} for line in component.evidence)


def _from_settings(components: dict[str, Component], addresses: Sequence[Address]) -> list[Address]:
    """Return the settings that no reader handed over as addresses: those of Dockerfiles, and those of readers that give none."""
    stated = {(address.owner, address.key) for address in addresses}
    return [
        Address(owner=name, key=setting.name, text=setting.value, evidence=setting.evidence)
        for name in sorted(components)
        for setting in components[name].settings
        if (name, setting.name) not in stated
    ]


_PROXY_WORDS = words("nginx gateway proxy reverse web www edge ingress")


def _placed(loose: Sequence[Address], components: dict[str, Component]) -> tuple[list[Address], tuple[Text, ...]]:
    """Give the addresses of proxy files an owner: what is built from their directory, what mounts them, the one proxy there is."""
    placed: list[Address] = []
    nowhere: dict[str, Address] = {}
    for address in loose:
        if address.owner in components:
            placed.append(address)
            continue
        owners = _owners(address, components)
        placed.extend(structs.replace(address, owner=owner) for owner in owners)
        if not owners and address.evidence:
            nowhere.setdefault(address.evidence[0].file, address)
    notes = tuple(
        Text(
            f"{file} configures a proxy, but no component that was found uses it.",
            f"{file} configura um proxy, mas nenhum componente encontrado o usa.",
        )
        for file in sorted(nowhere)[:10]
    )
    return placed, notes


def _owners(address: Address, components: dict[str, Component]) -> list[str]:
    file = address.evidence[0].file if address.evidence else ""
    mounting = [
        name
        for name, component in sorted(components.items())
        for volume in (component.deployment.volumes if component.deployment is not None else ())
        if volume.source.startswith("./")
        and (f"./{file}" == volume.source or f"./{file}".startswith(f"{volume.source.rstrip('/')}/"))
    ]
    if mounting:
        return sorted(set(mounting))
    built = [
        (len(component.source), name)
        for name, component in sorted(components.items())
        if component.source
        and component.source != "."
        and (address.directory == component.source or address.directory.startswith(f"{component.source}/"))
    ]
    if built:
        nearest = max(length for length, _ in built)
        return sorted(name for length, name in built if length == nearest)
    proxies = [name for name, component in sorted(components.items()) if component.technology == "nginx"]
    told = set(name_words(posixpath.basename(address.directory))) & (_PROXY_WORDS | set(proxies))
    return proxies if len(proxies) == 1 and (told or components[proxies[0]].source == ".") else []


def _with_roles(components: dict[str, Component], edges: tuple[Edge, ...]) -> dict[str, Component]:
    """Return the components with the kinds that only the edges show.

    What takes messages and no requests is a worker; what is built on a proxy but passes nothing on serves files.
    """
    called = {edge.callee for edge in edges}
    calling = {edge.caller for edge in edges}
    result = {}
    for name, component in components.items():
        kind = component.kind
        if kind is Kind.SERVICE and consumes(component, edges, components, name in called):
            kind = Kind.WORKER
        elif kind is Kind.GATEWAY and component.source and name not in calling:
            kind = Kind.SERVICE
        result[name] = structs.replace(component, kind=kind) if kind is not component.kind else component
    return result

"""Make one System of the fragments of all readers: choose the description, find out what each part is, join who uses whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, structs

from backend_expert.model import Component, Deployment, Evidence, Kind, Port, Probe, System, Text, Unread
from backend_expert.readers.code import Code, Table
from backend_expert.readers.descriptions import Description, choose, completed, descriptions
from backend_expert.readers.edges import Edge, resolve, told_by_callers
from backend_expert.readers.fragment import Address, Fragment, Image
from backend_expert.readers.handlers import trimmed, with_handlers
from backend_expert.readers.programs import consumes, programs
from backend_expert.readers.proxies import placed
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.facts import Fact
from backend_expert.readers.source_code.placing import as_code_says, of_code, of_modules, without_unread
from backend_expert.readers.source_code.stores import with_stores
from backend_expert.readers.sources import Sources
from backend_expert.readers.technology import Traits, identify
from backend_expert.readers.undeployed import with_programs


class Reading(Struct, frozen=True):
    """What was recovered of a repository: the system, the files it comes from, what was not read, and what a reader should know."""

    system: System
    unread: tuple[Unread, ...]
    files: tuple[str, ...]
    notes: tuple[Text, ...]


def join(fragments: Sequence[Fragment], repository: Repository) -> Reading:
    """Return the system that the fragments describe together; one without components where none describes a deployment."""
    sources = Sources((image for fragment in fragments for image in fragment.images), repository)
    facts = tuple(fact for fragment in fragments for fact in fragment.facts)
    loose = tuple(address for fragment in fragments for address in fragment.addresses if not fragment.deployment)
    codes = tuple(code for fragment in fragments for code in fragment.code)
    identified = [
        structs.replace(each, components=tuple(_identified(component, sources) for component in each.components))
        for each in descriptions(fragments)
    ]
    found = with_programs(identified, of_modules(facts, repository.root.name), codes, repository)
    files = {file for fragment in fragments for file in fragment.files}
    system = System(name=repository.root.name)
    notes: tuple[Text, ...] = ()
    if found:
        tables = tuple(table for fragment in fragments for table in fragment.tables)
        system, notes = _system(system.name, found, loose, sources, facts, codes, tables)
        files |= {line.file for component in system.components for setting in component.settings for line in setting.evidence}
    unread = {entry for fragment in fragments for entry in fragment.unread}.union(repository.unread)
    return Reading(system, tuple(sorted(unread)), tuple(sorted(files)), notes)


def _system(
    name: str,
    found: Sequence[Description],
    loose: tuple[Address, ...],
    sources: Sources,
    facts: Sequence[Fact],
    codes: Sequence[Code],
    tables: Sequence[Table],
) -> tuple[System, tuple[Text, ...]]:
    chosen, others, choice = choose(found)
    described = completed(chosen, others)
    components: dict[str, Component] = {}
    for component in sorted(described.components, key=lambda component: component.name):
        # A name that stands twice in one description is one component; the first place is kept.
        identified = _identified(component, sources)
        components.setdefault(component.name, _with_image(identified, sources.image(identified)))
    proxied, unused = placed(loose, components)
    components = as_code_says(components, facts)
    stated = (*described.addresses, *_of_images(components, described.addresses))
    addresses = (*without_unread(stated, components, facts), *proxied, *of_code(components, facts))
    elsewhere = frozenset(name.lower() for each in found for part in each.components for name in (part.name, *part.aliases))
    resolved = resolve(components, addresses, described.orders, elsewhere)
    components, before = told_by_callers(components, resolved.edges), components
    if components != before:
        resolved = resolve(components, addresses, described.orders, elsewhere)
    components = {
        name: structs.replace(component, attachments=resolved.attachments.get(name, ())) for name, component in components.items()
    }
    components |= {component.name: component for component in resolved.outside}
    components = _with_roles(components, resolved.edges)
    told = with_handlers(components, resolved.edges, programs(components, resolved.edges), codes, proxied, tables)
    components = told.components
    made = with_stores(told.programs, components, resolved.edges, codes)
    system = System(
        name=name,
        components=tuple(components[each] for each in sorted(components)),
        operations=made.operations,
        datasets=made.datasets,
        topics=made.topics,
    )
    return trimmed(system) if codes else system, (*choice, *unused, *resolved.notes, *told.notes)


def _identified(component: Component, sources: Sources) -> Component:
    """Return the component with its kind, technology and sources; what its reader already knows of it stays."""
    image = sources.image(component)
    directory = sources.directory(component)
    ports = tuple(port.number for port in component.deployment.ports) if component.deployment is not None else ()
    identity = identify(
        Traits(
            name=component.name,
            image=component.image,
            base=image.base if image is not None else "",
            built=bool(directory),
            settings=tuple(setting.name for setting in component.settings),
            ports=ports + (image.ports if image is not None else ()),
            command=image.command if image is not None else "",
        )
    )
    technology = component.technology or identity.technology
    if technology in {"", "node"} and directory and identity.kind in {Kind.SERVICE, Kind.WORKER, Kind.GATEWAY, Kind.CLIENT}:
        technology = sources.technology(directory) or technology
    # A reader knows a job when it sees one; it does not know that a job's image is a console or a load generator.
    kept = component.kind is not Kind.SERVICE and identity.kind in {Kind.SERVICE, Kind.WORKER}
    kind = component.kind if kept else identity.kind
    return structs.replace(component, kind=kind, technology=technology, source=directory)


def _with_image(component: Component, image: Image | None) -> Component:
    """Add what the Dockerfile says: settings that no deployment sets, ports that it exposes, its health check and user."""
    if image is None:
        return component
    known = {setting.name for setting in component.settings}
    added = tuple(setting for setting in image.settings if setting.name not in known)
    deployment = component.deployment or Deployment(complete=False)
    listening = {port.number for port in deployment.ports}
    lines = image.evidence or (Evidence(image.file, 1, "dockerfile"),)
    ports = tuple(Port(number=number, evidence=lines) for number in sorted(set(image.ports) - listening))
    probes = deployment.probes
    # Kubernetes does not look at the HEALTHCHECK of an image.
    if image.healthcheck and not probes and all(line.reader == "compose" for line in component.evidence):
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


def _of_images(components: Mapping[str, Component], addresses: Sequence[Address]) -> Iterator[Address]:
    """Yield the settings that came with Dockerfiles: no deployment states an address under their names."""
    stated = {(address.owner, address.key) for address in addresses}
    for name in sorted(components):
        for setting in components[name].settings:
            if (name, setting.name) not in stated:
                yield Address(owner=name, key=setting.name, text=setting.value, evidence=setting.evidence)


def _with_roles(components: Mapping[str, Component], edges: Sequence[Edge]) -> dict[str, Component]:
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

"""Programs that nothing deploys: components of their own, with the settings and ports that they have where people start them by hand."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from msgspec import structs

from backend_expert.model import Component, Deployment, Evidence, Kind, Port, Setting
from backend_expert.readers.code import Code, Piece
from backend_expert.readers.descriptions import Description, undeployed
from backend_expert.readers.dotenv import variables
from backend_expert.readers.repository import Repository
from backend_expert.readers.settings import setting

FILES = (".env", ".env.local", ".env.development", ".env.dev", ".env.docker", ".env.example", ".env.sample", ".env.template")
"""Files of settings, the ones that programs load first; an example stands in for the file that nobody commits."""

RUNNING = frozenset({Kind.SERVICE, Kind.WORKER, Kind.GATEWAY})


def with_programs(
    found: Sequence[Description], programs: Sequence[Component], codes: Iterable[Code], repository: Repository
) -> list[Description]:
    """Return the descriptions with the programs among their components where none of them runs any.

    A description of stores and brokers alone is what people start beside the programs they work on.
    """
    if not programs or any(component.kind in RUNNING for each in found for component in each.components):
        return list(found)
    codes = tuple(codes)
    started = tuple(_started(program, codes, repository) for program in programs)
    if not found:
        return undeployed(started)
    return [structs.replace(each, components=(*each.components, *started)) for each in found]


def _started(program: Component, codes: Iterable[Code], repository: Repository) -> Component:
    settings = _settings(program.source, repository)
    values = {each.name: each.value for each in settings}
    ports = []
    for code in codes:
        for port in code.ports if code.directory == program.source else ():
            number = _number(port, values)
            if number is not None:
                ports.append(Port(number=number, published=number, evidence=code.evidence))
    deployment = Deployment(ports=tuple(ports), complete=False) if ports else program.deployment
    return structs.replace(program, settings=settings, deployment=deployment)


def _settings(directory: str, repository: Repository) -> tuple[Setting, ...]:
    """Return the variables of the first file of settings in a directory, else of that at the root."""
    for place in dict.fromkeys((directory, ".")):
        for name in FILES:
            file = name if place == "." else posixpath.join(place, name)
            text = repository.text(file) if file in repository else None
            if text is not None:
                found = {
                    each.name: setting(each.name, each.value, (Evidence(file, each.line, "dotenv"),)) for each in variables(text)
                }
                return tuple(found[key] for key in sorted(found))
    return ()


def _number(port: tuple[Piece, ...], values: dict[str, str]) -> int | None:
    text = "".join(
        values.get(piece.variable, "") or "".join(inner.text for inner in piece.default or ()) or piece.text for piece in port
    )
    return int(text) if text.isdigit() and 0 < int(text) < 65_536 else None

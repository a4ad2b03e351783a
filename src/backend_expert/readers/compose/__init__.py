"""Docker Compose: every form of the 2.x and 3.x files and of the Compose specification."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Text
from backend_expert.model.positions import Mapping, Scalar
from backend_expert.readers.compose.component import components
from backend_expert.readers.compose.files import Document, Project, documents, projects
from backend_expert.readers.compose.interpolation import Environment, project_environment
from backend_expert.readers.compose.joined import joined
from backend_expert.readers.compose.service import READER, Layer, Service
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.repository import Repository, beside


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each deployment that the Compose files of the repository describe."""
    found = documents(repository)
    known = {file: project_environment(repository, file) for file in found}
    fragments = []
    for project in projects(found):
        services = _services(project, found, known, repository)
        parts, addresses, orders = components(services, repository)
        fragments.append(
            Fragment(
                reader=READER,
                deployment=project.name,
                rank=project.rank,
                components=parts,
                addresses=addresses,
                orders=orders,
                files=tuple(sorted({document.file for document in project.documents})),
            )
        )
    yield from joined(fragments)


def _services(
    project: Project, found: dict[str, Document], known: dict[str, Environment], repository: Repository
) -> tuple[Service, ...]:
    """Return the services of a project with the layers of all its files, extended services below."""
    first = project.documents[-1] if project.documents else None
    layers: dict[str, list[Layer]] = {}
    for document in project.documents:
        # The variables of the project's own directory win over those of an included file.
        environment = known[document.file]
        if first is not None and first.directory != document.directory:
            environment = environment.with_over(known[first.file])
        for name in document.services:
            layers.setdefault(name, []).extend(_layers(document, name, environment, known, found, repository, frozenset()))
    return tuple(Service(name, tuple(layers[name])) for name in sorted(layers))


def _layers(
    document: Document,
    name: str,
    environment: Environment,
    known: dict[str, Environment],
    found: dict[str, Document],
    repository: Repository,
    above: frozenset[tuple[str, str]],
) -> list[Layer]:
    """Return the layers of a service in one file: what it extends, then itself."""
    line, body = document.services[name]
    layer = Layer(document.file, line, body, environment)
    extended = body.get("extends")
    if extended is None:
        return [layer]
    parent = extended if isinstance(extended, Scalar) else extended.get("service") if isinstance(extended, Mapping) else None
    file = extended.get("file") if isinstance(extended, Mapping) else None
    path = beside(document.file, file.text) if isinstance(file, Scalar) else document.file
    source = found.get(path) if path is not None else None
    above |= {(document.file, name)}
    if (
        source is None
        or not isinstance(parent, Scalar)
        or parent.text not in source.services
        or (source.file, parent.text) in above
    ):
        wanted = parent.text if isinstance(parent, Scalar) else "?"
        place = file.text if isinstance(file, Scalar) else document.file
        repository.leave(
            document.file,
            Text(
                f"service {name} extends {wanted} of {place}, which is not in the repository",
                f"o serviço {name} estende {wanted} de {place}, que não está no repositório",
            ),
            line=extended.line,
            partly=True,
        )
        return [layer]
    below = environment if source.file == document.file else known[source.file].with_over(environment)
    return [*_layers(source, parent.text, below, known, found, repository, above), layer]

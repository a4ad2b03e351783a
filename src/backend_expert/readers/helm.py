"""Read Helm charts with the values they come with: no chart is installed, what only an installation knows stays unknown."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from backend_expert.model import Text, Unread
from backend_expert.model.positions import Mapping, Node, PositionError, parse_documents, plain
from backend_expert.readers.families import Standing, families
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.manifests import Manifest, entries, objects, read_documents, string
from backend_expert.readers.repository import Repository, beside
from backend_expert.readers.template_functions import overlaid, truth
from backend_expert.readers.template_syntax import Part, Template, TemplateError, parse
from backend_expert.readers.templates import Rendered, render
from backend_expert.readers.workloads import describe

READER = "helm"

KUBERNETES_VERSION = "v1.31.0"
"""The version a chart is told it runs on: charts ask it only to choose between old and new forms of the same object."""

DEPTH_LIMIT = 5
"""Deepest nesting of charts in charts."""


class Dependency(Struct, frozen=True):
    """A chart that another one brings along: under which name its values stand, where it is, what switches it on."""

    name: str
    chart: str
    source: str
    condition: str
    line: int


class Chart(Struct, frozen=True):
    """A chart as it stands in the repository."""

    directory: str
    file: str
    facts: dict[str, Any]
    values: dict[str, Any]
    templates: dict[str, Template]
    dependencies: tuple[Dependency, ...]

    @property
    def name(self) -> str:
        """Return the name that the chart gives itself."""
        return str(self.facts.get("name") or posixpath.basename(self.directory) or "chart")

    @property
    def defined(self) -> dict[str, tuple[Part, ...]]:
        """Return the named templates of all files of the chart, and the files themselves under their paths."""
        named = {name: parts for file in sorted(self.templates) for name, parts in self.templates[file].defined.items()}
        return {file: template.parts for file, template in self.templates.items()} | named


class _Output(Struct):
    """What the charts of a repository gave so far."""

    manifests: list[Manifest]
    unread: list[Unread]
    partly: set[str]
    open: bool = False


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each deployment description that charts make up, and one for what could not be read."""
    output = _Output([], [], set())
    charts = {chart.directory: chart for chart in _charts(repository, output.unread)}
    if not charts:
        return
    brought = {
        found.directory for chart in charts.values() for each in chart.dependencies if (found := _found(chart, each, charts))
    }
    for directory in sorted(set(charts) - brought):
        chart = charts[directory]
        if chart.facts.get("type") != "library" and not _inside_another(directory, charts):
            _rendered(chart, chart.values, chart.name, charts, _library(chart, charts, 0), output, 0)
            output.unread.append(_as_it_comes(chart))
    for family in families(output.manifests, frozenset()):
        described = describe(family.manifests, READER, (), frozenset(output.partly), structure_open=output.open)
        if described.components:
            directory = family.directory.removesuffix("/templates").removesuffix("templates")
            near = Standing.CHART - Standing.PLAIN if family.rank < Standing.REHEARSAL else 0
            yield Fragment(
                reader=READER,
                deployment=f"{READER}:{directory or '.'}",
                rank=family.rank + near,
                components=described.components,
                addresses=described.addresses,
                orders=described.orders,
                files=tuple(sorted({each.file for each in family.manifests})),
                unread=described.unread,
            )
    files = {chart.file for chart in charts.values()} | {file for chart in charts.values() for file in chart.templates}
    yield Fragment(reader=READER, files=tuple(sorted(files)), unread=tuple(output.unread))


def _charts(repository: Repository, unread: list[Unread]) -> Iterator[Chart]:
    for file in repository.matching("Chart.yaml", "Chart.yml"):
        directory = posixpath.dirname(file)
        node = _mapping(repository, file, unread)
        if node is None:
            continue
        values_file = posixpath.join(directory, "values.yaml")
        values = _mapping(repository, values_file, unread) if values_file in repository else None
        requirements_file = posixpath.join(directory, "requirements.yaml")
        requirements = _mapping(repository, requirements_file, unread) if requirements_file in repository else None
        facts = plain(node)
        yield Chart(
            directory,
            file,
            facts,
            plain(values) if values is not None else {},
            dict(_templates(repository, directory, unread)),
            tuple(_dependencies(node)) + (tuple(_dependencies(requirements)) if requirements is not None else ()),
        )


def _mapping(repository: Repository, file: str, unread: list[Unread]) -> Mapping | None:
    """Return the mapping that a file of a chart holds; an empty file holds an empty one."""
    text = repository.text(file)
    if text is None:
        return None
    try:
        documents = parse_documents(text)
    except PositionError as error:
        unread.append(
            Unread(file, error.line, Text(f"it is broken YAML: {error.problem}", f"o YAML está quebrado: {error.problem}"))
        )
        return None
    if documents and isinstance(documents[0], Mapping):
        return documents[0]
    return Mapping((), 1)


def _templates(repository: Repository, directory: str, unread: list[Unread]) -> Iterator[tuple[str, Template]]:
    root = posixpath.join(directory, "templates") + "/"
    for file in repository.files:
        if not file.startswith(root) or not file.endswith((".yaml", ".yml", ".tpl")) or "/tests/" in file[len(root) - 1 :]:
            continue
        text = repository.text(file)
        if text is None:
            continue
        try:
            yield file, parse(text)
        except TemplateError as error:
            unread.append(_unreadable(file, error))


def _dependencies(node: Node) -> Iterator[Dependency]:
    for each in entries(node, "dependencies"):
        chart = string(each, "name")
        name = string(each, "alias") or chart
        yield Dependency(name, chart, string(each, "repository"), string(each, "condition").split(",")[0].strip(), each.line)


def _found(chart: Chart, dependency: Dependency, charts: dict[str, Chart]) -> Chart | None:
    """Return the chart behind a dependency: below `charts/`, or where its `file://` leads."""
    below = charts.get(posixpath.join(chart.directory, "charts", dependency.chart))
    if below is None and dependency.source.startswith("file://"):
        target = beside(chart.file, dependency.source.removeprefix("file://").rstrip("/"))
        below = charts.get(target) if target is not None else None
    return below if below is not chart else None


def _inside_another(directory: str, charts: dict[str, Chart]) -> bool:
    """Tell whether a chart stands in the `charts/` of another: then it is installed with that one."""
    outer, _, name = f"/{directory}".rpartition("/charts/")
    return bool(name) and "/" not in name and outer.lstrip("/") in charts


def _rendered(
    chart: Chart,
    values: dict[str, Any],
    release: str,
    charts: dict[str, Chart],
    library: dict[str, tuple[Part, ...]],
    output: _Output,
    depth: int,
) -> None:
    """Add the objects of a chart and of the charts it brings along, as an installation with these values makes them."""
    if depth > DEPTH_LIMIT:
        return
    for file in sorted(chart.templates):
        if posixpath.basename(file).startswith("_") or not file.endswith((".yaml", ".yml")):
            continue
        root = _root(chart, values, release, file)
        try:
            _add(file, render(chart.templates[file], root, library), output)
        except TemplateError as error:
            output.unread.append(_unreadable(file, error))
            output.open = True
    for dependency in _all_dependencies(chart, charts):
        if not _switched_on(dependency, values):
            continue
        found = _found(chart, dependency, charts)
        if found is None:
            output.unread.append(_elsewhere(chart, dependency))
            output.open = True
        elif found.facts.get("type") != "library":
            given = values.get(dependency.name)
            inner = overlaid(found.values, given if isinstance(given, dict) else {})
            inner["global"] = overlaid(inner.get("global") or {}, values.get("global") or {})
            _rendered(found, inner, release, charts, library, output, depth + 1)


def _all_dependencies(chart: Chart, charts: dict[str, Chart]) -> Iterator[Dependency]:
    """Yield the dependencies a chart names, and the charts that only stand below it."""
    named = {each.chart for each in chart.dependencies}
    yield from chart.dependencies
    root = posixpath.join(chart.directory, "charts") + "/"
    for directory in sorted(charts):
        name = directory.removeprefix(root)
        if directory.startswith(root) and "/" not in name and name not in named:
            yield Dependency(name, name, "", "", 0)


def _switched_on(dependency: Dependency, values: dict[str, Any]) -> bool:
    """Tell whether the condition of a dependency holds; one without a value does not switch it off."""
    value: Any = values
    for key in dependency.condition.split(".") if dependency.condition else ():
        value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return True
    return truth(value) or not dependency.condition


def _library(chart: Chart, charts: dict[str, Chart], depth: int) -> dict[str, tuple[Part, ...]]:
    """Return the named templates of an installation, which all its charts share: those of the chart and of all it brings along."""
    found: dict[str, tuple[Part, ...]] = {}
    if depth <= DEPTH_LIMIT:
        for dependency in _all_dependencies(chart, charts):
            other = _found(chart, dependency, charts)
            if other is not None:
                found |= _library(other, charts, depth + 1)
    return found | chart.defined


def _root(chart: Chart, values: dict[str, Any], release: str, file: str) -> dict[str, Any]:
    """Return what a template sees as `.`: the release is taken to bear the name of the chart, as in most commands."""
    facts = {key[:1].upper() + key[1:]: value for key, value in chart.facts.items()}
    return {
        "Values": values,
        "Chart": facts | {"Name": chart.name, "IsRoot": True},
        "Release": {
            "Name": release,
            "Namespace": "default",
            "Service": "Helm",
            "IsInstall": True,
            "IsUpgrade": False,
            "Revision": 1,
        },
        "Capabilities": {
            "KubeVersion": {"Version": KUBERNETES_VERSION, "GitVersion": KUBERNETES_VERSION, "Major": "1", "Minor": "31"}
        },
        "Template": {"Name": file, "BasePath": posixpath.join(chart.directory, "templates")},
    }


def _add(file: str, rendered: Rendered, output: _Output) -> None:
    def place(line: int) -> int:
        return rendered.lines[min(line, len(rendered.lines)) - 1]

    documents, unread = read_documents(file, rendered.text, place)
    output.manifests += [found for document in documents for found in objects(file, document)]
    output.unread += unread
    output.open |= rendered.open or bool(unread)
    if rendered.unknown:
        count, line = len(rendered.unknown), rendered.unknown[0]
        output.partly.add(file)
        output.unread.append(
            Unread(
                file,
                line,
                Text(
                    f"this template was read with the values of the chart; lines that only an installation decides: {count}",
                    f"este template foi lido com os valores do chart; linhas que só a instalação decide: {count}",
                ),
                partly=True,
            )
        )


def _as_it_comes(chart: Chart) -> Unread:
    return Unread(
        chart.file,
        0,
        Text(
            "this chart was read with the values it comes with; what an installation sets otherwise is not known",
            "este chart foi lido com os valores que traz; o que uma instalação define de outro modo não é conhecido",
        ),
        partly=True,
    )


def _unreadable(file: str, error: TemplateError) -> Unread:
    return Unread(
        file,
        error.line,
        Text(f"this template could not be read: {error.problem}", f"este template não pôde ser lido: {error.problem}"),
    )


def _elsewhere(chart: Chart, dependency: Dependency) -> Unread:
    where = dependency.source or "charts/"
    return Unread(
        chart.file,
        dependency.line,
        Text(
            f"the chart '{dependency.chart}' comes from {where} and is not in the repository; "
            "run 'helm dependency build' before the review to have it read",
            f"o chart '{dependency.chart}' vem de {where} e não está no repositório; "
            "execute 'helm dependency build' antes da revisão para que ele seja lido",
        ),
        partly=True,
    )

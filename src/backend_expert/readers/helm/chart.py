"""Helm charts as they stand in a repository: their values, templates, and the charts they bring along."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from backend_expert.model import Text, Unread
from backend_expert.model.positions import Mapping, Node, PositionError, parse_documents, plain
from backend_expert.readers.helm.syntax import Part, Template, TemplateError, parse
from backend_expert.readers.helm.values import truth
from backend_expert.readers.kubernetes.manifests import entries, string
from backend_expert.readers.repository import Repository, beside

DEPTH_LIMIT = 5
"""Deepest nesting of charts in charts."""

INSTALLED_LIMIT = 500
"""Most charts that are installed together; the largest umbrella we met brings 33 along."""


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


def charts_of(repository: Repository, unread: list[Unread]) -> Iterator[Chart]:
    """Yield every chart of the repository; what of one cannot be read is added to `unread`."""
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
            unread.append(unreadable(file, error))


def _dependencies(node: Node) -> Iterator[Dependency]:
    for each in entries(node, "dependencies"):
        chart = string(each, "name")
        name = string(each, "alias") or chart
        yield Dependency(name, chart, string(each, "repository"), string(each, "condition").split(",")[0].strip(), each.line)


def chart_behind(chart: Chart, dependency: Dependency, charts: dict[str, Chart]) -> Chart | None:
    """Return the chart behind a dependency: below `charts/`, or where its `file://` leads."""
    below = charts.get(posixpath.join(chart.directory, "charts", dependency.chart))
    if below is None and dependency.source.startswith("file://"):
        target = beside(chart.file, dependency.source.removeprefix("file://").rstrip("/"))
        below = charts.get(target) if target is not None else None
    return below if below is not chart else None


def inside_another(directory: str, charts: dict[str, Chart]) -> bool:
    """Tell whether a chart stands in the `charts/` of another: then it is installed with that one."""
    outer, _, name = f"/{directory}".rpartition("/charts/")
    return bool(name) and "/" not in name and outer.lstrip("/") in charts


def all_dependencies(chart: Chart, charts: dict[str, Chart]) -> Iterator[Dependency]:
    """Yield the dependencies a chart names, and the charts that only stand below it."""
    named = {each.chart for each in chart.dependencies}
    yield from chart.dependencies
    root = posixpath.join(chart.directory, "charts") + "/"
    for directory in sorted(charts):
        name = directory.removeprefix(root)
        if directory.startswith(root) and "/" not in name and name not in named:
            yield Dependency(name, name, "", "", 0)


def switched_on(dependency: Dependency, values: dict[str, Any]) -> bool:
    """Tell whether the condition of a dependency holds; one without a value does not switch it off."""
    value: Any = values
    for key in dependency.condition.split(".") if dependency.condition else ():
        value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return True
    return truth(value) or not dependency.condition


def shared_templates(chart: Chart, charts: dict[str, Chart]) -> dict[str, tuple[Part, ...]]:
    """Return the named templates of an installation, which all its charts share; those of an outer chart win."""
    found: dict[str, tuple[Part, ...]] = {}
    for each in reachable(chart, charts):
        found = each.defined | found
    return found


def reachable(chart: Chart, charts: dict[str, Chart]) -> list[Chart]:
    """Return the chart and all that it brings along, directly or through others, the nearest first."""
    found = {chart.directory: chart}
    waiting = [chart]
    while waiting:
        each = waiting.pop(0)
        for dependency in all_dependencies(each, charts):
            other = chart_behind(each, dependency, charts)
            if other is not None and other.directory not in found:
                found[other.directory] = other
                waiting.append(other)
    return list(found.values())


def unreadable(file: str, error: TemplateError) -> Unread:
    """Return the entry for a template that is no template."""
    return Unread(
        file,
        error.line,
        Text(f"this template could not be read: {error.problem}", f"este template não pôde ser lido: {error.problem}"),
    )

"""Read Helm charts with the values they come with: no chart is installed, what only an installation knows stays unknown."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from backend_expert.model import Text, Unread
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.helm.chart import (
    DEPTH_LIMIT,
    INSTALLED_LIMIT,
    Chart,
    Dependency,
    all_dependencies,
    chart_behind,
    charts_of,
    inside_another,
    shared_templates,
    switched_on,
    unreadable,
)
from backend_expert.readers.helm.evaluation import Rendered, render
from backend_expert.readers.helm.syntax import Part, TemplateError
from backend_expert.readers.helm.values import overlaid
from backend_expert.readers.kubernetes.families import Standing, families
from backend_expert.readers.kubernetes.manifests import Manifest, objects, read_documents
from backend_expert.readers.kubernetes.workloads import describe
from backend_expert.readers.repository import Repository

READER = "helm"

KUBERNETES_VERSION = "v1.31.0"
"""The version a chart is told it runs on: charts ask it only to choose between old and new forms of the same object."""


class _Output(Struct):
    """What the charts of a repository gave so far."""

    manifests: list[Manifest]
    unread: list[Unread]
    partly: set[str]
    open: bool = False


class _Release(Struct):
    """One installation: its name, the charts it may bring along, the templates they share, how many were installed."""

    name: str
    charts: dict[str, Chart]
    library: dict[str, tuple[Part, ...]]
    output: _Output
    installed: int = 0


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each deployment description that charts make up, and one for what could not be read."""
    output = _Output([], [], set())
    charts = {chart.directory: chart for chart in charts_of(repository, output.unread)}
    if not charts:
        return
    brought = {
        found.directory for chart in charts.values() for each in chart.dependencies if (found := chart_behind(chart, each, charts))
    }
    # Charts that only bring each other along have no outermost one: the first by name stands for them.
    for directory in sorted(set(charts) - brought) or sorted(charts)[:1]:
        chart = charts[directory]
        if chart.facts.get("type") != "library" and not inside_another(directory, charts):
            release = _Release(chart.name, charts, shared_templates(chart, charts), output)
            _rendered(chart, chart.name, chart.values, release, 0)
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


def _rendered(chart: Chart, name: str, values: dict[str, Any], release: _Release, depth: int) -> None:
    """Add the objects of a chart and of the charts it brings along, as an installation with these values makes them."""
    charts, output = release.charts, release.output
    release.installed += 1
    if depth > DEPTH_LIMIT or release.installed > INSTALLED_LIMIT:
        output.open = True
        return
    for file in sorted(chart.templates):
        if posixpath.basename(file).startswith("_") or not file.endswith((".yaml", ".yml")):
            continue
        root = _root(chart, name, values, release.name, file)
        try:
            _add(file, render(chart.templates[file], root, release.library), output)
        except TemplateError as error:
            output.unread.append(unreadable(file, error))
            output.open = True
    for dependency in all_dependencies(chart, charts):
        if not switched_on(dependency, values):
            continue
        found = chart_behind(chart, dependency, charts)
        if found is None:
            output.unread.append(_elsewhere(chart, dependency))
            output.open = True
        elif found.facts.get("type") != "library":
            inner = overlaid(found.values, _mapping(values, dependency.name))
            inner["global"] = overlaid(_mapping(inner, "global"), _mapping(values, "global"))
            _rendered(found, dependency.name, inner, release, depth + 1)


def _mapping(values: dict[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _root(chart: Chart, name: str, values: dict[str, Any], release: str, file: str) -> dict[str, Any]:
    """Return what a template sees as `.`: the release is taken to bear the name of the chart, as in most commands."""
    facts = {key[:1].upper() + key[1:]: value for key, value in chart.facts.items()}
    return {
        "Values": values,
        "Chart": facts | {"Name": name, "IsRoot": name == release},
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

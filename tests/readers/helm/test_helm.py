"""The reader as a whole, on small charts of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend_expert.model import Component
from backend_expert.readers import helm
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.repository import Repository

Tree = Callable[[dict[str, str]], Path]

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "shop.name" . }}
spec:
  replicas: {{ .Values.replicas }}
  template:
    metadata:
      labels: {app: {{ .Chart.Name }}}
    spec:
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.image.name }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          {{- with .Values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          env:
            {{- range $name, $value := .Values.env }}
            - name: {{ $name }}
              value: {{ tpl $value $ | quote }}
            {{- end }}
"""
HELPERS = '{{- define "shop.name" -}}\n{{ .Release.Name }}-api\n{{- end -}}\n'
VALUES = """\
replicas: 2
image: {name: registry/api, tag: ""}
resources:
  limits: {cpu: 500m}
env:
  DB_URL: "postgres://{{ .Release.Name }}-db:5432/shop"
"""
CHART = "apiVersion: v2\nname: shop\nversion: 1.0.0\nappVersion: 7.1\n"


def chart(directory: str, **files: str) -> dict[str, str]:
    given = {"Chart.yaml": CHART, "values.yaml": VALUES, "templates/_helpers.tpl": HELPERS, "templates/api.yaml": DEPLOYMENT}
    given |= {name.replace("__", "/") + ".yaml": text for name, text in files.items()}
    return {f"{directory}/{name}": text for name, text in given.items()}


def fragments(root: Path) -> list[Fragment]:
    return list(helm.read(Repository.open(root)))


def components(root: Path) -> dict[str, Component]:
    return {each.name: each for fragment in fragments(root) for each in fragment.components}


def test_a_chart_with_the_values_it_comes_with(tree: Tree) -> None:
    described, rest = fragments(tree(chart("deploy/shop")))
    (api,) = described.components
    assert described.deployment == "helm:deploy/shop"
    assert (api.name, api.image) == ("shop-api", "registry/api:7.1")
    assert [(each.name, each.value, str(each.evidence[0])) for each in api.settings] == [
        ("DB_URL", "postgres://shop-db:5432/shop", "deploy/shop/templates/api.yaml:20")
    ]
    deployed = api.deployment
    assert deployed is not None
    assert deployed.replicas is not None
    assert deployed.cpu_cores is not None
    assert (deployed.replicas.value, str(deployed.replicas.evidence[0])) == (2, "deploy/shop/templates/api.yaml:6")
    assert (deployed.cpu_cores.value, str(deployed.cpu_cores.evidence[0])) == (0.5, "deploy/shop/templates/api.yaml:16")
    assert deployed.complete
    assert [(each.file, each.partly) for each in rest.unread] == [("deploy/shop/Chart.yaml", True)]


def test_what_only_an_installation_decides_is_said_and_proves_no_absence(tree: Tree) -> None:
    replicas = DEPLOYMENT.replace("{{ .Values.replicas }}", "{{ randNumeric 2 }}")
    described, rest = fragments(tree(chart("c", templates__api=replicas)))
    deployed = described.components[0].deployment
    assert deployed is not None
    assert deployed.replicas is None
    assert not deployed.complete
    assert [(each.file, each.line) for each in rest.unread] == [("c/templates/api.yaml", 6), ("c/Chart.yaml", 0)]


def test_a_template_that_is_none_is_listed_and_the_others_are_read(tree: Tree) -> None:
    described, rest = fragments(tree(chart("c", templates__broken="a: 1\n{{ if }}\n")))
    assert [each.name for each in described.components] == ["shop-api"]
    assert next((each.file, each.line, each.partly) for each in rest.unread) == ("c/templates/broken.yaml", 2, False)


def test_broken_values_are_listed(tree: Tree) -> None:
    root = tree(chart("c") | {"c/values.yaml": "a: [\n", "d/Chart.yaml": "name: [\n"})
    problems = {each.file for fragment in fragments(root) for each in fragment.unread if not each.partly}
    assert problems == {"c/values.yaml", "d/Chart.yaml"}


UMBRELLA = """\
name: all
dependencies:
  - {name: shop, alias: front, repository: "file://../shop"}
  - {name: shop, alias: off, repository: "file://../shop", condition: off.enabled}
  - {name: redis, repository: "https://charts.example.com", condition: redis.enabled}
"""


def test_an_umbrella_gives_its_values_to_the_charts_it_brings(tree: Tree) -> None:
    root = tree(
        chart("charts/shop")
        | {
            "charts/all/Chart.yaml": UMBRELLA,
            "charts/all/values.yaml": "front: {replicas: 5}\noff: {enabled: false}\nredis: {enabled: true}\n",
        }
    )
    found = components(root)
    assert sorted(found) == ["all-api"]
    deployed = found["all-api"].deployment
    assert deployed is not None
    assert deployed.replicas is not None
    assert deployed.replicas.value == 5
    assert not deployed.complete
    unread = [(each.file, each.line) for fragment in fragments(root) for each in fragment.unread]
    assert unread == [("charts/all/Chart.yaml", 5), ("charts/all/Chart.yaml", 0)]


def test_charts_below_a_chart_share_its_named_templates(tree: Tree) -> None:
    root = tree(
        {
            "app/Chart.yaml": "name: app\n",
            "app/values.yaml": "global: {tag: 3}\n",
            "app/templates/_base.tpl": '{{- define "base" }}\n'
            + DEPLOYMENT.replace('{{ include "shop.name" . }}', "{{ .Chart.Name }}")
            + "{{- end }}",
            "app/charts/orders/Chart.yaml": "name: orders\n",
            "app/charts/orders/values.yaml": "image: {name: orders, tag: 1}\n",
            "app/charts/orders/templates/all.yaml": '{{ include "base" . }}',
            "app/charts/payment/Chart.yaml": "name: payment\n",
            "app/charts/payment/values.yaml": "image: {name: payment}\n",
            "app/charts/payment/templates/all.yaml": '{{ include "base" . }}',
            "lib/Chart.yaml": "name: lib\ntype: library\n",
        }
    )
    assert {name: each.image for name, each in components(root).items()} == {"orders": "orders:1", "payment": "payment:"}


def test_charts_side_by_side_are_one_description(tree: Tree) -> None:
    two = {name.replace("shop/", "pay/"): text.replace("name: shop", "name: pay") for name, text in chart("charts/shop").items()}
    described = [each for each in fragments(tree(chart("charts/shop") | two)) if each.components]
    assert [(each.deployment, [one.name for one in each.components]) for each in described] == [
        ("helm:charts", ["pay-api", "shop-api"])
    ]


def test_hooks_that_test_and_templates_of_tests_are_no_components(tree: Tree) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\nspec: {containers: [{image: a}]}\n"
    assert sorted(components(tree(chart("c", templates__check=pod, templates__tests__other=pod)))) == ["shop-api"]


def test_without_charts_there_is_nothing(tree: Tree) -> None:
    assert fragments(tree({"a.yaml": "a: 1\n"})) == []


PIECES = st.sampled_from(
    [
        "{{ .Values.a }}",
        "{{- if .Values.b }}",
        "{{ end }}",
        "{{- range .Values.c }}",
        "{{ . }}",
        "\n",
        "kind: Deployment\n",
        "  a: b\n",
        "- x\n",
        "apiVersion: v1\n",
        "metadata: {name: x}\n",
        "spec:\n",
        "{{ toYaml .Values | nindent 2 }}",
        "---\n",
        "{{ now }}",
        '{{ include "x" . }}',
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(PIECES, max_size=15), st.text(alphabet="abc: {}[]\n-&*1", max_size=30))
def test_any_chart_gives_fragments(tree: Tree, pieces: list[str], values: str) -> None:
    root = tree({"c/Chart.yaml": "name: c\n"})
    (root / "c" / "templates").mkdir(exist_ok=True)
    (root / "c" / "templates" / "a.yaml").write_text("".join(pieces), encoding="utf-8")
    (root / "c" / "values.yaml").write_text(values, encoding="utf-8")
    found = fragments(root)
    assert found
    assert all(
        each.file.startswith("c/") and each.line <= "".join([*pieces, values]).count("\n") + 1
        for one in found
        for each in one.unread
    )


def test_charts_that_bring_each_other_along_end(tree: Tree) -> None:
    root = tree(
        {
            "a/Chart.yaml": "name: a\ndependencies: [{name: b, repository: 'file://../b'}]\n",
            "b/Chart.yaml": "name: b\ndependencies: [{name: a, repository: 'file://../a'}]\n",
            "b/values.yaml": "global: words\n",
            "a/values.yaml": "global: [1]\nb: words\n",
            "a/templates/api.yaml": DEPLOYMENT.replace('{{ include "shop.name" . }}', "{{ .Chart.Name }}"),
        }
    )
    assert sorted(components(root)) == ["a"]


def test_an_alias_is_the_name_of_the_chart_it_brings(tree: Tree) -> None:
    root = tree(
        {
            "all/Chart.yaml": "name: all\ndependencies: [{name: api, alias: front, repository: 'file://../api'}]\n",
            "api/Chart.yaml": "name: api\n",
            "api/values.yaml": "image: {name: api, tag: 1}\n",
            "api/templates/api.yaml": DEPLOYMENT.replace('{{ include "shop.name" . }}', "{{ .Chart.Name }}"),
        }
    )
    assert sorted(components(root)) == ["front"]

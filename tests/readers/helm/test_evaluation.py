"""Templates with values in them."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from backend_expert.readers.helm.evaluation import PLACEHOLDER, Rendered, render
from backend_expert.readers.helm.syntax import TemplateError, parse


def evaluated(text: str, values: dict[str, Any] | None = None) -> Rendered:
    return render(parse(dedent(text)), {"Values": values or {}, "Release": {"Name": "shop"}}, {})


def output(text: str, values: dict[str, Any] | None = None) -> str:
    return evaluated(text, values).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ .Values.name }}", "orders"),
        ("{{ .Values.none.deep.er }}", ""),
        ('{{ .Values.none | default "x" | quote }}', '"x"'),
        ("{{ if .Values.on }}a{{ else }}b{{ end }}", "a"),
        ("{{ if not .Values.on }}a{{ else if eq .Values.name `orders` }}b{{ end }}", "b"),
        ("{{ range .Values.list }}[{{ . }}]{{ end }}", "[1][2]"),
        ("{{ range $i, $e := .Values.list }}{{ $i }}={{ $e }} {{ end }}", "0=1 1=2 "),
        ("{{ range $k, $v := .Values.map }}{{ $k }}{{ $v }}{{ end }}", "a1b2"),
        ("{{ range .Values.none }}x{{ else }}none{{ end }}", "none"),
        ("{{ with .Values.map }}{{ .a }}{{ $.Release.Name }}{{ end }}", "1shop"),
        ("{{ with .Values.none }}x{{ else }}y{{ end }}", "y"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ('{{ define "t" }}<{{ .a }}>{{ end }}{{ include "t" .Values.map | upper }}', "<1>"),
        ('{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" .Values.name }}', "<orders>"),
        ("{{ block `b` .Values.map }}{{ .b }}{{ end }}", "2"),
        ("{{ tpl .Values.inner . }}", "for orders"),
        ("{{ (dict `k` .Values.map).k.b }}", "2"),
        ("{{ index .Values.map `a` }}", "1"),
    ],
)
def test_the_language(text: str, expected: str) -> None:
    values = {"name": "orders", "on": True, "list": [1, 2], "map": {"b": 2, "a": 1}, "inner": "for {{ .Values.name }}"}
    assert output(text, values) == expected


def test_every_line_of_the_output_knows_where_it_comes_from() -> None:
    found = evaluated(
        """\
        kind: Deployment
        {{- if .Values.on }}
        replicas: {{ .Values.replicas }}
        {{- end }}
        resources:
          {{- toYaml .Values.resources | nindent 2 }}
        last: true
        """,
        {"on": True, "replicas": 3, "resources": {"cpu": 1, "memory": 2}},
    )
    lines = found.text.split("\n")
    assert {line: found.lines[at] for at, line in enumerate(lines) if line} == {
        "kind: Deployment": 1,
        "replicas: 3": 3,
        "resources:": 5,
        "  cpu: 1": 6,
        "  memory: 2": 6,
        "last: true": 7,
    }
    assert len(found.lines) == len(lines)
    assert (found.unknown, found.open) == ((), False)


def test_what_an_include_makes_belongs_to_the_line_that_includes() -> None:
    found = evaluated('{{ define "labels" }}a: 1\nb: 2\n{{ end }}\nmetadata:\n  {{- include "labels" . | nindent 2 }}\n')
    assert [found.lines[at] for at, line in enumerate(found.text.split("\n")) if line.strip()] == [4, 5, 5]


def test_an_unknown_value_stays_a_placeholder_and_is_counted() -> None:
    found = evaluated("a: {{ randAlphaNum 5 }}\nb: {{ now | quote }}-x\n")
    assert found.text == f"a: {PLACEHOLDER}\nb: {PLACEHOLDER}-x\n"
    assert (found.unknown, found.open) == ((1, 2), False)


def test_an_unknown_block_of_lines_is_dropped_and_leaves_the_structure_open() -> None:
    found = evaluated("spec:\n  {{- genCA | nindent 2 }}\n  a: 1\n")
    assert found.text == "spec:\n  a: 1\n"
    assert found.open


def test_an_unknown_value_glued_to_its_key_keeps_a_blank() -> None:
    assert output("a:\n  b:\n  {{- now }} x\n") == f"a:\n  b: {PLACEHOLDER} x\n"


def test_what_hangs_on_an_unknown_condition_is_taken_and_said() -> None:
    found = evaluated("{{ if now }}a: 1{{ else }}b: 1{{ end }}\n{{ range now }}c{{ end }}")
    assert found.text == "a: 1\n"
    assert (found.unknown, found.open) == ((1, 2), True)


@pytest.mark.parametrize(
    "text",
    [
        '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
        "{{ range until 1000 }}{{ range until 1000 }}x{{ end }}{{ end }}",
        '{{ define "a" }}{{ include "b" . }}{{ end }}{{ define "b" }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
        "{{ tpl .Values.self . }}",
    ],
)
def test_endless_templates_are_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        output(text, {"self": "{{ tpl .Values.self . }}"})


def test_a_text_that_doubles_itself_becomes_unknown_and_not_large() -> None:
    found = evaluated('{{ $x := "xxxxxxxxxxxxxxxx" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}{{ $x }}')
    assert found.text == PLACEHOLDER


def test_a_broken_inner_template_stands_on_the_line_that_gives_it() -> None:
    with pytest.raises(TemplateError) as caught:
        output("a\n\n{{ tpl .Values.inner . }}", {"inner": "{{ if"})
    assert caught.value.line == 3


def test_brackets_inside_includes_deeper_than_the_machine_reaches_are_refused() -> None:
    nested = "(" * 38 + ".x" + ")" * 38
    body = "".join(f'{{{{ define "t{at}" }}}}{{{{ include "t{at + 1}" {nested} }}}}{{{{ end }}}}' for at in range(60))
    with pytest.raises(TemplateError, match="nested too deeply"):
        output(body + '{{ include "t0" . }}')

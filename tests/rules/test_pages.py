"""Every rule's page is read, in both languages, and its examples are reviewed: what it says is found is found, on that line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import Struct

from backend_expert import readers
from backend_expert.model import Finding, System
from backend_expert.model.system_file import overlay
from backend_expert.rules import Rule, all_rules

RULES = all_rules()
HEADINGS = {
    "en": (
        "What it finds",
        "Why it hurts",
        "Example",
        "Do instead",
        "When not to",
        "How we verify",
        "False positives",
        "References",
    ),
    "pt-BR": (
        "O que encontra",
        "Por que dói",
        "Exemplo",
        "Faça assim",
        "Quando não",
        "Como verificamos",
        "Falsos positivos",
        "Referências",
    ),
}
FENCE = re.compile(r'^```(?P<language>\w+) title="(?P<title>[^"]+)"\n(?P<body>.*?)^```$', re.MULTILINE | re.DOTALL)
MARK = re.compile(r"# finds: (?P<rule>[a-z-]+)")


class Repository(Struct, frozen=True):
    """The files under one heading of a page: `section` is the heading of the second level above them."""

    section: str
    files: tuple[tuple[str, str], ...]

    def marks(self, rule: str) -> set[tuple[str, int]]:
        return {
            (name, number)
            for name, body in self.files
            for number, line in enumerate(body.splitlines(), 1)
            for mark in MARK.finditer(line)
            if mark["rule"] == rule
        }


def repositories(page: str) -> list[Repository]:
    """Return the small repositories of a page, one for each heading of the second or third level that holds files."""
    found = []
    section = ""
    for part in re.split(r"^(?=#{2,3} )", page, flags=re.MULTILINE):
        heading = re.match(r"(#{2,3}) (.+)", part)
        if heading is not None and heading[1] == "##":
            section = heading[2].strip()
        files = tuple((fence["title"], fence["body"]) for fence in FENCE.finditer(part))
        if files:
            found.append(Repository(section, files))
    return found


def review(rule: Rule, repository: Repository, folder: Path) -> list[Finding]:
    """Return what a rule finds in a small repository, read as any repository is."""
    system = System(name="page")
    stated = dict(repository.files).get("system.yaml")
    others = [(name, body) for name, body in repository.files if name != "system.yaml"]
    for name, body in others:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(body, encoding="utf-8")
    if others:
        system = readers.read(folder).system
    if stated is not None:
        system = overlay(system, stated, "system.yaml")
    return list(rule.check(system))


def cases(*sections: str) -> list[object]:
    return [
        pytest.param(rule, repository, id=f"{rule.id}-{index}")
        for rule in RULES
        for index, repository in enumerate(repositories(rule.page()))
        if repository.section in sections
    ]


@pytest.mark.parametrize(("rule", "repository"), cases("Example"))
def test_example_is_found_on_its_lines(rule: Rule, repository: Repository, tmp_path: Path) -> None:
    findings = review(rule, repository, tmp_path)
    assert {finding.rule for finding in findings} == {rule.id}
    assert {(place.file, place.line) for finding in findings for place in finding.evidence} == repository.marks(rule.id)


@pytest.mark.parametrize(("rule", "repository"), cases("Do instead", "False positives"))
def test_remedy_and_false_positives_are_silent(rule: Rule, repository: Repository, tmp_path: Path) -> None:
    assert [finding.title.en for finding in review(rule, repository, tmp_path)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_page_has_examples_of_every_kind(rule: Rule) -> None:
    sections = {repository.section for repository in repositories(rule.page())}
    assert sections == {"Example", "Do instead", "False positives"}
    assert all(r.marks(rule.id) for r in repositories(rule.page()) if r.section == "Example")


@pytest.mark.parametrize("language", HEADINGS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_page_has_the_fixed_headings(rule: Rule, language: str) -> None:
    page = rule.page(language)
    assert page.splitlines()[0] == f"# {rule.title.in_language(language)}"
    assert tuple(re.findall(r"^## (.+)$", page, re.MULTILINE)) == HEADINGS[language]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_both_languages_show_the_same_files(rule: Rule) -> None:
    english, portuguese = (
        [(fence["title"], fence["body"]) for fence in FENCE.finditer(rule.page(language))] for language in ("en", "pt-BR")
    )
    assert english == portuguese
    assert rule.page("en").count("\n### ") == rule.page("pt-BR").count("\n### ")

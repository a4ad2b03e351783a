"""Every remedy has its page in both languages, with the same headings, and examples beside it."""

from __future__ import annotations

import pytest

from backend_expert.advice import Remedy, all_remedies
from backend_expert.advice.catalogue import section

HEADINGS = {
    "en": (
        "What it changes",
        "When it fits",
        "When not",
        "What it costs",
        "What it does not fix",
        "Pseudocode",
        "Where it belongs",
    ),
    "pt-BR": ("O que muda", "Quando serve", "Quando não", "Quanto custa", "O que não resolve", "Pseudocódigo", "Onde fica"),
}
REMEDIES = pytest.mark.parametrize("remedy", all_remedies(), ids=lambda remedy: remedy.id)
LANGUAGES = pytest.mark.parametrize("language", ["en", "pt-BR"])


def headings(page: str) -> tuple[str, ...]:
    outside = [text for number, text in enumerate(page.split("```")) if number % 2 == 0]
    return tuple(line[3:] for text in outside for line in text.splitlines() if line.startswith("## "))


@REMEDIES
@LANGUAGES
def test_a_page_has_the_fixed_headings(remedy: Remedy, language: str) -> None:
    page = remedy.page(language)
    assert page.startswith("# ")
    assert headings(page) == HEADINGS[language]


@REMEDIES
@LANGUAGES
def test_every_section_says_something(remedy: Remedy, language: str) -> None:
    page = remedy.page(language)
    assert all(len(section(page, heading)) > 60 for heading in HEADINGS[language])


@REMEDIES
@LANGUAGES
def test_the_pseudocode_is_one_block(remedy: Remedy, language: str) -> None:
    text = section(remedy.page(language), HEADINGS[language][5])
    assert text.startswith("```text\n")
    assert text.endswith("```")
    assert text.count("```") == 2


@REMEDIES
def test_both_languages_list_as_many_reasons_against(remedy: Remedy) -> None:
    english, portuguese = (section(remedy.page(language), HEADINGS[language][2]) for language in ("en", "pt-BR"))
    assert english.count("\n- ") == portuguese.count("\n- ")
    assert english != portuguese


@REMEDIES
@LANGUAGES
def test_no_line_of_a_page_is_too_wide(remedy: Remedy, language: str) -> None:
    assert [line for line in remedy.page(language).splitlines() if len(line) > 140] == []


def test_a_missing_heading_is_named() -> None:
    with pytest.raises(KeyError, match="Elsewhere"):
        section("# Page\n\n## Here\n\ntext\n", "Elsewhere")


def test_remedies_are_found_by_walking_the_package() -> None:
    ids = [remedy.id for remedy in all_remedies()]
    assert ids == sorted(set(ids))
    assert {
        "bounded-queue",
        "cache-aside",
        "circuit-breaker",
        "more-replicas",
        "retry-with-budget",
        "right-sized-pool",
        "timeout-budget",
    } <= set(ids)
    assert all(remedy.module.rpartition(".")[2] == remedy.id.replace("-", "_") for remedy in all_remedies())


def test_a_remedy_that_a_lab_can_decide_has_code_to_start_from() -> None:
    assert [remedy.id for remedy in all_remedies() if remedy.experiment is not None and not remedy.examples()] == []

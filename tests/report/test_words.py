"""Every word of a report exists in both languages, and none is kept that no report says."""

import re
from pathlib import Path

import pytest

import backend_expert.report
from backend_expert.model import Kind, Severity
from backend_expert.report.words import SENTENCES, WORDS, severity_count, words

SOURCES = sorted(Path(backend_expert.report.__file__).parent.rglob("*"))
TEXT = "".join(path.read_text() for path in SOURCES if path.suffix in {".html", ".py"} and path.name != "words.py")

# Words that are reached by an id of the Result instead of being written in a report.
REACHED = {
    *(kind.value for kind in Kind),
    *(severity.value for severity in Severity),
    *("hours", "days", "weeks", "helps", "hurts", "no-difference", "undecided", "held", "broken", "not-decidable"),
    *(f"status-{status}" for status in ("proved", "rejected", "inferred")),
    *(f"finding-{status}" for status in ("proved", "measured", "inferred", "asked")),
}


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_every_word_that_a_report_says_exists(language: str) -> None:
    said = set(re.findall(r"""\b(?:w|writer\.word|words\(language\))\(\s*["']([^"']+)["']\s*[,)]""", TEXT)) | REACHED
    assert len(said) > 60
    for key in sorted(said):
        assert words(language)(key).strip(), key


def test_no_word_is_kept_that_no_report_says() -> None:
    unsaid = [key for key in (*WORDS, *SENTENCES) if key not in REACHED and f'"{key}"' not in TEXT and f"'{key}'" not in TEXT]
    assert unsaid == []


def test_both_languages_fill_the_same_places() -> None:
    pairs = [*WORDS.items(), *((text.en, text.pt) for text in SENTENCES.values())]
    for english, portuguese in pairs:
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", portuguese)), english


def test_portuguese_is_not_english_left_over() -> None:
    kept = {english for english, portuguese in WORDS.items() if english == portuguese}
    assert kept == {"gateway", "worker", "cache", "broker"}


def test_an_unknown_word_is_an_error() -> None:
    with pytest.raises(KeyError):
        words("en")("a word that nobody wrote")


def test_counts_agree_in_number() -> None:
    assert severity_count(Severity.HIGH, 1, "pt-BR") == "1 alto"
    assert severity_count(Severity.HIGH, 3, "pt-BR") == "3 altos"
    assert severity_count(Severity.INFO, 2, "en") == "2 for information"

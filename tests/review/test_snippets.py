"""Quotes of reviewed files never show a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_expert.model import Evidence
from backend_expert.readers.repository import Repository
from backend_expert.review.snippets import WIDEST, masked, snippet


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("      POSTGRES_PASSWORD: hunter2", "hunter2"),
        ("JWT_SECRET=abc def", "abc"),
        ('  "apiKey": "k-123"', "k-123"),
        ("DATABASE_URL: postgres://shop:hunter2@db/orders", "hunter2"),
        ("  token: c2VjcmV0LXZhbHVlLXdpdGgtbGVuZ3Ro", "c2VjcmV0"),
        ("  value: c2VjcmV0LXZhbHVlLXdpdGgtbGVuZ3Ro", "c2VjcmV0"),
    ],
)
def test_secrets_are_masked(line: str, secret: str) -> None:
    assert secret not in masked(line)


@pytest.mark.parametrize(
    "line", ["    image: postgres:16", "    image: example/piggymetrics-mongodb", "  replicas: 1", "      - name: PORT"]
)
def test_other_lines_stay(line: str) -> None:
    assert masked(line) == line


def test_long_lines_are_cut() -> None:
    assert len(masked("x " * 500)) == WIDEST


def test_a_quote_holds_the_line_and_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("one\ntwo\nthree\nfour\n")
    quote = snippet(Repository.open(tmp_path), Evidence("a.yaml", 2, "compose"))
    assert quote is not None
    assert (quote.first_line, quote.lines) == (1, ("one", "two", "three"))


@pytest.mark.parametrize("first", ["- name: MYSQL_ROOT_PASSWORD", '- name: "orders.api-key"', "- name: DB_PASS"])
def test_a_value_beside_the_name_of_a_secret_is_masked(tmp_path: Path, first: str) -> None:
    for lines in ((first, "  value: hunter2"), ("- value: hunter2", first.replace("-", " ", 1))):
        (tmp_path / "pod.yaml").write_text("\n".join(("env:", *lines, "- name: PORT", '  value: "8080"')))
        for line in range(1, 6):
            quote = snippet(Repository.open(tmp_path), Evidence("pod.yaml", line, "kubernetes"))
            assert quote is not None
            assert "hunter2" not in "".join(quote.lines)
    assert "8080" in "".join(quote.lines)


@pytest.mark.parametrize("evidence", [Evidence("gone.yaml", 1, "x"), Evidence("a.yaml", 99, "x"), Evidence("../a.yaml", 1, "x")])
def test_what_is_not_there_is_not_quoted(tmp_path: Path, evidence: Evidence) -> None:
    (tmp_path / "a.yaml").write_text("one\n")
    assert snippet(Repository.open(tmp_path), evidence) is None

"""Flows in a review: what the states lab finds becomes a verdict, and the proof of the findings it runs through."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_expert.model import System, system_file
from backend_expert.review.brief import Brief, Need
from backend_expert.review.consistency import explored, requirement
from backend_expert.review.pipeline import Request, review
from backend_expert.review.result import Result

SELLING = """schema: backend-expert/system/1
components:
  shop: {kind: service}
  db: {kind: database, technology: postgresql}
datasets:
  db/shop.stock:
    store: db
    database: shop
    columns: [{name: id}, {name: available}]
operations:
  shop POST /buy:
    component: shop
    trigger: {kind: http, name: POST /buy}
    steps:
      - {step: query, dataset: db/shop.stock, action: read, filter_columns: [id], statement: "SELECT available FROM stock WHERE id = $1"}
      - {step: query, dataset: db/shop.stock, action: %s, filter_columns: [id], statement: "%s"}
      - {step: reply, status: 201}
workloads:
  buyers: {operation: shop POST /buy, rate_per_s: 20}
"""
RACE = SELLING % ("update", "UPDATE stock SET available = $2 WHERE id = $1")
GUARDED = SELLING % (
    "guarded-update",
    "UPDATE stock SET available = available - 1 WHERE id = $1 AND available >= 1",
)


def system(text: str) -> System:
    """Return the system of a file that stands alone."""
    return system_file.overlay(System(name="shop"), text)


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The review of the race, with only the requirement that is about it."""
    root = tmp_path_factory.mktemp("race")
    (root / "system.yaml").write_text(RACE)
    return review(Request(path=root, brief=Brief(requirements=(Need.EVENTUALLY_CONSISTENT,))))


def test_a_race_is_broken_by_its_shortest_history(reviewed: Result) -> None:
    (verdict,) = reviewed.requirements
    assert verdict.verdict == "broken"
    assert verdict.history is not None
    assert any("shop" in event.actor for event in verdict.history.events)
    assert any(event.evidence is not None and event.evidence.file == "system.yaml" for event in verdict.history.events)


def test_the_finding_behind_it_is_proved(reviewed: Result) -> None:
    (race,) = [finding for finding in reviewed.findings if finding.rule == "read-modify-write-race"]
    assert race.status == "proved"
    assert race.history is not None


def test_the_guarded_update_oversells_nothing() -> None:
    answers = [answer for flow in explored(system(GUARDED)) for answer in flow.answers]
    assert [answer.verdict for answer in answers if answer.anomaly == "oversell"] == ["none"]


def test_without_a_flow_nothing_is_decided() -> None:
    verdict = requirement(())
    assert verdict.verdict == "not-decidable"
    assert "operations" in verdict.answer.en


def test_a_broken_requirement_lowers_the_score_of_consistency(reviewed: Result) -> None:
    (part,) = [each for each in reviewed.scores if each.category == "consistency"]
    assert ("eventually-consistent", 40) in part.deductions


def test_a_flow_file_is_explored_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from backend_expert.faces.cli import Exit, run

    (tmp_path / "system.yaml").write_text(RACE)
    assert run(["consistency", str(tmp_path), "--fix", "--lang", "en"]) == Exit.CLEAN
    out = capsys.readouterr().out
    assert "BROKEN     oversell" in out
    assert "The shortest history that breaks oversell" in out
    assert "no violation" in out
    assert run(["consistency", str(tmp_path), "--lang", "pt-BR"]) == Exit.CLEAN
    assert "VIOLADO" in capsys.readouterr().out

"""Flows in a review: what the states lab finds becomes a verdict, and the proof of the findings it runs through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backend_expert.faces.cli import Exit, run
from backend_expert.model import System, system_file
from backend_expert.review.brief import Brief, Need
from backend_expert.review.consistency import explored, requirement
from backend_expert.review.pipeline import Request, review
from backend_expert.review.result import Result

SELLING = """schema: backend-expert/system/1
components:
  shop: {kind: service}
  front: {kind: gateway}
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


@pytest.fixture
def race(tmp_path: Path) -> Path:
    (tmp_path / "system.yaml").write_text(RACE)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["consistency", *arguments]) == Exit.CLEAN
    return capsys.readouterr().out


def test_flows_are_explored_and_repaired_from_the_command_line(race: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, str(race), "--lang", "en")
    assert "BROKEN     oversell" in out
    assert "The shortest history that breaks oversell" in out
    assert "The smallest set that was found: Guarded update." in out
    assert "explain guarded-update" in " ".join(out.split())
    assert "With all of them nothing is broken within the bounds." in out
    portuguese = printed(capsys, str(race), "--lang", "pt-BR")
    assert "VIOLADO" in portuguese
    assert "O menor conjunto encontrado: Update com condição." in portuguese


def test_without_the_fix_there_is_no_ladder(race: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, str(race), "--lang", "en", "--no-fix")
    assert "What to do" not in out
    assert out.splitlines()[-1].strip().endswith("--no-fix")


@pytest.mark.parametrize("lang", ["en", "pt-BR"])
def test_the_ladder_stands_in_every_format(race: Path, capsys: pytest.CaptureFixture[str], lang: str) -> None:
    page = printed(capsys, str(race), "--format", "html", "--lang", lang)
    assert "<script" not in page
    assert page.count("<svg") == 2
    assert '<td class="figure good">-</td>' in page
    text = printed(capsys, str(race), "--format", "markdown", "--lang", lang)
    assert text.count("```mermaid") == 2
    assert "| as it is |" in text or "| como está |" in text
    study = json.loads(printed(capsys, str(race), "--format", "json"))
    (flow,) = study["flows"]
    assert [len(rung["remedies"]) for rung in flow["fix"]["rungs"]] == [0, 1]
    assert {cell["verdict"] for cell in flow["fix"]["rungs"][-1]["cells"]} == {"none"}


def test_a_history_leaves_out_what_only_passes_calls_on() -> None:
    """The gateway waits for the service: its answer on the way back tells nothing."""
    behind = RACE.replace("workloads:", GATEWAY).replace("operation: shop POST /buy,", "operation: front POST /buy,")
    (flow,) = explored(system(behind))
    history = next(answer.history for answer in flow.answers if answer.anomaly == "not-conserved")
    assert history is not None
    assert history.left_out > 0
    assert [lane.kind for lane in history.lanes] == ["client", "client", "service", "service", "store"]
    assert not any("has the answer" in event.text.en for event in history.events)
    assert sum("writes" in event.text.en for event in history.events) == 2


GATEWAY = """  front POST /buy:
    component: front
    trigger: {kind: http, name: POST /buy}
    steps: [{step: call, operation: shop POST /buy}, {step: reply, status: 201}]
workloads:"""

"""The whole corridor on small systems: from files to a Result."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_expert.model import Severity
from backend_expert.readers.repository import NothingToRead
from backend_expert.review.brief import Brief, Need
from backend_expert.review.pipeline import Request, at_peak, recover, review
from backend_expert.review.result import Result, from_json, to_json

COMPOSE = """services:
  web:
    image: nginx:1.27
    ports: ["80:80"]
    environment:
      ORDERS_URL: http://orders:3000
  orders:
    build: ./orders
    environment:
      PORT: "3000"
      DATABASE_URL: postgres://shop:hunter2@db:5432/orders
  db:
    image: postgres:16
    ports: ["5432:5432"]
"""

STATED = """schema: backend-expert/system/1
components:
  orders:
    deployment: {workers: 4, cpu_cores: 1, event_loop: false}
workloads:
  buyers: {operation: web http, rate_per_s: 20}
objectives:
  fast: {latency_p99_ms: 500, success_ratio: 0.99}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small system without a system.yaml."""
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "Dockerfile").write_text("FROM node:22\nEXPOSE 3000\n")
    return tmp_path


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The review of the small system with stated traffic; made once, since the labs take a second."""
    root = tmp_path_factory.mktemp("shop")
    (root / "compose.yaml").write_text(COMPOSE)
    (root / "system.yaml").write_text(STATED)
    return review(Request(path=root, peak=5))


def test_a_result_survives_its_json(reviewed: Result) -> None:
    assert from_json(to_json(reviewed)) == reviewed


def test_the_worst_come_first(reviewed: Result) -> None:
    order = [list(Severity).index(finding.severity) for finding in reviewed.findings]
    assert order == sorted(order)
    assert {"datastore-port-published", "single-instance-on-critical-path"} <= {finding.rule for finding in reviewed.findings}


def test_it_says_what_to_measure_first(reviewed: Result) -> None:
    assert 1 <= len(reviewed.measure_first) <= 3
    weights = [each.weight for each in reviewed.measure_first]
    assert weights[0] == 1.0
    assert weights == sorted(weights, reverse=True)
    known = {each.path: each for each in reviewed.assumptions}
    for each in reviewed.measure_first:
        assert {known[path].matters for path in each.numbers} == {each.weight}
        assert (each.latency_p99_ms_low, each.success_ratio_low) != (each.latency_p99_ms_high, each.success_ratio_high)
    assert reviewed.assumptions[0].path in reviewed.measure_first[0].numbers


def test_every_reference_leads_somewhere(reviewed: Result) -> None:
    findings = {finding.id for finding in reviewed.findings}
    recommendations = {each.id for each in reviewed.recommendations}
    for finding in reviewed.findings:
        assert set(finding.recommendations) <= recommendations
        assert finding.evidence
    for each in reviewed.recommendations:
        assert set(each.findings) <= findings
    for node in reviewed.nodes:
        assert set(node.findings) <= findings


def test_what_is_ranked_was_proved_and_what_was_rejected_has_its_numbers(reviewed: Result) -> None:
    ranks = [each.rank for each in reviewed.recommendations if each.rank]
    assert ranks == list(range(1, len(ranks) + 1))
    for each in reviewed.recommendations:
        assert (each.rank > 0) == (each.status == "proved")
        if each.status != "inferred":
            assert each.proof is not None
            assert each.proof.measures
        if each.status == "proved":
            assert each.proof is not None
            assert each.proof.verdict == "helps"


def test_no_secret_leaves_the_repository(reviewed: Result) -> None:
    assert b"hunter2" not in to_json(reviewed)


def test_both_languages_are_complete(reviewed: Result) -> None:
    for finding in reviewed.findings:
        assert finding.title.en
        assert finding.title.pt
        assert finding.title.en != finding.title.pt
        assert finding.rule_page.pt.startswith("#")


def test_a_failure_of_a_single_instance_breaks_the_system_that_has_no_second(reviewed: Result) -> None:
    verdicts = {each.id: each for each in reviewed.requirements}
    assert verdicts["fault-tolerant"].verdict == "broken"
    assert verdicts["fault-tolerant"].counterexample is not None
    assert verdicts["eventually-consistent"].verdict == "not-decidable"


def test_stated_numbers_are_not_among_the_assumptions(reviewed: Result) -> None:
    paths = {each.path for each in reviewed.assumptions}
    assert "components/orders/deployment/workers" not in paths
    assert "workloads/buyers/rate_per_s" not in paths
    assert "components/web/deployment/workers" in paths


def test_the_same_seed_gives_the_same_bytes(repository: Path) -> None:
    request = Request(path=repository, peak=3, seed=5, brief=Brief(requirements=(Need.SURVIVES_PEAK,)))
    assert to_json(review(request)) == to_json(review(request))


def test_a_brief_limits_the_requirements_and_sets_the_objective(repository: Path) -> None:
    brief = Brief(requirements=(Need.LOW_LATENCY,), latency_p99_ms=0.001)
    result = review(Request(path=repository, brief=brief))
    (requirement,) = result.requirements
    assert (requirement.id, requirement.verdict) == ("low-latency", "broken")


def test_without_the_lab_everything_is_inferred(repository: Path) -> None:
    result = review(Request(path=repository, lab=False))
    assert {each.status for each in result.recommendations} == {"inferred"}
    assert result.peak is None
    assert all(finding.status != "proved" for finding in result.findings)


def test_a_system_yaml_alone_is_a_system(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text("schema: backend-expert/system/1\ncomponents:\n  a: {kind: service}\n")
    assert [component.name for component in recover(tmp_path).system.components] == ["a"]


@pytest.mark.parametrize("content", ["", "# notes\n"])
def test_a_repository_without_a_system_is_nothing_to_review(tmp_path: Path, content: str) -> None:
    (tmp_path / "README.md").write_text(content)
    with pytest.raises(NothingToRead, match=r"no system was found|no file"):
        recover(tmp_path)


def test_the_digest_follows_the_content(repository: Path) -> None:
    before = recover(repository).digest
    assert recover(repository).digest == before
    (repository / "compose.yaml").write_text(COMPOSE + "  cache:\n    image: redis:7\n")
    assert recover(repository).digest != before


def test_the_commit_is_read_without_running_git(repository: Path) -> None:
    git = repository / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs" / "heads" / "main").write_text("a" * 40 + "\n")
    assert recover(repository).commit == "a" * 40
    (git / "HEAD").write_text("ref: ../../etc/passwd\n")
    assert recover(repository).commit == ""


def test_rules_see_the_traffic_of_the_peak(repository: Path) -> None:
    (repository / "system.yaml").write_text(STATED)
    system = recover(repository).system
    assert at_peak(system, 5).workloads[0].rate_per_s.value == 100
    assert at_peak(system, 1) == system


def test_names_from_a_repository_are_data(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        'services:\n  "<script>alert(1)</script>":\n    image: postgres:16\n    ports: ["5432:5432"]\n'
    )
    from backend_expert.report import render

    page = render(review(Request(path=tmp_path, lab=False)), "html")
    assert "<script>" not in page

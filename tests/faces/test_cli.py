"""The command line: exit codes, one sentence for every mistake, and files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backend_expert.faces.cli import Exit, run

COMPOSE = """services:
  web:
    image: nginx:1.27
    ports: ["80:80"]
    environment:
      ORDERS_URL: http://orders:3000
  orders:
    image: example/orders:1.0
    environment:
      DATABASE_URL: postgres://shop@db:5432/orders
  db:
    image: postgres:16
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small system."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "compose.yaml").write_text(COMPOSE)
    return root


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return the exit code and what was printed on both streams."""
    code = run(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Return the exit code and the one sentence of a refusal; nothing may be on standard output."""
    code, out, err = outcome(capsys, *arguments)
    assert out == ""
    assert "Traceback" not in err
    return code, err


def test_a_review_prints_a_report_and_is_clean_without_a_threshold(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, "review", str(shop), "--no-lab", "--lang", "en")
    assert code == Exit.CLEAN
    assert "orders" in out
    assert max(map(len, out.splitlines())) <= 80


def test_findings_at_the_threshold_fail(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(capsys, "review", str(shop), "--no-lab", "--fail-on", "low")[0] == Exit.FINDINGS
    assert outcome(capsys, "review", str(shop), "--no-lab", "--fail-on", "critical")[0] == Exit.CLEAN


def test_the_formats(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = json.loads(outcome(capsys, "review", str(shop), "--no-lab", "--format", "json")[1])
    assert result["schema"] == "backend-expert/result/1"
    assert {node["name"] for node in result["nodes"]} == {"web", "orders", "db"}
    assert outcome(capsys, "review", str(shop), "--no-lab", "--format", "html")[1].lower().startswith("<!doctype html>")
    assert "```mermaid" in outcome(capsys, "review", str(shop), "--no-lab", "--format", "markdown")[1]


def test_the_same_input_gives_the_same_bytes(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = outcome(capsys, "review", str(shop), "--format", "json", "--seed", "7")
    assert first == outcome(capsys, "review", str(shop), "--format", "json", "--seed", "7")


def test_the_model_is_printed_and_reads_back(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, "model", str(shop))
    assert code == Exit.CLEAN
    printed = tmp_path / "printed.yaml"
    printed.write_text(out)
    assert outcome(capsys, "model", str(shop), "--system", str(printed))[1] == out


def test_the_output_file_is_named_and_whole(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "report.html"
    code, out, err = outcome(capsys, "review", str(shop), "--no-lab", "--html", str(target), "--lang", "en")
    assert (code, f"Report: {target}" in err) == (Exit.CLEAN, True)
    assert "orders" in out
    assert target.read_text().rstrip().endswith("</html>")
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("review", "/no/such/path"), Exit.NOTHING, "/no/such/path"),
        (("review", "{empty}"), Exit.NOTHING, "repository"),
        (("review", "{shop}", "--peak", "abc"), Exit.USAGE, "for example 5x; 'abc' is not one"),
        (("review", "{shop}", "--format", "pdf"), Exit.USAGE, "pdf"),
        (("review", "{shop}", "--output", "/no/such/folder/report.html"), Exit.USAGE, "/no/such/folder"),
        (("review", "{shop}", "--output", "{shop}"), Exit.USAGE, "is a directory"),
        (("review", "{shop}", "--brief", "/no/brief"), Exit.USAGE, "/no/brief cannot be read"),
        (("review", "{shop}", "--system", "{shop}/compose.yaml"), Exit.USAGE, "compose.yaml:1"),
        (("simulate", "{shop}", "--fault", "slow:nobody:10x@1s+1s"), Exit.USAGE, "there is no component 'nobody'"),
        (("simulate", "{shop}", "--fault", "slow"), Exit.USAGE, "is not a fault"),
        (("simulate", "{shop}", "--duration", "-3"), Exit.USAGE, "a duration is from 1s"),
        (("capacity", "{shop}", "--replicas", "0"), Exit.USAGE, "--replicas is from 1 to 64"),
        (("explain", "no-timeot"), Exit.USAGE, "there is no rule or remedy"),
        (("explain", "call-without-timeot"), Exit.USAGE, "did you mean 'call-without-timeout'?"),
        (("revue",), Exit.USAGE, "review"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(
    arguments: tuple[str, ...], code: int, words: str, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    filled = [argument.format(shop=shop, empty=tmp_path / "empty") for argument in arguments]
    got, message = refused(capsys, *filled)
    assert got == code
    assert words in message.replace("\n", " ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_output_is_refused_before_the_work(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    code, message = refused(capsys, "review", str(shop), "--output", str(locked / "report.html"))
    assert code == Exit.USAGE
    assert "permission denied" in message


def test_a_system_yaml_that_contradicts_the_files_wins_and_is_noted(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "system.yaml").write_text("components:\n  orders: {kind: worker}\n")
    result = json.loads(outcome(capsys, "review", str(shop), "--no-lab", "--format", "json")[1])
    assert any("system.yaml wins" in note["en"] for note in result["notes"])
    assert next(node["kind"] for node in result["nodes"] if node["name"] == "orders") == "worker"


def heeding_interrupts() -> None:
    """Undo what a shell does to all that it starts in the background: they ignore the signal, and hand that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupted_it_leaves_no_half_written_file(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    process = subprocess.Popen(
        [sys.executable, "-c", "from backend_expert.faces.cli import main; print('up', flush=True); main()",
         "review", str(shop), "--format", "html", "--output", str(target)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heeding_interrupts,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.5)  # into the work: importing takes 0.1 s, the labs take longer than this
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == Exit.INTERRUPTED
    assert b"interrupted" in err
    assert b"Traceback" not in err
    assert [each.name for each in tmp_path.iterdir()] == ["shop"]


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom backend_expert.faces.cli import run\nrun(['--help'])\n"
        "heavy = {'numpy', 'numba', 'scipy', 'jinja2', 'yaml', 'backend_expert.lab', 'backend_expert.readers'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "simulate" in done.stdout
    assert "130 interrupted" in done.stdout


def test_an_internal_failure_says_where_and_exits_with_4(
    monkeypatch: pytest.MonkeyPatch, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from backend_expert.review import pipeline

    def broken(*_: object) -> None:
        raise ZeroDivisionError("made for this test")

    monkeypatch.setattr(pipeline, "recover", broken)
    code, message = refused(capsys, "model", str(shop))
    assert code == Exit.FAILED
    assert "internal failure" in message
    assert "made for this test" in message


def test_a_simulation_prints_its_numbers_in_both_languages(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("simulate", str(shop), "--peak", "3x", "--fault", "crash:db@10s+5s", "--duration", "30s")
    code, out, _ = outcome(capsys, *arguments, "--lang", "en")
    assert code == Exit.CLEAN
    assert out.startswith("Simulation of shop\n")
    assert max(map(len, out.splitlines())) <= 80
    assert outcome(capsys, *arguments, "--lang", "pt-BR")[1].startswith("Simulação de shop\n")
    numbers = json.loads(outcome(capsys, *arguments, "--format", "json")[1])["outcome"]
    ends = ("succeeded", "late", "failed", "shed", "in_flight")
    assert numbers["offered"] == sum(numbers[name] for name in ends)


def test_the_capacity_is_searched_and_printed(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, "capacity", str(shop), "--replicas", "2", "--lang", "en")
    assert code == Exit.CLEAN
    assert out.startswith("Capacity of shop\n")
    assert max(map(len, out.splitlines())) <= 80
    scalings = json.loads(outcome(capsys, "capacity", str(shop), "--replicas", "2", "--format", "json")[1])["found"]["scalings"]
    assert [each["replicas"] for each in scalings] == [1, 2]

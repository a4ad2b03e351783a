"""The generator writes a rule that loads, whose pages hold together, and whose example it finds."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from backend_expert.model import System
from backend_expert.model.system_file import overlay

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "new_rule.py"


def load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return load(SCRIPT, "new_rule")


def test_it_writes_a_check_and_two_pages(generator: ModuleType, tmp_path: Path) -> None:
    written = generator.write("late-fee", "delivery", tmp_path)
    assert [path.name for path in written] == ["late_fee.py", "late_fee.md", "late_fee.pt-BR.md"]
    rule = load(written[0], "late_fee").late_fee.__rule__
    assert (rule.id, rule.family, rule.code) == ("late-fee", "delivery", "BE-DEL-101")


def test_the_new_rule_finds_its_example(generator: ModuleType, tmp_path: Path) -> None:
    written = generator.write("late-fee", "delivery", tmp_path)
    check = load(written[0], "late_fee").late_fee
    page = written[1].read_text(encoding="utf-8")
    example = page.split('title="system.yaml"\n')[1].split("```")[0]
    assert "# finds: late-fee" in example
    (finding,) = check(overlay(System(name=""), example))
    assert [str(place) for place in finding.evidence] == ["system.yaml:3"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["late-fee"], "usage"),
        (["LateFee", "delivery"], "kebab-case"),
        (["late-fee", "money"], "no family 'money'"),
        (["dual-write", "consistency"], "never reused"),
    ],
)
def test_it_refuses_in_one_sentence(
    generator: ModuleType, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generator.main(arguments) == 2
    assert reason in capsys.readouterr().err

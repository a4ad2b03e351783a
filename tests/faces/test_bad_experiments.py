"""What cannot be simulated: one sentence that names the place, exit code 2, and nothing printed beside it."""

from pathlib import Path

import pytest

from backend_expert.faces.cli import Exit, run

SYSTEM = """schema: backend-expert/system/1
name: shop
components:
  web:
    kind: service
    deployment: {{replicas: {replicas}, workers: {workers}, cpu_cores: 2, event_loop: false}}
  db:
    kind: service
    deployment: {{replicas: 1, workers: 8, cpu_cores: 8, event_loop: false}}
operations:
  web GET /:
    component: web
    trigger: {{kind: http, name: GET /}}
    steps:
      - {{step: work, cpu_ms: {cpu_ms}}}
      - {{step: call, operation: {called}}}
  db read:
    component: db
    trigger: {{kind: rpc, name: read}}
    steps:
      - {{step: work, cpu_ms: 5}}
workloads:
  users: {{operation: web GET /, rate_per_s: {rate}}}
"""
GOOD = {"replicas": "1", "workers": "4", "cpu_ms": "1", "called": "db read", "rate": "20"}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command, expect that it refuses with one line and prints nothing else, and return the line."""
    assert run(list(arguments)) == Exit.USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [line for line in printed.err.strip().splitlines() if "compiled once" not in line]
    assert len(lines) == 1, printed.err
    return lines[0]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "system.yaml").write_text(SYSTEM.format_map(GOOD))
    return tmp_path


def test_the_system_that_is_spoiled_below_can_be_simulated(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", str(shop), "--duration", "5s"]) == Exit.CLEAN
    assert "recover" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["simulate", "capacity"])
@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        ({"rate": "-5"}, "rate_per_s"),
        ({"rate": ".nan"}, "rate_per_s"),
        ({"rate": ".inf"}, "rate_per_s"),
        ({"cpu_ms": "-1"}, "cpu_ms"),
        ({"cpu_ms": ".nan"}, "cpu_ms"),
        ({"workers": "0"}, "workers is 0"),
        ({"replicas": "0"}, "replicas is 0"),
        ({"replicas": "1000000"}, "instances"),
        ({"called": "web GET /"}, "never ends"),
        ({"called": "db write"}, "db write"),
    ],
)
def test_a_system_that_cannot_be_is_refused(
    shop: Path, capsys: pytest.CaptureFixture[str], command: str, spoiled: dict[str, str], words: str
) -> None:
    (shop / "system.yaml").write_text(SYSTEM.format_map(GOOD | spoiled))
    assert words in refused(capsys, command, str(shop))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fault", "slow:nobody:10x@1s+1s"), "'nobody'"),
        (("--fault", "partition:web:nobody@1s+1s"), "'nobody'"),
        (("--fault", "slow:web:nanx@1s+1s"), "10x"),
        (("--fault", "slow:web:0x@1s+1s"), "10x"),
        (("--fault", "errors:web:150%@1s+1s"), "0% to 100%"),
        (("--fault", "slow:web:10x@900s+1s"), "after the end"),
        (("--fault", "flush:web@1s"), "no dataset"),
        (("--fault", "crash:web@1s"), "how long it lasts"),
        (("--duration", "48h"), "a duration is from 1s"),
        (("--duration", "nan"), "a duration is from 1s"),
        (("--peak=-3x",), "peak"),
        (("--peak", "nan"), "peak"),
        (("--peak", "1e12x"), "peak"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused(
    shop: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
    assert words in refused(capsys, "simulate", str(shop), "--lang", "en", *options)

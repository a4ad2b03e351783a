"""What a stranger may hand in: every bad input ends in one sentence and an exit code, and the rest is still reviewed.

Each case runs the real command in a process of its own, as a user does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from backend_expert.faces.cli import Exit

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

COMMAND = (sys.executable, "-c", "from backend_expert.faces.cli import main; main()")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small system that can be read; each test spoils it in its own way."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "compose.yaml").write_text(COMPOSE)
    return root


def run(*arguments: str, code: int, environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Run the command, expect an exit code and no traceback, and return what it printed on both streams."""
    surroundings = {**os.environ, "LC_ALL": "en_US.UTF-8", **(environment or {})}
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, encoding="utf-8", env=surroundings, timeout=120)
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def refused(*arguments: str, code: int) -> str:
    """Run the command, expect that it refuses with one line and prints nothing else, and return the line."""
    out, err = run(*arguments, code=code)
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    return err


def reviewed(root: Path) -> dict[str, Any]:
    """Review a repository of which some part is bad, and return the Result; the system that can be read must be in it."""
    result = json.loads(run("review", str(root), "--no-lab", "--format", "json", code=Exit.CLEAN)[0])
    assert {"web", "orders", "db"} <= {node["name"] for node in result["nodes"]}
    assert result["findings"]
    shown = run("review", str(root), "--no-lab", "--lang", "en", code=Exit.CLEAN)[0]
    flat = " ".join(shown.split())
    for each in [*(unread["reason"]["en"] for unread in result["unread"]), *(note["en"] for note in result["notes"])]:
        assert each.replace("`", "") in flat
    return result


def unread(root: Path) -> list[tuple[str, int, str]]:
    """Review a repository, and return which files and lines the report lists as not read."""
    return [(each["file"], each["line"], each["reason"]["en"]) for each in reviewed(root)["unread"]]


def test_no_such_path(tmp_path: Path) -> None:
    assert "there is nothing at this path" in refused("review", str(tmp_path / "nowhere"), code=Exit.NOTHING)


def test_an_empty_directory(tmp_path: Path) -> None:
    assert "there is no file in this directory" in refused("review", str(tmp_path), code=Exit.NOTHING)


def test_a_directory_without_a_system(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Hello.\n")
    assert "no system was found" in refused("review", str(tmp_path), code=Exit.NOTHING)


def test_nothing_to_review_is_said_in_the_language_of_the_environment(tmp_path: Path) -> None:
    _, err = run("review", str(tmp_path), code=Exit.NOTHING, environment={"LC_ALL": "pt_BR.UTF-8"})
    assert "não há neste diretório nenhum arquivo para revisar" in err


def test_broken_yaml_is_named_with_its_line(shop: Path) -> None:
    (shop / "service.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata:\n  name: [web\n  labels: {}\n")
    assert [(file, line) for file, line, _ in unread(shop)] == [("service.yaml", 5)]


def test_a_yaml_bomb_is_not_unfolded(shop: Path) -> None:
    layers = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (shop / "bomb.yaml").write_text(
        "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *layers, "apiVersion: v1", "kind: Pod", "spec: *a11", ""])
    )
    ((file, _, reason),) = unread(shop)
    assert (file, "unfolds to more than" in reason) == ("bomb.yaml", True)


def test_a_file_of_200_mb_is_not_loaded(shop: Path) -> None:
    with (shop / "dump.yaml").open("wb") as file:
        file.truncate(200_000_000)
    ((name, _, reason),) = unread(shop)
    assert (name, "larger than 4 MB" in reason) == ("dump.yaml", True)


def test_a_binary_that_is_named_yml(shop: Path) -> None:
    (shop / "logo.yml").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)))
    assert unread(shop) == [("logo.yml", 0, "it is binary, not text")]


def test_bytes_that_are_not_utf_8(shop: Path) -> None:
    (shop / "service.yaml").write_bytes("kind: Service\nname: pre\u00e7os\n".encode("latin-1"))
    assert [(file, line) for file, line, _ in unread(shop)] == [("service.yaml", 2)]


def test_a_symlink_out_of_the_root_is_not_followed(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("services: {stolen: {image: redis}}\n")
    (shop / "compose.override.yaml").symlink_to(tmp_path / "secret.yaml")
    (shop / "everything").symlink_to("/")
    result = reviewed(shop)
    assert [each["file"] for each in result["unread"]] == ["compose.override.yaml", "everything"]
    assert "stolen" not in json.dumps(result)


def test_unknown_keys_of_compose_are_listed_with_their_lines(shop: Path) -> None:
    (shop / "compose.yaml").write_text(COMPOSE + "    flux_capacitor: 3\nfrobnicate: 3\n")
    assert [(file, line) for file, line, _ in unread(shop)] == [("compose.yaml", 13), ("compose.yaml", 14)]


def test_a_service_that_two_compose_files_describe_is_one_service_and_said(shop: Path) -> None:
    (shop / "old").mkdir()
    (shop / "old" / "docker-compose.yml").write_text("services:\n  orders: {image: example/orders:0.1}\n")
    result = reviewed(shop)
    assert [node["name"] for node in result["nodes"]].count("orders") == 1
    assert any("old/docker-compose.yml" in note["en"] for note in result["notes"])


def test_a_service_that_an_override_describes_again_is_merged(shop: Path) -> None:
    (shop / "compose.override.yaml").write_text(
        "services:\n  orders:\n    environment: {CACHE_URL: 'redis://cache'}\n  cache: {image: redis:7}\n"
    )
    result = reviewed(shop)
    assert [node["name"] for node in result["nodes"]].count("orders") == 1
    assert ("orders", "cache") in {(edge["caller"], edge["callee"]) for edge in result["edges"]}


def test_a_host_that_matches_nothing_is_said(shop: Path) -> None:
    (shop / "compose.yaml").write_text(COMPOSE.replace("http://orders:3000", "http://warehouse:3000"))
    assert any("warehouse" in note["en"] and "compose.yaml:6" in note["en"] for note in reviewed(shop)["notes"])


def test_a_system_yaml_that_contradicts_the_files_wins_and_is_said(shop: Path) -> None:
    (shop / "system.yaml").write_text("components:\n  orders: {kind: worker}\n")
    notes = [note["en"] for note in reviewed(shop)["notes"]]
    assert "orders was read as service and system.yaml says worker: system.yaml wins." in notes


@pytest.mark.parametrize(
    ("text", "line"),
    [("components:\n  orders: {kynd: worker}\n", 2), ("components: [\n", 1), ("components:\n  orders: {kind: teapot}\n", 2)],
)
def test_a_system_yaml_that_cannot_be_used_names_its_line(text: str, line: int, shop: Path) -> None:
    (shop / "system.yaml").write_text(text)
    assert f"system.yaml:{line}" in refused("review", str(shop), "--no-lab", code=Exit.USAGE)


@pytest.mark.parametrize("peak", ["abc", "0", "-5x", "5000x", "nan", ""])
def test_a_peak_that_is_none(peak: str, shop: Path) -> None:
    assert "for example 5x" in refused("review", str(shop), f"--peak={peak}", code=Exit.USAGE)


@pytest.mark.parametrize("option", ["--output", "--html"])
def test_an_output_that_cannot_be_written(option: str, shop: Path, tmp_path: Path) -> None:
    assert "is a directory" in refused("review", str(shop), option, str(tmp_path), code=Exit.USAGE)
    assert "does not exist" in refused("review", str(shop), option, str(tmp_path / "no" / "report.html"), code=Exit.USAGE)
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused("review", str(shop), option, str(tmp_path / "file" / "report.html"), code=Exit.USAGE)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [("review", "{shop}", "--no-lab"), ("model", "{shop}"), ("rules",)])
def test_a_full_disk_behind_standard_output(arguments: tuple[str, ...], shop: Path) -> None:
    words = [argument.format(shop=shop) for argument in arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith("backend-expert: standard output cannot be written: ")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def closed(*descriptors: int) -> Callable[[], None]:
    """Return what closes descriptors in the child before the command starts."""

    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


def test_a_closed_standard_output_is_refused(shop: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "review", str(shop), "--no-lab"], stderr=subprocess.PIPE, text=True, preexec_fn=closed(1), timeout=120
    )
    assert (done.returncode, done.stderr) == (Exit.USAGE, "backend-expert: standard output is closed; name a file with --output\n")


def test_a_closed_standard_output_does_not_matter_to_a_file(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.md"
    words = [*COMMAND, "review", str(shop), "--no-lab", "--format", "markdown", "--output", str(target)]
    done = subprocess.run(words, preexec_fn=closed(1, 2), timeout=120)
    assert done.returncode == Exit.CLEAN
    assert "orders" in target.read_text()


@pytest.mark.parametrize(
    "arguments", [("review", "{shop}", "--no-lab"), ("--help",), ("review", "--help"), ("rules",), ("model", "{shop}")]
)
def test_a_reader_that_leaves_early_is_no_failure(arguments: tuple[str, ...], shop: Path) -> None:
    words = [argument.format(shop=shop) for argument in arguments]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([*COMMAND, *words], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (Exit.CLEAN, "")


@pytest.mark.parametrize("option", ["--output", "--html"])
def test_interrupted_while_it_works_it_leaves_no_half_written_file(option: str, shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("the report of yesterday")
    told = "from backend_expert.review import pipeline\nfrom backend_expert.faces.cli import main\n"
    # The review says that it has begun to prove, and then takes its time: the signal meets it in the middle, however fast it is.
    told += "def slow(*given, **named):\n    print('proving', file=__import__('sys').stderr, flush=True)\n"
    told += "    __import__('time').sleep(60)\npipeline.prove = slow\nmain()"
    process = subprocess.Popen(
        [sys.executable, "-c", told, "review", str(shop), "--format", "html", option, str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell has all that it starts in the background ignore the signal, and they hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    while "proving" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (Exit.INTERRUPTED, "")
    assert err == "interrupted: no file was left half-written\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.html", "shop"]
    assert target.read_text() == "the report of yesterday"


@pytest.mark.parametrize(("language", "words"), [("en", "in every run"), ("pt-BR", "a cada execução")])
def test_a_cache_that_cannot_be_written_is_named_with_what_it_costs(tmp_path, monkeypatch, capsys, language, words):
    from backend_expert.faces.output import announce_compilation
    from backend_expert.lab.load import compiled

    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    compiled.cache_directory.cache_clear()
    try:
        announce_compilation(language)
    finally:
        compiled.cache_directory().rmdir()
        compiled.cache_directory.cache_clear()
    assert words in capsys.readouterr().err

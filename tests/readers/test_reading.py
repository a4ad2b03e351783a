"""What `read` does with bad input: a clear refusal, or a reading that lists what it could not read."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend_expert import readers
from backend_expert.model import Unread
from backend_expert.readers.compose.component import KNOWN_KEYS

GOOD = "services:\n  api: {image: acme/api, environment: [DB_HOST=db]}\n  db: {image: postgres}\n"


def unread(reading: readers.Reading, file: str) -> Unread:
    (entry,) = [each for each in reading.unread if each.file == file]
    return entry


def test_every_format_is_found_by_walking_the_package():
    assert {"compose", "dockerfile", "kubernetes", "nginx"} <= set(readers.formats())
    assert not {"join", "addresses", "dotenv"} & set(readers.formats())


def test_nothing_at_the_path(tmp_path: Path):
    with pytest.raises(readers.NothingToRead):
        readers.read(tmp_path / "missing")
    with pytest.raises(readers.NothingToRead):
        readers.read(tmp_path)


def test_a_repository_without_deployments_is_an_empty_system(tree):
    reading = readers.read(tree({"README.md": "hello"}))
    assert reading.system.components == ()
    assert reading.system.name == reading.system.name.strip() != ""


def test_broken_yaml_names_its_line_and_the_rest_is_read(tree):
    reading = readers.read(tree({"compose.yaml": GOOD, "other/docker-compose.yml": "services:\n  a: {image: x\n  b: [\n"}))
    assert [component.name for component in reading.system.components] == ["api", "db"]
    entry = unread(reading, "other/docker-compose.yml")
    assert entry.line > 1
    assert not entry.partly
    assert "correct the line" in entry.reason.en


def test_a_yaml_bomb_is_refused_quickly(tree):
    levels = "\n".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))
    bomb = f"services:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{levels}\n"
    reading = readers.read(tree({"docker-compose.yml": bomb, "ok/compose.yaml": GOOD}))
    assert "nodes" in unread(reading, "docker-compose.yml").reason.en
    assert len(reading.system.components) == 2


def test_huge_and_binary_files_are_listed(tree):
    root = tree({"compose.yaml": GOOD})
    (root / "docker-compose.yml").write_bytes(b"\x7fELF\0")
    with (root / "huge-compose.yml").open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    reading = readers.read(root)
    assert "binary" in unread(reading, "docker-compose.yml").reason.en
    assert "larger than" in unread(reading, "huge-compose.yml").reason.en
    assert len(reading.system.components) == 2


def test_a_link_out_of_the_root_is_listed(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "compose.yaml"
    outside.write_text("services: {stolen: {image: x}}")
    root = tree({"compose.yaml": GOOD})
    (root / "docker-compose.yml").symlink_to(outside)
    reading = readers.read(root)
    assert "out of the repository" in unread(reading, "docker-compose.yml").reason.en
    assert "stolen" not in {component.name for component in reading.system.components}


def test_a_single_file_is_read(tree):
    root = tree({"deploy/my-compose.yml": GOOD, "compose.yaml": "services: {other: {image: x}}"})
    reading = readers.read(root / "deploy/my-compose.yml")
    assert [component.name for component in reading.system.components] == ["api", "db"]


def test_the_same_name_in_two_deployments_is_one_component_and_a_note(tree):
    reading = readers.read(tree({"compose.yaml": GOOD, "api/compose.yaml": "services: {api: {image: acme/api}}"}))
    assert [component.name for component in reading.system.components] == ["api", "db"]
    assert "compose:api/compose.yaml" in reading.notes[0].en


def test_reading_twice_gives_the_same_bytes(tree):
    root = tree(
        {"compose.yaml": GOOD, "b/compose.yaml": GOOD, "web/nginx.conf": "server { location / { proxy_pass http://api; } }"}
    )
    assert msgspec.json.encode(readers.read(root)) == msgspec.json.encode(readers.read(root))


def test_no_secret_is_in_a_reading(tree):
    root = tree(
        {
            "compose.yaml": (
                "services:\n  db: {image: postgres}\n  api:\n    build: .\n    env_file: .env\n    environment:\n"
                "      URL: postgres://u:hunter2@db/x\n      PAY: http://u:hunter2@missing:80\n"
                "    command: --token hunter2 --url amqp://u:hunter2@db\n"
            ),
            ".env": "DB_PASSWORD=hunter2\nAPI_KEY=hunter2\n",
            "Dockerfile": "FROM node\nENV SESSION_SECRET=hunter2\n",
        }
    )
    assert b"hunter2" not in msgspec.json.encode(readers.read(root))


def read_text(name: str, content: bytes) -> readers.Reading:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / name).write_bytes(content)
        return readers.read(Path(directory))


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.sampled_from(["api", "db", "db:5432"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=8
)
KEYS = st.sampled_from([*sorted(KNOWN_KEYS), "unknown"])
COMPOSE = st.fixed_dictionaries(
    {"services": st.dictionaries(st.sampled_from(["api", "db", "mq"]), st.dictionaries(KEYS, VALUES, max_size=6), max_size=3)},
    optional={"include": VALUES, "networks": VALUES, "volumes": VALUES, "version": VALUES},
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150, deadline=None)
@given(COMPOSE)
def test_any_tree_as_compose_is_a_reading(content: dict[str, object]):
    reading = read_text("compose.yaml", yaml.safe_dump(content).encode())
    assert {component.name for component in reading.system.components} <= set(content["services"])
    assert all(entry.file == "compose.yaml" for entry in reading.unread)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_as_compose_are_a_reading_or_listed(content: bytes):
    assert read_text("docker-compose.yml", content).system.components == ()


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="services:\n  api{}[]&*<!-'\"$|>#image build", max_size=300))
def test_texts_like_compose_are_a_reading_or_listed(content: str):
    with contextlib.suppress(UnicodeEncodeError):
        reading = read_text("docker-compose.yml", ("services:\n" + content).encode())
        assert all(entry.file == "docker-compose.yml" and entry.line > 0 for entry in reading.unread)

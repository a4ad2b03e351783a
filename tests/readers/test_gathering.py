"""Readers beside one another, and what they found before: the same bytes whichever way they come."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from backend_expert import readers
from backend_expert.readers import gathering, kept

FILES = {
    "compose.yaml": "services:\n  api: {build: ./api}\n  stock: {build: ./stock}\n  db: {image: postgres}\n",
    "api/Dockerfile": "FROM python:3.12\nCOPY . .\n",
    "api/app.py": """\
        import requests

        @app.get("/orders")
        def orders():
            return requests.get("http://stock:8080/items", timeout=2)
    """,
    "stock/Dockerfile": "FROM golang\nENV DB_HOST=db\n",
    "stock/main.go": 'package main\n\nfunc main() {\n\thttp.HandleFunc("/items", items)\n\tsql.Open("pgx", "postgres://db/stock")\n}\n',
    "broken/docker-compose.yml": "services: [\n",
    "huge.json": "x",
}


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache directory of the test's own, for a product that finds every repository worth keeping."""
    place = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    monkeypatch.setattr(gathering, "WORTH_KEEPING", 1)
    return place / "backend-expert" / "readings"


def as_bytes(reading: readers.Reading) -> bytes:
    return msgspec.json.encode(reading)


def unreadable(*_: object) -> None:
    raise AssertionError("a reader ran although nothing changed")


def test_entries_give_the_same_bytes_without_reading_again(tree, cache, monkeypatch):
    root = tree(FILES)
    plain = as_bytes(readers.read(root))
    assert not cache.exists()
    assert as_bytes(readers.read(root, keep=True)) == plain
    monkeypatch.setattr(gathering, "_found", unreadable)
    assert as_bytes(readers.read(root, keep=True)) == plain


def test_processes_give_the_same_bytes(tree, monkeypatch):
    root = tree(FILES)
    plain = as_bytes(readers.read(root))
    monkeypatch.setattr(gathering, "WORTH_PROCESSES", 1)
    assert as_bytes(readers.read(root)) == plain


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("api/app.py", FILES["api/app.py"].replace("/items", "/other")),
        ("compose.yaml", FILES["compose.yaml"].replace("db:", "base:")),
        ("worker/main.py", "import requests\nrequests.get('http://stock:8080/')\n"),
        ("broken/docker-compose.yml", "services: {}\n"),
    ],
)
def test_a_change_is_seen(tree, cache, name, text):
    readers.read(tree(FILES), keep=True)
    root = tree({name: text})
    assert as_bytes(readers.read(root, keep=True)) == as_bytes(readers.read(root))


def test_a_file_that_can_no_longer_be_read_is_seen(tree, cache):
    root = tree(FILES)
    readers.read(root, keep=True)
    (root / "api/app.py").write_bytes(b"\xff\xfe")
    entry = [each for each in readers.read(root, keep=True).unread if each.file == "api/app.py"]
    assert entry


@pytest.mark.parametrize("damage", [b"", b"no entry", b"\0" * 5_000])
def test_a_damaged_entry_is_passed_over_and_written_anew(tree, cache, damage):
    root = tree(FILES)
    plain = as_bytes(readers.read(root, keep=True))
    before = {entry.name: entry.read_bytes() for entry in cache.iterdir()}
    for entry in cache.iterdir():
        entry.write_bytes(damage)
    assert as_bytes(readers.read(root, keep=True)) == plain
    assert {entry.name: entry.read_bytes() for entry in cache.iterdir()} == before


def test_an_entry_with_a_flipped_bit_or_a_false_type_is_passed_over(tree, cache):
    root = tree(FILES)
    readers.read(root, keep=True)
    entry = next(each for each in cache.iterdir() if each.name.startswith("python"))
    repository = readers.Repository.open(root)
    assert kept.load(entry, repository.view()) is not None
    content = bytearray(entry.read_bytes())
    content[-1] ^= 1
    entry.write_bytes(bytes(content))
    assert kept.load(entry, repository.view()) is None
    kept.save(entry, msgspec.msgpack.encode({"fragments": "no"}))
    assert kept.load(entry, repository.view()) is None


def test_an_entry_that_is_a_link_is_not_followed(tree, cache, tmp_path_factory):
    root = tree(FILES)
    readers.read(root, keep=True)
    entry = next(each for each in cache.iterdir() if each.name.startswith("python"))
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "entry"
    entry.rename(elsewhere)
    entry.symlink_to(elsewhere)
    assert kept.load(entry, readers.Repository.open(root)) is None


def test_no_entry_is_larger_than_the_limit(cache, monkeypatch):
    cache.mkdir(parents=True)
    monkeypatch.setattr(kept, "ENTRY_LIMIT", 100)
    kept.save(cache / "large", b"x" * 100)
    assert not list(cache.iterdir())


def test_the_oldest_entries_go_first(cache, monkeypatch):
    cache.mkdir(parents=True)
    monkeypatch.setattr(kept, "ENTRIES_LIMIT", 2)
    for age, name in enumerate(["c", "b", "a"]):
        kept.save(cache / name, b"x")
        os.utime(cache / name, (age, age))
    kept.save(cache / "d", b"x")
    assert sorted(entry.name for entry in cache.iterdir()) == ["a", "d"]


def test_a_cache_that_cannot_be_made_costs_only_time(tree, cache, monkeypatch, tmp_path_factory):
    root = tree(FILES)
    plain = as_bytes(readers.read(root))
    blocked = tmp_path_factory.mktemp("blocked") / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert kept.directory() is None
    assert as_bytes(readers.read(root, keep=True)) == plain


def test_a_place_that_others_can_write_is_not_used(cache):
    cache.mkdir(parents=True)
    assert kept.directory() == cache
    cache.chmod(0o777)
    assert kept.directory() is None


def test_a_small_repository_leaves_nothing_behind(tree, cache, monkeypatch):
    monkeypatch.setattr(gathering, "WORTH_KEEPING", 300)
    readers.read(tree(FILES), keep=True)
    assert not cache.exists()

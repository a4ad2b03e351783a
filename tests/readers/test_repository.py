from __future__ import annotations

import os
from pathlib import Path

import pytest

from backend_expert.readers import NothingToRead, Repository
from backend_expert.readers.repository import SIZE_LIMIT, beside, printable


def reasons(repository: Repository) -> dict[str, str]:
    return {entry.file: entry.reason.en for entry in repository.unread}


def test_files_are_sorted_relative_paths_without_products_and_copies(tree):
    root = tree({"b.yml": "", "a/c.yml": "", "node_modules/x/compose.yml": "", ".git/config": "", "a/dist/d.yml": ""})
    assert Repository.open(root).files == ("a/c.yml", "b.yml")


def test_a_single_file_is_a_repository_of_that_file(tree):
    root = tree({"compose.yml": "services: {}", "other.yml": ""})
    repository = Repository.open(root / "compose.yml")
    assert repository.files == ("compose.yml",)
    assert repository.text("other.yml") is None


@pytest.mark.parametrize("name", ["missing", "missing/deeper", "bad\0name"])
def test_a_path_without_anything_is_named_in_both_languages(tmp_path: Path, name: str):
    with pytest.raises(NothingToRead) as raised:
        Repository.open(tmp_path / name)
    assert "nothing at this path" in raised.value.text.en
    assert "não há nada" in raised.value.text.pt


def test_an_empty_directory_is_nothing_to_read(tmp_path: Path):
    with pytest.raises(NothingToRead, match="no file"):
        Repository.open(tmp_path)


def test_a_directory_of_left_out_directories_is_nothing_to_read(tree):
    with pytest.raises(NothingToRead):
        Repository.open(tree({"node_modules/a.js": ""}))


def test_a_huge_file_is_never_loaded_and_is_listed(tree):
    root = tree({"ok.yml": "a: 1"})
    with (root / "compose.yml").open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    repository = Repository.open(root)
    assert repository.text("compose.yml") is None
    assert "larger than 4 MB" in reasons(repository)["compose.yml"]


def test_a_file_of_exactly_the_limit_is_read(tree):
    root = tree({"a.yml": "x" * SIZE_LIMIT, "b.yml": "x" * (SIZE_LIMIT + 1)})
    repository = Repository.open(root)
    assert repository.text("a.yml") is not None
    assert repository.text("b.yml") is None


def test_binary_and_undecodable_files_are_listed_once_with_the_line(tree):
    root = tree({"ok.yml": ""})
    (root / "binary.yml").write_bytes(b"\x7fELF\0\0\x01")
    (root / "latin.yml").write_bytes(b"a: 1\nb: \xe9t\xe9\n")
    repository = Repository.open(root)
    for _ in range(2):
        assert repository.text("binary.yml") is None
        assert repository.text("latin.yml") is None
    assert "binary" in reasons(repository)["binary.yml"]
    assert [entry.line for entry in repository.unread if entry.file == "latin.yml"] == [2]


def test_a_byte_order_mark_and_windows_line_ends_do_not_count(tree):
    root = tree({"a": ""})
    (root / "a").write_bytes(b"\xef\xbb\xbfA=1\r\nB=2\r\n")
    assert Repository.open(root).text("a") == "A=1\nB=2\n"


def test_a_link_out_of_the_root_is_listed_and_never_followed(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.yml").write_text("secret")
    root = tree({"ok.yml": ""})
    (root / "link.yml").symlink_to(outside / "secret.yml")
    (root / "directory").symlink_to(outside)
    repository = Repository.open(root)
    assert repository.files == ("ok.yml",)
    assert all("out of the repository" in reasons(repository)[name] for name in ("link.yml", "directory"))
    assert repository.text("link.yml") is None


def test_a_file_that_became_a_link_after_opening_is_not_followed(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.yml"
    outside.write_text("secret")
    root = tree({"a.yml": "mine"})
    repository = Repository.open(root)
    (root / "a.yml").unlink()
    (root / "a.yml").symlink_to(outside)
    assert repository.text("a.yml") is None
    assert "out of the repository" in reasons(repository)["a.yml"]


def test_loops_of_links_are_listed(tree):
    root = tree({"ok.yml": ""})
    (root / "one.yml").symlink_to("two.yml")
    (root / "two.yml").symlink_to("one.yml")
    (root / "self").symlink_to(".")
    repository = Repository.open(root)
    assert repository.files == ("ok.yml",)
    assert {"one.yml", "two.yml"} <= set(reasons(repository))


def test_a_link_to_a_listed_file_does_not_say_it_twice(tree):
    root = tree({"a.yml": ""})
    (root / "b.yml").symlink_to("a.yml")
    assert Repository.open(root).files == ("a.yml",)


def test_pipes_are_listed_and_do_not_block(tree):
    root = tree({"ok.yml": ""})
    os.mkfifo(root / "pipe.yml")
    repository = Repository.open(root)
    assert repository.files == ("ok.yml",)
    assert "not a regular file" in reasons(repository)["pipe.yml"]


def test_a_file_that_is_gone_is_listed(tree):
    root = tree({"a.yml": "", "b.yml": ""})
    repository = Repository.open(root)
    (root / "a.yml").unlink()
    assert repository.text("a.yml") is None
    assert "could not be opened" in reasons(repository)["a.yml"]


def test_names_that_steer_a_terminal_are_escaped(tree):
    root = tree({"ok.yml": "", "bad\x1b[31m.yml": ""})
    repository = Repository.open(root)
    assert repository.files == ("ok.yml",)
    assert list(reasons(repository)) == ["bad\\x1b[31m.yml"]


def test_directories_that_are_too_deep_are_listed(tree):
    deep = "/".join("d" * 40)
    root = tree({"ok.yml": "", f"{deep}/compose.yml": ""})
    repository = Repository.open(root)
    assert repository.files == ("ok.yml",)
    assert any("nested deeper" in reason for reason in reasons(repository).values())


def test_matching_compares_names_or_whole_paths(tree):
    repository = Repository.open(tree({"a/Dockerfile": "", "Dockerfile.dev": "", "a/b.yml": ""}))
    assert repository.matching("Dockerfile*") == ("Dockerfile.dev", "a/Dockerfile")
    assert repository.matching("a/*.yml") == ("a/b.yml",)


@pytest.mark.parametrize(
    ("file", "relative", "expected"),
    [
        ("deploy/compose.yml", "../src", "src"),
        ("compose.yml", ".", "."),
        ("compose.yml", ".\\web", "web"),
        ("compose.yml", "../other", None),
        ("a/compose.yml", "../../etc/passwd", None),
        ("compose.yml", "/etc/passwd", None),
        ("compose.yml", "C:/data", None),
        ("compose.yml", "~/x", None),
    ],
)
def test_beside_never_leaves_the_root(file: str, relative: str, expected: str | None):
    assert beside(file, relative) == expected


def test_printable_keeps_letters_of_every_alphabet():
    assert printable("configuração/日本.yml") == "configuração/日本.yml"


def test_directories_of_copies_and_products_are_counted(tree):
    names = (
        "node_modules/a.js",
        "web/node_modules/b.js",
        "web/package.json",
        "web/build/c.js",
        "vendor/d.go",
        ".venv/e.py",
        "f.yml",
    )
    (entry,) = Repository.open(tree(dict.fromkeys(names, ""))).unread
    assert (entry.file, entry.partly) == (".", True)
    assert entry.reason.en.endswith("not entered: build (1), node_modules (2), vendor (1)")

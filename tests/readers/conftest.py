"""Small repositories for the tests of the readers."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from backend_expert import readers
from backend_expert.model import System

Tree = Callable[[dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a function that writes files, given by relative path, and returns their root."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def joined(tree: Tree) -> Callable[[str, dict[str, str]], System]:
    """Return a function that reads the system of a Compose file (its services) and of the files beside it."""

    def read(services: str, files: dict[str, str]) -> System:
        compose = "services:\n" + textwrap.indent(textwrap.dedent(services), "  ")
        return readers.read(tree({"compose.yaml": compose} | files)).system

    return read

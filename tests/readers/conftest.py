"""Small repositories for the tests of the readers."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from backend_expert import readers
from backend_expert.model import System

Tree = Callable[[dict[str, str]], Path]


SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "readers"


@pytest.fixture(scope="session")
def script() -> Callable[[str], ModuleType]:
    """Return a function that loads a benchmark script by its name."""

    def load(name: str) -> ModuleType:
        file = SCRIPTS / f"{name}.py"
        if not file.exists():
            pytest.skip("benchmarks/ is not part of this installation")
        specification = importlib.util.spec_from_file_location(f"reader_{name}", file)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[specification.name] = module
        specification.loader.exec_module(module)
        return module

    return load


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

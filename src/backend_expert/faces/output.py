"""Where results go: the terminal, or a file that is written whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

from backend_expert.faces.cli import UsageError


class Advance(Protocol):
    """Tell a progress bar what is being done and how far it is."""

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:
        """Show `step`; `done` of `total` when there is something to count."""


def check_writable(path: Path | None) -> None:
    """Raise `UsageError` when a file could not be written there: before the work, not after it."""
    if path is None or str(path) == "-":
        if sys.stdout is None:
            raise UsageError("standard output is closed; name a file with --output")
        return
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"{path} is a directory; name a file to write the report to")
    if not folder.is_dir():
        raise UsageError(f"{path} cannot be written: the directory {folder} does not exist")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"{path} cannot be written: permission denied; choose another place with --output")


def write(text: str, path: Path | None) -> None:
    """Print a text, or write it to a file that appears only when it is complete; raise `UsageError` when it cannot be written."""
    if path is None or str(path) == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; choose another place with --output") from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


@contextmanager
def progress() -> Iterator[Advance]:
    """Show on standard error what is being done, when that is a terminal; stay silent otherwise."""
    if not sys.stderr.isatty():
        yield lambda step, done=0, total=0: None  # noqa: ARG005 - the signature is the protocol
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def advance(step: str, done: int = 0, total: int = 0) -> None:
            bar.update(task, description=step, completed=done, total=total or None)

        yield advance


def announce_compilation(language: str) -> None:
    """Say on standard error that the first run compiles the lab's kernel, when it is about to."""
    from backend_expert.lab import load

    if not load.kernel_is_compiled():
        told = {
            "en": "First run on this machine: the load lab is compiled once, which takes about ten seconds.",
            "pt-BR": "Primeira execução nesta máquina: o laboratório de carga é compilado uma vez, o que leva uns dez segundos.",
        }
        if not load.cache_is_kept():
            told = {
                "en": "The cache directory of this user cannot be written: the load lab is compiled in every run, which takes about ten "
                "seconds, and what was read is not kept. Set XDG_CACHE_HOME to a directory that can be written.",
                "pt-BR": "O diretório de cache deste usuário não aceita escrita: o laboratório de carga é compilado a cada execução, o que "
                "leva uns dez segundos, e o que foi lido não fica guardado. Aponte XDG_CACHE_HOME para um diretório que aceite escrita.",
            }
        print(told[language], file=sys.stderr, flush=True)


def default_language() -> Literal["en", "pt-BR"]:
    """Return `pt-BR` when the environment speaks Portuguese, else `en`."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "pt-BR" if value.lower().startswith("pt") else "en"
    return "en"


def use_color() -> bool:
    """Tell whether standard output takes colour: a terminal, unless NO_COLOR is set; FORCE_COLOR wins (no-color.org)."""
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")

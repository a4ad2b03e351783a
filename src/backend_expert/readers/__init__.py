"""Artefacts in, one System out, with the evidence of every fact."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from backend_expert.readers.gathering import Reader, gather
from backend_expert.readers.join import Reading, join
from backend_expert.readers.repository import NothingToRead, Repository

__all__ = ["NothingToRead", "Reading", "Repository", "formats", "read"]


def read(root: Path, *, keep: bool = False) -> Reading:
    """Return what is recovered of the repository at `root`; raise `NothingToRead` when there is none.

    With `keep`, what was found in a large repository stays under the user's cache directory for the next time.
    """
    repository = Repository.open(root)
    return join(gather(formats(), repository, keep), repository)


def formats() -> dict[str, Reader]:
    """Return the readers by the name of their format: every module of this package that defines `read`."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        reader = vars(loaded).get("read")
        if callable(reader) and reader.__module__ == loaded.__name__:
            found[module.name] = reader
    return found

"""The compiled kernel: where its machine code is kept, and whether it is there already.

numba keeps compiled functions beside their module, or where `NUMBA_CACHE_DIR` says. An installed package may not be writable, and numba
looks only at the module of the outermost function to see whether the code changed; so the directory is chosen here, in
the user's cache, and its name holds a digest of every module that is compiled.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backend_expert.lab.load.rows import Index

COMPILED_MODULES = (
    "arrivals.py", "balancing.py", "caches.py", "calls.py", "codes.py", "control.py", "frames.py", "gates.py", "policies.py",
    "layout.py", "rows.py", "random_keys.py", "histogram.py", "heap.py", "jit.py", "kernel.py", "outliers.py", "vocabulary.py")  # fmt: skip


@functools.cache
def cache_directory() -> Path:
    """Return the directory of the compiled kernel, made when it is missing; a temporary one where nothing can be written."""
    package = resources.files(__package__ or "backend_expert.lab.load")
    digest = hashlib.sha256(importlib.metadata.version("numba").encode())
    for name in COMPILED_MODULES:
        digest.update(package.joinpath(name).read_bytes())
    stated = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    base = Path(stated) if stated else Path.home() / ".cache"
    place = base / "backend-expert" / f"kernel-{digest.hexdigest()[:16]}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        writable = os.access(place, os.W_OK)
    except OSError:
        writable = False
    return place if writable else Path(tempfile.mkdtemp(prefix="backend-expert-kernel-"))


def cache_is_kept() -> bool:
    """Tell whether the compiled kernel stays for the next process: not where it is in a temporary directory."""
    return cache_directory().parent.name == "backend-expert"


def kernel_is_compiled() -> bool:
    """Tell whether the kernel's machine code is cached, so that the first run need not compile it (some seconds, once a machine)."""
    return any(cache_directory().rglob("kernel.simulate*.nbc"))


@functools.cache
def kernel() -> Callable[[NDArray[Any], int], Index]:
    """Return the function `simulate`, loaded from the cache or compiled at its first call."""
    from numba.core import config as numba_config

    config: Any = numba_config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_directory())
    try:
        from backend_expert.lab.load.kernel import simulate
    finally:
        config.CACHE_DIR = before
    return simulate

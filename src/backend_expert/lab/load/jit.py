"""The decorators of compiled functions, typed so that a type checker sees the functions themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function that other compiled functions call."""
    return cast("Function", njit(error_model="numpy")(function))


def inlined(function: Function) -> Function:
    """Compile a small function into each of its callers."""
    return cast("Function", njit(forceinline=True, error_model="numpy")(function))


def cached(function: Function) -> Function:
    """Compile a function that Python calls; its machine code is kept on disk, and it runs without the interpreter's lock."""
    return cast("Function", njit(cache=True, nogil=True, error_model="numpy")(function))

"""Rows of the program that are not known yet, and the names that random draws go by."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from msgspec import Struct


class Label(Struct):
    """A row that is not known yet; in a table of integers it is its row."""

    row: int = -1

    def __int__(self) -> int:
        return self.row


@lru_cache(maxsize=65536)
def hashed(text: str) -> int:
    """Return 64 bits that stand for a text in every random draw."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")

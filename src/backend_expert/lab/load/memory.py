"""Remember what runs of the system under review gave, so that no experiment runs them again for the next change."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from backend_expert.lab.load.program import Program
    from backend_expert.model import System


class Memory:
    """Hold results by what was run: the tables of a program or the bytes of a system, the scenario and the seed.

    It lives in the process that asks; workers never see it, so results are the same with any executor.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}

    def get(self, key: Hashable) -> Any:
        """Return what was kept under a key, or `None`."""
        return self._kept.get(key)

    def keep(self, key: Hashable, result: Any) -> None:
        """Keep a result under a key."""
        self._kept[key] = result


def program_digest(program: Program) -> bytes:
    """Return 16 bytes that are equal for programs that give equal runs with equal seeds."""
    known = hashlib.blake2b(digest_size=16)
    known.update(repr((program.scenario, program.streams, program.entries, program.components, program.pools)).encode())
    known.update(repr([(first, space.rate, space.life) for first, space in program.key_spaces]).encode())
    tables = program.plan.tables
    known.update(repr([(name, place.offset, place.rows) for name, place in tables.places.items()]).encode())
    known.update(tables.memory.data)
    return known.digest()


def system_digest(system: System) -> bytes:
    """Return 16 bytes that are equal for equal systems."""
    return hashlib.blake2b(msgspec.msgpack.encode(system), digest_size=16).digest()

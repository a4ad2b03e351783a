"""Keep what a reader found under the user's cache directory, for as long as every file that it looked at stays the same.

An entry is named by the reader, the list of files of the repository, the sources of the readers and the versions of the grammars. It
holds the digest of each file that was looked at: one that differs makes the entry useless. Entries are never executed, only decoded into
the types they were written from; what is no entry of ours (damaged, too large, of somebody else) is passed over and written anew.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import stat
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec
from msgspec import Struct

from backend_expert.model import Unread
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.repository import Repository

ENTRY_LIMIT = 64 * 1024 * 1024
"""Largest entry, in bytes: that of the 740 Java files of the largest system tried has 0.7 MB."""

ENTRIES_LIMIT = 500
"""Most entries that are kept: about 100 repositories; the oldest are deleted."""

_DIGEST_SIZE = 32
_PARSERS = ("msgspec", "PyYAML", "sqlglot", "tree-sitter", "tree_sitter")


class Found(Struct, frozen=True):
    """What one reader found: its fragments, what it left out, and the digest of every file it looked at, in order."""

    fragments: tuple[Fragment, ...]
    unread: tuple[Unread, ...]
    looked: tuple[tuple[str, str], ...]


def encoded(found: Found) -> bytes:
    """Return the one form in which findings travel: from other processes, to entries and back."""
    return msgspec.msgpack.encode(found)


def decoded(content: bytes) -> Found:
    """Return the findings of an encoded form; raise `msgspec.DecodeError` for anything else."""
    return msgspec.msgpack.decode(content, type=Found)


def directory() -> Path | None:
    """Return where entries are kept, made when it is missing; nothing where the user has no place that only he can write."""
    stated = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(stated) if stated.startswith("/") else Path.home() / ".cache"
        place = base / "backend-expert" / "readings"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = place.stat()
    except (OSError, RuntimeError):
        return None
    own = not hasattr(os, "getuid") or (state.st_uid == os.getuid() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    return place if own and os.access(place, os.W_OK) else None


def entry_name(reader: str, repository: Repository) -> str:
    """Return the name of the entry of a reader for a list of files."""
    digest = hashlib.blake2b("\0".join((_version(), reader, *repository.files)).encode("utf-8", "surrogateescape"), digest_size=16)
    return f"{reader}-{digest.hexdigest()}"


def load(entry: Path, repository: Repository) -> Found | None:
    """Return the findings of an entry when every file that they rest on is still the same, else nothing."""
    try:
        descriptor = os.open(entry, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(ENTRY_LIMIT + 1)
        if (
            len(content) > ENTRY_LIMIT
            or hashlib.blake2b(content[_DIGEST_SIZE:], digest_size=_DIGEST_SIZE).digest() != content[:_DIGEST_SIZE]
        ):
            return None
        found = decoded(content[_DIGEST_SIZE:])
    except (OSError, msgspec.DecodeError):
        return None  # No entry, or none of ours: it is read anew and written over.
    return found if all(repository.digest(path) == digest for path, digest in found.looked) else None


def save(entry: Path, content: bytes) -> None:
    """Write an entry whole or not at all; a disk that takes none costs the next reading time and nothing else."""
    if len(content) + _DIGEST_SIZE > ENTRY_LIMIT:
        return
    try:
        descriptor, written = tempfile.mkstemp(dir=entry.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.blake2b(content, digest_size=_DIGEST_SIZE).digest() + content)
            Path(written).replace(entry)
        except OSError:
            Path(written).unlink(missing_ok=True)
            raise
        _drop_oldest(entry.parent)
    except OSError:
        return


def _drop_oldest(place: Path) -> None:
    entries = sorted(place.iterdir(), key=lambda entry: (entry.stat().st_mtime_ns, entry.name))
    for entry in entries[:-ENTRIES_LIMIT]:
        entry.unlink(missing_ok=True)


@cache
def _version() -> str:
    """Return what identifies this version of the readers, of the types they give, and of the parsers they use."""
    parts = [
        content for package in ("backend_expert.readers", "backend_expert.model") for content in _sources(resources.files(package))
    ]
    installed = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    parts.extend(f"{name} {installed[name]}".encode() for name in sorted(installed) if name.startswith(_PARSERS))
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).hexdigest()


def _sources(directory: Traversable) -> Iterator[bytes]:
    for entry in sorted(directory.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry.read_bytes()

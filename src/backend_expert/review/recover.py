"""From a repository to its model: read, lay system.yaml over it, and keep what could not be read."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from msgspec import Struct

from backend_expert import readers
from backend_expert.model import System, Text, Unread, system_file, without_superseded
from backend_expert.readers.repository import NothingToRead, Repository

SYSTEM_FILE = "system.yaml"

_COMMIT = re.compile(r"[0-9a-f]{40}")


class Recovered(Struct, frozen=True):
    """The model of a repository: the system, what was read and not read, notes, and what identifies the state of the files."""

    system: System
    files: tuple[str, ...]
    unread: tuple[Unread, ...]
    notes: tuple[Text, ...]
    digest: str
    commit: str


def recover(path: Path, overlay: tuple[str, str] | None = None) -> Recovered:
    """Read a repository and lay a `system.yaml` over it: the given one (name, text), else the one at its root.

    Raises `NothingToRead` when nothing in it is a system, and `SystemFileError` when the overlay cannot be used.
    """
    repository = Repository.open(path)
    reading = readers.read(path, keep=True)
    system, notes, files = reading.system, reading.notes, reading.files
    if overlay is None and SYSTEM_FILE in repository:
        text = repository.text(SYSTEM_FILE)
        overlay = None if text is None else (SYSTEM_FILE, text)
        files = (*files, SYSTEM_FILE)
    if overlay is not None:
        name, text = overlay
        stated = system_file.overlay(system, text, name)
        notes = (*notes, *system_file.contradictions(system, stated))
        system = without_superseded(stated)
    if not system.components:
        raise NothingToRead(
            Text(
                f"{path}: no system was found; it is read from Docker Compose files, Kubernetes manifests, Helm charts "
                f"or a system.yaml.",
                f"{path}: nenhum sistema encontrado; ele é lido de arquivos Docker Compose, manifestos Kubernetes, charts Helm "
                f"ou de um system.yaml.",
            )
        )
    unread = tuple(sorted({*reading.unread, *repository.unread}))
    files = tuple(sorted(set(files)))
    return Recovered(system, files, unread, notes, _digest(repository, files, overlay), _commit(path))


def _digest(repository: Repository, files: tuple[str, ...], overlay: tuple[str, str] | None) -> str:
    """Return a hash of everything that was read: the same files give the same digest, whatever the time or the place."""
    digest = hashlib.sha256()
    for name in files:
        text = repository.text(name) if name in repository else None
        digest.update(f"{name}\0{text or ''}\0".encode())
    if overlay is not None:
        digest.update("\0".join(overlay).encode())
    return digest.hexdigest()[:16]


def _commit(path: Path) -> str:
    """Return the commit that HEAD points to, or nothing.

    It is read from git's files: running git in a repository that is not ours could run what its configuration names.
    """
    folder = path if path.is_dir() else path.parent
    git = next((each / ".git" for each in (folder, *folder.resolve().parents) if (each / ".git").is_dir()), None)
    if git is None:
        return ""
    try:
        head = _start(git / "HEAD")
        if _COMMIT.fullmatch(head):
            return head
        reference = head.removeprefix("ref: ")
        if re.fullmatch(r"refs/[\w./-]+", reference) and ".." not in reference:
            loose = git / reference
            if loose.is_file():
                return _start(loose) if _COMMIT.fullmatch(_start(loose)) else ""
            packed = (git / "packed-refs").read_text(encoding="utf-8", errors="replace")[:1_000_000]
            match = re.search(rf"^([0-9a-f]{{40}}) {re.escape(reference)}$", packed, re.MULTILINE)
            return match[1] if match else ""
    except OSError:
        return ""  # a repository whose git files cannot be read has no commit that we could name
    return ""


def _start(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as stream:
        return stream.read(1000).strip()

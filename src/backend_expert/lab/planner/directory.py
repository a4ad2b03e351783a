"""The private directory of a server: made, locked as long as it is in use, and swept where a killed run left it behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import tempfile
import time
from pathlib import Path
from typing import IO

from backend_expert.lab.planner.identity import identity_of_server

_PREFIX = "backend-expert-pg-"
_SOCKET_LIMIT = 100  # a path of a socket holds 107 bytes on Linux, 103 on macOS (sun_path), with `/.s.PGSQL.5432` in it


def base_directory() -> Path:
    """Return where private directories are made: the temporary directory, unless its path is too long or the server could not reach it."""
    stated = Path(tempfile.gettempdir()).resolve()
    fits = len(str(stated)) + len(_PREFIX) + 24 < _SOCKET_LIMIT
    reachable = os.geteuid() != 0 or all(each.stat().st_mode & 0o001 for each in (stated, *stated.parents))
    return stated if fits and reachable else Path("/tmp")  # noqa: S108 - mkdtemp makes the directory in it private


def private_directory(base: Path) -> tuple[Path, IO[bytes]]:
    """Return a new directory of our own below `base`, and its lock, held while the file is open."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        lock = (directory / "lock").open("wb")
        # Another run that sweeps may have taken the lock first: then it removes the directory, and we make another.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (directory / "lock").exists():
            return directory, lock
        lock.close()


def sweep(base: Path) -> None:
    """Remove what a run left behind whose process and guardian were both killed: a directory of ours that nobody holds locked."""
    other = identity_of_server()
    ours = {os.geteuid(), *(other[:1] if other is not None else ())}
    for directory in sorted(base.glob(f"{_PREFIX}*")):
        lock = directory / "lock"
        try:
            status = directory.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid not in ours:
                continue
            # As root we gave the directory to another user, who could put a link here: a link is not followed, and its lock not ours.
            handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue  # not ours to read, or just being made: its own process will see to it
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            end_orphan(directory)
            shutil.rmtree(directory, ignore_errors=True)
        except OSError:
            pass  # locked: it is in use
        finally:
            os.close(handle)


def end_orphan(directory: Path) -> None:
    """Stop a server whose data directory this is, by the process id in it, after checking that the process really works there."""
    try:
        pid = int((directory / "data" / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        works_in = Path(f"/proc/{pid}/cwd").readlink()
    except (OSError, ValueError):
        return  # it has ended already, or this system does not tell (no /proc): never signal a process that may be another's
    if works_in == directory / "data":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGQUIT)
        for _ in range(100):
            if not Path(f"/proc/{pid}").exists():
                return
            time.sleep(0.02)

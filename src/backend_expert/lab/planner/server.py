"""A private PostgreSQL server that holds no rows, listens on nothing but a socket of its own, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pwd
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from backend_expert.lab.planner import guardian
from backend_expert.lab.planner.binaries import MINIMAL_ENVIRONMENT, Binaries, find_binaries
from backend_expert.lab.planner.errors import BinaryNotReadable, DiskFull, PlannerError, RootNoUser, StartFailed
from backend_expert.model import Text

if TYPE_CHECKING:
    import psycopg

ADMINISTRATOR = "administrator"
OWNER = "schema_owner"
"""The plain role that loads what strangers wrote: no superuser, no right to create roles or databases, no other database to reach."""

_PREFIX = "backend-expert-pg-"
_PORT = "5432"  # part of the name of the socket, nothing listens on the network
_START_S = 30.0
_INITDB_S = 120.0
_SOCKET_LIMIT = 100  # a path of a socket holds 107 bytes on Linux, 103 on macOS (sun_path), with `/.s.PGSQL.5432` in it

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
    "-U",
    ADMINISTRATOR,
)

_SETTINGS = {
    "listen_addresses": "",
    "port": _PORT,
    "unix_socket_permissions": "0700",
    "autovacuum": "off",  # also keeps CREATE INDEX from overwriting restored statistics of the table
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "replica",  # "minimal" reads new small files back into the buffers at commit, over which our pages would not be seen
    "max_wal_senders": "0",
    "max_connections": "12",
    "max_locks_per_transaction": "1024",
    "shared_buffers": "16MB",
    "huge_pages": "off",
    "io_method": "sync",  # no worker processes for I/O that never happens
    "dynamic_shared_memory_type": "mmap",  # in the data directory, so that it goes with it
    "jit": "off",
    "max_prepared_transactions": "0",
    "temp_file_limit": "64MB",
    "restart_after_crash": "off",
    "log_min_messages": "fatal",
    "update_process_title": "off",
}


class Server:
    """A running server: connect to it, make databases on it."""

    def __init__(self, directory: Path, binaries: Binaries, identity: tuple[int, int] | None) -> None:
        self.directory = directory
        self.binaries = binaries
        self.identity = identity
        self._databases = 0

    @property
    def data(self) -> Path:
        """Return the data directory."""
        return self.directory / "data"

    def connect(self, database: str, role: str = OWNER) -> psycopg.Connection[tuple[Any, ...]]:
        """Return a new connection in autocommit mode; raise `StartFailed` when the server has gone."""
        import psycopg

        try:
            return psycopg.connect(
                host=str(self.directory),
                port=int(_PORT),
                dbname=database,
                user=role,
                options="",
                sslmode="disable",
                gssencmode="disable",
                passfile=str(self.directory / "no-passwords"),
                client_encoding="utf8",
                connect_timeout=10,
                autocommit=True,
                prepare_threshold=None,
            )
        except psycopg.OperationalError as error:
            raise StartFailed(
                _with_log(
                    "The planner's server cannot be reached", "O servidor do planner não responde", self.directory, str(error)
                )
            ) from None

    def create_database(self, collation: str = "") -> str:
        """Return the name of a new, empty database of the plain role; `collation` is `C` or nothing for that of the server."""
        from psycopg import sql

        self._databases += 1
        name = f"lab_{self._databases}"
        words = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(sql.Identifier(name), sql.Identifier(OWNER))
        if collation:
            words += sql.SQL(" LC_COLLATE {}").format(sql.Literal(collation))
        with self.connect("postgres", ADMINISTRATOR) as administrator:
            administrator.execute(words)
            administrator.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
        return name


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, yield it, stop it and remove its directory, whatever happens in between.

    Raises `NoBinary`, `RootNoUser`, `BinaryNotReadable`, `StartFailed` or `DiskFull`. When this process is killed, the guardian
    notices and cleans up; should the guardian be killed too, the next start does.
    """
    found = find_binaries()
    identity = _unprivileged() if os.geteuid() == 0 else None
    base = _base()
    _sweep(base)
    directory, lock = _private_directory(base)
    process: subprocess.Popen[bytes] | None = None
    try:
        binaries = _executable(found, directory, identity)
        _fill(directory, binaries, identity)
        process = _launch(directory, binaries, identity, lock)
        server = Server(directory, binaries, identity)
        _wait(server, process)
        yield server
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(base) from None
        raise
    finally:
        _stop(directory, process)
        lock.close()


def _unprivileged() -> tuple[int, int]:
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


def _base() -> Path:
    stated = Path(tempfile.gettempdir()).resolve()
    fits = len(str(stated)) + len(_PREFIX) + 24 < _SOCKET_LIMIT
    reachable = os.geteuid() != 0 or all(each.stat().st_mode & 0o001 for each in (stated, *stated.parents))
    return stated if fits and reachable else Path("/tmp")  # noqa: S108 - mkdtemp makes the directory in it private


def _private_directory(base: Path) -> tuple[Path, IO[bytes]]:
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    lock = (directory / "lock").open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return directory, lock


def _sweep(base: Path) -> None:
    """Remove what a run left behind whose process and guardian were both killed: a directory of ours that nobody holds locked."""
    ours = {os.geteuid(), *([_unprivileged()[0]] if os.geteuid() == 0 else [])}
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
            _end_orphan(directory)
            shutil.rmtree(directory, ignore_errors=True)
        except OSError:
            pass  # locked: it is in use
        finally:
            os.close(handle)


def _end_orphan(directory: Path) -> None:
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


def _executable(binaries: Binaries, directory: Path, identity: tuple[int, int] | None) -> Binaries:
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
            **_as(identity),
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _as(identity: tuple[int, int] | None) -> dict[str, Any]:
    return {} if identity is None else {"user": identity[0], "group": identity[1], "extra_groups": []}


def _fill(directory: Path, binaries: Binaries, identity: tuple[int, int] | None) -> None:
    """Make the data directory: a copy of the cached template, or a new one that becomes the template."""
    data = directory / "data"
    template = _cache() / f"postgresql-{binaries.version}-{_fingerprint()}"
    if (template / "PG_VERSION").is_file():
        shutil.copytree(template, data, symlinks=True)
    else:
        _initialise(data, binaries, identity)
        _keep(data, template)
    data.chmod(0o700)
    if identity is not None:
        for folder, names, files in os.walk(data):
            for each in (folder, *(str(Path(folder, name)) for name in (*names, *files))):
                os.chown(each, *identity, follow_symlinks=False)


def _fingerprint() -> str:
    import hashlib

    return hashlib.sha256("\0".join(_INITDB).encode()).hexdigest()[:8]


def _cache() -> Path:
    stated = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(stated) if stated.startswith("/") else Path("~/.cache").expanduser()
    return home / "backend-expert"


def _initialise(data: Path, binaries: Binaries, identity: tuple[int, int] | None) -> None:
    try:
        answer = subprocess.run(  # noqa: S603
            [str(binaries.folder / "initdb"), "-D", str(data), *_INITDB],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INITDB_S,
            cwd=data.parent,
            env=MINIMAL_ENVIRONMENT | {"HOME": str(data.parent)},
            check=False,
            **_as(identity),
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
            raise _disk_full(data.parent)
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


def _launch(directory: Path, binaries: Binaries, identity: tuple[int, int] | None, lock: IO[bytes]) -> subprocess.Popen[bytes]:
    user, group = identity or (-1, -1)
    settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    server = [str(binaries.folder / "postgres"), "-D", str(directory / "data"), "-k", str(directory), *settings]
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", str(Path(guardian.__file__)), str(directory), str(user), str(group), *server],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=MINIMAL_ENVIRONMENT,
        pass_fds=(lock.fileno(),),  # the guardian keeps the lock when we are gone
        start_new_session=True,  # Ctrl-C ends us; the guardian then ends the server in good order
    )


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers, and create the plain role."""
    from psycopg import sql

    assert process.stdout is not None
    said = b""
    deadline = time.monotonic() + _START_S
    while True:
        if select.select([process.stdout], [], [], 0.005)[0]:
            piece = os.read(process.stdout.fileno(), 4096)
            said += piece
            if b"down" in said or not piece:
                raise StartFailed(_with_log("PostgreSQL did not start", "O PostgreSQL não iniciou", server.directory))
        if not (server.directory / f".s.PGSQL.{_PORT}").exists():
            if time.monotonic() > deadline:
                raise StartFailed(
                    _with_log("PostgreSQL did not start in time", "O PostgreSQL não iniciou a tempo", server.directory)
                )
            continue
        try:
            with server.connect("postgres", ADMINISTRATOR) as administrator:
                administrator.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(OWNER)))
                administrator.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
        except StartFailed:
            if time.monotonic() > deadline:
                raise
            continue
        return


def _stop(directory: Path, process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()  # the sign to leave
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
    if directory.exists():  # the guardian removes it; if it could not start or was killed, we do
        _end_orphan(directory)
        shutil.rmtree(directory, ignore_errors=True)


def _disk_full(place: Path) -> PlannerError:
    return DiskFull(
        Text(
            f"There is no room in {place} for the planner's database (about 60 MB): free some, or set TMPDIR to another disk.",
            f"Não há espaço em {place} para o banco do planner (cerca de 60 MB): libere espaço ou aponte TMPDIR para outro disco.",
        )
    )


def _with_log(english: str, portuguese: str, directory: Path, reason: str = "") -> Text:
    try:
        log = (directory / "log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        log = ""
    tail = " ".join(f"{reason} {log[-600:]}".split())
    return Text(f"{english}: {tail or 'its log is empty'}", f"{portuguese}: {tail or 'o log dele está vazio'}")

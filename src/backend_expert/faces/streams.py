"""The streams of a process: closed ones, ones that cannot say every sign, and readers that leave early."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path


def prepare() -> None:
    """Make both streams take every text: UTF-8 into files and pipes, a question mark for what a terminal cannot show.

    A JSON or HTML report is UTF-8 whatever the locale says (RFC 8259, section 8.1). A standard error that was closed is replaced by
    nowhere: Python would print to standard output what is meant for it.
    """
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it lives as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def abandon_output() -> None:
    """Send nowhere what was not printed yet: the reader has left, and the flush at the end of the process would fail again."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except io.UnsupportedOperation:
            return  # a stream without a file has no reader that could leave

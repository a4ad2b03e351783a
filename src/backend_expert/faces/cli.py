"""The command line: names, exit codes, and one sentence for everything that goes wrong."""

from __future__ import annotations

import sys
from enum import IntEnum

import cyclopts

from backend_expert import __version__


class Exit(IntEnum):
    """What the exit code of every command means."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    NOTHING = 3
    FAILED = 4
    INTERRUPTED = 130


class UsageError(Exception):
    """Report a wrong argument in one sentence."""


_EXIT_CODES = """Exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage or configuration, 3 nothing to review, \
4 internal failure or a lab that could not run, 130 interrupted."""

app = cyclopts.App(
    name="backend-expert",
    help="Review a backend as a senior engineer would: every recommendation has been tried in a lab before it is printed.",
    help_epilogue=_EXIT_CODES,
    version=__version__,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)
# Lazy: a command's module is imported when that command runs, so that --help and --version stay fast.
for _name, _help in (
    ("review", "Review a repository: read it, find problems, try remedies in the lab, print a report."),
    ("model", "Print the recovered model of a repository as system.yaml."),
    ("simulate", "Run one scenario on the recovered system and print the numbers."),
    ("capacity", "Search the highest load that holds the objective, and how it grows with replicas."),
    ("queries", "Advise on PostgreSQL indexes and statements from schema, statistics and workload, without the data."),
    ("consistency", "Explore every business flow under crashes, duplicates and timeouts; print the shortest histories."),
    ("explain", "Print the page of a rule or a remedy."),
    ("rules", "List the rules."),
):
    app.command(f"backend_expert.faces.{_name}:{_name}", name=_name, help=_help)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line on `sys.argv` and leave the process with one of the documented exit codes."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    from backend_expert.faces.streams import abandon_output, prepare

    prepare()
    try:
        code = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
    except cyclopts.CycloptsError:
        return Exit.USAGE
    except KeyboardInterrupt:
        print("interrupted: no file was left half-written", file=sys.stderr)
        return Exit.INTERRUPTED
    except (BrokenPipeError, SystemExit):  # rich, which prints the help, leaves by itself when a pipe breaks
        abandon_output()
        return Exit.CLEAN
    except Exception as error:  # noqa: BLE001 - the last door: one sentence instead of a traceback, and the exit code says so
        return _explained(error)
    return int(code or 0)


def _explained(error: Exception) -> int:
    from backend_expert.lab.load import ModelError
    from backend_expert.lab.states import FlowError
    from backend_expert.model.system_file import SystemFileError
    from backend_expert.readers.repository import NothingToRead
    from backend_expert.review.brief import BriefError

    codes = {
        FlowError: Exit.USAGE,
        NothingToRead: Exit.NOTHING,
        SystemFileError: Exit.USAGE,
        BriefError: Exit.USAGE,
        ModelError: Exit.USAGE,
    }
    code = next((code for kind, code in codes.items() if isinstance(error, kind)), None)
    if code is None and isinstance(error, UsageError | OSError):
        code = Exit.USAGE
    if code is not None:
        print(f"backend-expert: {_sentence(error)}", file=sys.stderr)
        return code
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame is not None else "unknown place"
    print(
        f"backend-expert: internal failure, please report it: {type(error).__name__} at {place}: {error}",
        file=sys.stderr,
    )
    return Exit.FAILED


def _sentence(error: Exception) -> str:
    """Return what went wrong; the message of the system alone does not say where."""
    from backend_expert.faces.output import default_language
    from backend_expert.readers.repository import NothingToRead

    if isinstance(error, NothingToRead):
        return error.text.in_language(default_language())
    if isinstance(error, OSError) and error.errno is not None and error.filename is None:
        return f"standard output cannot be written: {error.strerror}; name a file with --output"
    return str(error)

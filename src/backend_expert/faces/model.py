"""`backend-expert model`."""

from __future__ import annotations

import sys
from pathlib import Path

from backend_expert.faces.cli import Exit
from backend_expert.faces.output import check_writable, write
from backend_expert.model import system_file
from backend_expert.model.assume import complete
from backend_expert.review import pipeline


def model(path: Path = Path(), /, *, output: Path | None = None, system: Path | None = None, assumed: bool = False) -> int:
    """Print the recovered model of a repository as system.yaml; reading it back gives the same model.

    Parameters
    ----------
    path
        The repository, or one file of it.
    output
        Write to this file instead of the terminal.
    system
        A system.yaml to lay over what is read, instead of the one in the repository.
    assumed
        Fill in what nobody said, marked as assumed: the numbers to replace by known ones.

    """
    from backend_expert.faces.review import text_of

    check_writable(output)
    recovered = pipeline.recover(path, None if system is None else (str(system), text_of(system)))
    for unread in recovered.unread:
        print(f"not {'fully ' if unread.partly else ''}read: {unread.file}:{unread.line}: {unread.reason.en}", file=sys.stderr)
    write(system_file.dump(complete(recovered.system) if assumed else recovered.system), output)
    return Exit.CLEAN

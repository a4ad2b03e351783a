"""`backend-expert capacity`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

from backend_expert.faces.cli import Exit, UsageError
from backend_expert.faces.output import announce_compilation, check_writable, default_language, progress, write
from backend_expert.faces.review import text_of
from backend_expert.report.capacity import render_capacity
from backend_expert.review import pipeline
from backend_expert.review.capacity import MOST_REPLICAS, study
from backend_expert.review.executors import THREADS, executor


def capacity(
    path: Path = Path(),
    /,
    *,
    replicas: int = 8,
    format: Literal["text", "json"] = "text",  # noqa: A002 - the word of the command line
    output: Path | None = None,
    lang: Literal["en", "pt-BR"] | None = None,
    seed: int = 1,
    system: Path | None = None,
    cluster: str = THREADS,
) -> int:
    """Search the highest load that holds the objective, the bottleneck, and how both move as replicas grow.

    Parameters
    ----------
    path
        The repository, or one file of it.
    replicas
        Up to how many times the instances of every stateless part are tried: 8 tries 1, 2, 4 and 8 times.
    format
        How to print the numbers.
    output
        Write to this file instead of the terminal.
    lang
        The language of the text; by default that of the environment.
    seed
        The seed of the experiments: the same seed gives the same bytes.
    system
        A system.yaml to lay over what is read, instead of the one in the repository.
    cluster
        Who computes: the address of a Dask scheduler (tcp://host:8786), processes, or threads. The numbers are the same.

    """
    check_writable(output)
    if not 1 <= replicas <= MOST_REPLICAS:
        raise UsageError(f"--replicas is from 1 to {MOST_REPLICAS}, not {replicas}")
    language = lang or default_language()
    recovered = pipeline.recover(path, None if system is None else (str(system), text_of(system)))
    command = shlex.join(["backend-expert", "capacity", str(path), "--replicas", str(replicas), "--seed", str(seed)])
    announce_compilation(language)
    with progress() as advance, executor(cluster) as pool:
        found = study(recovered.system, replicas, seed, command, pool, lambda done, total: advance("capacity", done, total))
    write(render_capacity(found, format, language), output)
    return Exit.CLEAN

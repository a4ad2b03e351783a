"""`backend-expert review`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Literal

from backend_expert import report
from backend_expert.faces.cli import Exit, UsageError
from backend_expert.faces.output import announce_compilation, check_writable, default_language, progress, use_color, write
from backend_expert.model import Severity
from backend_expert.review import pipeline
from backend_expert.review.brief import BASIC, BriefError, parse_peak, read_brief
from backend_expert.review.executors import THREADS, executor
from backend_expert.review.planned import InputError, read_given


def review(
    path: Path = Path(),
    /,
    *,
    peak: str | None = None,
    brief: Path | None = None,
    format: Literal["text", "json", "markdown", "html"] = "text",  # noqa: A002 - the word of the command line
    output: Path | None = None,
    html: Path | None = None,
    lang: Literal["en", "pt-BR"] | None = None,
    seed: int = 1,
    fail_on: Literal["critical", "high", "medium", "low", "info", "never"] = "never",
    system: Path | None = None,
    workload: Path | None = None,
    stats: Path | None = None,
    lab: bool = True,
    cluster: str = THREADS,
) -> int:
    """Review a repository: read it, find problems, try remedies in the lab, print a report.

    Parameters
    ----------
    path
        The repository, or one file of it.
    peak
        The traffic to survive, as a factor on today's: 5x. A brief may say it too; the default is 3x.
    brief
        What is asked: a file with requirements and considerations, or prose.
    format
        How to print the report.
    output
        Write the report to this file instead of the terminal.
    html
        Write the HTML report to this file as well.
    lang
        The language of the report; by default that of the environment.
    seed
        The seed of the experiments: the same seed gives the same bytes.
    fail_on
        Exit with 1 when there is a finding of this severity or worse.
    system
        A system.yaml to lay over what is read, instead of the one in the repository.
    workload
        The statements that production sends: pg_stat_statements as CSV, a log of the server, or SQL; planned with those of the code.
    stats
        The statistics of production: what 'queries export-sql' or pg_dump --statistics-only gave. Without them plans are a GUESS.
    lab
        Try remedies in the load lab; without it every recommendation is inferred.
    cluster
        Who computes: the address of a Dask scheduler (tcp://host:8786), processes, or threads. The report is the same.

    """
    check_writable(output)
    if html is not None:
        check_writable(html)
    language = lang or default_language()
    asked = BASIC if brief is None else read_brief(text_of(brief), str(brief))
    try:
        factor = parse_peak(peak) if peak is not None else asked.peak or pipeline.DEFAULT_PEAK
    except ValueError as error:
        raise UsageError(f"--peak: {error}") from None
    try:
        given = read_given(workload, stats)
    except InputError as error:
        raise UsageError(error.text.in_language(language)) from None
    request = pipeline.Request(
        path=path,
        peak=factor,
        brief=asked,
        seed=seed,
        system_file=None if system is None else (str(system), text_of(system)),
        lab=lab,
        given=given,
        command=_command(path, factor, seed, lab, brief=brief, system=system, workload=workload, stats=stats),
    )
    if lab:
        announce_compilation(language)
    with progress() as advance, executor(cluster) as pool:
        result = pipeline.review(request, advance, pool)
    color = use_color() and output is None
    write(report.render(result, format, language, color=color), output)
    if html is not None:
        write(report.render(result, "html", language), html)
    for target in (output, html):
        if target is not None:
            print(("Relatório: " if language == "pt-BR" else "Report: ") + str(target), file=sys.stderr)
    if fail_on == "never":
        return Exit.CLEAN
    worst = Severity(fail_on)
    failing = any(finding.severity.at_least(worst) and finding.status != "asked" for finding in result.findings)
    return Exit.FINDINGS if failing else Exit.CLEAN


def text_of(path: Path) -> str:
    """Return the text of a file that was named on the command line; raise `BriefError` when it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BriefError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > 1_000_000:
        raise BriefError(f"{path} is larger than 1 MB; that is no brief and no system.yaml written by a person")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BriefError(f"{path} is not UTF-8 text") from None


def _command(path: Path, peak: float, seed: int, lab: bool, **files: Path | None) -> str:
    words = ["backend-expert", "review", str(path), "--peak", f"{peak:g}x", "--seed", str(seed)]
    for name, file in files.items():
        words += [f"--{name}", str(file)] if file is not None else []
    words += [] if lab else ["--no-lab"]
    return shlex.join(words)

"""`backend-expert consistency`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from backend_expert.faces.cli import Exit, UsageError
from backend_expert.faces.output import Advance, check_writable, default_language, progress, write
from backend_expert.faces.review import text_of
from backend_expert.lab import states
from backend_expert.report.consistency import Format, render_consistency
from backend_expert.review import pipeline
from backend_expert.review.consistency import ConsistencyStudy, study

FLOW_FILES = {".yaml", ".yml"}


def consistency(
    path: Path = Path(),
    /,
    *,
    fix: bool = True,
    states_limit: int = 1_000_000,
    format: Format = "text",  # noqa: A002 - the word of the command line
    output: Path | None = None,
    lang: Literal["en", "pt-BR"] | None = None,
    system: Path | None = None,
) -> int:
    """Explore every business flow under concurrent requests, crashes, duplicates and timeouts; print the shortest histories.

    Parameters
    ----------
    path
        A repository whose handlers are known, or one flow in YAML.
    fix
        Search the smallest set of remedies that leaves no violation, exploring every set that is proposed; --no-fix only explores.
    states_limit
        Most distinct states of one exploration; past it the answer is CAPPED and claims no absence.
    format
        How to print the answers.
    output
        Write to this file instead of the terminal.
    lang
        The language of the text; by default that of the environment.
    system
        A system.yaml to lay over what is read, instead of the one in the repository.

    """
    check_writable(output)
    if not 1_000 <= states_limit <= 100_000_000:
        raise UsageError(f"--states-limit is from 1,000 to 100,000,000, not {states_limit}")
    language = lang or default_language()
    name, flows = _flows(path, system)
    command = ["backend-expert", "consistency", str(path), "--states-limit", str(states_limit)]
    command += [] if fix else ["--no-fix"]
    command += [] if system is None else ["--system", str(system)]
    found = []
    with progress() as advance:
        for done, flow in enumerate(flows):
            advance(flow.name, done, len(flows))
            found.append(study(flow, states_limit, fix=fix, progress=_remedies(flow, advance)))
    result = ConsistencyStudy(system=name, command=shlex.join(command), flows=tuple(found))
    write(render_consistency(result, format, language), output)
    return Exit.CLEAN


def _remedies(flow: states.Flow, advance: Advance) -> Callable[[int], None]:
    """Return what tells how many sets of remedies were tried for a flow."""
    return lambda tried: advance(f"{flow.name}: {tried}")


def _flows(path: Path, system: Path | None) -> tuple[str, tuple[states.Flow, ...]]:
    """Return the flow of a flow file, or the flows that a repository's handlers make."""
    if path.is_file() and path.suffix in FLOW_FILES and system is None:
        text = text_of(path)
        if states.is_flow(text):
            flow = states.parse_flow(text, str(path))
            return flow.name, (flow,)
    recovered = pipeline.recover(path, None if system is None else (str(system), text_of(system))).system
    return recovered.name, states.flows_of(recovered)

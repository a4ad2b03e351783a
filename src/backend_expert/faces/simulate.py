"""`backend-expert simulate`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from msgspec import structs

from backend_expert.faces.cli import Exit, UsageError
from backend_expert.faces.output import announce_compilation, check_writable, default_language, progress, write
from backend_expert.faces.review import text_of
from backend_expert.model.assume import complete
from backend_expert.report.simulation import certainty, render_simulation
from backend_expert.review import pipeline
from backend_expert.review.arrivals import parse_arrivals
from backend_expert.review.brief import parse_peak
from backend_expert.review.executors import THREADS, executor
from backend_expert.review.result import Interval
from backend_expert.review.simulation import parse_duration, parse_fault, peak_scenario
from backend_expert.review.simulation import simulate as run_simulation


def simulate(
    path: Path = Path(),
    /,
    *,
    peak: str = "1x",
    arrivals: str = "",
    fault: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    duration: str = "120s",
    format: Literal["text", "json"] = "text",  # noqa: A002 - the word of the command line
    output: Path | None = None,
    lang: Literal["en", "pt-BR"] | None = None,
    seed: int = 1,
    system: Path | None = None,
    cluster: str = THREADS,
) -> int:
    """Run one scenario on the recovered system until its numbers are known well enough, and print them.

    Ctrl-C ends the runs; what was measured until then is printed and marked as partial.

    Parameters
    ----------
    path
        The repository, or one file of it.
    peak
        The traffic in the middle third of the run, as a factor on today's: 5x.
    arrivals
        Other traffic instead of a peak: ramp:5x@40s+40s, diurnal:50%@3600s, bursts:5x@5s+30s, trace:factors.txt@10s.
    fault
        A fault, as often as you like: slow:payment:10x@60s+30s, crash:redis@60s+10s.
    duration
        How long to run, in simulated time: 300s, 5m.
    format
        How to print the numbers.
    output
        Write to this file instead of the terminal.
    lang
        The language of the text; by default that of the environment.
    seed
        The seed of the run: the same seed gives the same bytes.
    system
        A system.yaml to lay over what is read, instead of the one in the repository.
    cluster
        Who computes: the address of a Dask scheduler (tcp://host:8786), processes, or threads. The numbers are the same.

    """
    check_writable(output)
    language = lang or default_language()
    recovered = pipeline.recover(path, None if system is None else (str(system), text_of(system)))
    completed = complete(recovered.system)
    try:
        seconds = parse_duration(duration)
        scenario = peak_scenario(parse_peak(peak), seconds, tuple(parse_fault(each, completed) for each in fault))
        if arrivals:
            if peak != "1x":
                raise ValueError("--peak and --arrivals both say what the traffic is; give one of them")
            scenario = structs.replace(scenario, arrivals=parse_arrivals(arrivals, seconds, text_of))
    except ValueError as error:
        raise UsageError(str(error)) from None
    words = ["backend-expert", "simulate", str(path), "--peak", peak, "--duration", duration, "--seed", str(seed)]
    words += ["--arrivals", arrivals] if arrivals else []
    words += [word for each in fault for word in ("--fault", each)]
    announce_compilation(language)
    with progress() as advance, executor(cluster) as pool:
        advance("simulate")

        def report(done: int, most: int, success: Interval, slowest: Interval | None) -> None:
            advance(certainty(success, slowest, language), done, most)

        simulation = run_simulation(completed, scenario, seed, shlex.join(words), pool, report)
    write(render_simulation(simulation, format, language), output)
    return Exit.CLEAN

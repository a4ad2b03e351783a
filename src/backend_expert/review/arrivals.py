"""Traffic over time in a few words: what `backend-expert simulate --arrivals` takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from backend_expert.lab import load

EXAMPLES = "ramp:5x@40s+40s, spike:5x@40s+20s, diurnal:50%@3600s, bursts:5x@5s+30s, trace:factors.txt@10s"

MOST_FACTORS = 100_000
"""A day of one factor a second, and some more."""

_NUMBER = r"\d+(?:\.\d+)?"
_TEXT = re.compile(rf"(?P<kind>[a-z]+):(?P<size>.+)@(?P<first>{_NUMBER})s?(?:\+(?P<second>{_NUMBER})s?)?")


def parse_arrivals(text: str, duration_s: float, read: Callable[[Path], str]) -> load.Arrivals:
    """Return the traffic in `kind:size@seconds[+seconds]`; raise `ValueError` with one sentence when it is none.

    A ramp or spike begins at the first time and lasts for the second; a day has the first time as its length; bursts last for the first
    time on average, and the calm between them for the second; a trace is a file with one factor a line, each for the first time.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is no traffic; write it like one of: {EXAMPLES}")
    kind, size, first = match["kind"], match["size"], float(match["first"])
    second = float(match["second"] or 0)
    if kind in {"ramp", "spike", "bursts"} and second <= 0:
        raise ValueError(f"'{text}' lacks the second time; write it like one of: {EXAMPLES}")
    if kind in {"diurnal", "bursts", "trace"} and first <= 0:
        raise ValueError(f"'{text}' needs a time above 0 s; write it like one of: {EXAMPLES}")
    match kind:
        case "ramp":
            return load.ramp(_number(size, "x", text), first, second)
        case "spike":
            return load.spike(_number(size, "x", text), first, second)
        case "diurnal":
            return load.diurnal(_number(size, "%", text) / 100, first, duration_s)
        case "bursts":
            return load.bursty(_number(size, "x", text), first, second)
        case "trace":
            return load.trace(_factors(read(Path(size)), size), first)
        case _:
            raise ValueError(f"there is no traffic '{kind}'; write one of: {EXAMPLES}")


def _number(text: str, unit: str, whole: str) -> float:
    match = re.fullmatch(rf"({_NUMBER}){re.escape(unit)}", text)
    if match is None:
        raise ValueError(f"'{whole}' lacks a size in '{unit}'; write it like one of: {EXAMPLES}")
    return float(match[1])


def _factors(content: str, file: str) -> tuple[float, ...]:
    lines = [(number, line.strip()) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
    if not 0 < len(lines) <= MOST_FACTORS:
        raise ValueError(f"{file} holds {len(lines)} factors; a trace has from 1 to {MOST_FACTORS:,}, one a line")
    for number, line in lines:
        if not re.fullmatch(_NUMBER, line):
            raise ValueError(f"{file}:{number} is no factor: write one number from 0 up a line, for example 1.5")
    return tuple(float(line) for _, line in lines)

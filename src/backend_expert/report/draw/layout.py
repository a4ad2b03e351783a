"""Where the nodes and edges of a graph go: Graphviz, run as a process that may fail or be absent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

# A review never waits for a picture: 200 nodes and 320 edges took 0.9 s where this was measured.
TIMEOUT_S = 10.0

Point = tuple[float, float]


class Box(Struct, frozen=True):
    """A rectangle in pixels from the top left corner."""

    x: float
    y: float
    width: float
    height: float


class Spline(Struct, frozen=True):
    """The way of an edge: a start and Bézier triples; `head` is the tip of its arrow, `label` the middle of the room for one."""

    points: tuple[Point, ...]
    head: Point | None
    label: Point | None


class Layout(Struct, frozen=True):
    """A graph with its places: boxes by the name of the node or cluster, splines by the `id` of the edge."""

    width: float
    height: float
    nodes: dict[str, Box]
    clusters: dict[str, Box]
    edges: dict[str, Spline]


class LayoutError(Exception):
    """No layout could be made; the message says why."""


def programs() -> tuple[str, ...]:
    """Return the layout programs of this machine, the wheel's own first, then a system `dot`."""
    scripts = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)))
    found = (shutil.which("graphviz-pure", path=scripts), shutil.which("dot"))
    return tuple(program for program in found if program)


@lru_cache(maxsize=64)
def layout(dot: str) -> Layout:
    """Return the layout of a graph in the DOT language; raise `LayoutError` when no program of this machine can make one."""
    reasons = []
    for program in programs():
        try:
            return _places(_run(program, dot))
        except LayoutError as error:
            reasons.append(str(error))
    raise LayoutError("; ".join(reasons) or "neither graphviz-pure nor dot is installed")


def _run(program: str, dot: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - a layout program, fed by standard input
            [program, "-Tjson0"], input=dot.encode(), capture_output=True, timeout=TIMEOUT_S, check=True
        )
    except subprocess.TimeoutExpired:
        raise LayoutError(f"{program} took more than {TIMEOUT_S:.0f} s") from None
    except subprocess.CalledProcessError as error:
        raise LayoutError(f"{program} ended with {error.returncode}") from None
    except OSError as error:
        raise LayoutError(f"{program} did not start: {error.strerror}") from None
    return done.stdout


def _places(output: bytes) -> Layout:
    try:
        graph = msgspec.json.decode(output, type=dict[str, Any])
        _, _, width, height = _numbers(graph["bb"])
        boxes = {item["name"]: item for item in graph.get("objects", [])}
        return Layout(
            width,
            height,
            {name: _node(item, height) for name, item in boxes.items() if "pos" in item},
            {name: _cluster(item, height) for name, item in boxes.items() if "bb" in item},
            {item["id"]: _spline(item, height) for item in graph.get("edges", [])},
        )
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise LayoutError(f"the layout could not be read: {error!r}") from None


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _node(item: dict[str, Any], height: float) -> Box:
    x, y = _numbers(item["pos"])
    wide, high = float(item["width"]) * 72, float(item["height"]) * 72
    return Box(x - wide / 2, height - y - high / 2, wide, high)


def _cluster(item: dict[str, Any], height: float) -> Box:
    left, bottom, right, top = _numbers(item["bb"])
    return Box(left, height - top, right - left, top - bottom)


def _spline(item: dict[str, Any], height: float) -> Spline:
    points: list[Point] = []
    head = None
    for part in item["pos"].split():
        if part.startswith("e,"):
            x, y = _numbers(part[2:])
            head = (x, height - y)
        elif not part.startswith("s,"):
            x, y = _numbers(part)
            points.append((x, height - y))
    label = None
    if "lp" in item:
        x, y = _numbers(item["lp"])
        label = (x, height - y)
    return Spline(tuple(points), head, label)

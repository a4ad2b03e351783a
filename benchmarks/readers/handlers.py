"""Compare the step programs that the readers recover with handlers that were read by a person.

    python benchmarks/readers/handlers.py CHECKOUTS [LABELS]

CHECKOUTS is a directory with the repositories that the labels name, as `name` or `owner+name`, each at the commit that stands beside it.
A handler is right when all its steps come in the order of the label, inside the same transactions, loops and branches that run at once,
each on the table, route or topic that the label names. Steps that own guards take before the handler are left out.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from backend_expert.model import (
    Branch,
    CacheGet,
    CachePut,
    Call,
    Compensate,
    Lock,
    Parallel,
    Publish,
    Query,
    Repeat,
    Step,
    Transaction,
)
from backend_expert.readers import node
from backend_expert.readers.code import Code, Handler, Piece, Target
from backend_expert.readers.repository import Repository

LABELS = Path(__file__).parents[2] / "tests" / "readers" / "node" / "labelled_handlers.yaml"

Shown = str | dict[str, list[Any]]


def outline(steps: tuple[Step, ...], targets: dict[str, Target]) -> list[Shown]:
    """Return steps in the form of the labels; branches of a choice follow one another."""
    found: list[Shown] = []
    for step in steps:
        match step:
            case Query():
                found.append(f"{step.action.value.removeprefix('guarded-')} {targets[step.dataset].dataset}")
            case CacheGet():
                found.extend([f"read {targets[step.dataset].dataset}", *outline(step.on_miss, targets)])
            case CachePut():
                found.append(f"update {targets[step.dataset].dataset}")
            case Call():
                found.append(f"call {_address(targets[step.operation])}")
            case Publish():
                target = targets[step.topic]
                found.append(f"publish {target.exchange} {target.channel}")
            case Transaction():
                found.append({"transaction": outline(step.steps, targets)})
            case Repeat():
                found.append({"loop": outline(step.steps, targets)})
            case Parallel():
                inside = [each for branch in step.branches for each in outline(branch, targets)]
                found.append({"aside" if step.detached else "together": inside})
            case Branch():
                found.extend([*outline(step.then, targets), *outline(step.otherwise, targets)])
            case Compensate():
                found.extend([*outline(step.steps, targets), *outline(step.undo, targets)])
            case Lock():
                found.extend(outline(step.steps, targets))
            case _:
                pass
    return found


def _address(target: Target) -> str:
    return " ".join((target.protocol, _text(target.address), target.method, _text(target.path)))


def _text(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.text or piece.variable or f"{{{piece.hole}}}" for piece in pieces)


def fits(label: list[Shown], found: list[Shown]) -> bool:
    """Tell whether what was found is what the label says, step by step."""
    return len(label) == len(found) and all(_fits(one, other) for one, other in zip(label, found, strict=True))


def _fits(label: Shown, found: Shown) -> bool:
    if isinstance(label, dict) or isinstance(found, dict):
        if not isinstance(label, dict) or not isinstance(found, dict) or label.keys() != found.keys():
            return False
        return all(fits(label[key], found[key]) for key in label)
    verb, _, word = label.partition(" ")
    does, _, what = found.partition(" ")
    return verb == does and _plain(word) in _plain(what)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def judged(entry: dict[str, Any], codes: list[Code]) -> tuple[bool, list[Shown]]:
    """Return whether a labelled handler was recovered right, and what was recovered."""
    for code in codes:
        for handler in code.handlers:
            if _is(handler, entry):
                steps = outline(handler.operation.steps, {target.key: target for target in code.targets})
                behind = steps[-len(entry["steps"]) :] if handler.operation.guards else steps
                return fits(entry["steps"], behind), steps
    return False, ["not found"]


def _is(handler: Handler, entry: dict[str, Any]) -> bool:
    method, _, path = entry["handler"].partition(" ")
    name = handler.trigger.name
    named = name == method or (name.startswith(f"{method} ") and name.endswith(path) and bool(path))
    return named and any(place.file == entry["file"] for place in handler.operation.evidence)


def main(arguments: list[str]) -> int:
    """Score the handlers of the repositories that are there; print those that are wrong."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    labels = yaml.safe_load(Path(arguments[1] if len(arguments) > 1 else LABELS).read_text(encoding="utf-8"))
    right = total = 0
    for each in labels:
        names = (each["repository"].replace("/", "+"), each["repository"].partition("/")[2])
        checkout = next((Path(arguments[0]) / name for name in names if (Path(arguments[0]) / name).is_dir()), None)
        if checkout is None:
            print(f"{each['repository']}: not there, left out")
            continue
        codes = [code for fragment in node.read(Repository.open(checkout)) for code in fragment.code]
        for entry in each["handlers"]:
            good, found = judged(entry, codes)
            right += good
            total += 1
            if not good:
                print(f"{each['repository']} {entry['handler']}\n  expected {entry['steps']}\n  found    {found}")
    print(f"{right} of {total} handlers right: {right / total if total else 1:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

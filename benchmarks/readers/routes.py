"""Compare the routes that the readers recover with lists that somebody else made.

    python benchmarks/readers/routes.py noir CHECKOUT            # the Express and NestJS fixtures of owasp-noir, and its expectations
    python benchmarks/readers/routes.py table CHECKOUT LIST ...  # an application, and its routes: one `METHOD /path` a line, or OpenAPI

Routes are compared as method and path. Parameters are equal whatever they are called, `ALL` stands for the seven methods that noir lists,
and slashes at the end count for nothing. What is wrong or missing is printed case by case.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml
from msgspec import Struct

from backend_expert.readers import node
from backend_expert.readers.repository import Repository

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
"""What noir expands a route for all methods to."""

_ENDPOINT = re.compile(r"Endpoint\.new\(\s*\"(?P<path>[^\"]*)\"\s*,\s*(?:\"(?P<method>[A-Z]+)\"|\w+\))")
_BASE = re.compile(r"YAML::Any\.new\(\"\./spec/functional_test/(?P<fixture>fixtures/[^\"]+)\"\)")
_FIXTURE = re.compile(r"FunctionalTester\.new\(\s*\"(?P<fixture>fixtures/[^\"]+)\"")

Routes = frozenset[tuple[str, str]]


class Spec(Struct, frozen=True):
    """One specification of noir: the directories it reads, the routes it expects, and whether it says that there are no others."""

    name: str
    family: str
    fixtures: tuple[str, ...]
    routes: Routes
    complete: bool


class Counts(Struct, frozen=True):
    """How many routes were right, reported wrongly, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    def __str__(self) -> str:
        recall = self.right / (self.right + self.missed) if self.right + self.missed else 1.0
        precision = self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0
        return f"right {self.right}, wrong {self.wrong}, missed {self.missed}: recall {recall:.3f}, precision {precision:.3f}"


def recovered(checkout: Path) -> Routes:
    """Return the HTTP routes that the reader of Node.js recovers of a checkout."""
    repository = Repository.open(checkout)
    names = (
        handler.trigger.name
        for fragment in node.read(repository)
        for code in fragment.code
        for handler in code.handlers
        if handler.trigger.kind == "http" and handler.trigger.name
    )
    return frozenset(route for name in names for route in normal(*name.split(" ", 1)))


def normal(method: str, path: str) -> Iterator[tuple[str, str]]:
    """Yield a route in the form that is compared."""
    plain = re.sub(r"\{\w+\}|:\w+\??(\([^)]*\))?|<\w+>", ":", path)
    plain = "/" + "/".join(part for part in plain.split("/") if part)
    for each in METHODS if method == "ALL" else (method,):
        yield each, plain


def compare(name: str, found: Routes, wanted: Routes) -> Counts:
    """Print what differs and return the counts."""
    for method, path in sorted(found - wanted):
        print(f"  {name}: not expected: {method} {path}")
    for method, path in sorted(wanted - found):
        print(f"  {name}: not found: {method} {path}")
    return Counts(len(found & wanted), len(found - wanted), len(wanted - found))


def specs(base: Path) -> Iterator[Spec]:
    """Yield the specifications of Express and NestJS that hold a list of routes."""
    for file in sorted(base.glob("testers/*script/*_spec.cr")):
        family = next((each for each in ("express", "nestjs") if file.name.startswith(each)), None)
        text = file.read_text(encoding="utf-8")
        fixture, entries = _FIXTURE.search(text), list(_ENDPOINT.finditer(text))
        if family is None or fixture is None or not entries:
            continue
        written = ((each["method"] or "ALL", each["path"].replace("\\\\", "\\")) for each in entries)
        yield Spec(
            name=f"{file.parent.name}/{file.name.removesuffix('_spec.cr')}",
            family=family,
            fixtures=tuple(each["fixture"] for each in _BASE.finditer(text)) or (fixture["fixture"],),
            routes=frozenset(route for method, path in written for route in normal(method, path)),
            complete=":endpoints" in text,
        )


def noir(checkout: Path) -> None:
    """Compare every Express and NestJS fixture with the expectations that stand beside it.

    What is found beyond a list is wrong only where the list says how long it is: the others name some routes of their fixture.
    """
    base = checkout / "spec" / "functional_test"
    totals: dict[str, Counts] = {}
    for spec in specs(base):
        found = frozenset(route for fixture in spec.fixtures for route in recovered(base / fixture))
        counts = compare(spec.name, found if spec.complete else found & spec.routes, spec.routes)
        totals[spec.family] = totals.get(spec.family, Counts()) + counts
    for family, counts in sorted(totals.items()):
        print(f"{family}: {counts}")


def listed(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the routes of a list or of an OpenAPI description, with the path of its first server before them."""
    text = file.read_text(encoding="utf-8")
    if file.suffix not in {".json", ".yaml", ".yml"}:
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                yield from normal(*line.split()[:2])
        return
    described = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    servers = described.get("servers") or [{"url": described.get("basePath", "")}]
    prefix = re.sub(r"^\w+://[^/]*", "", servers[0]["url"])
    for path, operations in described["paths"].items():
        for method in operations:
            if method.upper() in {*METHODS, "QUERY"}:
                yield from normal(method.upper(), prefix + path)


def main(arguments: Iterable[str]) -> int:
    """Run one comparison."""
    match list(arguments):
        case ["noir", checkout]:
            noir(Path(checkout))
        case ["table", checkout, *lists] if lists:
            wanted = frozenset(route for file in lists for route in listed(Path(file)))
            print(compare(Path(checkout).name, recovered(Path(checkout)), wanted))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

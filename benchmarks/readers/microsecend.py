"""Compare what the readers recover of the Java systems of microSecEnD with its hand-made data-flow diagrams.

    python benchmarks/readers/microsecend.py DATASET CHECKOUTS [CHECKOUTS ...]

DATASET is the directory `dataset` of github.com/tuhh-softsec/microSecEnD (Schneider et al., "microSecEnD: A Dataset of
Security-Enriched Dataflow Diagrams for Microservice Applications", MSR 2023); CHECKOUTS are directories that hold the systems as
`owner+name` or `owner_name`.

Links are compared without direction, since the diagrams follow the data, and only between services: users, mail servers and other external
entities count neither way, nor does what we find and the diagrams do not know by any name. Business links are those that touch no registry,
configuration server, monitoring, tracing or logging. A system whose sources are not there is left out and named.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from backend_expert import readers
from backend_expert.model import System, dependencies

PLATFORM = frozenset(
    {
        "administration_server",
        "configuration_server",
        "logging_server",
        "metrics_server",
        "monitoring_dashboard",
        "monitoring_server",
        "search_engine",
        "service_discovery",
        "tracing_server",
    }
)
"""Stereotypes of what carries no business: without them 92 of the 325 links are left."""

NAMES = {
    "anilallewar_microservices-basics-spring-boot": {
        "webservice_registry": "eurekaregistry",
        "zipkin_tracing": "zipkin-server",
        "user_webservice": "user-service",
        "task_webservice": "task-service",
        "comments_webservice": "comment-service",
    },
    "apssouza22_java-microservice": {"user_service": "user"},
    "callistaenterprise_blog-microservices": {"turbine_server": "turbine"},
    "mudigal-technologies_microservices-sample": {"rabbit": "rabbitmq"},
}
"""Services that the diagrams and the deployment files call by different names, told apart by hand."""

Link = tuple[str, str]


class Counts(Struct, frozen=True):
    """Links that were right, wrong and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    def __str__(self) -> str:
        recall = self.right / (self.right + self.missed) if self.right + self.missed else 1.0
        precision = self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0
        return f"{self.right} / {self.wrong} / {self.missed} | {precision:.2f} / {recall:.2f}"


class Score(Struct, frozen=True):
    """The links of one system, those of business among them, and each that is wrong or missed."""

    links: Counts
    business: Counts
    services: Counts
    remarks: tuple[str, ...]


def plain(name: str) -> str:
    """Return a name without case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def score(diagram: dict[str, Any], system: System, names: dict[str, str]) -> Score:
    """Return how the links of a system compare with those of its diagram."""
    roles = {service["name"]: frozenset(service["stereotypes"]) for service in diagram["services"]}
    known = {plain(names.get(name, name)): name for name in roles} | {plain(name): name for name in roles}
    same = {
        component.name: next((known[plain(each)] for each in (component.name, *component.aliases) if plain(each) in known), "")
        for component in system.components
    }
    wanted = {_link(flow["sender"], flow["receiver"]) for flow in diagram["information_flows"]}
    wanted = {link for link in wanted if set(link) <= set(roles) and link[0] != link[1]}
    found = {_link(same[caller], same[callee]) for caller, callee in _pairs(system)}
    found = {link for link in found if all(link) and link[0] != link[1]}
    business = {link for link in wanted | found if not any(roles[end] & PLATFORM for end in link)}
    there = {name for name in same.values() if name}
    remarks = [f"service not found: {name}" for name in sorted(set(roles) - there)]
    remarks += [f"link not in the diagram: {' — '.join(link)}" for link in sorted(found - wanted)]
    remarks += [f"link not found: {' — '.join(link)}{' (business)' if link in business else ''}" for link in sorted(wanted - found)]
    return Score(_counts(found, wanted), _counts(found & business, wanted & business), _counts(there, set(roles)), tuple(remarks))


def main(arguments: list[str]) -> int:
    """Print one line for each system, their sum, and what is wrong or missing."""
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    checkouts = {plain(each.name): each for directory in arguments[1:] for each in sorted(Path(directory).iterdir())}
    total = Score(Counts(), Counts(), Counts(), ())
    remarks = []
    print("| system | services right / wrong / missed | P / R | links right / wrong / missed | P / R | of business | P / R |")
    print("|---|---|---|---|---|---|---|")
    for directory in sorted(each for each in Path(arguments[0]).iterdir() if each.is_dir()):
        checkout = checkouts.get(plain(directory.name)) or checkouts.get(plain(directory.name.partition("_")[2]))
        if checkout is None:
            remarks.append(f"\n{directory.name}\n  its sources are not there")
            continue
        diagram = json.loads((directory / f"{directory.name}.json").read_text(encoding="utf-8"))
        one = score(diagram, readers.read(checkout).system, NAMES.get(directory.name, {}))
        total = Score(total.links + one.links, total.business + one.business, total.services + one.services, ())
        print(f"| {directory.name.partition('_')[2]} | {one.services} | {one.links} | {one.business} |")
        remarks.append(f"\n{directory.name}\n" + "\n".join(f"  {remark}" for remark in one.remarks))
    print(f"| all | {total.services} | {total.links} | {total.business} |")
    print("\n".join(remarks))
    return 0


def _pairs(system: System) -> Iterator[Link]:
    yield from ((each.caller, each.callee) for each in dependencies(system))
    yield from ((component.name, each.target) for component in system.components for each in component.attachments)


def _link(one: str, other: str) -> Link:
    return (one, other) if one <= other else (other, one)


def _counts(found: set[Any], wanted: set[Any]) -> Counts:
    return Counts(len(found & wanted), len(found - wanted), len(wanted - found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a remedy is, and how the remedies are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from typing import Literal

from msgspec import Struct

from backend_expert.lab.load import Scenario
from backend_expert.model import Finding, System, Text

Apply = Callable[[System, Finding, float], System]
Experiment = Callable[[System, Finding, float], Scenario]


class Example(Struct, frozen=True):
    """An implementation example beside a remedy's module: where it belongs, its language, its text."""

    place: str
    language: str
    code: str


class Remedy(Struct, frozen=True, kw_only=True):
    """A change that answers some rules.

    `apply` returns the changed system, or the very same object when the remedy does not fit the finding. `experiment` returns the
    scenario (the fault, or the peak of the given factor) that makes the problem bite. `considers` are the words of a brief's
    `consider` that bring this remedy forward. One that `searches` asks the lab already to find out what to change.
    """

    id: str
    title: Text
    addresses: tuple[str, ...]
    considers: tuple[str, ...]
    effort: Literal["hours", "days", "weeks"]
    module: str
    apply: Apply
    experiment: Experiment | None = None
    searches: bool = False

    def page(self, language: str = "en") -> str:
        """Return the page of the remedy, Markdown, in `en` or `pt-BR`."""
        return self._beside(".pt-BR.md" if language == "pt-BR" else ".md")

    def examples(self) -> tuple[Example, ...]:
        """Return the implementation examples, code before configuration."""
        places = (
            (".ts", "Node.js", "ts"),
            (".sql", "PostgreSQL", "sql"),
            (".compose.yaml", "Compose", "yaml"),
            (".kubernetes.yaml", "Kubernetes", "yaml"),
        )
        package, _, stem = self.module.rpartition(".")
        folder = resources.files(package)
        return tuple(
            Example(place, language, self._beside(suffix))
            for suffix, place, language in places
            if folder.joinpath(stem + suffix).is_file()
        )

    def _beside(self, suffix: str) -> str:
        package, _, stem = self.module.rpartition(".")
        return resources.files(package).joinpath(stem + suffix).read_text(encoding="utf-8")


def remedy(
    id: str,  # noqa: A002 - the word of the field
    *,
    en: str,
    pt: str,
    addresses: tuple[str, ...],
    experiment: Experiment | None = None,
    considers: tuple[str, ...] = (),
    effort: Literal["hours", "days", "weeks"] = "days",
    searches: bool = False,
) -> Callable[[Apply], Apply]:
    """Mark a function `(System, Finding, peak) -> System` as a remedy; its module's file name must be the id with underscores."""

    def mark(apply: Apply) -> Apply:
        apply.__remedy__ = Remedy(  # type: ignore[attr-defined]
            id=id,
            title=Text(en, pt),
            addresses=addresses,
            considers=considers,
            effort=effort,
            module=apply.__module__,
            apply=apply,
            experiment=experiment,
            searches=searches,
        )
        return apply

    return mark


@lru_cache(maxsize=1)
def all_remedies() -> tuple[Remedy, ...]:
    """Return every remedy of the package, ordered by id."""
    package = importlib.import_module(__package__ or "backend_expert.advice")
    found = {}
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            each = getattr(value, "__remedy__", None)
            if isinstance(each, Remedy) and each.module == info.name:
                found[each.id] = each
    return tuple(found[name] for name in sorted(found))


def remedies_for(rule: str) -> tuple[Remedy, ...]:
    """Return the remedies that answer a rule, ordered by id."""
    return tuple(each for each in all_remedies() if rule in each.addresses)


def section(page: str, heading: str) -> str:
    """Return what stands under a second-level heading of a page; raise `KeyError` when the page has no such heading."""
    _, mark, rest = page.partition(f"\n## {heading}\n")
    if not mark:
        raise KeyError(heading)
    return rest.partition("\n## ")[0].strip()

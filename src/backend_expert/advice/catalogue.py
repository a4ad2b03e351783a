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
from backend_expert.lab.states.flow import AnomalyClass
from backend_expert.lab.states.repair import Change, Repair
from backend_expert.model import Finding, System, Text

Apply = Callable[[System, Finding, float], System]
Experiment = Callable[[System, Finding, float], Scenario]
Effort = Literal["hours", "days", "weeks"]
EFFORTS: tuple[Effort, ...] = ("hours", "days", "weeks")


class Example(Struct, frozen=True):
    """An implementation example beside a remedy's module: where it belongs, its language, its text."""

    place: str
    language: str
    code: str


class Remedy(Struct, frozen=True, kw_only=True):
    """A change that answers some rules, closes some classes of anomaly, or both.

    `apply` returns the changed system, or the very same object when the remedy does not fit the finding. `experiment` returns the
    scenario (the fault, or the peak of the given factor) that makes the problem bite. `considers` are the words of a brief's
    `consider` that bring this remedy forward. One that `searches` asks the lab already to find out what to change. `repair` is the
    same change on a flow, which the states lab explores before and after.
    """

    id: str
    title: Text
    addresses: tuple[str, ...]
    considers: tuple[str, ...]
    effort: Effort
    module: str
    apply: Apply
    experiment: Experiment | None = None
    searches: bool = False
    repair: Repair | None = None

    @property
    def name(self) -> Text:
        """Return what the pattern is called in the field: the headings of its pages."""
        return Text(*(self.page(language).partition("\n")[0].removeprefix("# ") for language in ("en", "pt-BR")))

    def page(self, language: str = "en") -> str:
        """Return the page of the remedy, Markdown, in `en` or `pt-BR`."""
        return self._beside(".pt-BR.md" if language == "pt-BR" else ".md")

    def section(self, heading: Text) -> Text:
        """Return what the pages of the remedy say under a heading; raise `KeyError` when they have no such heading."""
        return Text(*(section(self.page(language), heading.in_language(language)) for language in ("en", "pt-BR")))

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
    effort: Effort = "days",
    searches: bool = False,
    in_flow: Change | None = None,
    closes: tuple[AnomalyClass, ...] = (),
) -> Callable[[Apply], Apply]:
    """Mark a function `(System, Finding, peak) -> System` as a remedy; its module's file name must be the id with underscores.

    `in_flow` is the same change on a flow, for the classes of anomaly that it `closes`.
    """

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
            repair=None if in_flow is None else Repair(id, closes, in_flow),
        )
        return apply

    return mark


def flow_remedy(
    id: str,  # noqa: A002 - the word of the field
    *,
    en: str,
    pt: str,
    closes: tuple[AnomalyClass, ...],
    effort: Effort = "days",
) -> Callable[[Change], Change]:
    """Mark a function `(Flow, Invariant) -> Flow` as a remedy that the states lab asks for and no rule does."""

    def mark(change: Change) -> Change:
        change.__remedy__ = Remedy(  # type: ignore[attr-defined]
            id=id,
            title=Text(en, pt),
            addresses=(),
            considers=("consistency",),
            effort=effort,
            module=change.__module__,
            apply=_unasked,
            repair=Repair(id, closes, change),
        )
        return change

    return mark


def _unasked(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - the signature of every remedy
    """Return the system as it is: no rule has a finding that this remedy answers."""
    return system


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


@lru_cache(maxsize=1)
def repairs() -> tuple[Repair, ...]:
    """Return what the states lab can try on a flow, the least effort first, then by id."""
    known = sorted(all_remedies(), key=lambda each: (EFFORTS.index(each.effort), each.id))
    return tuple(each.repair for each in known if each.repair is not None)


def remedy_named(name: str) -> Remedy:
    """Return the remedy of an id; raise `KeyError` when there is none."""
    for each in all_remedies():
        if each.id == name:
            return each
    raise KeyError(name)


def section(page: str, heading: str) -> str:
    """Return what stands under a second-level heading of a page; raise `KeyError` when the page has no such heading."""
    _, mark, rest = page.partition(f"\n## {heading}\n")
    if not mark:
        raise KeyError(heading)
    return rest.partition("\n## ")[0].strip()

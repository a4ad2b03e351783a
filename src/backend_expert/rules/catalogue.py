"""What a rule is, and how the rules are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import resources
from typing import Literal

from msgspec import Struct

from backend_expert.model import Finding, Severity, System, Text, without_superseded

Family = Literal["resilience", "consistency", "scale", "data", "api", "security", "delivery", "structure"]
Check = Callable[[System], Iterable[Finding]]


class Rule(Struct, frozen=True, kw_only=True):
    """A check with its identity. `id` is a kebab-case name of the problem and is never reused; `code` is its catalogue number."""

    id: str
    code: str
    family: Family
    severity: Severity
    title: Text
    since: str
    module: str
    check: Check

    def page(self, language: str = "en") -> str:
        """Return the page of the rule, Markdown, in `en` or `pt-BR`."""
        package, _, stem = self.module.rpartition(".")
        suffix = ".pt-BR.md" if language == "pt-BR" else ".md"
        return resources.files(package).joinpath(stem + suffix).read_text(encoding="utf-8")


def rule(
    id: str,  # noqa: A002 - the word of the field
    *,
    code: str,
    family: Family,
    severity: Severity,
    en: str,
    pt: str,
    since: str = "0.1",
) -> Callable[[Check], Check]:
    """Mark a generator `System -> findings` as the check of a rule; its module's file name must be the id with underscores."""

    def mark(check: Check) -> Check:
        found = Rule(
            id=id,
            code=code,
            family=family,
            severity=severity,
            title=Text(en, pt),
            since=since,
            module=check.__module__,
            check=check,
        )
        check.__rule__ = found  # type: ignore[attr-defined]
        return check

    return mark


@lru_cache(maxsize=1)
def all_rules() -> tuple[Rule, ...]:
    """Return every rule of the package, ordered by id."""
    package = importlib.import_module(__package__ or "backend_expert.rules")
    found = []
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        module = importlib.import_module(info.name)
        found += [value.__rule__ for value in vars(module).values() if hasattr(value, "__rule__")]
    unique = {each.id: each for each in found if each.module.rpartition(".")[2] == each.id.replace("-", "_")}
    return tuple(unique[name] for name in sorted(unique))


def check(system: System, rules: tuple[Rule, ...] | None = None) -> tuple[Finding, ...]:
    """Return what the rules find in a system: worst first, then by rule and subject; told facts replace guesses first."""
    order = list(Severity)
    system = without_superseded(system)
    found = [finding for each in (all_rules() if rules is None else rules) for finding in each.check(system)]
    return tuple(sorted(found, key=lambda each: (order.index(each.severity), each.rule, each.subject)))

"""The rules and remedies by name, for the faces."""

from __future__ import annotations

from backend_expert.advice import all_remedies
from backend_expert.rules import Rule, all_rules


def rule_titles() -> tuple[Rule, ...]:
    """Return every rule, ordered by code."""
    return tuple(sorted(all_rules(), key=lambda rule: rule.code))


def page_names() -> tuple[str, ...]:
    """Return every name that has a page: ids and codes of rules, ids of remedies."""
    return tuple(name for rule in all_rules() for name in (rule.id, rule.code)) + tuple(each.id for each in all_remedies())


def page_of(name: str, language: str) -> str | None:
    """Return the Markdown page of a rule or remedy in `en` or `pt-BR`, or `None` when nothing has that name."""
    for rule in all_rules():
        if name.lower() in {rule.id, rule.code.lower()}:
            return rule.page(language)
    for remedy in all_remedies():
        if name.lower() == remedy.id:
            return remedy.page(language)
    return None

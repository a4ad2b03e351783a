"""`backend-expert rules`."""

from __future__ import annotations

from typing import Literal

from backend_expert.faces.cli import Exit
from backend_expert.faces.output import default_language
from backend_expert.review.catalogue import rule_titles


def rules(*, lang: Literal["en", "pt-BR"] | None = None) -> int:
    """List the rules: code, severity, name, and what each one finds.

    Parameters
    ----------
    lang
        The language of the list; by default that of the environment.

    """
    language = lang or default_language()
    for rule in rule_titles():
        print(f"{rule.code:12} {rule.severity:8} {rule.id:38} {rule.title.in_language(language)}")
    return Exit.CLEAN

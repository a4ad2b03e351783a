"""`backend-expert explain`."""

from __future__ import annotations

import difflib
from typing import Literal

from backend_expert.faces.cli import Exit, UsageError
from backend_expert.faces.output import default_language
from backend_expert.review.catalogue import page_names, page_of


def explain(name: str, /, *, lang: Literal["en", "pt-BR"] | None = None) -> int:
    """Print the page of a rule or a remedy.

    Parameters
    ----------
    name
        The name or code of a rule (no-health-endpoint, BE-DEL-006) or the name of a remedy (timeout-budget).
    lang
        The language of the page; by default that of the environment.

    """
    page = page_of(name, lang or default_language())
    if page is None:
        close = difflib.get_close_matches(name, page_names(), n=1)
        hint = f"did you mean '{close[0]}'?" if close else "'backend-expert rules' lists the rules"
        raise UsageError(f"there is no rule or remedy '{name}'; {hint}")
    print(page.rstrip())
    return Exit.CLEAN

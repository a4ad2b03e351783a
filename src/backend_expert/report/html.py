"""The report as one self-contained HTML page: no script, nothing loaded from elsewhere, every text of the system escaped."""

from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from backend_expert.report import numbers
from backend_expert.report.draw.architecture import Architecture, architecture
from backend_expert.report.draw.layout import LayoutError
from backend_expert.report.draw.mermaid import mermaid
from backend_expert.report.draw.plot import plot
from backend_expert.report.draw.sequence import sequence
from backend_expert.report.hostile import one_line, spans, visible
from backend_expert.report.order import Order, arrange, severity_counts
from backend_expert.report.prose import highlighted, pseudocode, rendered
from backend_expert.report.queries import compared, study_blocks
from backend_expert.report.words import severity_count, words
from backend_expert.report.words_of_consistency import left_out
from backend_expert.review.result import Band, Recommendation, Result, Series

# A full stop between a small letter, digit, bracket or backtick and a capital: not the one inside `k8s.io` or `1.5`.
_NEXT_SENTENCE = re.compile(r"(?<=[a-z\u00e0-\u00ff0-9)`][.!?])\s+(?=[A-Z\u00c0-\u00dd`])")
_PLOT_WIDTH = 760
_PHONE_WIDTH = 340
_STATEMENTS = 50
"""Most statements of one schema in a table."""


def html(result: Result, language: str) -> str:
    """Return the page in `en` or `pt-BR`."""
    order = arrange(result)
    drawn, instead = _architecture(result, order, language)
    page = environment().get_template("report.html")
    return page.render(
        result=result,
        order=order,
        architecture=drawn,
        mermaid=instead,
        counts=severity_counts(order.findings),
        language=language,
        headline=headline(result.verdict.in_language(language)),
        **_vocabulary(result, order, language),
    )


def _architecture(result: Result, order: Order, language: str) -> tuple[Architecture, str]:
    try:
        return architecture(result, order, language), ""
    except LayoutError:
        return Architecture(), mermaid(result, order, language)


def _vocabulary(result: Result, order: Order, language: str) -> dict[str, Any]:
    recommendations = {each.id: each for each in result.recommendations}
    return {
        "w": words(language),
        "say": lambda text: sentence(text.in_language(language)),
        "sentence": sentence,
        "compared": lambda each: list(compared(each, language, plans=True)),
        "study": lambda each: list(study_blocks(each, language, _STATEMENTS)),
        "page": lambda text: rendered(text.in_language(language)),
        "pseudocode": lambda text: pseudocode(text.in_language(language)),
        "severity_count": partial(severity_count, language=language),
        "highlighted": highlighted,
        "tone": _tone,
        "recommendation": recommendations.get,
        "anchor": _anchor,
        "rule_title": {rule.id: rule.title for rule in result.rules}.get,
        "sequence": lambda history: Markup(sequence(history, language)),  # noqa: S704 - made by draw/, which escapes every text
        "left_out": partial(left_out, language=language),
        "drawn": partial(_drawn, language=language),
        "number": partial(numbers.number, language=language),
        "percent": partial(numbers.percent, language=language),
        "before_after": partial(numbers.before_after, language=language),
        "interval": partial(numbers.interval, language=language),
        "difference": partial(numbers.difference, language=language),
        "bounds": partial(numbers.bounds, language=language),
        "quantity": partial(numbers.quantity, language=language),
        "recommendations_of": partial(_recommendations_of, result, order),
    }


def _recommendations_of(result: Result, order: Order, finding: str) -> list[tuple[Recommendation, bool]]:
    """Return the recommendations of a finding, each with whether it is opened here."""
    chosen = [each for each in (*order.recommended, *order.unproved) if finding in each.findings]
    named = next(each.recommendations for each in result.findings if each.id == finding)
    chosen += [each for each in (*order.recommended, *order.unproved) if each.id in named and each not in chosen]
    return [(each, order.homes.get(each.id) == finding) for each in chosen]


def _anchor(each: Recommendation) -> str:
    """Return the id under which a recommendation stands on the page: its rank, or its name where it has none."""
    return f"R-{each.rank}" if each.rank > 0 else "R-" + re.sub(r"[^A-Za-z0-9]+", "-", each.id)


def _drawn(
    series: tuple[Series, ...],
    bands: tuple[Band, ...],
    objective_ms: float | None,
    label: str,
    width: float = _PLOT_WIDTH,
    *,
    language: str,
) -> Markup:
    """Return a plot twice, for a wide page and for a telephone; the style sheet shows one of them."""
    pictures = (
        plot(series, bands, objective_ms, language, label, width=width, css="plot wide"),
        plot(series, bands, objective_ms, language, label, width=_PHONE_WIDTH, css="plot narrow"),
    )
    return Markup("".join(pictures)) if series else Markup("")  # noqa: S704 - made by draw/, which escapes every text


def _tone(score: int) -> str:
    """Return the class that colours a score: the bounds of the grades B and D."""
    return "good" if score >= 80 else "fair" if score >= 60 else "poor"


def headline(text: str) -> tuple[Markup, Markup]:
    """Return the first sentence of a text and the rest of it."""
    first, *rest = _NEXT_SENTENCE.split(text, maxsplit=1)
    return sentence(first), sentence("".join(rest))


def sentence(text: str) -> Markup:
    """Return a sentence, escaped, with what stands between backticks as code."""
    pieces = []
    for piece, is_code in spans(numbers.with_units(visible(text))):
        escaped = Markup.escape(piece)
        pieces.append(Markup("<code>{}</code>").format(escaped) if is_code else escaped)
    return Markup("").join(pieces)


def _finalized(value: Any) -> Any:
    """Make every text that a template prints visible before it is escaped."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the templates of the package, which escape every text and make it visible."""
    made = Environment(
        loader=PackageLoader("backend_expert.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["one_line"] = one_line
    made.filters["one_row"] = lambda line: visible(line).replace("\n", " ")
    made.filters["drawing"] = lambda drawing: Markup(drawing.svg)  # noqa: S704 - made by draw/, which escapes every text
    made.globals["style"] = Markup(_style(made))  # noqa: S704 - our own file
    return made


def _style(environment: Environment) -> str:
    """Return the style sheet without its comments and empty space."""
    loader = environment.loader
    assert loader is not None
    source = loader.get_source(environment, "report.css")[0]
    bare = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    return re.sub(r"\s+", " ", bare).strip()

"""The answers of a consistency exploration as one self-contained HTML page, in the style of the report."""

from __future__ import annotations

from markupsafe import Markup

from backend_expert.report import consistency
from backend_expert.report.draw.sequence import sequence
from backend_expert.report.html import environment, sentence
from backend_expert.report.prose import highlighted, pseudocode, rendered
from backend_expert.report.words import words
from backend_expert.report.words_of_consistency import CAPPED, NONE, left_out, words_of_consistency
from backend_expert.review.consistency import ConsistencyStudy, FlowStudy


def page(study: ConsistencyStudy, language: str) -> str:
    """Return the page in `en` or `pt-BR`: every flow with its answers, histories, ladder and remedies."""
    word = words_of_consistency(language)
    return (
        environment()
        .get_template("consistency.html")
        .render(
            study=study,
            flows=[(flow, f"flow-{place}") for place, flow in enumerate(study.flows, 1)],
            language=language,
            word=word,
            w=words(language),
            say=lambda text: sentence(text.in_language(language)),
            page=lambda text: rendered(text.in_language(language)),
            pseudocode=lambda text: pseudocode(text.in_language(language)),
            highlighted=highlighted,
            sequence=lambda history: Markup(sequence(history, language)),  # noqa: S704 - made by draw/, which escapes every text
            told=consistency.told,
            numbered=consistency.numbered,
            left_out=lambda count: left_out(count, language),
            against=lambda flow, each: consistency.against(flow, each, language),
            ladder=lambda flow: _ladder(flow, language),
            fix_sentences=lambda flow: list(consistency.sentences_of_fix(flow, flow.fix, language)),
            cells=word("cells", none=NONE, capped=CAPPED),
        )
    )


def _ladder(flow: FlowStudy, language: str) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Return the rows of the ladder: the name, and for each invariant the cell and its class."""
    if flow.fix is None:
        return []
    tones = {NONE: "good", CAPPED: "open"}
    return [
        (
            consistency.rung_name(place, flow.fix, language),
            tuple((cell, tones.get(cell, "poor")) for cell in consistency.cells_of(rung, flow)),
        )
        for place, rung in enumerate(flow.fix.rungs)
    ]

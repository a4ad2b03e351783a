"""The answers of a consistency exploration, for a terminal or as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from backend_expert.report.hostile import one_line
from backend_expert.report.simulation import wrapped
from backend_expert.review.consistency import ConsistencyStudy, Explored, FlowStudy
from backend_expert.review.result import HistoryEvent

_WORDS = {
    "en": {
        "title": "Consistency of {system}",
        "none": "No flow was found: no known handler changes data or the world outside. Describe handlers under 'operations' in "
        "system.yaml.",
        "flow": "Flow: {name}",
        "violated": "BROKEN",
        "holds": "holds",
        "capped": "capped",
        "no-verdict": "no verdict",
        "shortest": "The shortest history that breaks {invariant}:",
        "final": "in the end: {state}",
        "fixes": "What removes {invariant} (every set explored as a whole):",
        "as-is": "as it is",
        "broken": "still broken, or not fully explored",
        "clean": "no violation",
        "minimal": "None of these can be left out.",
        "assumed": "Assumed: {what}",
        "again": "again: {command}",
    },
    "pt-BR": {
        "title": "Consistência de {system}",
        "none": "Nenhum fluxo encontrado: nenhum handler conhecido altera dados ou o mundo externo. Descreva os handlers em "
        "'operations' no system.yaml.",
        "flow": "Fluxo: {name}",
        "violated": "VIOLADO",
        "holds": "vale",
        "capped": "limite",
        "no-verdict": "sem veredito",
        "shortest": "A história mais curta que viola {invariant}:",
        "final": "no fim: {state}",
        "fixes": "O que elimina {invariant} (cada conjunto explorado inteiro):",
        "as-is": "como está",
        "broken": "ainda violado, ou não explorado até o fim",
        "clean": "nenhuma violação",
        "minimal": "Nenhum destes pode ficar de fora.",
        "assumed": "Suposto: {what}",
        "again": "de novo: {command}",
    },
}


def render_consistency(study: ConsistencyStudy, format_: Literal["text", "json"], language: Literal["en", "pt-BR"]) -> str:
    """Return the answers as text of at most 80 columns (long names stay whole) or as JSON."""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(study), indent=2).decode() + "\n"
    return "\n".join(part for line in _lines(study, language) for part in wrapped(line)) + "\n"


def _lines(study: ConsistencyStudy, language: str) -> Iterable[str]:
    word = _WORDS[language]
    yield word["title"].format(system=one_line(study.system))
    yield ""
    if not study.flows:
        yield word["none"]
    for flow in study.flows:
        yield from _flow(flow, language)
    yield word["again"].format(command=study.command)


def _flow(flow: FlowStudy, language: str) -> Iterable[str]:
    word = _WORDS[language]
    yield word["flow"].format(name=one_line(flow.name))
    for answer in flow.answers:
        state = word["holds" if answer.verdict == "none" else answer.verdict]
        yield f"  {state:<10} {one_line(answer.invariant)}"
        yield f"    {answer.meaning.in_language(language)}: {answer.answer.in_language(language)}"
    yield ""
    for answer in _shown(flow.answers):
        yield from _history(answer, language)
        yield ""
    for ladder in flow.fixes:
        yield word["fixes"].format(invariant=one_line(ladder.invariant))
        for rung in ladder.rungs:
            applied = " + ".join(title.in_language(language) for title in rung.remedies) or word["as-is"]
            yield f"  - {applied}: {word['broken'] if rung.broken else word['clean']}"
        if ladder.minimal and not ladder.rungs[-1].broken:
            yield f"  {word['minimal']}"
        yield ""
    for what in flow.assumptions:
        yield word["assumed"].format(what=one_line(what.in_language(language)))
    if flow.assumptions:
        yield ""


def _shown(answers: tuple[Explored, ...]) -> list[Explored]:
    """Return the violated answers to tell in full: the shortest of each class of anomaly."""
    shortest: dict[str, Explored] = {}
    for answer in sorted(answers, key=lambda each: (len(each.history.events) if each.history else 0, each.invariant)):
        if answer.history is not None:
            shortest.setdefault(answer.anomaly, answer)
    return list(shortest.values())


def _history(answer: Explored, language: str) -> Iterable[str]:
    word = _WORDS[language]
    assert answer.history is not None
    yield word["shortest"].format(invariant=one_line(answer.invariant))
    for place, event in enumerate(answer.history.events, 1):
        yield f"  {place:>2}. {_event(event, language)}"
    if answer.history.final:
        state = ", ".join(f"{one_line(name)} = {one_line(value)}" for name, value in answer.history.final)
        yield "  " + word["final"].format(state=state)


def _event(event: HistoryEvent, language: str) -> str:
    fault = f"! {event.fault}: " if event.fault else ""
    where = f"  [{one_line(str(event.evidence))}]" if event.evidence is not None else ""
    target = f" → {one_line(event.target)}" if event.target else ""
    return f"{fault}{one_line(event.actor)}{target}: {one_line(event.text.in_language(language))}{where}"

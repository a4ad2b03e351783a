"""The answers of a consistency exploration: for a terminal, as Markdown, as one HTML page, or as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from backend_expert.report.draw.sequence import mermaid_sequence
from backend_expert.report.github import code, escaped, fenced, sentence
from backend_expert.report.hostile import one_line
from backend_expert.report.simulation import wrapped
from backend_expert.report.words import words
from backend_expert.report.words_of_consistency import CAPPED, NONE, left_out, words_of_consistency
from backend_expert.review.consistency import Cell, ConsistencyStudy, Explored, Fix, FlowStudy, Prescription, Rung
from backend_expert.review.result import HistoryEvent

Format = Literal["text", "markdown", "html", "json"]


def render_consistency(study: ConsistencyStudy, format_: Format, language: Literal["en", "pt-BR"]) -> str:
    """Return the answers: text of at most 80 columns (long names and tables stay whole), Markdown, HTML or JSON."""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(study), indent=2).decode() + "\n"
    if format_ == "html":
        from backend_expert.report.consistency_page import page

        return page(study, language)
    if format_ == "markdown":
        return "\n".join(_markdown(study, language)).strip("\n") + "\n"
    return "\n".join(_lines(study, language)) + "\n"


def numbered(flow: FlowStudy) -> dict[str, int]:
    """Return the numbers of the invariants of a flow, under which the ladder speaks of them."""
    return {answer.invariant: place for place, answer in enumerate(flow.answers, 1)}


def told(answers: tuple[Explored, ...]) -> list[Explored]:
    """Return the violated answers to tell in full: the shortest of each class of anomaly."""
    shortest: dict[str, Explored] = {}
    for answer in sorted(answers, key=lambda each: (len(each.history.events) if each.history else 0, each.invariant)):
        if answer.history is not None:
            shortest.setdefault(answer.anomaly, answer)
    return list(shortest.values())


def rung_name(place: int, fix: Fix, language: str) -> str:
    """Return what a row of the ladder is called: as it is, one remedy alone, all of them."""
    word = words_of_consistency(language)
    rung = fix.rungs[place]
    if not rung.remedies:
        return word("as-is")
    if place == len(fix.rungs) - 1 and place > 1:
        return word("together")
    return word("alone", name=rung.remedies[0].in_language(language))


def cells_of(rung: Rung, flow: FlowStudy) -> tuple[str, ...]:
    """Return the cells of a row of the ladder, in the order of the numbers of the invariants."""
    known = {cell.invariant: cell for cell in rung.cells}
    return tuple(_cell(known[invariant]) for invariant in numbered(flow))


def _cell(cell: Cell) -> str:
    return str(cell.depth) if cell.depth is not None else NONE if cell.verdict == "none" else CAPPED


def against(flow: FlowStudy, prescription: Prescription, language: str) -> str:
    """Return which invariants call for a remedy, by their numbers."""
    numbers = numbered(flow)
    called = ", ".join(str(numbers[name]) for name in prescription.invariants)
    return words_of_consistency(language)("for", invariants=called)


def sentences_of_fix(flow: FlowStudy, fix: Fix, language: str) -> Iterable[str]:
    """Yield what was found: the set, whether it is minimal, and what remains."""
    word = words_of_consistency(language)
    if not fix.remedies:
        yield word("nothing-helps")
        return
    yield word("set", remedies=", ".join(each.name.in_language(language) for each in fix.remedies))
    if fix.minimal:
        yield word("minimal")
    if not fix.residue:
        yield word("clean")
        return
    numbers, last = numbered(flow), {cell.invariant: cell for cell in fix.rungs[-1].cells}
    left = (
        word("still-broken" if last[name].verdict == "violated" else "still-capped", name=f"{numbers[name]} {name}")
        for name in fix.residue
    )
    yield word("remains", what="; ".join(left))


def _lines(study: ConsistencyStudy, language: str) -> Iterable[str]:
    word = words_of_consistency(language)
    yield from wrapped(word("title", system=one_line(study.system)))
    yield ""
    for flow in study.flows:
        yield from _flow(flow, language)
    yield from wrapped(word("fidelity") if study.flows else word("none"))
    yield from wrapped(word("again", command=one_line(study.command)))


def _flow(flow: FlowStudy, language: str) -> Iterable[str]:
    word = words_of_consistency(language)
    yield from wrapped(word("flow", name=one_line(flow.name)))
    for place, answer in enumerate(flow.answers, 1):
        state = word("holds" if answer.verdict == "none" else answer.verdict)
        yield from wrapped(f"{place:>3} {state:<10} {one_line(answer.invariant)}")
        said = f"{answer.meaning.in_language(language)}: {answer.answer.in_language(language)}"
        yield from wrapped(f"    {one_line(said)}")
    yield ""
    for answer in told(flow.answers):
        yield from _history(answer, language)
        yield ""
    if flow.fix is not None:
        yield from _fix(flow, flow.fix, language)
        yield ""
    if flow.assumptions:
        yield from wrapped(word("rests-on"))
        for what in flow.assumptions:
            yield from wrapped(f"  - {one_line(what.in_language(language))}")
        yield ""


def _fix(flow: FlowStudy, fix: Fix, language: str) -> Iterable[str]:
    word = words_of_consistency(language)
    yield word("fix")
    for line in sentences_of_fix(flow, fix, language):
        yield from wrapped(f"  {one_line(line)}")
    numbers = numbered(flow)
    for each in fix.remedies:
        explained = word("explain", command=f"backend-expert explain {each.id}")
        name = each.name.in_language(language)
        yield from wrapped(f"  - {name} ({words(language)(each.effort)}), {against(flow, each, language)}; {explained}")
    if not fix.remedies:
        return
    yield ""
    yield from wrapped(word("ladder") + ":")
    yield f"  {'':<42}" + "".join(f"{number:>4}" for number in numbers.values())
    for place, rung in enumerate(fix.rungs):
        yield f"  {rung_name(place, fix, language):<42}" + "".join(f"{cell:>4}" for cell in cells_of(rung, flow))
    yield from wrapped("  " + word("cells", none=NONE, capped=CAPPED))


def _history(answer: Explored, language: str) -> Iterable[str]:
    word = words_of_consistency(language)
    assert answer.history is not None
    yield from wrapped(word("shortest", invariant=one_line(answer.invariant)))
    for place, event in enumerate(answer.history.events, 1):
        yield from wrapped(f"  {place:>2}. {_event(event, language)}")
    if answer.history.left_out:
        yield from wrapped(f"  ({left_out(answer.history.left_out, language)})")
    if answer.history.final:
        state = ", ".join(f"{one_line(name)} = {one_line(value)}" for name, value in answer.history.final)
        yield from wrapped(f"  {word('final')}: {state}")


def _event(event: HistoryEvent, language: str) -> str:
    fault = f"! {one_line(event.fault)}: " if event.fault else ""
    where = f"  [{one_line(str(event.evidence))}]" if event.evidence is not None else ""
    target = f" → {one_line(event.target)}" if event.target and event.target != event.actor else ""
    return f"{fault}{one_line(event.actor)}{target}: {one_line(event.text.in_language(language))}{where}"


def _markdown(study: ConsistencyStudy, language: str) -> Iterable[str]:
    word = words_of_consistency(language)
    yield f"# {escaped(word('title', system=study.system))}"
    yield ""
    yield word("fidelity") if study.flows else word("none")
    for flow in study.flows:
        yield ""
        yield f"## {escaped(word('flow', name=flow.name))}"
        yield ""
        yield f"| | {word('invariant')} | {word('answer')} |"
        yield "|---|---|---|"
        for place, answer in enumerate(flow.answers, 1):
            meaning, said = sentence(answer.meaning.in_language(language)), sentence(answer.answer.in_language(language))
            yield f"| {place} | {code(answer.invariant)} {meaning} | {said} |"
        for answer in told(flow.answers):
            yield from _history_in_markdown(answer, language)
        if flow.fix is not None:
            yield from _fix_in_markdown(flow, flow.fix, language)
        if flow.assumptions:
            yield ""
            yield word("rests-on")
            yield ""
            yield from (f"- {sentence(what.in_language(language))}" for what in flow.assumptions)
    yield ""
    yield escaped(word("again", command="")) + code(study.command)


def _history_in_markdown(answer: Explored, language: str) -> Iterable[str]:
    word = words_of_consistency(language)
    assert answer.history is not None
    yield ""
    yield f"### {escaped(word('shortest', invariant=answer.invariant))}"
    yield ""
    yield fenced(mermaid_sequence(answer.history, language), "mermaid")
    yield ""
    for place, event in enumerate(answer.history.events, 1):
        yield f"{place}. {escaped(_event(event, language))}"
    yield ""
    if answer.history.left_out:
        yield left_out(answer.history.left_out, language)
        yield ""
    if answer.history.final:
        yield f"| {word('final')} | |"
        yield "|---|---|"
        yield from (f"| {code(name)} | {code(value)} |" for name, value in answer.history.final)


def _fix_in_markdown(flow: FlowStudy, fix: Fix, language: str) -> Iterable[str]:
    word = words_of_consistency(language)
    yield ""
    yield f"### {word('fix')}"
    yield ""
    yield " ".join(escaped(line) for line in sentences_of_fix(flow, fix, language))
    if not fix.remedies:
        return
    numbers = numbered(flow)
    yield ""
    yield f"{word('ladder')}:"
    yield ""
    yield "| |" + "".join(f" {number} |" for number in numbers.values())
    yield "|---|" + "--:|" * len(numbers)
    for place, rung in enumerate(fix.rungs):
        yield f"| {escaped(rung_name(place, fix, language))} |" + "".join(f" {cell} |" for cell in cells_of(rung, flow))
    yield ""
    yield word("cells", none=NONE, capped=CAPPED)
    for each in fix.remedies:
        yield ""
        yield f"#### {escaped(each.name.in_language(language))}"
        yield ""
        yield f"{sentence(each.title.in_language(language))} ({words(language)(each.effort)}, {against(flow, each, language)})."
        yield ""
        yield each.pseudocode.in_language(language)
        for heading, text in (("When not", each.when_not), ("What it does not fix", each.does_not_fix)):
            yield ""
            yield f"*{words(language)(heading)}*"
            yield ""
            yield text.in_language(language)

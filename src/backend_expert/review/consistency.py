"""Consistency: every recovered flow explored under faults, in the words of the Result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct, structs

from backend_expert.advice import Example, Remedy, remedy_named, repairs
from backend_expert.advice.catalogue import Effort
from backend_expert.advice.prove import SECTIONS
from backend_expert.lab import states
from backend_expert.model import System, Text
from backend_expert.model.wording import figure, sentence, together
from backend_expert.review.brief import TITLES, Need
from backend_expert.review.histories import reported
from backend_expert.review.result import History, ReportedFinding, Requirement

SCHEMA = "backend-expert/consistency/1"

QUICK = 12_000
"""States of one slice in a review: a fraction of a second each; `backend-expert consistency` looks further."""

PLANNED = 300_000
"""States of one slice after which a set of remedies is believed: what is broken shows itself in few, what is not ends or is CAPPED."""

Verdict = Literal["violated", "none", "capped", "no-verdict"]

ANOMALIES: dict[str, tuple[str, ...]] = {
    "dual-write": ("lost-event", "phantom-event"),
    "publish-not-confirmed": ("lost-event",),
    "ack-before-effect": ("lost-event",),
    "read-modify-write-race": ("oversell", "not-conserved", "skew"),
    "retry-of-non-idempotent-call": ("double-effect", "duplicate-entity"),
    "consumer-without-dead-letter": ("stuck",),
}
"""The class of anomaly that shows what a rule suspects: the history of such an anomaly through its components proves the finding."""


class Explored(Struct, frozen=True, kw_only=True):
    """One invariant of one flow: what must not happen, and whether it can within the bounds."""

    flow: str
    anomaly: str
    invariant: str
    meaning: Text
    verdict: Verdict
    answer: Text
    states: int
    history: History | None = None


class Cell(Struct, frozen=True, kw_only=True):
    """What the exploration of a flow with a set of remedies says of one invariant; `depth` is the length of the shortest history."""

    invariant: str
    verdict: Verdict
    depth: int | None
    states: int


class Rung(Struct, frozen=True, kw_only=True):
    """A set of remedies (by their names) and what is left broken after it, every invariant explored again."""

    remedies: tuple[Text, ...]
    cells: tuple[Cell, ...]


class Prescription(Struct, frozen=True, kw_only=True):
    """A remedy of the set, with the invariants that call for it, and what its page says."""

    id: str
    name: Text
    title: Text
    effort: Effort
    invariants: tuple[str, ...]
    does_not_fix: Text
    when_not: Text
    trade_off: Text
    pseudocode: Text
    examples: tuple[Example, ...]


class Fix(Struct, frozen=True, kw_only=True):
    """The smallest set of remedies that was found for a flow.

    The rungs are the flow as it is, each remedy alone, and the set. `minimal` tells that leaving out any one of them brings a history
    back; `residue` names what stays broken, or was not explored to its end, with the whole set.
    """

    remedies: tuple[Prescription, ...]
    rungs: tuple[Rung, ...]
    minimal: bool
    residue: tuple[str, ...]


class FlowStudy(Struct, frozen=True, kw_only=True):
    """One business flow: its answers, what they rest on, and what removes the violations, where that was asked."""

    name: str
    answers: tuple[Explored, ...]
    assumptions: tuple[Text, ...]
    fix: Fix | None = None


class ConsistencyStudy(Struct, frozen=True, kw_only=True):
    """Every flow of a system, with what it takes to repeat the exploration."""

    schema: str = SCHEMA
    system: str
    command: str
    flows: tuple[FlowStudy, ...]


def explored(system: System, state_limit: int = QUICK) -> tuple[FlowStudy, ...]:
    """Explore every flow that the system's known handlers make; a flow that cannot be explored says so in its assumptions."""
    return tuple(study(flow, state_limit) for flow in states.flows_of(system))


def study(flow: states.Flow, state_limit: int, *, fix: bool = False, progress: Callable[[int], None] | None = None) -> FlowStudy:
    """Explore one flow; with `fix`, search the smallest set of remedies that leaves no violation of what is broken."""
    try:
        verdict = states.explore_deeper(flow, state_limit=state_limit, many=True)
        found = _fix(flow, min(state_limit, PLANNED), progress) if fix and verdict.violated else None
    except states.FlowError as error:
        return FlowStudy(name=flow.name, answers=(), assumptions=(Text(f"Not explored: {error}", f"Não explorado: {error}"),))
    return FlowStudy(
        name=flow.name,
        answers=tuple(_explored(flow, answer, verdict) for answer in verdict.answers),
        assumptions=verdict.assumptions,
        fix=found,
    )


def _fix(flow: states.Flow, state_limit: int, progress: Callable[[int], None] | None) -> Fix:
    plan = states.plan(flow, repairs(), state_limit=state_limit, progress=progress)
    called_for: dict[str, list[str]] = {}
    for applied in plan.chosen:
        called_for.setdefault(applied.remedy, []).append(applied.invariant.name)
    return Fix(
        remedies=tuple(_prescription(remedy_named(name), tuple(invariants)) for name, invariants in called_for.items()),
        rungs=tuple(_rung(rung) for rung in plan.ladder),
        minimal=plan.minimal,
        residue=plan.residue,
    )


def _prescription(remedy: Remedy, invariants: tuple[str, ...]) -> Prescription:
    return Prescription(
        id=remedy.id,
        name=remedy.name,
        title=remedy.title,
        effort=remedy.effort,
        invariants=invariants,
        examples=remedy.examples(),
        **{name: remedy.section(heading) for name, heading in SECTIONS.items()},
    )


def _rung(rung: states.Rung) -> Rung:
    return Rung(
        remedies=tuple(dict.fromkeys(remedy_named(applied.remedy).name for applied in rung.applied)),
        cells=tuple(
            Cell(invariant=answer.name, verdict=answer.verdict, depth=answer.depth, states=answer.states)
            for answer in rung.verdict.answers
        ),
    )


def requirement(flows: tuple[FlowStudy, ...]) -> Requirement:
    """Return whether the system becomes consistent in the end: broken by one history, held only by exhaustive answers."""
    answers = [answer for flow in flows for answer in flow.answers]
    broken = [answer for answer in answers if answer.verdict == "violated"]
    title, need = TITLES[Need.EVENTUALLY_CONSISTENT], Need.EVENTUALLY_CONSISTENT.value
    if broken:
        shortest = min(broken, key=lambda each: (len(each.history.events) if each.history else 0, each.flow, each.invariant))
        return Requirement(
            id=need,
            title=title,
            verdict="broken",
            answer=sentence(
                "{broken} of {all} invariants can be broken: {what}. 'backend-expert consistency' tries what removes them.",
                "{broken} de {all} invariantes podem ser violados: {what}. 'backend-expert consistency' testa o que os elimina.",
                broken=len(broken),
                all=len(answers),
                what=together([each.meaning for each in _one_of_each(broken)], "; "),
            ),
            counterexample=sentence("{flow}: {answer}.", "{flow}: {answer}.", flow=shortest.flow, answer=shortest.answer),
            history=shortest.history,
        )
    if answers and all(answer.verdict == "none" for answer in answers):
        return Requirement(
            id=need,
            title=title,
            verdict="held",
            answer=sentence(
                "In what was recovered (flows: {flows}, invariants: {count}): {answer}.",
                "No que foi recuperado (fluxos: {flows}, invariantes: {count}): {answer}.",
                count=len(answers),
                flows=len(flows),
                answer=max(answers, key=lambda each: each.states).answer,
            ),
        )
    if not answers:
        reason = Text(
            "Not decidable yet: no flow was recovered or declared. Describe the handlers under 'operations' in system.yaml.",
            "Ainda não decidível: nenhum fluxo recuperado ou declarado. Descreva os handlers em 'operations' no system.yaml.",
        )
    else:
        reason = sentence(
            "Not decidable within {states} states: 'backend-expert consistency' looks further.",
            "Não decidível em {states} estados: 'backend-expert consistency' vai mais longe.",
            states=figure(QUICK),
        )
    return Requirement(id=need, title=title, verdict="not-decidable", answer=reason)


def proved(findings: tuple[ReportedFinding, ...], flows: tuple[FlowStudy, ...]) -> tuple[ReportedFinding, ...]:
    """Return the findings, those proved by a history with it: an anomaly of the rule's classes that runs through its components."""
    broken = [answer for flow in flows for answer in flow.answers if answer.history is not None]
    result = []
    for finding in findings:
        fitting = [each for each in broken if each.anomaly in ANOMALIES.get(finding.rule, ()) and _through(finding, each)]
        if fitting and finding.status != "asked":
            shortest = min(fitting, key=lambda each: (len(each.history.events) if each.history else 0, each.invariant))
            finding = structs.replace(finding, status="proved", history=shortest.history)
        result.append(finding)
    return tuple(result)


def _through(finding: ReportedFinding, answer: Explored) -> bool:
    """Tell whether a history passes a line of the finding."""
    lines = {(evidence.file, evidence.line) for evidence in finding.evidence}
    events = answer.history.events if answer.history is not None else ()
    return any(event.evidence is not None and (event.evidence.file, event.evidence.line) in lines for event in events)


def _one_of_each(answers: list[Explored]) -> list[Explored]:
    return list({answer.anomaly: answer for answer in reversed(answers)}.values())[::-1]


def _explored(flow: states.Flow, answer: states.Answer, verdict: states.Verdict) -> Explored:
    return Explored(
        flow=flow.name,
        anomaly=answer.anomaly,
        invariant=answer.name,
        meaning=answer.meaning,
        verdict=answer.verdict,
        answer=states.sentence(answer, verdict.bounds),
        states=answer.states,
        history=None if answer.history is None else reported(answer, answer.history, flow),
    )

"""Consistency: every recovered flow explored under faults, in the words of the Result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct, structs

from backend_expert.advice import remedy_named, repairs
from backend_expert.lab import states
from backend_expert.model import System, Text
from backend_expert.model.wording import figure, sentence, together
from backend_expert.review.brief import TITLES, Need
from backend_expert.review.result import History, HistoryChange, HistoryEvent, ReportedFinding, Requirement

SCHEMA = "backend-expert/consistency/1"

QUICK = 12_000
"""States of one slice in a review: a fraction of a second each; `backend-expert consistency` looks further."""

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
    verdict: Literal["violated", "none", "capped", "no-verdict"]
    answer: Text
    states: int
    history: History | None = None


class Fix(Struct, frozen=True, kw_only=True):
    """A set of remedies of a flow, explored as a whole: what is left broken after it."""

    remedies: tuple[Text, ...]
    broken: tuple[str, ...]


class Ladder(Struct, frozen=True, kw_only=True):
    """What removes the violation of one invariant: the flow as it is, each remedy alone, the smallest set.

    `minimal` tells that none of the set can be left out.
    """

    invariant: str
    rungs: tuple[Fix, ...]
    minimal: bool


class FlowStudy(Struct, frozen=True, kw_only=True):
    """One business flow: its answers, what they rest on, and, when a fix was asked for, what removes the violations."""

    name: str
    answers: tuple[Explored, ...]
    assumptions: tuple[Text, ...]
    fixes: tuple[Ladder, ...] = ()


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
    """Explore one flow; with `fix`, search for each class of anomaly the smallest set of remedies that leaves no violation."""
    try:
        verdict = states.explore(flow, state_limit=state_limit)
        fixes = _fixes(flow, verdict, state_limit, progress) if fix else ()
    except states.FlowError as error:
        return FlowStudy(name=flow.name, answers=(), assumptions=(Text(f"Not explored: {error}", f"Não explorado: {error}"),))
    return FlowStudy(
        name=flow.name,
        answers=tuple(_explored(flow.name, answer, verdict) for answer in verdict.answers),
        assumptions=verdict.assumptions,
        fixes=fixes,
    )


def _fixes(
    flow: states.Flow, verdict: states.Verdict, state_limit: int, progress: Callable[[int], None] | None
) -> tuple[Ladder, ...]:
    """Search a fix for the shortest violation of each class of anomaly."""
    shortest: dict[str, str] = {}
    for answer in sorted(verdict.violated, key=lambda each: (each.depth or 0, each.name)):
        shortest.setdefault(answer.anomaly, answer.name)
    ladders = []
    for invariant in states.prepared(flow).invariants:
        if invariant.name in shortest.values():
            alone = structs.replace(flow, invariants=(invariant,))
            plan = states.plan(alone, repairs(), state_limit=state_limit, progress=progress)
            rungs = tuple(_fix(rung) for rung in plan.ladder)
            ladders.append(Ladder(invariant=invariant.name, rungs=rungs, minimal=plan.minimal))
    return tuple(ladders)


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
                "{broken} of {all} invariants can be broken: {what}.",
                "{broken} de {all} invariantes podem ser violados: {what}.",
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


def _explored(flow: str, answer: states.Answer, verdict: states.Verdict) -> Explored:
    return Explored(
        flow=flow,
        anomaly=answer.anomaly,
        invariant=answer.name,
        meaning=answer.meaning,
        verdict=answer.verdict,
        answer=states.sentence(answer, verdict.bounds),
        states=answer.states,
        history=None if answer.history is None else _history(answer, answer.history),
    )


def _history(answer: states.Answer, history: states.History) -> History:
    return History(
        title=answer.meaning,
        events=tuple(
            HistoryEvent(
                actor=event.actor,
                target=event.target,
                text=event.arrow,
                fault=event.fault,
                evidence=event.evidence,
                changes=tuple(
                    HistoryChange(change.name, change.before, change.after)
                    for change in event.changes
                    if _seen_outside(change.name)
                ),
            )
            for event in history.events
        ),
        final=tuple((name, value) for name, value in history.final if _seen_outside(name)),
    )


def _seen_outside(variable: str) -> bool:
    """Tell whether a variable of a flow is state that somebody could look up: no local of a handler, no row lock."""
    return " > " not in variable and not variable.endswith(".locked")


def _fix(rung: states.Rung) -> Fix:
    return Fix(
        remedies=tuple(remedy_named(applied.remedy).title for applied in rung.applied),
        broken=tuple(answer.name for answer in rung.verdict.answers if answer.verdict != "none"),
    )

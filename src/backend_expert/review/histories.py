"""Histories of the states lab in the words of the Result, without the steps that tell nothing."""

from __future__ import annotations

from typing import get_args

from backend_expert.lab import states
from backend_expert.review.result import History, HistoryChange, HistoryEvent, Lane, LaneKind

CLIENT = "client "
"""How the lab names the lanes of clients."""

RESULT = " result"
"""How the lab names what a called handler answers."""

LANE_KINDS: tuple[LaneKind, ...] = get_args(LaneKind)


def reported(answer: states.Answer, history: states.History, flow: states.Flow) -> History:
    """Return a history with its lanes, and with the steps that only pass calls and answers on left out and counted.

    The lab has sliced the flow for the invariant: what changes no variable that is left has no part in the violation.
    """
    told = _telling(history)
    return History(
        title=answer.meaning,
        events=tuple(_event(event) for event in told),
        final=tuple((name, value) for name, value in history.final if _seen_outside(name)),
        lanes=_lanes(told, flow),
        left_out=len(history.events) - len(told),
    )


def _telling(history: states.History) -> tuple[states.Event, ...]:
    """Return the events that tell something; a call is kept for what its callee does later, so the last comes first."""
    kept: list[states.Event] = []
    acting: set[str] = set()
    final = {name.rpartition(".")[0] for name, _ in history.final if _seen_outside(name)}
    for event in reversed(history.events):
        call = event.target in acting and event.target != event.actor and not _answers(event)
        if call or _tells(event, final):
            kept.append(event)
            acting.add(event.actor)
    return tuple(reversed(kept))


def _tells(event: states.Event, final: set[str]) -> bool:
    """Tell whether a step is more than control flow: a fault, a failure, a client, or a change of something that matters in the end.

    An answer also clears the values of the handler that gives it; that is nothing to tell.
    """
    if event.kind != "internal" or not event.fine or event.target.startswith(CLIENT):
        return True
    if _answers(event):
        return any(_seen_outside(change.name) for change in event.changes)
    return any(
        row in final if column == "locked" else not change.name.endswith(RESULT)
        for change in event.changes
        for row, _, column in [change.name.rpartition(".")]
    )


def _answers(event: states.Event) -> bool:
    return any(change.name.endswith(RESULT) for change in event.changes)


def _lanes(events: tuple[states.Event, ...], flow: states.Flow) -> tuple[Lane, ...]:
    """Return who takes part: clients, then services, stores, brokers and systems outside, each in the order in which they are met."""
    kinds: dict[str, LaneKind] = {table.name.partition(".")[0]: "store" for table in flow.tables}
    kinds |= {topic.name.partition("/")[0]: "broker" for topic in flow.topics}
    kinds |= {external.name: "external" for external in flow.externals}
    met = dict.fromkeys(name for event in events for name in (event.actor, event.target) if name)
    lanes = [Lane(name, "client" if name.startswith(CLIENT) else kinds.get(name, "service")) for name in met]
    return tuple(sorted(lanes, key=lambda lane: LANE_KINDS.index(lane.kind)))


def _event(event: states.Event) -> HistoryEvent:
    return HistoryEvent(
        actor=event.actor,
        target=event.target,
        text=event.arrow,
        fault=event.fault,
        evidence=event.evidence,
        changes=tuple(
            HistoryChange(change.name, change.before, change.after) for change in event.changes if _seen_outside(change.name)
        ),
    )


def _seen_outside(variable: str) -> bool:
    """Tell whether a variable of a flow is state that somebody could look up: no local of a handler, no row lock."""
    return " > " not in variable and not variable.endswith(".locked")

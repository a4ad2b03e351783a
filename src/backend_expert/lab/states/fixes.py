"""Search the smallest set of remedies that removes every history, and say what each of them does alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from msgspec import Struct, structs

from backend_expert.lab.states.explore import STATE_LIMIT, explore, prepared
from backend_expert.lab.states.flow import Flow, FlowError, Invariant
from backend_expert.lab.states.machine import Machine
from backend_expert.lab.states.python_engine import Run
from backend_expert.lab.states.remedies.catalogue import all_remedies, remedy_named
from backend_expert.lab.states.verdict import Verdict

GLANCE = 90_000
"""States of a slice that the search looks at: a tenth of a second in the compiled engine, a second in the plain one."""

LARGEST_SET = 8
"""Most remedies in a proposed set: every bad flow of the seeded corpus needs one, place-order four, the whole shop seven."""

MOST_TRIES = 3
"""Remedies that are tried together for one invariant: an event can be lost by its publisher, by its broker and by its consumer."""

MOST_GLANCES = 80
"""Sets that the search looks at before it settles for the best of them."""


class Applied(Struct, frozen=True, order=True):
    """A remedy and the invariant that called for it."""

    remedy: str
    invariant: Invariant


class Rung(Struct, frozen=True):
    """A set of remedies and what the exploration of the changed flow says."""

    applied: tuple[Applied, ...]
    verdict: Verdict


class Plan(Struct, frozen=True):
    """What to do about a flow.

    `ladder` holds the flow as it is, each remedy of the set alone, and the set; `chosen` is empty where nothing is broken or where
    no set of the allowed size helps, and `residue` names the invariants that stay broken. `minimal` tells that leaving out any one
    remedy brings a history back. `explored` counts the flows that were explored on the way.
    """

    chosen: tuple[Applied, ...]
    ladder: tuple[Rung, ...]
    residue: tuple[str, ...]
    minimal: bool
    explored: int

    @property
    def final(self) -> Verdict:
        """Return the verdict of the flow with the whole set."""
        return self.ladder[-1].verdict


def plan(flow: Flow, *, state_limit: int = STATE_LIMIT, progress: Callable[[int], None] | None = None) -> Plan:
    """Return a set of at most eight remedies after which no invariant is broken within the bounds, and none of which can be left out.

    Sets grow by one remedy that closes the class of a broken invariant, those that leave the least broken and need the longest
    histories first; every set is explored as a whole, because remedies are not additive. The search looks at few states of each
    set; a set that it finds whole is explored up to `state_limit` before it is believed. Where no set removes everything, the one
    that leaves the fewest invariants broken is returned with its residue. The set is minimal, not proved smallest.
    """
    search = _Search(prepared(flow), state_limit, progress)
    best: tuple[Applied, ...] = ()
    waiting: list[tuple[Applied, ...]] = [()]
    seen: set[tuple[Applied, ...]] = {()}
    while waiting:
        current = min(waiting, key=lambda each: (search.broken(each), -search.effort(each), len(each), waiting.index(each)))
        waiting.remove(current)
        if search.broken(current) == 0 and not search.verdict(current).violated:
            best = current
            break
        if search.broken(current) < search.broken(best):
            best = current
        if len(current) == LARGEST_SET or len(search.glances) >= MOST_GLANCES:
            continue
        for following in search.larger(current):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    best = search.without_needless(best)
    minimal = all(search.broken(tuple(each for each in best if each is not left)) > search.broken(best) for left in best)
    rungs = [(), *((each,) for each in best), best] if len(best) > 1 else [(), best] if best else [()]
    ladder = tuple(Rung(each, search.verdict(each)) for each in rungs)
    residue = tuple(answer.name for answer in search.verdict(best).answers if answer.verdict != "none")
    return Plan(best, ladder, residue, minimal, len(search.glances))


class _Search:
    """Explore sets of remedies, each changed flow once: at a glance to find the way, thoroughly to believe it."""

    def __init__(self, flow: Flow, state_limit: int, progress: Callable[[int], None] | None) -> None:
        self.flow = flow
        self.state_limit = state_limit
        self.progress = progress
        self.glances: dict[Flow, Verdict] = {}
        self.verdicts: dict[Flow, Verdict] = {}
        self.glanced: dict[Machine, Run] = {}
        self.known: dict[Machine, Run] = {}
        self.order = {remedy.id: index for index, remedy in enumerate(all_remedies())}

    def changed(self, applied: tuple[Applied, ...]) -> Flow:
        flow = self.flow
        for each in applied:
            flow = remedy_named(each.remedy).apply(flow, each.invariant)
        return flow

    def glance(self, applied: tuple[Applied, ...]) -> Verdict:
        """Return a verdict after few states: what it finds broken is broken, what it does not is perhaps not.

        Where few states do not show an invariant whole, those of a single request are looked at, too: they go deeper.
        """
        flow = self.changed(applied)
        if flow not in self.glances:
            limit = min(self.state_limit, GLANCE)
            wide = explore(flow, state_limit=limit, known=self.glanced, many=True)
            if any(answer.verdict == "capped" for answer in wide.answers):
                alone = structs.replace(flow.bounds, requests=1)
                deep = explore(flow, bounds=alone, state_limit=limit, known=self.glanced, many=True)
                pairs = zip(wide.answers, deep.answers, strict=True)
                answers = tuple(two if one.verdict == "capped" and two.history else one for one, two in pairs)
                wide = structs.replace(wide, answers=answers)
            self.glances[flow] = wide
            if self.progress is not None:
                self.progress(len(self.glances))
        return self.glances[flow]

    def verdict(self, applied: tuple[Applied, ...]) -> Verdict:
        """Return the verdict of a set up to the whole limit; what it breaks counts in the search from now on."""
        flow = self.changed(applied)
        if flow not in self.verdicts:
            settled = {part: run for part, run in self.glanced.items() if not run.capped}
            self.verdicts[flow] = explore(flow, state_limit=self.state_limit, known=settled | self.known)
            self.glances[flow] = self.verdicts[flow]
        return self.verdicts[flow]

    def broken(self, applied: tuple[Applied, ...]) -> int:
        return len(self.glance(applied).violated)

    def effort(self, applied: tuple[Applied, ...]) -> int:
        """Return how long the histories are that are left: a remedy that makes them longer has closed the shortest way."""
        return sum(answer.depth or 0 for answer in self.glance(applied).violated)

    def larger(self, applied: tuple[Applied, ...]) -> list[tuple[Applied, ...]]:
        """Return the sets with one remedy more for the first broken invariant that has one, the cheapest remedy first.

        Whatever removes every history removes that of the first invariant, so nothing is missed by leaving the others for later. An
        invariant that two remedies did not help is passed over.
        """
        for answer in self.glance(applied).violated:
            invariant = next(each for each in self.flow.invariants if each.name == answer.name)
            if sum(each.invariant == invariant for each in applied) == MOST_TRIES:
                continue
            found = self.with_one_more(applied, invariant)
            if found:
                return found
        return []

    def with_one_more(self, applied: tuple[Applied, ...], invariant: Invariant) -> list[tuple[Applied, ...]]:
        """Return the sets with one more remedy for an invariant that changes the flow and can be explored."""
        flow = self.changed(applied)
        found = []
        for remedy in all_remedies():
            if invariant.anomaly not in remedy.closes or remedy.apply(flow, invariant) is flow:
                continue
            following = tuple(
                sorted({*applied, Applied(remedy.id, invariant)}, key=lambda each: (self.order[each.remedy], each.invariant.name))
            )
            if len(following) > len(applied) and self.fits(following):
                found.append(following)
        return found

    def fits(self, applied: tuple[Applied, ...]) -> bool:
        """Tell whether a set makes a flow that can be explored at all."""
        try:
            self.glance(applied)
        except FlowError:
            return False
        return True

    def without_needless(self, applied: tuple[Applied, ...]) -> tuple[Applied, ...]:
        """Return the set without remedies whose absence brings nothing back."""
        for index in count():
            if index >= len(applied):
                return applied
            rest = (*applied[:index], *applied[index + 1 :])
            if self.broken(rest) <= self.broken(applied):
                return self.without_needless(rest)
        return applied

"""Search the smallest set of remedies that removes every history, and say what each of them does alone."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, structs

from backend_expert.lab.states.explore import STATE_LIMIT, explore, explore_deeper, prepared
from backend_expert.lab.states.flow import Flow, FlowError, Invariant
from backend_expert.lab.states.machine import Machine
from backend_expert.lab.states.python_engine import Run
from backend_expert.lab.states.repair import Repair
from backend_expert.lab.states.verdict import Verdict

GLANCE = 90_000
"""States of a slice that the search looks at: a tenth of a second in the compiled engine, a second in the plain one."""

LARGEST_SET = 8
"""Most remedies in a proposed set: every bad flow of the seeded corpus needs one, place-order four, the whole shop seven."""

MOST_TRIES = 3
"""Remedies that are tried together for one invariant: an event can be lost by its publisher, by its broker and by its consumer."""

MOST_GLANCES = 40
"""Sets that the search looks at for one invariant before it settles for what it has."""


class Applied(Struct, frozen=True, order=True):
    """A remedy and the invariant that called for it."""

    remedy: str
    invariant: Invariant


Set = tuple[Applied, ...]


class Rung(Struct, frozen=True):
    """A set of remedies and what the exploration of the changed flow says."""

    applied: Set
    verdict: Verdict


class Plan(Struct, frozen=True):
    """What to do about a flow.

    `ladder` holds the flow as it is, each remedy of the set alone (for every invariant that called for it), and the set; `chosen` is
    empty where nothing is broken or where no set of the allowed size helps. `residue` names the invariants that stay broken or whose
    exploration did not come to its end. `minimal` tells that leaving out any one remedy brings a history back. `explored` counts the
    flows that were explored on the way.
    """

    chosen: Set
    ladder: tuple[Rung, ...]
    residue: tuple[str, ...]
    minimal: bool
    explored: int

    @property
    def final(self) -> Verdict:
        """Return the verdict of the flow with the whole set."""
        return self.ladder[-1].verdict


def plan(
    flow: Flow,
    repairs: tuple[Repair, ...],
    *,
    state_limit: int = STATE_LIMIT,
    progress: Callable[[int], None] | None = None,
) -> Plan:
    """Return a set of at most eight remedies after which no invariant is broken within the bounds, and none of which can be left out.

    The set grows for one broken invariant at a time, the one with the shortest history first, by the fewest remedies that close its
    class, the first of `repairs` before later ones. Remedies are not additive: after each step every invariant is explored again, and
    one that a remedy opened is closed in its turn. The search looks at few states of each set; what it finds whole is explored up to
    `state_limit` before it is believed, and so is the whole set in the end; a remedy alone is only looked at. An invariant that no set
    helps stays as residue. The set is minimal, not proved smallest.
    """
    search = _Search(prepared(flow), repairs, state_limit, progress)
    chosen: Set = ()
    hopeless: set[Invariant] = set()
    while target := search.next_broken(chosen, hopeless):
        larger = search.enlarged(chosen, target)
        if larger is None:
            hopeless.add(target)
        else:
            chosen = larger
    chosen = search.without_needless(chosen)
    minimal = all(search.broken(_without(chosen, each)) > search.broken(chosen) for each in chosen)
    alone = [tuple(each for each in chosen if each.remedy == name) for name in dict.fromkeys(each.remedy for each in chosen)]
    seen = [Rung(each, search.glance(each)) for each in dict.fromkeys([(), *alone]) if each != chosen]
    ladder = (*seen, Rung(chosen, search.verdict(chosen)))
    residue = tuple(answer.name for answer in ladder[-1].verdict.answers if answer.verdict != "none")
    return Plan(chosen, ladder, residue, minimal, search.explored)


def _without(applied: Set, left: Applied) -> Set:
    return tuple(each for each in applied if each is not left)


class _Search:
    """Explore sets of remedies, each changed flow once: at a glance to find the way, thoroughly to believe it."""

    def __init__(self, flow: Flow, repairs: tuple[Repair, ...], state_limit: int, progress: Callable[[int], None] | None) -> None:
        self.flow = flow
        self.repairs = {repair.id: repair for repair in repairs}
        self.order = {repair.id: index for index, repair in enumerate(repairs)}
        self.state_limit = state_limit
        self.progress = progress
        self.glances: dict[Flow, Verdict] = {}
        self.verdicts: dict[Flow, Verdict] = {}
        self.glanced: dict[Machine, Run] = {}
        self.known: dict[Machine, Run] = {}
        self.explored = 0

    def changed(self, applied: Set) -> Flow:
        flow = self.flow
        for each in applied:
            flow = self.repairs[each.remedy].apply(flow, each.invariant)
        return flow

    def next_broken(self, applied: Set, hopeless: set[Invariant]) -> Invariant | None:
        """Return the invariant to close next: the broken one with the shortest history for which not everything was tried."""
        if len(applied) >= LARGEST_SET:
            return None
        named = {each.name: each for each in self.flow.invariants}
        for answer in sorted(self.glance(applied).violated, key=lambda each: (each.depth or 0, each.name)):
            if named[answer.name] not in hopeless:
                return named[answer.name]
        return None

    def enlarged(self, applied: Set, target: Invariant) -> Set | None:
        """Return the smallest larger set that closes an invariant, or nothing.

        Those come first that need the longest history to break it: a remedy that makes the history longer has closed the shortest way.
        """
        waiting = self.larger(applied, target)
        seen = set(waiting)
        looked = 0
        while waiting and looked < MOST_GLANCES:
            current = min(waiting, key=lambda each: (len(each) - len(applied), -self.depth(each, target), waiting.index(each)))
            waiting.remove(current)
            looked += 1
            if not self.depth(current, target) and not self.verdict(current, (target,)).violated:
                return current
            if len(current) - len(applied) < MOST_TRIES and len(current) < LARGEST_SET:
                more = [each for each in self.larger(current, target) if each not in seen]
                seen.update(more)
                waiting += more
        return None

    def larger(self, applied: Set, target: Invariant) -> list[Set]:
        """Return the sets with one more remedy for an invariant that changes the flow and can be explored."""
        flow = self.changed(applied)
        found = []
        for repair in self.repairs.values():
            if target.anomaly not in repair.closes or repair.apply(flow, target) is flow:
                continue
            following = tuple(
                sorted({*applied, Applied(repair.id, target)}, key=lambda each: (self.order[each.remedy], each.invariant.name))
            )
            if len(following) > len(applied) and self.fits(following, target):
                found.append(following)
        return found

    def fits(self, applied: Set, target: Invariant) -> bool:
        """Tell whether a set makes a flow that can be explored at all."""
        try:
            self.glance(applied, (target,))
        except FlowError:
            return False
        return True

    def depth(self, applied: Set, target: Invariant) -> int:
        """Return the length of the history that breaks an invariant in spite of a set, 0 where a glance shows none."""
        return next((answer.depth or 0 for answer in self.glance(applied, (target,)).violated), 0)

    def broken(self, applied: Set) -> int:
        return len(self.glance(applied).violated)

    def glance(self, applied: Set, invariants: tuple[Invariant, ...] = ()) -> Verdict:
        """Return a verdict after few states: what it finds broken is broken, what it does not is perhaps not."""
        flow = structs.replace(self.changed(applied), invariants=invariants or self.flow.invariants)
        if flow not in self.glances:
            limit = min(self.state_limit, GLANCE)
            self.glances[flow] = explore_deeper(flow, state_limit=limit, known=self.glanced, many=True)
            self.explored += 1
            if self.progress is not None:
                self.progress(self.explored)
        return self.glances[flow]

    def verdict(self, applied: Set, invariants: tuple[Invariant, ...] = ()) -> Verdict:
        """Return the verdict of a set up to the whole limit; what it breaks counts in the search from now on."""
        if self.state_limit <= GLANCE:
            return self.glance(applied, invariants)
        flow = structs.replace(self.changed(applied), invariants=invariants or self.flow.invariants)
        if flow not in self.verdicts:
            settled = {part: run for part, run in self.glanced.items() if not run.capped}
            self.known = settled | self.known
            self.verdicts[flow] = explore(flow, state_limit=self.state_limit, known=self.known, many=True)
            self.glances[flow] = self.verdicts[flow]
        return self.verdicts[flow]

    def without_needless(self, applied: Set) -> Set:
        """Return the set without remedies whose absence brings nothing back, however far one looks."""
        for each in applied:
            rest = _without(applied, each)
            if self.broken(rest) <= self.broken(applied) and len(self.verdict(rest).violated) <= len(
                self.verdict(applied).violated
            ):
                return self.without_needless(rest)
        return applied

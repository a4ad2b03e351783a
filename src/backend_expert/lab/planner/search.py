"""Find the set of indexes for a budget: grow it by the move that saves most per byte, from several starts, then polish.

The growth is Extend (Schlosser, Kossmann, Boissier: Efficient Scalable Multi-Attribute Index Selection Using Recursive Strategies,
ICDE 2019); starts, exchange and removal are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from backend_expert.lab.planner.candidates import composed, extensions, singles
from backend_expert.lab.planner.oracle import NOTHING, Configuration
from backend_expert.lab.planner.whatif import IndexDefinition

if TYPE_CHECKING:
    from backend_expert.lab.planner.advisor import Problem

_POLISH_GAIN = 0.001
_POLISHES = 8
_STARTS = 1
"""Single indexes to start from: six ask for three times the plans and find the same sets on the published setting (benchmarks/planner)."""
_HELPS = 0.0001
_BEST = 4
"""Candidates kept for each statement: those that save most, and those that save most per byte."""
_MANY = 80
"""Offered indexes above which the search keeps to its cheaper moves: exchanges without growing again."""


class Search:
    """The candidates of a problem, and the best sets found of them."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.statements = tuple(problem.oracle.statements[number] for number in problem.numbers)
        self.catalogue = problem.oracle.lab.catalogue
        self.offered = self._pruned(self._candidates())
        alone = {each: problem.near(frozenset({each}), NOTHING) for each in self.offered}
        helpful = (each for each in self.offered if alone[each] < problem.base_total)
        self._ranked = sorted(helpful, key=lambda each: (alone[each], each))
        self._grown: dict[IndexDefinition, tuple[IndexDefinition, ...]] = {}
        self._least = problem.options.least_gain * problem.base_total
        self._unbounded = self._used(self._extend(NOTHING, float("inf")))

    def best(self, budget: float, previous: Configuration) -> Configuration:
        """Return the best set found within a budget in bytes, given that of the next smaller one.

        It grows from nothing, from the previous set, from the unbounded set cut down to the budget, and from the best single indexes.
        """
        fitting = [frozenset({each}) for each in self._ranked if self.problem.fits(frozenset({each}), budget)]
        starts = (NOTHING, previous, self._shrunk(self._unbounded, budget), *fitting[:_STARTS])
        grown = {self._extend(start, budget) for start in starts}
        best = min(sorted(grown, key=sorted), key=lambda each: (self.problem.total(each), self.problem.size(each)))
        return self._polish(best, budget)

    def _candidates(self) -> tuple[IndexDefinition, ...]:
        options, bench = self.problem.options, self.problem.oracle.bench
        found = set(singles(self.statements, self.catalogue, options.smallest_rows))
        if options.special:
            found.update(composed(self.statements, self.catalogue, options.width, options.smallest_rows))
        bench.make(found)
        return tuple(each for each in sorted(found) if bench.found(each) is not None)

    def _pruned(self, candidates: tuple[IndexDefinition, ...]) -> tuple[IndexDefinition, ...]:
        """Return the candidates that help: alone, among the best few of a statement, or in the plan that may use them all."""
        problem, oracle, everything = self.problem, self.problem.oracle, frozenset(candidates)
        planned = frozenset(problem.numbers)
        kept: set[IndexDefinition] = set()
        for number in problem.numbers:
            relevant = oracle.relevant(number, everything)
            kept |= oracle.used(oracle.plan(number, relevant), relevant)
        gains: dict[int, dict[IndexDefinition, float]] = {number: {} for number in problem.numbers}
        for each in candidates:
            for number, cost in oracle.costs(sorted(oracle.affected(each) & planned), (each,)).items():
                gains[number][each] = problem.base[number] - cost
        for number, gained in gains.items():
            helpful = [each for each in gained if gained[each] * problem.weights[number] > _HELPS * problem.base_total]
            by_gain = sorted(helpful, key=lambda each: (-gained[each], problem.size((each,)), each))
            by_byte = sorted(helpful, key=lambda each: (-gained[each] / max(1.0, problem.size((each,))), each))
            kept |= {*by_gain[:_BEST], *by_byte[:_BEST]}
        oracle.bench.discard(everything - kept)
        return tuple(sorted(kept))

    def _moves(self, current: Configuration) -> Iterator[Configuration]:
        for each in self.offered:
            if each not in current:
                yield current | {each}
        for each in sorted(current):
            for grown in self._extended(each):
                if grown not in current:
                    yield (current - {each}) | {grown}
                    yield current | {grown}

    def _extended(self, index: IndexDefinition) -> tuple[IndexDefinition, ...]:
        if index not in self._grown:
            self._grown[index] = extensions(index, self.statements, self.catalogue, self.problem.options.width)
            self.problem.oracle.bench.make(self._grown[index])
        return self._grown[index]

    def _extend(self, start: Configuration, budget: float) -> Configuration:
        """Return the set grown by the move that saves most per byte, again and again, until none saves enough."""
        problem, current = self.problem, start
        while True:
            now, bytes_now = problem.total(current), problem.size(current)
            chosen, merit = None, 0.0
            for move in self._moves(current):
                if not problem.fits(move, budget):
                    continue
                gain = now - problem.near(move, current)
                value = gain / max(8192.0, problem.size(move) - bytes_now)
                if gain > self._least and value > merit:
                    chosen, merit = move, value
            if chosen is None:
                return current
            current = chosen

    def _shrunk(self, start: Configuration, budget: float) -> Configuration:
        """Return the set that fits after dropping, one after the other, the index that saves least for the bytes it takes."""
        problem, current = self.problem, start
        while not problem.fits(current, budget):
            now = problem.total(current)
            losses = {
                each: (problem.near(current - {each}, current) - now) / max(1.0, problem.size((each,))) for each in sorted(current)
            }
            current -= {min(losses, key=lambda each: (losses[each], each))}
        return current

    def _polish(self, start: Configuration, budget: float) -> Configuration:
        """Drop what no plan uses; exchange any index for one that saves more in the room it leaves; until nothing helps."""
        current = self._used(start)
        for _ in range(_POLISHES):
            better = self._exchanged(current, budget)
            if better is None:
                return current
            current = self._extend(self._used(better), budget)
        return current

    def _exchanged(self, current: Configuration, budget: float) -> Configuration | None:
        """Return the best set that lacks one index of the current one, if any is better, or as good without it."""
        problem, better, now = self.problem, None, self.problem.total(current)
        least = _POLISH_GAIN * problem.base_total
        for out in sorted(current):
            rest = current - {out}
            if problem.total(rest) <= now + self._least:
                return rest
            for move in self._moves(rest):
                if out not in move and problem.fits(move, budget) and problem.near(move, rest) < now - least:
                    better, now = move, problem.near(move, rest)
            if len(self.offered) <= _MANY:
                regrown = self._extend(rest, budget)
                if problem.total(regrown) < now - least:
                    better, now = regrown, problem.total(regrown)
        return better

    def _used(self, configuration: Configuration) -> Configuration:
        """Return the indexes that some plan reads, unless writes make the set dearer without the others."""
        oracle = self.problem.oracle
        used = {each for number in self.problem.numbers for each in oracle.used(oracle.plan(number, configuration), configuration)}
        kept = frozenset(used)
        return kept if self.problem.total(kept) <= self.problem.total(configuration) else configuration

"""Choose the indexes for a budget: grow the set by the move that saves most per byte, from several starts, then polish.

The growth is Extend (Schlosser, Kossmann, Boissier: Efficient Scalable Multi-Attribute Index Selection Using Recursive Strategies,
ICDE 2019); starts, exchange and removal are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from backend_expert.lab.planner.analysis import Analysed
from backend_expert.lab.planner.candidates import SMALLEST_ROWS, composed, extensions, singles
from backend_expert.lab.planner.laboratory import NotPlanned
from backend_expert.lab.planner.oracle import Configuration, Oracle
from backend_expert.lab.planner.whatif import IndexDefinition

_POLISH_GAIN = 0.001
_STARTS = 6
_HELPS = 0.0001
_BEST = 4
"""Candidates kept for each statement: those that save most, and those that save most per byte."""
_MANY = 80
"""Offered indexes above which the search keeps to its cheaper moves: three starts, and exchanges without growing again."""
_WRITE_COST = 0.5
"""What a row costs to keep in one more index, in the planner's unit: a descent and a dirtied leaf, half a sequential page. Calibrated to
nothing finer: PostgreSQL's planner does not cost index maintenance at all."""


class SizeOf(Protocol):
    """Return the bytes that an index counts against the budget."""

    def __call__(self, index: IndexDefinition) -> float:
        """Return the size in bytes."""


class Options(Struct, frozen=True):
    """What bounds the advice: bytes, number of indexes, width of a key, the most one statement may count of all (0 to 1).

    An index has to save at least `least_gain` of the workload: below 0.3 % the planner's own error is larger than the gain.
    """

    budget_bytes: float = float("inf")
    most_indexes: int = 20
    width: int = 3
    cap: float = 0.3
    smallest_rows: float = SMALLEST_ROWS
    least_gain: float = 0.003
    multiple_starts: bool = True
    special: bool = True


class Problem:
    """The costs the search works on: weights that are capped, sizes, and a penalty for writes."""

    def __init__(self, oracle: Oracle, options: Options, size: SizeOf | None = None) -> None:
        self.oracle = oracle
        self.options = options
        self._size: SizeOf = size if size is not None else oracle.bytes_of
        self.numbers = tuple(number for number in range(len(oracle.statements)) if self._plannable(number))
        self.base = {number: oracle.cost(number, ()) for number in self.numbers}
        self.weights = self._capped()
        self.base_total = sum(self.weights[number] * self.base[number] for number in self.numbers)
        self._penalties: dict[IndexDefinition, float] = {}
        self._totals: dict[Configuration, float] = {}
        self._vectors: dict[Configuration, dict[int, float]] = {}
        self._sizes: dict[IndexDefinition, float] = {}

    def total(self, configuration: Configuration) -> float:
        """Return the weighted cost of the workload with the indexes, writes included."""
        known = self._totals.get(configuration)
        if known is None:
            costs = self._vector(configuration)
            known = sum(self.weights[number] * costs[number] for number in self.numbers)
            known += sum(self.penalty(index) for index in sorted(configuration))
            self._totals[configuration] = known
        return known

    def near(self, move: Configuration, current: Configuration) -> float:
        """Return the total of a set that differs little from `current`: only what the difference touches is asked again."""
        known = self._totals.get(move)
        if known is not None:
            return known
        before = self._vector(current)
        changed = move ^ current
        affected = {number for index in changed for number in self.oracle.affected(index) if number in before}
        total = self.total(current)
        total += sum(self.weights[number] * (self.oracle.cost(number, move) - before[number]) for number in sorted(affected))
        return total + sum(self.penalty(index) * (1 if index in move else -1) for index in sorted(changed))

    def _vector(self, configuration: Configuration) -> dict[int, float]:
        if configuration not in self._vectors:
            self._vectors[configuration] = {number: self.oracle.cost(number, configuration) for number in self.numbers}
        return self._vectors[configuration]

    def size(self, configuration: Iterable[IndexDefinition]) -> float:
        """Return the bytes of the indexes together."""
        return sum(self._size_of(index) for index in configuration)

    def _size_of(self, index: IndexDefinition) -> float:
        if index not in self._sizes:
            self._sizes[index] = self._size(index)
        return self._sizes[index]

    def penalty(self, index: IndexDefinition) -> float:
        """Return what the writes of the workload pay for keeping the index."""
        if index not in self._penalties:
            self._penalties[index] = sum(
                self.weights[number] * _WRITE_COST * self._rows_written(number) * _touches(self.oracle.statements[number], index)
                for number in self.numbers
            )
        return self._penalties[index]

    def fits(self, configuration: Configuration, budget: float) -> bool:
        """Tell whether the indexes stay within bytes and number."""
        return len(configuration) <= self.options.most_indexes and self.size(configuration) <= budget

    def _rows_written(self, number: int) -> float:
        statement = self.oracle.statements[number]
        if statement.kind not in ("insert", "update", "delete", "merge"):
            return 0.0
        plan = self.oracle.plan(number)
        return max([1.0, *(child.rows for child in plan.root.children)])

    def _plannable(self, number: int) -> bool:
        try:
            self.oracle.plan(number)
        except NotPlanned:
            return False
        return True

    def _capped(self) -> dict[int, float]:
        """Return weights under which no statement makes up more than the cap of the whole: two extreme ones would hide the rest."""
        weights = {number: self.oracle.statements[number].weight for number in self.numbers}
        if len(weights) * self.options.cap <= 1:
            return weights
        shares = {number: weights[number] * self.base[number] for number in self.numbers}
        for _ in range(len(shares)):
            total = sum(shares.values())
            above = [number for number in self.numbers if shares[number] > self.options.cap * total * 1.000001]
            if not above:
                break
            rest = total - sum(shares[number] for number in above)
            limit = rest * self.options.cap / max(1e-9, 1 - self.options.cap * len(above))
            for number in above:
                shares[number] = min(shares[number], limit)
        return {number: shares[number] / self.base[number] if self.base[number] > 0 else weights[number] for number in self.numbers}


class Advice(Struct, frozen=True):
    """A set of indexes with its bytes and the weighted cost of the workload before and after, writes included."""

    indexes: tuple[IndexDefinition, ...]
    bytes: float
    before: float
    after: float

    @property
    def ratio(self) -> float:
        """Return the cost after as a share of the cost before."""
        return self.after / self.before if self.before > 0 else 1.0


def frontier(oracle: Oracle, budgets: Iterable[float], options: Options, size: SizeOf | None = None) -> tuple[Advice, ...]:
    """Return the best set found for each budget in bytes, smallest first; a larger budget never does worse than a smaller one."""
    problem = Problem(oracle, options, size)
    search = _Search(problem)
    found: list[Advice] = []
    best: Configuration = frozenset()
    for budget in sorted(budgets):
        best = search.best(budget, best)
        found.append(Advice(tuple(sorted(best)), problem.size(best), problem.base_total, problem.total(best)))
    return tuple(found)


class _Search:
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        statements = tuple(problem.oracle.statements[number] for number in problem.numbers)
        self.statements = statements
        self.catalogue = problem.oracle.lab.catalogue
        self.offered = self._pruned(self._candidates())
        self.alone = {each: problem.near(frozenset({each}), frozenset()) for each in self.offered}
        self.ranked = [each for each in self.offered if self.alone[each] < problem.base_total]
        self._grown: dict[IndexDefinition, tuple[IndexDefinition, ...]] = {}

    def _candidates(self) -> tuple[IndexDefinition, ...]:
        options = self.problem.options
        found = set(singles(self.statements, self.catalogue, options.smallest_rows))
        if options.special:
            found.update(composed(self.statements, self.catalogue, options.width, options.smallest_rows))
        self.problem.oracle.bench.make(found)
        return tuple(each for each in sorted(found) if self.problem.oracle.bench.found(each) is not None)

    def _pruned(self, candidates: tuple[IndexDefinition, ...]) -> tuple[IndexDefinition, ...]:
        """Return the candidates that help: alone, among the best few of a statement, or in the plan that may use them all."""
        problem, oracle = self.problem, self.problem.oracle
        kept: set[IndexDefinition] = set()
        for number in problem.numbers:
            relevant = oracle.relevant(number, candidates)
            whole = oracle.plan(number, relevant)
            kept |= oracle.used(whole, relevant)
            gains = {each: problem.base[number] - oracle.cost(number, (each,)) for each in sorted(relevant)}
            helpful = [each for each in gains if gains[each] * problem.weights[number] > _HELPS * problem.base_total]
            by_gain = sorted(helpful, key=lambda each: (-gains[each], problem.size((each,)), each))
            by_byte = sorted(helpful, key=lambda each: (-gains[each] / max(1.0, problem.size((each,))), each))
            kept |= {*by_gain[:_BEST], *by_byte[:_BEST]}
        oracle.bench.discard(set(candidates) - kept)
        return tuple(sorted(kept))

    def best(self, budget: float, previous: Configuration) -> Configuration:
        """Return the best set within the budget: grown from nothing, from single good indexes, and from the last smaller budget."""
        starts: list[Configuration] = [frozenset(), previous]
        if self.problem.options.multiple_starts:
            fitting = [each for each in self.ranked if self.problem.fits(frozenset({each}), budget)]
            by_gain = sorted(fitting, key=lambda each: (self.alone[each], each))
            starts += [frozenset({each}) for each in by_gain[: _STARTS if len(self.offered) <= _MANY else _STARTS // 2]]
        least = self.problem.options.least_gain
        grown = {self._extend(start, budget, width, least) for start in starts for width in sorted({2, self.problem.options.width})}
        best = min(sorted(grown, key=sorted), key=lambda each: (self.problem.total(each), self.problem.size(each)))
        return self._polish(best, budget)

    def _moves(self, current: Configuration, width: int) -> Iterable[Configuration]:
        for each in self.offered:
            if each not in current and len(each.keys) <= width:
                yield current | {each}
        for each in sorted(current):
            for grown in self._extended(each, width):
                if grown not in current:
                    yield (current - {each}) | {grown}
                    yield current | {grown}

    def _extended(self, index: IndexDefinition, width: int) -> tuple[IndexDefinition, ...]:
        if index not in self._grown:
            self._grown[index] = extensions(index, self.statements, self.catalogue, self.problem.options.width)
            self.problem.oracle.bench.make(self._grown[index])
        return tuple(each for each in self._grown[index] if len(each.keys) <= width)

    def _extend(self, start: Configuration, budget: float, width: int, least: float) -> Configuration:
        current = start
        while True:
            now, bytes_now = self.problem.total(current), self.problem.size(current)
            chosen, merit = None, 0.0
            for move in self._moves(current, width):
                if not self.problem.fits(move, budget):
                    continue
                gain = now - self.problem.near(move, current)
                if gain <= least * self.problem.base_total:
                    continue
                value = gain / max(8192.0, self.problem.size(move) - bytes_now)
                if value > merit:
                    chosen, merit = move, value
            if chosen is None:
                return current
            current = chosen

    def _polish(self, start: Configuration, budget: float) -> Configuration:
        """Drop what no plan uses; exchange any index for one that saves more in the room it leaves; until nothing helps."""
        current = self._used(start)
        least = _POLISH_GAIN * self.problem.base_total
        for _ in range(8):
            now = self.problem.total(current)
            better = None
            for out in sorted(current):
                rest = current - {out}
                if self.problem.total(rest) <= now + self.problem.options.least_gain * self.problem.base_total:
                    better = rest
                    break
                for move in self._moves(rest, self.problem.options.width):
                    if out not in move and self.problem.fits(move, budget) and self.problem.near(move, rest) < now - least:
                        better, now = move, self.problem.near(move, rest)
                if len(self.offered) > _MANY:
                    continue
                regrown = self._extend(rest, budget, self.problem.options.width, self.problem.options.least_gain)
                if self.problem.total(regrown) < now - least:
                    better, now = regrown, self.problem.total(regrown)
            if better is None:
                return current
            current = self._extend(self._used(better), budget, self.problem.options.width, self.problem.options.least_gain)
        return current

    def _used(self, configuration: Configuration) -> Configuration:
        oracle = self.problem.oracle
        used = {each for number in self.problem.numbers for each in oracle.used(oracle.plan(number, configuration), configuration)}
        kept = frozenset(used)
        return kept if self.problem.total(kept) <= self.problem.total(configuration) else configuration


def _touches(statement: Analysed, index: IndexDefinition) -> float:
    """Return how many entries of the index a row written by the statement costs: an update of an indexed column writes a new one.

    An update that touches no indexed column stays in its page and pays nothing (heap-only tuples, README.HOT).
    """
    if statement.target != index.table:
        return 0.0
    if statement.kind == "update":
        columns = {*index.columns, *index.included}
        return 2.0 if columns & set(statement.changed) else 0.0
    return 0.0 if statement.kind == "delete" else 1.0


def contributions(problem: Problem, indexes: tuple[IndexDefinition, ...]) -> Mapping[IndexDefinition, float]:
    """Return for every index how much dearer the workload gets without it (leave one out), in the planner's unit."""
    whole = frozenset(indexes)
    return {index: problem.total(whole - {index}) - problem.total(whole) for index in indexes}

"""What the advice costs and saves: the workload with capped weights, sizes, the penalty of writes, and the frontier over budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from backend_expert.lab.planner.analysis import Analysed
from backend_expert.lab.planner.candidates import SMALLEST_ROWS
from backend_expert.lab.planner.laboratory import NotPlanned
from backend_expert.lab.planner.oracle import NOTHING, Configuration, Oracle
from backend_expert.lab.planner.search import Search
from backend_expert.lab.planner.whatif import IndexDefinition

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
    special: bool = True


class Problem:
    """The costs the search works on: weights that are capped, sizes, and a penalty for writes."""

    def __init__(self, oracle: Oracle, options: Options, size: SizeOf | None = None) -> None:
        self.oracle = oracle
        self.options = options
        self._size: SizeOf = size if size is not None else oracle.bytes_of
        self.numbers = tuple(number for number in range(len(oracle.statements)) if self._plannable(number))
        self.base = oracle.costs(self.numbers, NOTHING)
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
        after = self.oracle.costs(sorted(affected), move)
        total += sum(self.weights[number] * (cost - before[number]) for number, cost in sorted(after.items()))
        return total + sum(self.penalty(index) * (1 if index in move else -1) for index in sorted(changed))

    def _vector(self, configuration: Configuration) -> dict[int, float]:
        if configuration not in self._vectors:
            self._vectors[configuration] = self.oracle.costs(self.numbers, configuration)
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
    search = Search(problem)
    found: list[Advice] = []
    best = NOTHING
    for budget in sorted(budgets):
        best = search.best(budget, best)
        found.append(Advice(tuple(sorted(best)), problem.size(best), problem.base_total, problem.total(best)))
    return tuple(found)


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

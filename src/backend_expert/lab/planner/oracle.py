"""What a statement would cost with a set of indexes, asked of the planner as seldom as possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backend_expert.lab.planner.analysis import Analysed
from backend_expert.lab.planner.laboratory import Lab
from backend_expert.lab.planner.plan import Plan
from backend_expert.lab.planner.whatif import IndexDefinition, Workbench

Configuration = frozenset[IndexDefinition]

NOTHING: Configuration = frozenset()
"""No index but those that exist."""


class Oracle:
    """Plans of the statements of a workload under configurations of indexes, with a cache by what matters to each statement."""

    def __init__(self, lab: Lab, statements: tuple[Analysed, ...]) -> None:
        self.lab = lab
        self.statements = statements
        self.bench = Workbench(lab)
        self.requests = 0
        self._affected: dict[IndexDefinition, frozenset[int]] = {}
        self._relevant: list[set[IndexDefinition]] = [set() for _ in statements]
        self._plans: list[dict[Configuration, Plan]] = [{} for _ in statements]
        self._costs: list[dict[Configuration, float]] = [{} for _ in statements]
        self._used: list[list[tuple[Configuration, Configuration, float]]] = [[] for _ in statements]

    def relevant(self, number: int, configuration: Iterable[IndexDefinition]) -> Configuration:
        """Return the indexes of the configuration that the plan of a statement could use."""
        configuration = frozenset(configuration)
        if not configuration <= self._affected.keys():
            for index in configuration:
                self.affected(index)
        return configuration & self._relevant[number]

    def affected(self, index: IndexDefinition) -> frozenset[int]:
        """Return the statements whose plan could use the index."""
        if index not in self._affected:
            self._affected[index] = frozenset(number for number, each in enumerate(self.statements) if each.could_use(index))
            for number in self._affected[index]:
                self._relevant[number].add(index)
        return self._affected[index]

    def plan(self, number: int, configuration: Iterable[IndexDefinition] = (), without: Iterable[int] = ()) -> Plan:
        """Return the plan of a statement with the indexes visible and the existing indexes `without` hidden.

        Raises `NotPlanned` with the server's reason.
        """
        relevant = self.relevant(number, configuration)
        hidden = tuple(without)
        if not hidden:
            if relevant not in self._plans[number]:
                self._ask({number: relevant})
            return self._plans[number][relevant]
        statement = self.statements[number]
        self.bench.make(relevant)
        self.bench.show(relevant, hidden)
        return self.lab.explain(statement.text, generic=statement.generic)

    def cost(self, number: int, configuration: Iterable[IndexDefinition]) -> float:
        """Return the cost of a statement with the indexes visible."""
        return self.costs((number,), configuration)[number]

    def costs(self, numbers: Iterable[int], configuration: Iterable[IndexDefinition]) -> dict[int, float]:
        """Return the costs of statements with the indexes visible; those that have to be asked are asked together.

        A plan that was the cheapest among more indexes and uses only some of them is the cheapest among these too, so it answers
        without a call (the "atomic configuration" argument of AutoAdmin, Chaudhuri and Narasayya 1997).
        """
        configuration = frozenset(configuration)
        found: dict[int, float] = {}
        missing: dict[int, Configuration] = {}
        for number in numbers:
            self.requests += 1
            relevant = self.relevant(number, configuration)
            known = self._costs[number].get(relevant)
            if known is None:
                known = next((cost for among, used, cost in self._used[number] if used <= relevant <= among), None)
            if known is None:
                missing[number] = relevant
            else:
                self._costs[number][relevant] = found[number] = known
        if missing:
            self._ask(missing)
            found |= {number: self._costs[number][relevant] for number, relevant in missing.items()}
        return found

    def _ask(self, missing: Mapping[int, Configuration]) -> None:
        """Plan statements, each with the indexes relevant to it; what is relevant to another may be visible, no plan of it can tell."""
        shown = NOTHING.union(*missing.values())
        self.bench.make(shown)
        self.bench.show(shown)
        asked = [(self.statements[number].text, self.statements[number].generic) for number in missing]
        for (number, relevant), plan in zip(missing.items(), self.lab.explain_all(asked), strict=True):
            self._plans[number][relevant] = plan
            self._costs[number][relevant] = plan.cost
            self._used[number].append((relevant, self.used(plan, relevant), plan.cost))

    def used(self, plan: Plan, configuration: Iterable[IndexDefinition]) -> Configuration:
        """Return which of the indexes of the configuration a plan reads."""
        found = ((each, self.bench.found(each)) for each in configuration)
        return frozenset(each for each, made in found if made is not None and not set(made.names).isdisjoint(plan.indexes))

    def bytes_of(self, index: IndexDefinition) -> float:
        """Return the estimated size of an index in bytes; 0 when the server refuses it."""
        made = self.bench.found(index)
        return float(made.size.bytes) if made is not None else 0.0

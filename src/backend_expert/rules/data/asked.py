"""The statements of a system with the tables they read, and problems of them put together by table and column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from backend_expert.model import (
    Dataset,
    Evidence,
    Finding,
    Index,
    Link,
    Operation,
    Query,
    Reference,
    Rewrite,
    Severity,
    System,
    Text,
    walk,
)
from backend_expert.model.sql import Resolver, parsed
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import Language, listed

LARGE_ROWS = 10_000
"""Rows from which on reading all of a table is felt: some hundred pages. Below, every plan is quick."""

COMPARISONS = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)


class Asked(Struct, frozen=True):
    """One statement of an operation: its tree, not to be changed, and which table each column of it belongs to."""

    operation: Operation
    query: Query
    tree: exp.Expr
    resolver: Resolver[Dataset]

    def dataset(self, column: exp.Expr | None) -> Dataset | None:
        """Return the table of a column, or nothing for anything else."""
        return self.resolver.table(column) if isinstance(column, exp.Column) else None

    def problem(self, dataset: Dataset, columns: tuple[str, ...], rewrite: Rewrite | None = None, words: str = "") -> Problem:
        """Return a problem of this statement."""
        return Problem(dataset, columns, self.operation, self.query, rewrite, words)


class Problem(Struct, frozen=True):
    """One place of a problem: the table with its columns, the statement where there is one, and its better form.

    `part` is the index or the reference that it is about; `words` is what else the sentences about it name.
    """

    dataset: Dataset
    columns: tuple[str, ...]
    operation: Operation | None = None
    query: Query | None = None
    rewrite: Rewrite | None = None
    words: str = ""
    part: Index | Reference | None = None

    @property
    def subject(self) -> str:
        """Return the table with the columns or the index concerned."""
        named = (self.part.name if isinstance(self.part, Index) else "") or ", ".join(self.columns)
        return f"{self.dataset.name} ({named})" if named else self.dataset.name

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Return the line of the statement, or else that of the part, or else those of the columns, or else that of the table."""
        if self.query is not None:
            return self.query.evidence[:1]
        found = (self.dataset.column(name) for name in self.columns)
        parts = (self.part,) if self.part is not None else tuple(column for column in found if column is not None)
        own = tuple(place for part in parts for place in part.evidence[:1])
        return own or self.dataset.evidence[:1]


@lru_cache(maxsize=4)
def asked_of(system: System) -> tuple[Asked, ...]:
    """Return the statements of a system that can be parsed, each once for the line it stands on."""
    tables: dict[tuple[str, str], dict[str, Dataset]] = {}
    for dataset in system.datasets:
        tables.setdefault((dataset.store, dataset.database), {})[dataset.table.lower()] = dataset
    databases = {dataset.name: (dataset.store, dataset.database) for dataset in system.datasets}
    found: dict[tuple[str, tuple[Evidence, ...]], Asked] = {}
    for operation in system.operations:
        for step in walk(operation.steps):
            place = (step.statement, step.evidence) if isinstance(step, Query) else ("", ())
            if not isinstance(step, Query) or not step.statement or place in found:
                continue
            tree = parsed(step.statement)
            known = tables.get(databases.get(step.dataset, ("", "")), {})
            if tree is not None and known:
                resolver = Resolver(tree, partial(_named, known))
                if resolver.sources:
                    found[place] = Asked(operation, step, tree, resolver)
    return tuple(found.values())


def _named(tables: dict[str, Dataset], name: str, schema: str) -> Dataset | None:  # noqa: ARG001 - the signature of a resolver
    return tables.get(name.lower())


def small(dataset: Dataset) -> bool:
    """Tell whether a table is known to have so few rows that no plan matters."""
    return dataset.rows is not None and not dataset.rows.assumed and dataset.rows.value < LARGE_ROWS


def sure(dataset: Dataset, certain: float = 0.9, otherwise: float = 0.6) -> float:
    """Return the confidence of a finding that hurts on large tables only: lower where the number of rows is not known."""
    return certain if dataset.rows is not None and not dataset.rows.assumed else otherwise


def filters(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the comparisons that every row read has to pass: parts of WHERE and ON that no OR and no CASE makes optional."""
    for clause in tree.find_all(exp.Where, exp.Join):
        condition = clause.this if isinstance(clause, exp.Where) else clause.args.get("on")
        waiting = [condition] if condition is not None else []
        while waiting:
            test = waiting.pop(0)
            if isinstance(test, exp.And):
                waiting[:0] = [test.left, test.right]
            elif isinstance(test, exp.Paren):
                waiting.insert(0, test.this)
            else:
                yield test


def replaced(tree: exp.Expr, old: exp.Expr, new: exp.Expr) -> exp.Expr:
    """Return a copy of the tree in which `new` stands where `old`, a part of it, stood."""
    number = next(place for place, node in enumerate(tree.walk()) if node is old)
    copy = tree.copy()
    target = next(node for place, node in enumerate(copy.walk()) if place == number)
    target.replace(new)
    return copy


def sql(tree: exp.Expr) -> str:
    """Return a tree as SQL of PostgreSQL."""
    return tree.sql(dialect="postgres")


def findings(
    rule: str,
    system: System,
    problems: Iterable[Problem],
    severity: Severity,
    told: Callable[[Problem], tuple[Text, Text]],
    *,
    confidence: Callable[[Dataset], float] = lambda _: 0.9,
) -> Iterator[Finding]:
    """Yield one finding for each table and columns, with every statement concerned; `told` gives title and reason of the first."""
    together: dict[str, list[Problem]] = {}
    for problem in problems:
        together.setdefault(problem.subject, []).append(problem)
    for subject, places in together.items():
        first = places[0]
        finding = _finding(rule, system, severity, subject, places, told(first), confidence(first.dataset))
        rewrites = distinct(each.rewrite for each in places if each.rewrite is not None)
        yield replace(finding, dataset=first.dataset.name, columns=first.columns, rewrites=rewrites)


def by_database(
    rule: str,
    system: System,
    problems: Iterable[Problem],
    severity: Severity,
    told: Callable[[list[Problem]], tuple[Text, Text]],
) -> Iterator[Finding]:
    """Yield one finding for each database: a habit of a whole schema is one decision, not one for each table."""
    together: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        together.setdefault((problem.dataset.store, problem.dataset.database), []).append(problem)
    for (store, database), places in together.items():
        subject = f"{store}/{database}" if database else store
        yield _finding(rule, system, severity, subject, places, told(places), 0.9)


def tables(problems: list[Problem], language: Language) -> str:
    """Return the tables of problems as in a sentence, each with its first column."""
    return listed([f"{each.dataset.table}.{each.columns[0]}" for each in problems], language, most=3)


def _finding(
    rule: str, system: System, severity: Severity, subject: str, places: list[Problem], told: tuple[Text, Text], confidence: float
) -> Finding:
    components = {component.name for component in system.components}
    store = places[0].dataset.store
    callers = tuple(dict.fromkeys(each.operation.component for each in places if each.operation is not None))
    return Finding(
        rule=rule,
        severity=severity,
        subject=subject,
        components=tuple(name for name in (*callers, store) if name in components),
        links=tuple(Link(caller, store) for caller in callers if {caller, store} <= components),
        title=told[0],
        why=told[1],
        evidence=distinct(place for each in places for place in each.evidence),
        confidence=confidence,
    )

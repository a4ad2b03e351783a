"""From schema, statistics and workload to advice: every number is a planner cost before and after, with how far it can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from backend_expert.lab.planner import ddl, evidence
from backend_expert.lab.planner.advisor import Advice, Options, Problem, contributions, frontier
from backend_expert.lab.planner.analysis import Analysed, analyse
from backend_expert.lab.planner.answer import Answer, IndexAdvice, Point, QueryOutcome, Unplanned
from backend_expert.lab.planner.evidence import Evidence
from backend_expert.lab.planner.laboratory import Lab, NotPlanned, opened
from backend_expert.lab.planner.oracle import Configuration, Oracle
from backend_expert.lab.planner.removal import Superfluous, removals
from backend_expert.lab.planner.rewrites import Form, compared
from backend_expert.lab.planner.risk import risk
from backend_expert.lab.planner.schema import Schema
from backend_expert.lab.planner.server import running
from backend_expert.lab.planner.sizing import bloated
from backend_expert.lab.planner.statistics import Statistics
from backend_expert.lab.planner.workload import Workload

_SHARES = (0.02, 0.05, 0.1, 0.25, 0.5, 2.0)
"""Budgets tried when none is given, as shares of the size of the tables; the last: an index of a narrow table is as large as it."""
_SECONDS_ROWS, _MINUTES_ROWS = 1_000_000, 100_000_000


class Suggestions(Struct, frozen=True):
    """What somebody who knows the schema wants tried besides indexes: better forms of statements, and indexes that could go."""

    forms: tuple[Form, ...] = ()
    superfluous: tuple[Superfluous, ...] = ()


NO_SUGGESTIONS = Suggestions()


def advise(
    schema: Schema,
    statistics: Statistics | None,
    workload: Workload,
    *,
    options: Options | None = None,
    budgets: tuple[float, ...] = (),
    rows: Mapping[str, float] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Answer:
    """Start a server, build the lab, and answer which indexes help, for budgets in bytes.

    Raises `PlannerError` when there is no server to start.
    """
    progress("start")
    with running() as server:
        progress("load")
        with opened(server, schema, statistics, rows) as lab:
            return answer(lab, statistics, workload, options=options, budgets=budgets, progress=progress)


def answer(
    lab: Lab,
    statistics: Statistics | None,
    workload: Workload,
    *,
    options: Options | None = None,
    budgets: tuple[float, ...] = (),
    suggestions: Suggestions = NO_SUGGESTIONS,
    progress: Callable[[str], None] = lambda _: None,
) -> Answer:
    """Answer in an open lab which indexes help, for budgets in bytes, and what the suggestions bring."""
    options = options or Options()
    base = evidence.of_lab(lab, statistics)
    progress("analyse")
    statements, unplanned = _statements(lab, workload)
    nothing = Answer(
        level=base.level,
        reasons=base.reasons,
        refused=lab.loaded.failures,
        tables=len(lab.catalogue.tables),
        matched=lab.loaded.matched,
        guessed=lab.loaded.guessed,
        taken=statistics.taken if statistics is not None else "",
        covered=workload.covered,
        unplanned=unplanned,
        rejected=(*lab.loaded.rejected, *workload.rejected),
        plans=lab.calls,
        hints=bloated(lab.catalogue, statistics) if statistics is not None else (),
    )
    if lab.loaded.failures:
        return nothing  # a lab that fails its self-check gives no advice on costs
    oracle = Oracle(lab, statements)
    try:
        if not statements:
            return replace(nothing, removals=removals(oracle, Problem(oracle, options), suggestions.superfluous))
        progress("indexes")
        points = budgets or _budgets(lab, options)
        found = frontier(oracle, points, options)
        problem = Problem(oracle, options)
        advice = found[-1]
        chosen = frozenset(advice.indexes)
        progress("prove")
        queries = _queries(lab, oracle, problem, chosen, base)
        return replace(
            nothing,
            level=evidence.worst([query.level for query in queries]),
            before=advice.before,
            after=advice.after,
            queries=queries,
            indexes=_indexes(lab, problem, advice, queries),
            frontier=_points(points, found),
            removals=removals(oracle, problem, suggestions.superfluous),
            rewrites=compared(oracle.bench, suggestions.forms, base),
            plans=lab.calls,
        )
    finally:
        oracle.bench.close()


def _statements(lab: Lab, workload: Workload) -> tuple[tuple[Analysed, ...], tuple[Unplanned, ...]]:
    """Return the statements that the server plans, and the others with its reason."""
    found, left_out = [], []
    for each in workload.statements:
        mean_ms = each.total_ms / each.calls if each.calls else 0.0
        analysed = analyse(each.text, lab.catalogue, calls=each.calls, weight=max(each.calls, 1e-9), line=each.line, file=each.file)
        try:
            plan = lab.explain(each.text, generic="$" in each.text and analysed is not None and analysed.generic)
        except NotPlanned as error:
            left_out.append(Unplanned(each.file, each.line, each.text, str(error)))
            continue
        if analysed is None:
            left_out.append(Unplanned(each.file, each.line, each.text, "it reads no table of the schema"))
            continue
        if mean_ms > 0 and plan.cost > 0:
            # Where production measured times they weigh: they know what the planner's cost does not (caches, waits).
            analysed = replace(analysed, weight=each.calls * mean_ms / plan.cost)
        found.append(analysed)
    return tuple(found), tuple(left_out)


def _points(budgets: tuple[float, ...], found: tuple[Advice, ...]) -> tuple[Point, ...]:
    """Return the frontier without the budgets that buy nothing more than the one before."""
    points: list[Point] = []
    for budget, each in zip(sorted(budgets), found, strict=True):
        if not points or (each.bytes, each.ratio) != (points[-1].bytes, points[-1].ratio):
            points.append(Point(budget, each.bytes, len(each.indexes), each.ratio))
    return tuple(points)


def _budgets(lab: Lab, options: Options) -> tuple[float, ...]:
    if options.budget_bytes != float("inf"):
        return tuple(options.budget_bytes * share for share in (0.25, 0.5, 0.75, 1.0))
    size = sum(table.pages for table in lab.catalogue.tables if table.kind != "p") * 8192.0
    return tuple(max(1.0, size) * share for share in _SHARES)


def _queries(lab: Lab, oracle: Oracle, problem: Problem, chosen: Configuration, base: Evidence) -> tuple[QueryOutcome, ...]:
    outcomes = []
    total = problem.base_total or 1.0
    for number in problem.numbers:
        statement = oracle.statements[number]
        before, after = oracle.plan(number), oracle.plan(number, chosen)
        used = oracle.used(after, chosen)
        found = evidence.of_plan(base, statement, after, lab, oracle.bench.all_found(used))
        names = {name: str(index) for index in used if (made := oracle.bench.found(index)) is not None for name in made.names}
        outcomes.append(
            QueryOutcome(
                statement=statement.text,
                kind=statement.kind,
                file=statement.file,
                line=statement.line,
                calls=statement.calls,
                share=problem.weights[number] * before.cost / total,
                before=before.cost,
                after=after.cost,
                level=found.level,
                reasons=found.reasons,
                uses=tuple(sorted(map(str, used))),
                risk=risk(before, after, names),
                plan_before=before.lines(),
                plan_after=after.lines(names),
            )
        )
    return tuple(sorted(outcomes, key=lambda each: (-each.share, each.file, each.line)))


def _indexes(lab: Lab, problem: Problem, advice: Advice, queries: tuple[QueryOutcome, ...]) -> tuple[IndexAdvice, ...]:
    shares = contributions(problem, advice.indexes)
    total = problem.base_total or 1.0
    found = []
    taken = {index.name for index in lab.catalogue.indexes}
    for index in advice.indexes:
        made = problem.oracle.bench.found(index)
        table = lab.catalogue.named(index.table, index.schema)
        if made is None or table is None:
            continue
        name = ddl.named(index, taken)
        rough = 0.5 if index.method != "btree" else 0.15
        found.append(
            IndexAdvice(
                index=str(index),
                name=name,
                table=f"{index.schema}.{index.table}",
                columns=index.columns,
                create=ddl.creation(index, name, table, lab.catalogue, taken),
                drop=ddl.way_back(index, name, table),
                bytes=made.size.bytes,
                bytes_low=int(made.size.bytes * (1 - rough)),
                bytes_high=int(made.size.bytes * (1 + rough)),
                contribution=shares[index] / total,
                write_share=problem.penalty(index) / total,
                build="seconds" if table.rows < _SECONDS_ROWS else "minutes" if table.rows < _MINUTES_ROWS else "hours",
                level=evidence.worst([query.level for query in queries if str(index) in query.uses]),
                partial=bool(index.predicate),
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.contribution, each.index)))

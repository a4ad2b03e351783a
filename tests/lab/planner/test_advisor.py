"""The advice: near the best there is, within its budget, in the same words every time, with proof for what can go."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import loaded_shop
import pytest

from backend_expert.lab.planner import evidence, experiment
from backend_expert.lab.planner.advisor import Options, Problem, frontier
from backend_expert.lab.planner.analysis import analyse
from backend_expert.lab.planner.candidates import singles
from backend_expert.lab.planner.evidence import Level
from backend_expert.lab.planner.experiment import Answer, Suggestions, advise
from backend_expert.lab.planner.laboratory import Lab, opened
from backend_expert.lab.planner.oracle import Oracle
from backend_expert.lab.planner.removal import Superfluous
from backend_expert.lab.planner.repeats import repeats
from backend_expert.lab.planner.rewrites import Form, compared
from backend_expert.lab.planner.schema import read_schema
from backend_expert.lab.planner.server import Server
from backend_expert.lab.planner.statistics import Statistics
from backend_expert.lab.planner.whatif import Workbench
from backend_expert.lab.planner.workload import read_workload

ROWS = {"purchase": 600_000, "line": 1_200_000, "customer": 200_000, "product": 20_000}


@pytest.fixture(scope="module")
def lab(server: Server) -> Iterator[Lab]:
    with opened(server, read_schema(loaded_shop.SCHEMA, "schema.sql"), None, ROWS) as found:
        yield found


@pytest.fixture(scope="module")
def oracle(lab: Lab) -> Iterator[Oracle]:
    found = (analyse(query, lab.catalogue) for query in loaded_shop.QUERIES)
    oracle = Oracle(lab, tuple(each for each in found if each is not None))
    yield oracle
    oracle.bench.close()


def test_the_advice_is_near_the_exhaustive_optimum(oracle: Oracle) -> None:
    options = Options(width=1, special=False, least_gain=0.0001, cap=1.0)
    problem = Problem(oracle, options)
    offered = [
        each for each in singles(oracle.statements, oracle.lab.catalogue) if problem.total(frozenset({each})) < problem.base_total
    ]
    assert 5 <= len(offered) <= 12
    for budget in (10e6, 25e6, 60e6):
        best = min(
            problem.total(frozenset(chosen))
            for count in range(len(offered) + 1)
            for chosen in itertools.combinations(offered, count)
            if problem.size(chosen) <= budget
        )
        found = frontier(oracle, (budget,), options)[0]
        assert found.bytes <= budget
        assert best / found.after >= 0.95


def test_a_larger_budget_never_buys_less(oracle: Oracle) -> None:
    found = frontier(oracle, (5e6, 20e6, 80e6, 300e6), Options())
    assert [each.after for each in found] == sorted((each.after for each in found), reverse=True)
    assert all(each.bytes <= budget for each, budget in zip(found, (5e6, 20e6, 80e6, 300e6), strict=True))


def test_the_number_of_indexes_is_bounded(oracle: Oracle) -> None:
    assert len(frontier(oracle, (1e12,), Options(most_indexes=2))[0].indexes) <= 2


def test_the_cost_answered_from_the_cache_is_the_cost_planned(oracle: Oracle) -> None:
    advice = frontier(oracle, (300e6,), Options())[0]
    whole = frozenset(advice.indexes)
    for number in range(len(oracle.statements)):
        for left in advice.indexes:
            assert oracle.cost(number, whole - {left}) == pytest.approx(oracle.plan(number, whole - {left}).cost)


def test_writes_count_against_an_index(lab: Lab) -> None:
    read = "SELECT * FROM purchase WHERE total = 5"
    write = "UPDATE purchase SET total = 1 WHERE id = 1"
    for calls, worth in ((1, True), (1_000_000, False)):
        statements = (analyse(read, lab.catalogue), analyse(write, lab.catalogue, calls=calls, weight=calls))
        oracle = Oracle(lab, tuple(each for each in statements if each is not None))
        advice = frontier(oracle, (1e12,), Options(cap=1.0))[0]
        oracle.bench.close()
        assert any("total" in index.columns for index in advice.indexes) == worth


def test_two_extreme_statements_do_not_hide_the_rest(lab: Lab) -> None:
    texts = [*loaded_shop.QUERIES[:6], "SELECT count(*) FROM line a, line b WHERE a.quantity < b.quantity"]
    oracle = Oracle(lab, tuple(each for each in (analyse(text, lab.catalogue) for text in texts) if each is not None))
    problem = Problem(oracle, Options(cap=0.3))
    shares = [problem.weights[number] * problem.base[number] / problem.base_total for number in problem.numbers]
    oracle.bench.close()
    assert max(shares) == pytest.approx(0.3, abs=0.001)


def answer(workload: str, schema: str = loaded_shop.SCHEMA, statistics: Statistics | None = None) -> Answer:
    return advise(read_schema(schema, "s"), statistics, read_workload(workload, "w"), rows=ROWS)


def test_the_same_input_gives_the_same_answer(server: Server) -> None:
    workload = ";\n".join(loaded_shop.QUERIES)
    first, second = answer(workload), answer(workload)
    assert first == second
    assert first.level is Level.GUESS
    assert first.indexes
    assert all(index.create[-1].startswith("CREATE INDEX CONCURRENTLY") for index in first.indexes)
    assert all(index.bytes_low < index.bytes < index.bytes_high for index in first.indexes)


def test_dropping_a_used_index_shows_what_it_costs(lab: Lab) -> None:
    workload = read_workload("SELECT * FROM purchase ORDER BY placed_at LIMIT 10", "w")
    superfluous = (Superfluous("public", "purchase_placed_at", "unused"), Superfluous("public", "nowhere", "unused"))
    found = experiment.answer(lab, None, workload, suggestions=Suggestions((), superfluous))
    assert [(each.index, each.cost_ratio > 10) for each in found.removals] == [("purchase_placed_at", True)]
    assert found.removals[0].drop[-1] == "DROP INDEX CONCURRENTLY public.purchase_placed_at;"
    assert found.removals[0].create[0].startswith("CREATE INDEX CONCURRENTLY purchase_placed_at ON")


def test_a_key_read_once_for_each_row_of_a_list_is_told() -> None:
    csv = """query,calls,total_exec_time,rows
SELECT * FROM purchase WHERE status = $1,10,5,1000
SELECT * FROM customer WHERE id = $1,{},5,{}
"""
    (found,) = repeats(read_workload(csv.format(1000, 1000), "w"))
    assert (found.parent.line, found.lookup.line, found.times) == (2, 3, 100)
    assert list(repeats(read_workload(csv.format(50, 50), "w"))) == []


@pytest.mark.parametrize(
    ("statement", "better", "columns", "needs"),
    [
        (
            "SELECT * FROM purchase WHERE placed_at::date = '2024-02-29'",
            "SELECT * FROM purchase WHERE placed_at >= '2024-02-29' AND placed_at < '2024-03-01'",
            ("placed_at",),
            "",
        ),
        ("SELECT * FROM purchase WHERE total + 1 = 77", "SELECT * FROM purchase WHERE total = 76", ("total",), "purchase (total)"),
        (
            "SELECT id FROM purchase ORDER BY placed_at LIMIT 20 OFFSET $1",
            "SELECT id FROM purchase WHERE (placed_at, id) > ($2, $3) ORDER BY placed_at, id LIMIT 20",
            ("placed_at", "id"),
            "purchase (placed_at, id)",
        ),
        (
            "SELECT * FROM customer c WHERE id NOT IN (SELECT customer_id FROM purchase)",
            "SELECT * FROM customer c WHERE NOT EXISTS (SELECT 1 FROM purchase p WHERE p.customer_id = c.id)",
            (),
            "",
        ),
    ],
)
def test_both_forms_are_planned_with_the_index_that_one_needs(
    lab: Lab, statement: str, better: str, columns: tuple[str, ...], needs: str
) -> None:
    bench = Workbench(lab)
    try:
        (found,) = compared(bench, (Form(statement, better, "public", "purchase", columns),), evidence.of_lab(lab, None))
    finally:
        bench.close()
    assert (found.needs, found.proved, found.level) == (needs, True, Level.GUESS)
    assert found.plan_before != found.plan_after
    assert (f"[{needs}]" in " ".join(found.plan_after)) == bool(needs)


def test_a_form_that_does_not_suit_the_schema_is_left_out(lab: Lab) -> None:
    bench = Workbench(lab)
    form = Form("SELECT * FROM purchase WHERE id = 1", "SELECT * FROM purchase WHERE id = 'x'::date")
    try:
        assert compared(bench, (form,), evidence.of_lab(lab, None)) == ()
    finally:
        bench.close()

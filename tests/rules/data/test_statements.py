"""The better forms of statements, what is left alone, and any text at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.model import (
    Column,
    Component,
    Dataset,
    Estimate,
    Evidence,
    Finding,
    Index,
    Kind,
    Operation,
    Query,
    System,
    Trigger,
)
from backend_expert.rules import all_rules, check

RULES = tuple(rule for rule in all_rules() if rule.family == "data")


def table(name: str, *columns: str, indexes: tuple[tuple[str, ...], ...] = ()) -> Dataset:
    made = []
    for each in columns:
        column, _, type_ = each.partition(" ")
        made.append(Column(name=column, type=type_.removesuffix(" not null") or "text", nullable=not each.endswith("not null")))
    keys = (Index(columns=("id",), unique=True, primary=True), *(Index(columns=each, name="_".join(each)) for each in indexes))
    return Dataset(
        name=f"db/{name}", store="db", columns=tuple(made), indexes=keys, complete=True, rows=Estimate(600_000), evidence=()
    )


TABLES = (
    table(
        "purchase",
        "id bigint not null",
        "customer_id bigint",
        "placed_at timestamptz not null",
        "status text",
        indexes=(("customer_id",), ("placed_at",), ("status",)),
    ),
    table("customer", "id bigint not null", "email text not null", indexes=(("email",),)),
    table("product", "id bigint not null", "sku text not null", indexes=(("sku",),)),
)


def system(*statements: str) -> System:
    steps = tuple(
        Query(dataset="db/purchase", statement=statement, evidence=(Evidence("a.ts", line, "node"),))
        for line, statement in enumerate(statements, 1)
    )
    operation = Operation(name="shop GET /", component="shop", trigger=Trigger(kind="http"), steps=steps)
    components = (Component(name="db", kind=Kind.DATABASE, technology="postgresql"), Component(name="shop", kind=Kind.SERVICE))
    return System(name="s", components=components, operations=(operation,), datasets=TABLES)


def found(*statements: str) -> tuple[Finding, ...]:
    return check(system(*statements), RULES)


@pytest.mark.parametrize(
    ("statement", "rule", "better"),
    [
        (
            "SELECT * FROM purchase WHERE placed_at::date = '2024-02-29'",
            "non-sargable-predicate",
            "SELECT * FROM purchase WHERE placed_at >= '2024-02-29' AND placed_at < '2024-03-01'",
        ),
        (
            "SELECT * FROM purchase WHERE date_trunc('day', placed_at) = '2024-12-31'",
            "non-sargable-predicate",
            "SELECT * FROM purchase WHERE placed_at >= '2024-12-31' AND placed_at < '2025-01-01'",
        ),
        (
            "SELECT * FROM purchase WHERE placed_at::date = $1",
            "non-sargable-predicate",
            "SELECT * FROM purchase WHERE placed_at >= CAST($1 AS DATE) AND placed_at < CAST($1 AS DATE) + 1",
        ),
        ("SELECT * FROM purchase WHERE id + 1 > 77", "non-sargable-predicate", "SELECT * FROM purchase WHERE id > 77 - 1"),
        ("SELECT * FROM purchase WHERE id::text = '55'", "implicit-cast-defeats-index", "SELECT * FROM purchase WHERE id = 55"),
        ("SELECT * FROM purchase WHERE id = 55.0", "implicit-cast-defeats-index", "SELECT * FROM purchase WHERE id = 55"),
        (
            "SELECT * FROM customer c WHERE id NOT IN (SELECT customer_id FROM purchase)",
            "not-in-nullable",
            "SELECT * FROM customer AS c WHERE NOT EXISTS(SELECT 1 FROM purchase WHERE purchase.customer_id = c.id)",
        ),
        (
            "SELECT id FROM purchase ORDER BY placed_at LIMIT 20 OFFSET 50000",
            "offset-pagination",
            "SELECT id FROM purchase WHERE (placed_at, id) > ($1, $2) ORDER BY placed_at, id LIMIT 20",
        ),
        (
            "SELECT id FROM purchase p WHERE status = $1 ORDER BY p.id DESC LIMIT $2 OFFSET $3",
            "offset-pagination",
            "SELECT id FROM purchase AS p WHERE status = $1 AND p.id < $4 ORDER BY p.id DESC LIMIT $2",
        ),
    ],
)
def test_a_better_form_is_offered(statement: str, rule: str, better: str) -> None:
    assert [(each.rule, [form.better for form in each.rewrites]) for each in found(statement)] == [(rule, [better])]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("SELECT * FROM customer WHERE email LIKE '%@x.org'", "search-by-like-at-scale"),
        ("SELECT * FROM customer WHERE lower(email) = $1", "non-sargable-predicate"),
        ("SELECT id FROM purchase ORDER BY placed_at, customer_id DESC LIMIT 20 OFFSET $1", "offset-pagination"),
        ("SELECT id FROM customer WHERE id NOT IN (SELECT customer_id FROM purchase LIMIT 5)", "not-in-nullable"),
    ],
)
def test_a_problem_without_a_form_that_means_the_same_is_told_alone(statement: str, rule: str) -> None:
    assert [(each.rule, each.rewrites) for each in found(statement)] == [(rule, ())]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM purchase WHERE placed_at >= '2024-02-29'",
        "SELECT * FROM purchase WHERE id = 77 - 1",
        "SELECT * FROM product WHERE sku = '55'",
        "SELECT * FROM customer WHERE id IN (SELECT customer_id FROM purchase)",
        "SELECT * FROM purchase ORDER BY placed_at LIMIT 20 OFFSET 20",
        "SELECT * FROM customer WHERE email LIKE 'a%'",
        "SELECT count(*) FROM purchase",
        "SELECT * FROM purchase WHERE $1::text IS NULL OR status = $1",
        "INSERT INTO purchase (id, status) VALUES ($1, $2)",
        "nonsense",
        "SELECT * FROM elsewhere WHERE lower(a) = 'b'",
    ],
)
def test_a_statement_that_is_well_written_is_left_alone(statement: str) -> None:
    assert found(statement) == ()


def test_statements_of_one_problem_are_one_finding_with_every_line() -> None:
    (one,) = found("SELECT id FROM purchase WHERE id::text = '1'", "SELECT status FROM purchase WHERE id::text = '2'")
    assert [each.line for each in one.evidence] == [1, 2]
    assert len(one.rewrites) == 2


@given(
    st.lists(
        st.sampled_from(["SELECT * FROM purchase WHERE", "id", "=", "lower(", ")", "NOT IN (SELECT", "OFFSET $1", "'", "%", "(("])
    )
)
def test_any_text_is_answered(words: list[str]) -> None:
    found(" ".join(words))

"""Tables as SQL files declare them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert import readers
from backend_expert.model import system_file
from backend_expert.readers.ddl import PARTS_LIMIT, tables


def keys(table) -> list[tuple[tuple[str, ...], bool]]:
    return [(index.columns, index.unique) for index in table.indexes]


def test_columns_and_keys():
    (table,) = tables(
        "a.sql",
        """
        -- CREATE TABLE nothing (a int);
        CREATE TABLE IF NOT EXISTS shop."orders" (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the key
            customer_id uuid NOT NULL REFERENCES customers (id),
            email       varchar(200) NOT NULL CONSTRAINT orders_email UNIQUE,
            total       numeric(10, 2) NOT NULL DEFAULT 0,
            placed_at   timestamp with time zone,
            note        text DEFAULT 'a, (b)',
            CONSTRAINT positive CHECK (total >= 0),
            FOREIGN KEY (customer_id) REFERENCES customers (id),
            UNIQUE (customer_id, placed_at)
        );
        CREATE INDEX orders_customer ON orders USING btree (customer_id, placed_at DESC);
        CREATE UNIQUE INDEX ON shop.orders (lower(email));
        """,
    )
    assert (table.name, table.database, str(table.evidence[0])) == ("orders", "", "a.sql:3")
    assert [(column.name, column.type, column.nullable, column.personal) for column in table.columns] == [
        ("id", "bigint", False, False),
        ("customer_id", "uuid", False, False),
        ("email", "varchar(200)", False, True),
        ("total", "numeric(10, 2)", False, False),
        ("placed_at", "timestamp with time zone", True, False),
        ("note", "text", True, False),
    ]
    assert keys(table) == [
        (("id",), True),
        (("email",), True),
        (("customer_id", "placed_at"), True),
        (("customer_id", "placed_at"), False),
        (("lower(email)",), True),
    ]
    assert [(index.primary, index.kinds, index.evidence[0].line) for index in table.indexes] == [
        (True, (), 4),
        (False, (), 6),
        (False, (), 12),
        (False, ("", "desc"), 14),
        (False, (), 15),
    ]
    assert [(each.columns, each.table, each.evidence[0].line) for each in table.references] == [
        (("customer_id",), "customers", 5),
        (("customer_id",), "customers", 11),
    ]
    assert [column.evidence[0].line for column in table.columns] == [4, 5, 6, 7, 8, 9]


def test_the_condition_of_a_partial_index():
    (table,) = tables("a.sql", "CREATE TABLE t (a int, gone timestamptz);\nCREATE INDEX i ON t (a)\n WHERE (gone IS NULL);")
    assert [(index.columns, index.condition, index.evidence[0].line) for index in table.indexes] == [(("a",), "(gone IS NULL)", 2)]


def test_keys_of_mysql():
    (table,) = tables(
        "a.sql",
        "USE shop;\nCREATE TABLE `carts` (`id` int(11) NOT NULL AUTO_INCREMENT, `sku` varchar(9),"
        " PRIMARY KEY (`id`), KEY `by_sku` (`sku`(8)));",
    )
    assert (table.name, table.database) == ("carts", "shop")
    assert [(column.name, column.type) for column in table.columns] == [("id", "int(11)"), ("sku", "varchar(9)")]
    assert [(index.name, index.columns, index.unique) for index in table.indexes] == [
        ("", ("id",), True),
        ("by_sku", ("sku",), False),
    ]


def test_what_is_added_later():
    (table,) = tables(
        "a.sql",
        "CREATE TABLE a (id int); ALTER TABLE ONLY a ADD CONSTRAINT a_pkey PRIMARY KEY (id), ADD COLUMN email text NOT NULL;"
        "ALTER TABLE b ADD COLUMN x int;",
    )
    assert [(column.name, column.nullable) for column in table.columns] == [("id", True), ("email", False)]
    assert keys(table) == [(("id",), True)]


def test_databases_by_the_command_that_connects():
    found = tables("a.sql", "\\connect one\nCREATE TABLE a (id int);\n\\c two\nCREATE TABLE a (id int, b int);")
    assert [(table.database, len(table.columns)) for table in found] == [("one", 1), ("two", 2)]


@pytest.mark.parametrize(
    "text",
    ["", "SELECT 1", "CREATE TABLE", "CREATE TABLE a (", "CREATE TABLE a ((((", "CREATE INDEX ON a (b);", "ALTER TABLE a ADD"],
)
def test_what_declares_nothing(text: str):
    assert [table for table in tables("a.sql", text) if table.columns] == []


@pytest.mark.parametrize(
    "repeated", ["CREATE TABLE a (", "ALTER TABLE a ADD b int,", "ALTER TABLE a ADD COLUMN b{} int;", "CREATE INDEX i{} ON a (b);"]
)
def test_statements_without_end_are_looked_at_once(repeated):
    text = "CREATE TABLE a (b int);\n" + "".join(repeated.replace("{}", str(number)) for number in range(20_000))
    (table,) = tables("a.sql", text)
    assert len(table.columns) + len(table.indexes) <= PARTS_LIMIT


@given(st.text(alphabet="CREATE TABLE aINDEXON()\"'`,;-/* \n", max_size=300))
def test_any_text_is_read(text: str):
    tables("a.sql", text)


def test_the_shop_has_the_columns_that_its_model_states():
    shop = Path(__file__).parents[2] / "examples" / "shop"
    recovered = readers.read(shop).system
    stated = system_file.overlay(recovered, (shop / "system.yaml").read_text(encoding="utf-8"), "system.yaml")
    compared = 0
    for dataset in recovered.datasets:
        truth = stated.dataset(dataset.name)
        if truth.columns and dataset.store == "postgres":
            assert {(column.name, column.type, column.nullable) for column in dataset.columns} == {
                (column.name, column.type, column.nullable) for column in truth.columns
            }
            assert {(index.columns, index.unique) for index in dataset.indexes} == {
                (index.columns, index.unique) for index in truth.indexes
            }
            compared += 1
    assert compared >= 9

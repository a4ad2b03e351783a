"""What exactly is shared: tables, a database, a server, or what the files do not say."""

from __future__ import annotations

import pytest

from backend_expert.model import Finding, Severity
from backend_expert.model.system_file import load
from backend_expert.rules.structure.shared_datastore import shared_datastore


def review(one: str, other: str, *, datasets: str, services: str = "{kind: service}, b: {kind: service}") -> list[Finding]:
    return list(
        shared_datastore(
            load(f"""
components: {{a: {services}, db: {{kind: database}}}}
datasets: {{{datasets}}}
operations:
  a x: {{component: a, trigger: {{kind: http}}, steps: [{{step: query, {one}}}]}}
  b x: {{component: b, trigger: {{kind: http}}, steps: [{{step: query, {other}}}]}}
""")
        )
    )


TABLE = "db/shop.invoice: {store: db, database: shop}"


def test_a_table_written_twice_is_high() -> None:
    (finding,) = review("dataset: db/shop.invoice, action: insert", "dataset: db/shop.invoice, action: update", datasets=TABLE)
    assert (finding.severity, finding.subject) == (Severity.HIGH, "db/shop")
    assert "`shop.invoice`" in finding.why.en


def test_a_table_that_another_reads_is_medium_and_the_reader_changes_first() -> None:
    (finding,) = review("dataset: db/shop.invoice, action: insert", "dataset: db/shop.invoice", datasets=TABLE)
    assert (finding.severity, finding.components[0]) == (Severity.MEDIUM, "b")


def test_one_database_with_unknown_tables_is_medium() -> None:
    (finding,) = review("dataset: db/shop", "dataset: db/shop", datasets="db/shop: {store: db, database: shop}")
    assert (finding.severity, finding.asked) == (Severity.MEDIUM, False)
    assert "Which tables each uses was not found" in finding.why.en


def test_databases_apart_share_only_the_server_and_nobody_speaks_of_tables() -> None:
    (finding,) = review(
        "dataset: db/one", "dataset: db/two", datasets="db/one: {store: db, database: one}, db/two: {store: db, database: two}"
    )
    assert (finding.severity, finding.subject) == (Severity.LOW, "db server")
    assert "table" not in finding.title.en + finding.why.en


def test_key_spaces_with_names_of_their_own_share_only_the_server() -> None:
    (finding,) = review(
        "dataset: db/carts, action: update", "dataset: db/products", datasets="db/carts: {store: db}, db/products: {store: db}"
    )
    assert (finding.severity, finding.asked) == (Severity.LOW, False)


def test_unknown_databases_are_a_question() -> None:
    (finding,) = review("dataset: 'db/*'", "dataset: 'db/*'", datasets="'db/*': {store: db}")
    assert finding.asked
    assert "was not found in the files read" in finding.why.en


def test_different_tables_of_one_database_are_not_shared_tables() -> None:
    datasets = "db/shop.one: {store: db, database: shop}, db/shop.two: {store: db, database: shop}"
    (finding,) = review("dataset: db/shop.one, action: insert", "dataset: db/shop.two, action: insert", datasets=datasets)
    assert finding.subject == "db server"


@pytest.mark.parametrize("same", ["image: 'shop/desk:3'", "source: desk"])
def test_processes_of_one_code_base_are_one_service(same: str) -> None:
    services = f"{{kind: service, {same}}}, b: {{kind: worker, {same}}}"
    assert (
        review(
            "dataset: db/shop.invoice, action: insert",
            "dataset: db/shop.invoice, action: update",
            datasets=TABLE,
            services=services,
        )
        == []
    )


def test_a_console_is_no_service() -> None:
    services = "{kind: service}, b: {kind: platform}"
    assert review("dataset: db/shop.invoice, action: insert", "dataset: db/shop.invoice", datasets=TABLE, services=services) == []

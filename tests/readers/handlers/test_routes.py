"""Which route answers a request."""

from __future__ import annotations

import pytest

from backend_expert.model import Operation, Trigger
from backend_expert.readers.handlers.routes import answering

ROUTES = [
    "GET /orders",
    "POST /orders",
    "GET /orders/:id",
    "GET /orders/latest",
    "DELETE /orders/:id/lines/:line",
    "GET /files/*",
    "ALL /any",
    "GET /carts/:id(\\d+)",
    "GET /maybe/:id?",
    "GET /items/{sku}",
]


def operations(names: list[str]) -> list[Operation]:
    return [Operation(name=f"a {name}", component="a", trigger=Trigger(kind="http", name=name)) for name in names]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/orders", "GET /orders"),
        ("GET", "/orders/", "GET /orders"),
        ("GET", "/orders?page=1", "GET /orders"),
        ("POST", "/orders", "POST /orders"),
        ("PUT", "/orders", None),
        ("GET", "/orders/7", "GET /orders/:id"),
        ("GET", "/orders/{id}", "GET /orders/:id"),
        ("GET", "/orders/latest", "GET /orders/latest"),
        ("GET", "/orders/{id}/x", None),
        ("DELETE", "/orders/{id}/lines/{line}", "DELETE /orders/:id/lines/:line"),
        ("GET", "/files/a/b/c", "GET /files/*"),
        ("PATCH", "/any", "ALL /any"),
        ("GET", "/carts/{id}", "GET /carts/:id(\\d+)"),
        ("GET", "/maybe", "GET /maybe/:id?"),
        ("GET", "/items/{sku}", "GET /items/{sku}"),
        ("GET", "/nowhere", None),
        ("GET", "{path}", None),
        ("", "/orders", None),
    ],
)
def test_the_route_that_answers(method: str, path: str, expected: str | None):
    found = answering(operations(ROUTES), method, path)
    assert (found.trigger.name if found else None) == expected


def test_what_is_filled_in_later_may_be_a_word_but_only_one():
    names = ["GET /api/v1/orders", "GET /api/v2/carts"]
    assert answering(operations(names), "GET", "/api/v{n}/orders").trigger.name == "GET /api/v1/orders"
    assert answering(operations(["GET /a/x1", "GET /a/x2"]), "GET", "/a/x{n}") is None

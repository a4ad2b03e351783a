"""Where traffic enters a system that nobody stated a workload for."""

from __future__ import annotations

import pytest

from backend_expert.model import entries
from backend_expert.model.system_file import load

SYSTEM = """
schema: backend-expert/system/1
components:
  web: {kind: service}
operations:
  web {first}: {component: web, trigger: {kind: http, name: {first}}}
  web {second}: {component: web, trigger: {kind: http, name: {second}}}
"""


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("GET /health", "POST /orders", ["web POST /orders"]),
        ("GET /api/healthz", "POST /orders", ["web POST /orders"]),
        ("GET /metrics", "GET /orders", ["web GET /orders"]),
        ("GET /actuator/info", "GET /orders", ["web GET /orders"]),
        ("POST /health", "GET /orders", ["web GET /orders", "web POST /health"]),
        ("GET /users/:id/health/records", "GET /orders", ["web GET /orders", "web GET /users/:id/health/records"]),
        ("GET /health", "GET /ready", ["web GET /health", "web GET /ready"]),
    ],
)
def test_probes_are_no_entries_where_there_is_another(first: str, second: str, expected: list[str]):
    system = load(SYSTEM.replace("{first}", first).replace("{second}", second))
    assert sorted(operation.name for operation in entries(system)) == expected

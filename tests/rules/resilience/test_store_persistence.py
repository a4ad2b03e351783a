"""Which volumes keep data, and which stores need one."""

from __future__ import annotations

import pytest

from backend_expert.model import Finding, Severity
from backend_expert.model.system_file import load
from backend_expert.rules.resilience.store_without_persistence import store_without_persistence


def review(store: str, steps: str = "{step: query, dataset: store/x}", more: str = "") -> list[Finding]:
    return list(
        store_without_persistence(
            load(f"""
components:
  cart: {{kind: service}}
  other: {{kind: database, deployment: {{volumes: [{{path: /var/lib/postgresql/data}}]}}}}
  store: {store}
datasets: {{store/x: {{store: store}}, other/x: {{store: other}}}}
operations:
  cart x: {{component: cart, trigger: {{kind: http}}, steps: [{steps}{more}]}}
""")
        )
    )


@pytest.mark.parametrize("volume", ["/etc/mysql/my.cnf", "/docker-entrypoint-initdb.d", "/seed/init.sql"])
def test_a_mounted_file_keeps_no_data(volume: str) -> None:
    (finding,) = review(f"{{kind: database, deployment: {{volumes: [{{path: {volume}}}]}}}}")
    assert (finding.severity, finding.subject) == (Severity.HIGH, "store")


def test_a_volume_of_the_pod_goes_with_the_pod_and_is_pointed_at() -> None:
    volume = "{path: /data, persistent: false, evidence: ['redis.yaml:40 (kubernetes)']}"
    (finding,) = review(f"{{kind: database, evidence: ['redis.yaml:3 (kubernetes)'], deployment: {{volumes: [{volume}]}}}}")
    assert [str(place) for place in finding.evidence] == ["redis.yaml:3", "redis.yaml:40"]


def test_partly_read_files_prove_no_absence() -> None:
    assert review("{kind: database, deployment: {complete: false}}") == []


def test_a_cache_beside_a_database_is_only_a_cache() -> None:
    assert review("{kind: cache, deployment: {}}", more=", {step: query, dataset: other/x}") == []


def test_a_cache_that_is_the_only_store_is_medium() -> None:
    (finding,) = review("{kind: cache, deployment: {}}")
    assert (finding.severity, finding.components) == (Severity.MEDIUM, ("store", "cart"))


def test_a_cache_that_is_written_as_a_store_is_high_whatever_else_there_is() -> None:
    (finding,) = review(
        "{kind: cache, deployment: {}}", "{step: query, dataset: store/x, action: update}", ", {step: query, dataset: other/x}"
    )
    assert finding.severity is Severity.HIGH


@pytest.mark.parametrize(
    "store", ["{kind: cache, technology: memcached, deployment: {}}", "{kind: broker, technology: nats, deployment: {}}"]
)
def test_what_keeps_nothing_by_design_is_left_alone(store: str) -> None:
    assert review(store) == []


def test_a_volume_beside_the_data_is_told() -> None:
    (finding,) = review("{kind: cache, image: 'redis:7.4', deployment: {volumes: [{path: /mnt/redis}]}}")
    assert "`/mnt/redis` is mounted, but `redis:7.4` writes to `/data`" in finding.why.en


@pytest.mark.parametrize(
    "store",
    [
        "{kind: database, image: 'postgres:17', deployment: {volumes: [{path: /var/lib/postgresql/data}]}}",
        "{kind: database, image: 'postgres:18', deployment: {volumes: [{path: /var/lib/postgresql}]}}",
        "{kind: database, image: 'postgres:17', settings: [{name: PGDATA, value: /pg/data}], deployment: {volumes: [{path: /pg/data}]}}",
        "{kind: database, image: 'bitnami/postgresql:17', deployment: {volumes: [{path: /bitnami/postgresql}]}}",
        "{kind: database, image: 'registry.example/postgres:17', deployment: {volumes: [{path: /data}]}}",
    ],
)
def test_a_volume_where_the_data_may_be_is_silent(store: str) -> None:
    assert review(store) == []

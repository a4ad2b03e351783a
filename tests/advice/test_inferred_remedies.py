"""Remedies that no lab decides change what they say, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from backend_expert.advice.delivery.health_probe import health_probe
from backend_expert.advice.resilience.persistent_volume import persistent_volume
from backend_expert.advice.security.private_network import private_network
from backend_expert.advice.structure.database_per_service import database_per_service
from backend_expert.model import (
    Component,
    Dataset,
    Deployment,
    Evidence,
    Kind,
    Operation,
    Port,
    Probe,
    Query,
    System,
    Trigger,
    Volume,
)

if TYPE_CHECKING:
    from conftest import FindingOf


def store(**deployment: object) -> System:
    component = Component(
        name="db",
        kind=Kind.DATABASE,
        technology="postgresql",
        deployment=Deployment(**deployment),  # type: ignore[arg-type]
    )
    return System(name="s", components=(component,))


def deployment_of(system: System, name: str = "db") -> Deployment:
    deployment = system.component(name).deployment
    assert deployment is not None
    return deployment


def test_a_published_port_goes_inside(finding_of: FindingOf) -> None:
    port = Port(number=5432, published=5432, address="0.0.0.0")
    changed = private_network(store(ports=(port,)), finding_of("datastore-port-published", components=("db",)), 3)
    assert deployment_of(changed).ports == (Port(number=5432),)
    assert private_network(changed, finding_of("datastore-port-published", components=("db",)), 3) is changed


def test_a_volume_that_goes_with_the_container_is_replaced(finding_of: FindingOf) -> None:
    lost = Volume(path="/var/lib/postgresql/data", source="tmp", persistent=False)
    other = Volume(path="/etc/postgresql", source="settings")
    changed = persistent_volume(store(volumes=(lost, other)), finding_of("store-without-persistence", components=("db",)), 3)
    assert deployment_of(changed).volumes == (other, Volume(path="/var/lib/postgresql/data", source="db-data"))
    assert persistent_volume(changed, finding_of("store-without-persistence", components=("db",)), 3) is changed


def test_a_store_whose_directory_nobody_knows_is_left_alone(finding_of: FindingOf) -> None:
    system = store()
    unknown = structs.replace(system, components=(structs.replace(system.components[0], technology="obscuredb"),))
    assert persistent_volume(unknown, finding_of("store-without-persistence", components=("db",)), 3) is unknown


def test_probes_are_what_the_deployment_format_has(finding_of: FindingOf) -> None:
    system = store()
    finding = finding_of("no-health-endpoint", components=("db",))
    assert [probe.kind for probe in deployment_of(health_probe(system, finding, 3)).probes] == ["healthcheck"]
    in_kubernetes = structs.replace(system.components[0], evidence=(Evidence("db.yaml", 1, "kubernetes"),))
    system = structs.replace(system, components=(in_kubernetes,))
    probes = deployment_of(health_probe(system, finding, 3)).probes
    assert [(probe.kind, probe.target) for probe in probes] == [("readiness", "pg_isready"), ("liveness", "pg_isready")]


def test_a_component_with_a_probe_is_left_alone(finding_of: FindingOf) -> None:
    system = store(probes=(Probe(kind="healthcheck", mechanism="command"),))
    assert health_probe(system, finding_of("no-health-endpoint", components=("db",)), 3) is system


def shared(*uses: tuple[str, str]) -> System:
    """Build services that read tables of one database, as (service, table)."""
    operations = tuple(
        Operation(name=f"{who} {table}", component=who, trigger=Trigger(kind="http"), steps=(Query(dataset=f"db/{table}"),))
        for who, table in uses
    )
    return structs.replace(
        store(),
        components=(
            *store().components,
            *(Component(name=who, kind=Kind.SERVICE) for who in sorted({who for who, _ in uses})),
        ),
        operations=operations,
        datasets=tuple(Dataset(name=f"db/{table}", store="db") for table in sorted({table for _, table in uses})),
    )


def test_what_one_service_alone_uses_moves_and_the_rest_stays(finding_of: FindingOf) -> None:
    system = shared(("orders", "line"), ("orders", "order"), ("users", "user"), ("orders", "price"), ("users", "price"))
    changed = database_per_service(system, finding_of("shared-datastore", components=("db",)), 3)
    homes = {dataset.name: dataset.store for dataset in changed.datasets}
    assert homes == {"db/line": "db", "db/order": "db", "db/price": "db", "users-postgresql/user": "users-postgresql"}
    assert {step.dataset for each in changed.operations for step in each.steps if isinstance(step, Query)} == set(homes)


def test_services_that_share_every_table_cannot_be_split_by_a_tool(finding_of: FindingOf) -> None:
    system = shared(("orders", "price"), ("users", "price"))
    assert database_per_service(system, finding_of("shared-datastore", components=("db",)), 3) is system

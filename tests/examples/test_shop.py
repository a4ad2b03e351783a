"""The example shop says the same thing in all its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from backend_expert.model import Ack, CacheGet, CachePut, Call, Component, Kind, Publish, Query, Repeat, System, Transaction, walk
from backend_expert.model.system_file import overlay

SHOP = Path(__file__).parents[2] / "examples" / "shop"

NAMES = {
    "card-gateway",
    "cart",
    "catalogue",
    "gateway",
    "inventory",
    "mail-api",
    "notifications",
    "orders",
    "payment",
    "postgres",
    "rabbitmq",
    "redis",
}

# What the line must hold that does a step; the lines before it in the evidence say how the program gets there.
MARKS = {
    Call: r"proxy_pass|http\.(get|post|delete)|\.get<|fetch\(",
    Query: r"query|find|insert|update|INSERT|SELECT|UPDATE|FROM|WITH freed|hincrby|hgetall|del\(",
    CacheGet: r"redis\.get\(",
    CachePut: r"redis\.set\(",
    Publish: r"publish\(",
    Ack: r"\.ack\(",
    Repeat: r"for \(const",
    Transaction: r"transaction\(|WITH freed",
}


@pytest.fixture(scope="module")
def shop() -> System:
    bare = System(name="shop", components=tuple(Component(name=name, kind=Kind.SERVICE) for name in sorted(NAMES)))
    return overlay(bare, (SHOP / "system.yaml").read_text(encoding="utf-8"))


def line_of(place: str, number: int) -> str:
    return (SHOP / place).read_text(encoding="utf-8").splitlines()[number - 1]


def documents() -> list[dict]:
    return [document for file in sorted((SHOP / "kubernetes").glob("*.yaml")) for document in yaml.safe_load_all(file.read_text())]


def test_every_step_points_at_the_line_that_does_it(shop: System) -> None:
    checked = 0
    for operation in shop.operations:
        for step in walk(operation.steps):
            mark = next((pattern for kind, pattern in MARKS.items() if isinstance(step, kind)), None)
            if mark is None:
                continue
            *way, last = step.evidence
            line = line_of(last.file, last.line)
            assert re.search(mark, line), f"{operation.name}: {last} holds {line.strip()!r}"
            for evidence in way:
                line = line_of(evidence.file, evidence.line)
                assert "await " in line or "this." in line, f"{operation.name}: {evidence} holds {line.strip()!r}"
            checked += 1
    assert checked > 60


def test_the_pool_of_every_query_is_the_one_that_is_deployed(shop: System) -> None:
    services = yaml.safe_load((SHOP / "compose.yaml").read_text())["services"]
    deployed = {name: int(service["environment"]["DATABASE_POOL_MAX"]) for name, service in services.items() if _has_pool(service)}
    stated = {
        (operation.component, step.policy.pool.size.value)
        for operation in shop.operations
        for step in walk(operation.steps)
        if isinstance(step, Query) and step.policy.pool is not None and operation.component in deployed
    }
    assert dict(stated) == deployed
    assert len(stated) == len(deployed)


def _has_pool(service: dict) -> bool:
    return "DATABASE_POOL_MAX" in service.get("environment", {})


def test_compose_and_kubernetes_name_the_same_components() -> None:
    compose = set(yaml.safe_load((SHOP / "compose.yaml").read_text())["services"])
    cluster = {each["metadata"]["name"] for each in documents() if each["kind"] in {"Deployment", "StatefulSet", "Service"}}
    assert compose == cluster == NAMES


def test_compose_and_kubernetes_run_the_same_images() -> None:
    services = yaml.safe_load((SHOP / "compose.yaml").read_text())["services"]
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in documents()
        if each["kind"] in {"Deployment", "StatefulSet"}
    }
    assert pods == {name: services[name]["image"] for name in pods}


def test_kustomization_lists_every_manifest_and_every_table() -> None:
    kustomization = yaml.safe_load((SHOP / "kustomization.yaml").read_text())
    assert sorted(kustomization["resources"]) == sorted(f"kubernetes/{file.name}" for file in (SHOP / "kubernetes").glob("*.yaml"))
    assert kustomization["configMapGenerator"][0]["files"] == [f"sql/{file.name}" for file in sorted((SHOP / "sql").glob("*.sql"))]


@pytest.mark.parametrize("readme", ["README.md", "README.pt-BR.md"])
def test_the_readme_names_files_that_exist(readme: str) -> None:
    text = (SHOP / readme).read_text(encoding="utf-8")
    files = {path.name for path in SHOP.rglob("*") if "node_modules" not in path.parts}
    named = re.findall(r"`([\w./-]+\.(?:ts|sql|yaml|yml|env|template|sh))`", text)
    assert len(named) > 20
    missing = [name for name in named if not (SHOP / name).exists() and Path(name).name not in files]
    assert missing in ([], ["tests/examples/test_shop.py"])


def test_both_readmes_list_the_same_problems() -> None:
    def places(readme: str) -> list[list[str]]:
        text = (SHOP / readme).read_text(encoding="utf-8")
        rows = [line.split(" | ")[1] for line in text.splitlines() if line.startswith("| ") and line.count(" | ") == 2]
        return [re.findall(r"`([^`]+)`", row) for row in rows]

    assert places("README.md") == places("README.pt-BR.md")

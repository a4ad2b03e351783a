"""What kustomization files say of directories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backend_expert.readers.kubernetes.kustomize import kustomizations
from backend_expert.readers.repository import Repository

Tree = Callable[[dict[str, str]], Path]


def test_an_overlay_and_a_component_are_variants_and_a_gathering_is_none(tree: Tree) -> None:
    root = tree(
        {
            "base/kustomization.yaml": "resources: [orders.yaml]\n",
            "overlays/prod/kustomization.yaml": "resources: [../../base]\n",
            "tracing/kustomization.yaml": "kind: Component\n",
            "kustomization.yaml": "resources: [base]\n",
            "old/kustomization.yml": "bases:\n  - ../base/\n",
        }
    )
    assert kustomizations(Repository.open(root)).variants == {"overlays/prod", "tracing", "old"}


def test_patches_are_files_of_their_own_kind(tree: Tree) -> None:
    root = tree(
        {
            "prod/kustomization.yaml": """\
                patchesStrategicMerge: [replicas.yaml]
                patches:
                  - path: memory.yaml
                  - patch: |-
                      kind: Deployment
                  - path: ../../../outside.yaml
                """,
        }
    )
    assert kustomizations(Repository.open(root)).patches == {"prod/replicas.yaml", "prod/memory.yaml"}


def test_generated_config_maps_keep_file_and_line(tree: Tree) -> None:
    root = tree(
        {
            "app/kustomization.yaml": """\
                configMapGenerator:
                  - name: settings
                    literals:
                      - DB_HOST=orders-db
                    envs: [app.env]
                """,
            "app/app.env": "# comment\nREDIS_URL='redis://cache:6379'\n",
        }
    )
    (generated,) = kustomizations(Repository.open(root)).generated
    assert generated.name == "settings"
    assert generated.values == (
        ("DB_HOST", "orders-db", "app/kustomization.yaml", 4),
        ("REDIS_URL", "redis://cache:6379", "app/app.env", 2),
    )


def test_a_broken_kustomization_is_listed(tree: Tree) -> None:
    read = kustomizations(Repository.open(tree({"kustomization.yaml": "resources: [\n"})))
    assert [each.file for each in read.unread] == ["kustomization.yaml"]

"""Which directories speak of one system, and which only vary it."""

from __future__ import annotations

import pytest

from backend_expert.model.positions import Mapping
from backend_expert.readers.kubernetes.families import Standing, families, standing_of
from backend_expert.readers.kubernetes.manifests import Manifest


def workloads(*files: str) -> list[Manifest]:
    """Return one Deployment for each `directory/name`."""
    return [Manifest(f"{file}.yaml", "apps", "Deployment", file.rpartition("/")[2], "", Mapping((), 1)) for file in files]


def described(*files: str, variants: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    return {each.directory: sorted(one.name for one in each.manifests) for each in families(workloads(*files), variants)}


@pytest.mark.parametrize(
    ("path", "standing"),
    [
        ("deploy/prod", Standing.PRODUCTION),
        ("k8s", Standing.PLAIN),
        ("services/test-results-service/k8s", Standing.PLAIN),
        ("k8s/dev", Standing.REHEARSAL),
        ("k8s-dev", Standing.REHEARSAL),
        ("deployment/k8s-with-istio", Standing.VARIANT),
        ("overlays/production", Standing.VARIANT),
        (".github/cluster", Standing.TRIAL),
        ("examples/prod", Standing.TRIAL),
        ("release", Standing.BUNDLE),
    ],
)
def test_the_words_of_a_path_say_how_near_production_it_is(path: str, standing: Standing) -> None:
    assert standing_of(path) is standing


def test_a_directory_for_each_service_is_one_system() -> None:
    assert described("services/orders/k8s/orders", "services/payment/k8s/payment") == {"services": ["orders", "payment"]}


def test_copies_of_a_system_stay_apart_and_the_bundle_comes_last() -> None:
    found = described("manifests/orders", "manifests/payment", "release/orders", "release/payment")
    assert list(found) == ["manifests", "release"]


def test_what_both_environments_share_goes_with_production() -> None:
    found = described("deploy/dev/orders", "deploy/prod/orders", "deploy/infra/orders-db")
    assert found == {"deploy": ["orders", "orders-db"], "deploy/dev": ["orders"]}


def test_each_service_may_bring_its_own_copy_of_a_shared_store() -> None:
    found = described("orders/k8s/orders", "orders/k8s/redis", "payment/k8s/payment", "payment/k8s/redis")
    assert list(found) == [""]


def test_two_clusters_are_not_mixed() -> None:
    found = described("a/apps/orders", "a/apps/payment", "a/data/db", "b/apps/orders", "b/apps/payment", "b/data/db")
    assert found == {"a": ["db", "orders", "payment"], "b": ["db", "orders", "payment"]}


def test_the_only_applications_count_although_their_directory_says_dev() -> None:
    assert list(described("k8s/dev/orders", "k8s/dev/payment", "k8s/infra/redis")) == ["k8s"]


def test_a_kustomize_variant_adds_nothing_to_its_base() -> None:
    found = families(workloads("base/orders", "extra/assistant"), frozenset({"extra"}))
    assert [(each.directory, each.rank >= Standing.VARIANT) for each in found] == [("base", False), ("extra", True)]


def test_ranks_differ_so_that_one_description_is_the_first() -> None:
    found = families(workloads("a/orders", "b/orders", "c/orders"), frozenset())
    assert [each.rank for each in found] == [20, 21, 22]

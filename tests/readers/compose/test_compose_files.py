from __future__ import annotations

import pytest

from backend_expert.readers import Repository, compose

BASE = """
    services:
      api:
        image: acme/api:1
        environment: {DB_HOST: db, LEVEL: info}
        ports: ["8080:80"]
      db:
        image: postgres:16
"""


def fragments(root):
    return {fragment.deployment: fragment for fragment in compose.read(Repository.open(root))}


def names(fragment) -> list[str]:
    return [component.name for component in fragment.components]


@pytest.mark.parametrize(
    "file", ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml", "deploy/docker-compose.yml"]
)
def test_every_usual_name_is_found(tree, file: str):
    (fragment,) = fragments(tree({file: BASE})).values()
    assert fragment.deployment == f"compose:{file}"
    assert names(fragment) == ["api", "db"]
    assert fragment.files == (file,)


def test_the_first_version_of_the_format_has_services_at_the_top(tree):
    (fragment,) = fragments(
        tree({"docker-compose.yml": "web:\n  build: .\n  links: ['db:database']\ndb:\n  image: postgres\n"})
    ).values()
    assert names(fragment) == ["db", "web"]
    assert [(order.component, order.target) for order in fragment.orders] == [("web", "db")]


def test_other_yaml_is_left_alone(tree):
    root = tree(
        {
            "config/services.yaml": "services:\n  App\\Kernel: {resource: '../src'}\n",
            "docker/kong.yml": "services:\n  - name: a\n    url: http://a\n",
            ".github/workflows/ci.yml": "jobs:\n  a:\n    services:\n      db: {image: postgres}\n",
            "docker/empty.yml": "",
        }
    )
    repository = Repository.open(root)
    assert list(compose.read(repository)) == []
    assert repository.unread == []


def test_a_file_with_another_name_in_a_deployment_directory_is_found(tree):
    assert list(fragments(tree({"docker/infrastructure.yml": BASE}))) == ["compose:docker/infrastructure.yml"]


def test_the_override_file_lies_over_its_base(tree):
    override = """
        services:
          api:
            environment: {LEVEL: debug, EXTRA: "1"}
            ports: ["9229:9229"]
    """
    (fragment,) = fragments(tree({"docker-compose.yml": BASE, "docker-compose.override.yml": override})).values()
    api = fragment.components[0]
    assert {setting.name: setting.value for setting in api.settings} == {"DB_HOST": "db", "LEVEL": "debug", "EXTRA": "1"}
    assert [port.number for port in api.deployment.ports] == [80, 9229]
    assert {line.file for line in api.evidence} == {"docker-compose.yml", "docker-compose.override.yml"}


def test_a_production_layer_takes_the_place_of_the_override(tree):
    root = tree(
        {
            "docker-compose.yml": BASE,
            "docker-compose.override.yml": "services: {api: {environment: {LEVEL: debug}}}",
            "docker-compose.prod.yml": "services: {api: {environment: {LEVEL: warn}, deploy: {replicas: 3}}}",
        }
    )
    (fragment,) = fragments(root).values()
    assert fragment.deployment == "compose:docker-compose.yml+docker-compose.prod.yml"
    api = fragment.components[0]
    assert {setting.name: setting.value for setting in api.settings}["LEVEL"] == "warn"
    assert api.deployment.replicas.value == 3


def test_a_development_layer_is_a_variant(tree):
    root = tree({"docker-compose.yml": BASE, "docker-compose.dev.yml": "services: {api: {environment: {LEVEL: debug}}}"})
    found = fragments(root)
    assert list(found) == ["compose:docker-compose.yml", "compose:docker-compose.yml+docker-compose.dev.yml"]
    assert [fragment.rank for fragment in found.values()] == [50, 60]


def test_a_full_production_file_is_a_description_of_its_own_and_comes_first(tree):
    prod = "services: {api: {image: acme/api:2}, db: {image: postgres:17}}"
    found = fragments(tree({"docker-compose.yml": BASE, "docker-compose.prod.yml": prod}))
    assert list(found) == ["compose:docker-compose.prod.yml", "compose:docker-compose.yml"]


def test_files_of_one_directory_without_common_services_are_one_deployment(tree):
    root = tree(
        {
            "docker-compose.infra.yml": "services: {db: {image: postgres}, mq: {image: rabbitmq}}",
            "docker-compose.apps.yml": "services: {api: {build: api, environment: [DB_HOST=db]}}",
        }
    )
    (fragment,) = fragments(root).values()
    assert names(fragment) == ["api", "db", "mq"]


@pytest.mark.parametrize("port", ['"8080:80"', '"127.0.0.1:8080:80"', "{target: 80, published: 8080}"])
def test_services_that_cannot_run_beside_each_other_are_two_deployments(tree, port: str):
    root = tree(
        {
            "docker-compose.yml": 'services: {api: {build: api, ports: ["8080:80"]}}',
            "docker-compose.review.yml": f"services: {{api-review: {{build: api, ports: [{port}]}}}}",
        }
    )
    assert [names(fragment) for fragment in fragments(root).values()] == [["api"], ["api-review"]]


@pytest.mark.parametrize("word", ["test", "e2e", "load", "ci"])
def test_files_for_tests_stand_aside(tree, word: str):
    root = tree({"docker-compose.yml": BASE, f"docker-compose-{word}.yml": "services: {runner: {image: acme/runner}}"})
    found = fragments(root)
    assert found[f"compose:docker-compose-{word}.yml"].rank >= 90
    assert names(found["compose:docker-compose.yml"]) == ["api", "db"]


def test_infrastructure_in_another_directory_is_joined_where_it_is_used(tree):
    root = tree(
        {
            "infra/docker-compose.yml": "services: {db: {image: postgres}, mq: {image: rabbitmq}}",
            "orders/docker-compose.yml": "services: {orders: {build: ., environment: [DB_HOST=db]}}",
            "billing/docker-compose.yml": "services: {billing: {build: ., environment: ['AMQP_URL=amqp://mq']}}",
        }
    )
    (fragment,) = fragments(root).values()
    assert names(fragment) == ["billing", "db", "mq", "orders"]
    assert [component.source for component in fragment.components] == ["billing", "", "", "orders"]


def test_examples_that_share_nothing_stay_apart(tree):
    root = tree({"one/compose.yaml": BASE, "two/compose.yaml": BASE, "three/compose.yaml": "services: {solo: {image: nginx}}"})
    assert len(fragments(root)) == 3


def test_included_files_are_part_of_the_project_with_their_own_variables(tree):
    root = tree(
        {
            "compose.yaml": "include:\n  - db/compose.yaml\n  - path: [mq/compose.yaml]\nservices:\n  api: {image: acme/api}\n",
            "db/compose.yaml": "services: {db: {image: 'postgres:${VERSION}', build: .}}",
            "db/.env": "VERSION=16",
            "mq/compose.yaml": "services: {mq: {image: rabbitmq}}",
        }
    )
    (fragment,) = fragments(root).values()
    assert names(fragment) == ["api", "db", "mq"]
    assert fragment.components[1].image == "postgres:16"
    assert fragment.components[1].source == "db"


def test_files_that_include_each_other_end(tree):
    root = tree(
        {
            "compose.yaml": "include: [other/compose.yaml]\nservices: {a: {image: x}}",
            "other/compose.yaml": "include: [../compose.yaml]\nservices: {b: {image: y}}",
        }
    )
    (fragment,) = fragments(root).values()
    assert names(fragment) == ["a", "b"]


def test_services_extend_services_of_the_same_and_of_other_files(tree):
    root = tree(
        {
            "compose.yaml": """
                services:
                  base: {image: acme/base, environment: {A: "1", B: "1"}, restart: always}
                  one:
                    extends: base
                    environment: {B: "2"}
                  two:
                    extends: {file: common/services.compose.yml, service: shared}
            """,
            "common/services.compose.yml": "services: {shared: {build: ., environment: {C: '3'}}}",
        }
    )
    (fragment,) = fragments(root).values()
    base, one, two = fragment.components
    assert (base.name, one.name, two.name) == ("base", "one", "two")
    assert {setting.name: setting.value for setting in one.settings} == {"A": "1", "B": "2"}
    assert one.image == "acme/base"
    assert one.deployment.restart == "always"
    assert two.source == "common"


def test_extending_what_is_not_there_is_listed_and_the_service_is_kept(tree):
    root = tree({"compose.yaml": "services:\n  a:\n    image: x\n    extends:\n      file: nowhere.yml\n      service: b\n"})
    repository = Repository.open(root)
    (fragment,) = compose.read(repository)
    assert names(fragment) == ["a"]
    (entry,) = repository.unread
    assert (entry.line, entry.partly) == (5, True)
    assert "nowhere.yml" in entry.reason.en


def test_services_that_extend_each_other_end(tree):
    root = tree({"compose.yaml": "services: {a: {extends: b, image: x}, b: {extends: a, image: y}}"})
    (fragment,) = fragments(root).values()
    assert names(fragment) == ["a", "b"]


def test_a_name_that_stands_twice_and_unknown_keys_are_listed_with_their_lines(tree):
    root = tree({"compose.yaml": "servces: {}\nservices:\n  a: {image: one}\n  a: {image: two}\n"})
    repository = Repository.open(root)
    (fragment,) = compose.read(repository)
    assert [component.image for component in fragment.components] == ["two"]
    assert [(entry.line, entry.partly) for entry in repository.unread] == [(3, True), (1, True)]


def test_services_that_are_no_mapping_are_listed(tree):
    repository = Repository.open(tree({"compose.yaml": "services: [a, b]\n"}))
    assert list(compose.read(repository)) == []
    assert "by name" in repository.unread[0].reason.en

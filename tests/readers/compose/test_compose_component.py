from __future__ import annotations

import textwrap

import pytest

from backend_expert.model import Kind, dependencies
from backend_expert.readers import Repository, compose


@pytest.fixture
def read(tree):
    """Return a function that reads one Compose file with files beside it: repository and fragment."""

    def reading(text: str, **files: str):
        root = tree({"compose.yaml": text} | {name.replace("__", "/"): body for name, body in files.items()})
        repository = Repository.open(root)
        (fragment,) = compose.read(repository)
        return repository, fragment

    return reading


def one(text: str) -> str:
    return "services:\n  api:\n    image: acme/api\n" + textwrap.indent(textwrap.dedent(text), "    ")


def settings_of(fragment) -> dict[str, str]:
    return {setting.name: setting.value for setting in fragment.components[0].settings}


@pytest.mark.parametrize(
    "text",
    [
        "environment:\n  A: x\n  B: 1\n  C: true\n  D: ''\n",
        "environment:\n  - A=x\n  - B=1\n  - C=true\n  - D=\n",
    ],
)
def test_environment_in_both_forms(read, text: str):
    _, fragment = read(one(text))
    assert settings_of(fragment) == {"A": "x", "B": "1", "C": "true", "D": ""}


def test_a_variable_without_a_value_comes_from_dotenv(tree):
    root = tree({"compose.yaml": one("environment:\n  - A\n  - B\n"), ".env": "A=here\n"})
    (fragment,) = compose.read(Repository.open(root))
    assert settings_of(fragment) == {"A": "here", "B": ""}
    assert [str(line) for line in fragment.components[0].settings[0].evidence] == ["compose.yaml:5", ".env:1"]


def test_anchors_merge_keys_and_extensions(read):
    _, fragment = read(
        """
        x-common: &common
          restart: always
          environment: &env {A: "1"}
        services:
          api:
            <<: *common
            image: acme/api
            environment: {<<: *env, B: "2"}
        """
    )
    assert settings_of(fragment) == {"A": "1", "B": "2"}
    assert fragment.components[0].deployment.restart == "always"


def test_env_files_in_every_form(tree):
    text = """
        services:
          a: {image: x, env_file: one.env}
          b: {image: x, env_file: [one.env, two.env], environment: {C: over}}
          c: {image: x, env_file: [{path: one.env}, {path: gone.env, required: false}]}
          d: {image: x, env_file: gone.env}
          e: {image: x, env_file: kept-out.env}
    """
    root = tree({"compose.yaml": text, "one.env": "A=1\nB=1\n", "two.env": "B=2\nC=2\n", "kept-out.env.example": "A=example\n"})
    repository = Repository.open(root)
    (fragment,) = compose.read(repository)
    found = {each.name: {setting.name: setting.value for setting in each.settings} for each in fragment.components}
    assert found == {
        "a": {"A": "1", "B": "1"},
        "b": {"A": "1", "B": "2", "C": "over"},
        "c": {"A": "1", "B": "1"},
        "d": {},
        "e": {"A": "example"},
    }
    assert [(entry.line, entry.partly) for entry in repository.unread] == [(6, True), (7, True)]
    (setting, _) = fragment.components[0].settings
    assert [str(line) for line in setting.evidence] == ["one.env:1", "compose.yaml:3"]


def test_an_env_file_outside_the_root_is_never_read(tree, tmp_path_factory):
    root = tree({"a/compose.yaml": "services: {a: {image: x, env_file: ../../outside.env}}"})
    (root.parent / "outside.env").write_text("A=secret")
    repository = Repository.open(root)
    (fragment,) = compose.read(repository)
    assert fragment.components[0].settings == ()
    assert "not in the repository" in repository.unread[0].reason.en


def test_secrets_never_enter_the_model_and_addresses_keep_host_and_database(read):
    _, fragment = read(one("environment:\n  DB_PASSWORD: hunter2\n  DATABASE_URL: postgres://u:hunter2@db/orders\n"))
    assert all("hunter2" not in setting.value for setting in fragment.components[0].settings)
    assert settings_of(fragment)["DATABASE_URL"].endswith("@db/orders")


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("build: .", "."),
        ("build: ./api", "api"),
        ("build: {context: ./api}", "api"),
        ("build: {context: ., dockerfile: apps/api/Dockerfile}", "apps/api"),
        ("build: {context: ., dockerfile: ./Dockerfile}", "."),
        ("build: {context: api, dockerfile: Dockerfile.prod}", "api"),
        ("build: https://github.com/acme/api.git", ""),
        ("build: ../outside", ""),
    ],
)
def test_build(read, text: str, source: str):
    _, fragment = read(one(text))
    assert fragment.components[0].source == source


def test_a_dockerfile_counted_from_the_compose_file_is_found(tree):
    text = "services: {api: {build: {context: ../.., dockerfile: ../../src/api/Dockerfile}}}"
    (fragment,) = compose.read(Repository.open(tree({"deploy/compose/compose.yaml": text})))
    assert fragment.components[0].source == "src/api"


@pytest.mark.parametrize(
    ("dockerfile", "more", "source"),
    [
        ("FROM node\nRUN npm i -g maildev\nCMD maildev\n", "", ""),
        ("FROM node\nCOPY --from=tools /a /a\n", "", ""),
        ("FROM node\nRUN npm i\n", ", volumes: ['.:/app']", "."),
        ("FROM node\nCOPY . .\n", "", "."),
        ("FROM node AS base\nADD package.json .\nFROM node\nCOPY --from=base /a /a\n", "", "."),
        ("FROM node\nRUN --mount=type=bind,source=.,target=/a make\n", "", "."),
    ],
)
def test_an_image_that_holds_nothing_of_its_context_has_no_sources_here(tree, dockerfile: str, more: str, source: str):
    text = f"services: {{mail: {{build: {{context: ., dockerfile: mail.Dockerfile}}{more}}}}}"
    (fragment,) = compose.read(Repository.open(tree({"compose.yaml": text, "mail.Dockerfile": dockerfile})))
    assert fragment.components[0].source == source


def test_depends_on_in_both_forms_and_links(read):
    _, fragment = read(
        """
        services:
          a: {image: x, depends_on: [b]}
          b: {image: x, links: ["c:see", c]}
          c:
            image: x
            depends_on:
              d: {condition: service_healthy}
              seed: {condition: service_completed_successfully}
          d: {image: x}
          seed: {image: x}
        """
    )
    assert [(each.component, each.target, each.healthy) for each in fragment.orders] == [
        ("a", "b", False),
        ("b", "c", False),
        ("b", "c", False),
        ("c", "d", True),
    ]
    assert {component.name: component.kind for component in fragment.components}["seed"] is Kind.WORKER


@pytest.mark.parametrize(
    ("text", "replicas", "cores", "memory"),
    [
        ("", 1, None, None),
        ("deploy: {replicas: 3, resources: {limits: {cpus: '0.5', memory: 512M}}}", 3, 0.5, 512),
        ("scale: 2\ncpus: 1.5\nmem_limit: 1g", 2, 1.5, 1024),
        ("deploy: {mode: global}", None, None, None),
        ("deploy: {replicas: '${COUNT}'}", None, None, None),
    ],
)
def test_replicas_and_limits(read, text: str, replicas: float | None, cores: float | None, memory: float | None):
    _, fragment = read(one(text))
    deployment = fragment.components[0].deployment
    found = [None if each is None else each.value for each in (deployment.replicas, deployment.cpu_cores, deployment.memory_mb)]
    assert found == [replicas, cores, memory]


def test_ports_expose_volumes_tmpfs_networks_and_names(read):
    _, fragment = read(
        one(
            """
            container_name: shop_api
            hostname: api.shop
            user: "1000"
            ports: ["8080:80", 22:22]
            expose: [80, 9000]
            volumes: ["data:/data", /cache]
            tmpfs: /tmp:size=64m
            networks:
              back: {aliases: [orders-api], ipv4_address: 172.16.0.5}
              front:
            """
        )
    )
    (api,) = fragment.components
    assert [(port.number, port.published) for port in api.deployment.ports] == [(22, 22), (80, 8080), (9000, None)]
    assert [(each.path, each.source, each.persistent) for each in api.deployment.volumes] == [
        ("/cache", "", False),
        ("/data", "data", True),
        ("/tmp", "", False),
    ]
    assert api.deployment.networks == ("back", "front")
    assert api.aliases == ("172.16.0.5", "api.shop", "orders-api", "shop_api")
    assert api.deployment.user == "1000"


@pytest.mark.parametrize(
    ("text", "networks"), [("", ("default",)), ("network_mode: host", ("host",)), ("networks: [a, b]", ("a", "b"))]
)
def test_networks(read, text: str, networks: tuple[str, ...]):
    _, fragment = read(one(text))
    assert fragment.components[0].deployment.networks == networks


def test_addresses_stand_on_the_command_line(read):
    _, fragment = read(one("command: ['--redis-addr=redis:6379', --db-host, db, -v, wait:80]\nentrypoint: ./wait-for mq:5672"))
    found = {(address.key, address.text) for address in fragment.addresses}
    assert {("redis-addr", "redis:6379"), ("db-host", "db"), ("entrypoint", "mq:5672")} <= found


@pytest.mark.parametrize(
    ("profiles", "kept"), [("[test]", False), ("[debug, tools]", False), ("[backend]", True), ("[test, backend]", True)]
)
def test_profiles_for_tests_and_tools_are_left_out_and_listed(read, profiles: str, kept: bool):
    repository, fragment = read(f"services:\n  api: {{image: x}}\n  extra: {{image: y, profiles: {profiles}}}\n")
    assert ("extra" in [component.name for component in fragment.components]) is kept
    assert bool(repository.unread) is not kept


def test_unknown_keys_are_listed_with_their_line_and_the_rest_is_read(read):
    repository, fragment = read(one("x-note: fine\nimagee: typo\nrestart: always\n"))
    assert fragment.components[0].deployment.restart == "always"
    assert [(entry.line, entry.partly) for entry in repository.unread] == [(5, True)]
    assert "imagee" in repository.unread[0].reason.en


def test_a_service_without_a_body_is_listed(read):
    repository, fragment = read("services:\n  api: {image: x}\n  empty:\n")
    assert [component.name for component in fragment.components] == ["api"]
    assert repository.unread[0].line == 3


def test_workers_are_told_by_name_or_command(read):
    _, fragment = read("services: {mail-worker: {image: x}, jobs: {image: x, command: celery -A shop worker}, web: {image: x}}")
    assert {component.name: component.kind for component in fragment.components} == {
        "jobs": Kind.WORKER,
        "mail-worker": Kind.WORKER,
        "web": Kind.SERVICE,
    }


TRAEFIK = """
edge: {image: "traefik:v3", ports: ["80:80"]}
orders:
  image: acme/orders
  labels: ["traefik.enable=true", "traefik.http.routers.o.rule=Host(`a.example`) && PathPrefix(`/orders`)"]
stock:
  image: acme/stock
  labels:
    traefik.http.routers.stock.rule: Path(`/stock`)
    traefik.http.services.stock.loadbalancer.server.port: 8080
db: {image: postgres, labels: {com.example.rule: x}}
"""


def test_traefik_passes_on_to_services_with_a_rule(joined):
    found = dependencies(joined(TRAEFIK, {}))
    assert [(each.caller, each.callee, str(each.evidence[0])) for each in found] == [
        ("edge", "orders", "compose.yaml:6"),
        ("edge", "stock", "compose.yaml:10"),
    ]


def test_labels_without_one_proxy_say_nothing(joined):
    assert not dependencies(joined(TRAEFIK.replace("traefik:v3", "acme/edge"), {}))
    assert not dependencies(joined(TRAEFIK + 'other: {image: "traefik:v3"}\n', {}))

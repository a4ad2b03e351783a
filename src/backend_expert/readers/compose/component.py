"""Services of a Compose project as components, with the addresses they hold and the order they start in."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from backend_expert.model import Component, Deployment, Estimate, Evidence, Kind, Port, Text, Volume
from backend_expert.readers.compose.forms import arguments, directory, exposed, health, megabytes, ports, volume
from backend_expert.readers.compose.interpolation import environment, stand_in
from backend_expert.readers.compose.service import Found, Service
from backend_expert.readers.dockerfile import copies
from backend_expert.readers.fragment import Address, StartOrder
from backend_expert.readers.repository import Repository, before_building, beside
from backend_expert.readers.settings import setting, words
from backend_expert.readers.technology import by_image, works_alone

KNOWN_KEYS = words(
    "annotations attach build blkio_config cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count "
    "cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy "
    "develop device_cgroup_rules devices dns dns_opt dns_search domainname driver_opts entrypoint env_file environment expose "
    "extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links "
    "logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable "
    "oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider pull_policy read_only restart "
    "runtime scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits "
    "use_api_socket user userns_mode uts volume_driver volumes volumes_from working_dir net log_driver log_opt dockerfile "
    "cpuset_cpus"
)
"""Keys of a service in the Compose specification of 2025 and in the older formats; any other is listed as not read."""

_ASIDE_PROFILES = words(
    "test tests testing e2e debug dev tools load ci benchmark loadtest seed init migrate migrations monitoring observability"
)


def components(
    services: tuple[Service, ...], repository: Repository
) -> tuple[tuple[Component, ...], tuple[Address, ...], tuple[StartOrder, ...]]:
    """Return the components of a project, the addresses they hold and their start orders, all by name."""
    found: list[Component] = []
    addresses: list[Address] = []
    orders: list[StartOrder] = []
    started = tuple(service for service in services if not _is_aside(service, repository))
    jobs = frozenset(target for service in started for target, _, condition in _orders(service) if "completed" in condition)
    for service in started:
        _list_unknown_keys(service, repository)
        variables = tuple(_variables(service, repository))
        found.append(_component(service, variables, service.name in jobs, repository))
        addresses.extend(Address(owner=service.name, key=name, text=value, evidence=lines) for name, value, lines in variables)
        addresses.extend(_arguments(service))
        for target, lines, condition in _orders(service):
            if target not in jobs:
                healthy = condition == "service_healthy"
                orders.append(StartOrder(component=service.name, target=target, evidence=lines, healthy=healthy))
    addresses.extend(_labelled(started))
    return tuple(found), tuple(addresses), tuple(orders)


def _labelled(services: tuple[Service, ...]) -> Iterator[Address]:
    """Yield whom the one Traefik of a project passes requests on to: the services whose labels name a rule for it."""
    proxies = [service.name for service in services if (known := by_image(service.text("image"))) and known.technology == "traefik"]
    for service in services if len(proxies) == 1 else ():
        for labels in service.each("labels"):
            for name, value, lines in labels.variables():
                if re.fullmatch(r"traefik\.http\.routers\.[\w-]+\.rule", name) and service.name != proxies[0]:
                    path = re.search(r"Path(?:Prefix)?\(\s*[`'\"]([^`'\"]+)", value or "")
                    yield Address(
                        owner=proxies[0],
                        key=name,
                        text=f"http://{service.name}",
                        evidence=lines,
                        path=path[1] if path is not None else "",
                    )


def _component(
    service: Service, variables: tuple[tuple[str, str, tuple[Evidence, ...]], ...], job: bool, repository: Repository
) -> Component:
    listening = _ports(service)
    command = " ".join(word for key in ("entrypoint", "command") for found in service.each(key) for word in arguments(found))
    worker = job or (not listening and works_alone(service.name, command))
    return Component(
        name=service.name,
        kind=Kind.WORKER if worker else Kind.SERVICE,
        image=service.text("image"),
        source=_source(service, repository),
        aliases=_aliases(service),
        deployment=_deployment(service, listening),
        settings=tuple(sorted((setting(name, value, lines) for name, value, lines in variables), key=lambda each: each.name)),
        evidence=service.evidence,
    )


def _deployment(service: Service, listening: tuple[Port, ...]) -> Deployment:
    check = service.last("healthcheck")
    probe = health(check) if check is not None else None
    return Deployment(
        replicas=_replicas(service),
        cpu_cores=_number(service, ("deploy", "resources", "limits", "cpus"), ("cpus",)),
        memory_mb=_memory(service),
        ports=listening,
        probes=(probe,) if probe is not None else (),
        volumes=_volumes(service),
        networks=_networks(service),
        user=service.text("user"),
        restart=service.text("deploy", "restart_policy", "condition") or service.text("restart"),
    )


def _replicas(service: Service) -> Estimate | None:
    """Return how many copies run; Compose starts one where no file says more."""
    if service.text("deploy", "mode") == "global":
        return None
    stated = _number(service, ("deploy", "replicas"), ("scale",))
    if stated is None and not any(service.text(*path) for path in (("deploy", "replicas"), ("scale",))):
        return Estimate(1, evidence=service.evidence[-1:])
    return stated


def _number(service: Service, *paths: tuple[str, ...]) -> Estimate | None:
    for path in paths:
        found = service.last(*path)
        if found is None:
            continue
        try:
            value = float(found.text)
        except ValueError:
            continue
        if 0 <= value < 1e6:
            return Estimate(value, evidence=found.evidence)
    return None


def _memory(service: Service) -> Estimate | None:
    for path in (("deploy", "resources", "limits", "memory"), ("mem_limit",)):
        found = service.last(*path)
        size = megabytes(found.text) if found is not None else None
        if found is not None and size is not None:
            return Estimate(size, evidence=found.evidence)
    return None


def _ports(service: Service) -> tuple[Port, ...]:
    """Return what the service listens on by number; a published port hides the same port of `expose`."""
    found: dict[tuple[int, str, int | None], Port] = {}
    for list_of in service.each("ports"):
        for entry in list_of.items():
            for port in ports(entry):
                found[(port.number, port.protocol, port.published)] = port
    published = {(number, protocol) for number, protocol, _ in found}
    for list_of in service.each("expose"):
        for entry in list_of.items():
            for port in exposed(entry):
                if (port.number, port.protocol) not in published:
                    found[(port.number, port.protocol, None)] = port
    return tuple(found[key] for key in sorted(found, key=lambda key: (key[0], key[1], -1 if key[2] is None else key[2])))


def _volumes(service: Service) -> tuple[Volume, ...]:
    found: dict[str, Volume] = {}
    for list_of in service.each("volumes"):
        for entry in list_of.items():
            each = volume(entry)
            if each is not None:
                found[each.path] = each
    for list_of in service.each("tmpfs"):
        for entry in list_of.items():
            path = entry.text.partition(":")[0]
            found[path] = Volume(path=path, persistent=False, evidence=entry.evidence)
    return tuple(found[path] for path in sorted(found))


def _networks(service: Service) -> tuple[str, ...]:
    mode = service.text("network_mode")
    if mode:
        return (mode,)
    names = {item.text for found in service.each("networks") for item in found.items()}
    names |= {key.text for found in service.each("networks") for key, _ in found.pairs()}
    return tuple(sorted(names)) or ("default",)


def _aliases(service: Service) -> tuple[str, ...]:
    """Return the other names that answer for the service on its networks."""
    names = {service.text("container_name"), service.text("hostname")}
    for found in service.each("networks"):
        for _, network in found.pairs():
            aliases = network.at("aliases")
            names |= {item.text for item in aliases.items()} if aliases is not None else set()
            address = network.at("ipv4_address")
            names |= {address.text} if address is not None else set()
    return tuple(sorted(name for name in names if name and name != service.name and "$" not in name))


def _source(service: Service, repository: Repository) -> str:
    """Return the directory that the image is built from; empty where nothing of the context gets into the image.

    With the root as context, the directory of the Dockerfile says more: `dockerfile: apps/orders/Dockerfile`.
    """
    build = service.last("build")
    if build is None:
        return ""
    context = build.at("context")
    file = build.at("dockerfile")
    base = before_building(directory(build, context.text if context is not None else build.text))
    if base and file is not None and _takes_nothing(posixpath.normpath(posixpath.join(base, file.text)), service, repository):
        return ""
    if not base or file is None or "/" not in file.text.replace("\\", "/").removeprefix("./") or "$" in file.text:
        return base
    below = posixpath.dirname(file.text.replace("\\", "/"))
    joined = posixpath.normpath(posixpath.join(base, below))
    if joined.startswith(".."):
        # Compose counts the path from the context; many files count it from themselves, which is what was meant.
        return beside(build.layer.file, below) or base
    return joined


def _takes_nothing(file: str, service: Service, repository: Repository) -> bool:
    """Tell whether an image holds no file of its context, and none is mounted into it: a tool of others, installed."""
    content = repository.text(file) if file in repository else None
    mounted = any(each.source.startswith((".", "/")) for each in _volumes(service))
    return content is not None and not mounted and not copies(content)


def _variables(service: Service, repository: Repository) -> Iterator[tuple[str, str, tuple[Evidence, ...]]]:
    """Yield the environment of the service: `environment` over `env_file`, later files over earlier ones."""
    found: dict[str, tuple[str, tuple[Evidence, ...]]] = {}
    for list_of in service.each("env_file"):
        for entry in (list_of,) if list_of.at("path") is not None else list_of.items():
            found.update(_file_variables(service, entry, repository))
    for block in service.each("environment"):
        for name, value, lines in block.variables():
            if value is None:
                known = block.layer.known.values.get(name)
                value, lines = (known[0].value, (*lines, Evidence(known[1], known[0].line, "dotenv"))) if known else ("", lines)
            if name:
                found[name] = (value, lines)
    for name in sorted(found):
        yield name, *found[name]


def _file_variables(
    service: Service, entry: Found, repository: Repository
) -> Iterator[tuple[str, tuple[str, tuple[Evidence, ...]]]]:
    named = entry.at("path") or entry
    required = entry.at("required")
    path = beside(entry.layer.file, named.text) if named.text else None
    actual = stand_in(repository, path) if path is not None else None
    if path is None or actual is None:
        if required is None or required.text.lower() != "false":
            reason = Text(
                f"service {service.name} takes its environment from {named.text}, which is not in the repository",
                f"o serviço {service.name} lê o ambiente de {named.text}, que não está no repositório",
            )
            repository.leave(entry.layer.file, reason, line=named.node.line, partly=True)
        return
    if actual != path:
        reason = Text(
            f"{path} is not in the repository; {actual} was read in its place",
            f"{path} não está no repositório; {actual} foi lido no lugar dele",
        )
        repository.leave(entry.layer.file, reason, line=named.node.line, partly=True)
    for name, (variable, file) in environment(repository, path).values.items():
        yield name, (variable.value, (Evidence(file, variable.line, "dotenv"), entry.layer.evidence(named.node.line)))


def _arguments(service: Service) -> Iterator[Address]:
    """Yield what stands on the command line: `--redis-addr=redis:6379` under its flag, a word such as `db:5432` under `command`."""
    for key in ("entrypoint", "command"):
        found = service.last(key)
        if found is None:
            continue
        given = arguments(found)
        for position, word in enumerate(given):
            flag, equals, value = word.partition("=")
            if word.startswith("-") and not equals and position + 1 < len(given):
                flag, value = word, given[position + 1]
            elif not equals:
                flag, value = key, word
            name = flag.lstrip("-D") if flag.startswith("-D") else flag.lstrip("-")
            if value and not value.startswith("-"):
                yield Address(owner=service.name, key=name or key, text=value, evidence=found.evidence)


def _orders(service: Service) -> Iterator[tuple[str, tuple[Evidence, ...], str]]:
    """Yield the services that are started before: of `depends_on` in both forms with its condition, and of `links`."""
    for found in service.each("depends_on"):
        for item in found.items():
            yield item.text, item.evidence, ""
        for key, value in found.pairs():
            condition = value.at("condition")
            yield key.text, (value.layer.evidence(key.line),), condition.text if condition is not None else ""
    for found in service.each("links"):
        for item in found.items():
            yield item.text.partition(":")[0], item.evidence, ""


def _is_aside(service: Service, repository: Repository) -> bool:
    """Tell whether only a profile for tests or tools starts the service; it is then listed as left out."""
    profiles = {item.text.lower() for found in service.each("profiles") for item in found.items()}
    if not profiles or not profiles <= _ASIDE_PROFILES:
        return False
    names = ", ".join(sorted(profiles))
    layer = service.layers[-1]
    reason = Text(
        f"service {service.name} is only started by the profile {names}: left out",
        f"o serviço {service.name} só é iniciado pelo perfil {names}: ficou de fora",
    )
    repository.leave(layer.file, reason, line=layer.line, partly=True)
    return True


def _list_unknown_keys(service: Service, repository: Repository) -> None:
    for layer in service.layers:
        for key, _ in layer.body.pairs:
            if key.text not in KNOWN_KEYS and not key.text.startswith("x-"):
                reason = Text(
                    f"the key {key.text} of service {service.name} is not one that Compose knows: not read",
                    f"a chave {key.text} do serviço {service.name} não é conhecida pelo Compose: não foi lida",
                )
                repository.leave(layer.file, reason, line=key.line, partly=True)

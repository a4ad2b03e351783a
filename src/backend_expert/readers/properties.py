"""Read the properties of Spring applications: addresses, the names they register, the routes of gateways."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend_expert.model import UNKNOWN_POLICY, Certainty, Estimate, Evidence, Kind, Policy
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.facts import Fact, Listens, Mention, Registration, Role, Use
from backend_expert.readers.source_code.spring import Configuration, Property, configurations, module_of, resolved

READER = "properties"

_ABOUT_ITSELF = re.compile(
    r"^(server|info|logging|springdoc|springfox|management|eureka\.instance|spring\.(application|config|jpa|mail|boot))\b"
)
"""Properties about the application itself; an address in them is that of nobody it calls to answer a request."""

_NAMES = frozenset({"spring.application.name", "eureka.instance.appname", "spring.cloud.consul.discovery.serviceName"})
_ROUTE = re.compile(r"zuul\.routes\.(?P<route>[\w-]+)(?:\.(?P<field>path|serviceId|service-id|url))?$")
_GATEWAY = re.compile(r"spring\.cloud\.gateway\.([\w-]+\.)*routes\b")
_ROUTE_TIMEOUTS = ("ribbon.ReadTimeout", "zuul.host.socket-timeout-millis", "ribbon.read-timeout")


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each file of properties."""
    for configuration in configurations(repository):
        facts = tuple(_facts(configuration))
        yield Fragment(reader=READER, facts=facts, files=(configuration.path,))


def _facts(configuration: Configuration) -> Iterator[Fact]:
    values = {each.key: each.value for each in configuration.properties}
    for each in configuration.properties:
        evidence = (Evidence(configuration.path, each.line, READER),)
        if each.key in _NAMES and not configuration.application:
            name = resolved(each.value, values)
            if re.fullmatch(r"[\w.-]+", name):
                yield Registration(directory=configuration.directory, kind="discovery", name=name, evidence=evidence)
        elif each.key == "server.port" and (port := re.fullmatch(r"(?:\$\{\w+:)?([1-9]\d{1,4})\}?", each.value)):
            yield Listens(
                directory=configuration.directory, port=int(port[1]), evidence=evidence, application=configuration.application
            )
        elif not _ABOUT_ITSELF.search(each.key) and not each.key.startswith("zuul.routes."):
            yield Mention(
                directory=configuration.directory,
                key=each.key,
                text=resolved(each.value, values),
                evidence=evidence,
                application=configuration.application,
            )
    yield from _routes(configuration)
    gateway = next((each for each in configuration.properties if _GATEWAY.match(each.key)), None)
    if gateway is not None and not configuration.application:
        evidence = (Evidence(configuration.path, gateway.line, READER),)
        yield Role(directory=module_of(configuration.path), kind=Kind.GATEWAY, technology="", evidence=evidence)


def _routes(configuration: Configuration) -> Iterator[Fact]:
    """Yield who the routes of a Zuul proxy lead to: a URL, a service, or the service that the route is named after."""
    routes: dict[str, dict[str, Property]] = {}
    values = {each.key: each for each in configuration.properties}
    for each in configuration.properties:
        if match := _ROUTE.match(each.key):
            routes.setdefault(match["route"], {})[(match["field"] or "path").replace("service-id", "serviceId")] = each
    policy = next((_policy(values[key], configuration) for key in _ROUTE_TIMEOUTS if key in values), UNKNOWN_POLICY)
    for route in sorted(routes):
        fields = routes[route]
        target = fields.get("url") or fields.get("serviceId")
        line = (target or fields["path"]).line if target or "path" in fields else 0
        evidence = (Evidence(configuration.path, line, READER),)
        if target is not None and "://" in target.value:
            yield Mention(
                directory=configuration.directory,
                key="zuul route url",
                text=target.value,
                evidence=evidence,
                policy=policy,
                application=configuration.application,
            )
        else:
            yield Use(
                directory=configuration.directory,
                kind="discovery",
                name=target.value if target is not None else route,
                evidence=evidence,
                policy=policy,
                application=configuration.application,
            )


def _policy(timeout: Property, configuration: Configuration) -> Policy:
    if not re.fullmatch(r"[1-9]\d{0,8}", timeout.value):
        return UNKNOWN_POLICY
    evidence = (Evidence(configuration.path, timeout.line, READER),)
    return Policy(timeout_ms=Estimate(float(timeout.value), certainty=Certainty.RECOVERED, evidence=evidence), evidence=evidence)

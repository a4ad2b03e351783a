"""Hosts outside the deployment: which of them are components, and which are only links, telemetry or documentation."""

from __future__ import annotations

import re

from backend_expert.model import Component, Kind
from backend_expert.readers.addresses import Peer, is_address_key
from backend_expert.readers.fragment import Address
from backend_expert.readers.settings import name_words, words

FOR_BROWSERS = words("frontend ui webapp site public external portal")
"""Words of names whose URL is shown to people (links in mails, redirects); a service does not call it."""

TELEMETRY = words(
    "otel otlp opamp telemetry opentelemetry tracing trace traces metrics jaeger zipkin apm statsd logging loki sentry"
)
"""Words of names whose peer is told what happened: never on the path of a request."""

_OWN_URL = words("base app root server site public self home web domain issuer audience canonical")
_NEVER_EXTERNAL = words(
    "docs doc help terms privacy logo image images avatar assets cdn static analytics badge repository repo registry download "
    "proxy mirror schema"
)
_RESERVED_DOMAINS = re.compile(
    r"(^|\.)(example|test|invalid|localhost|local|internal|lan|home|corp|svc|example\.(com|org|net)|your-?domain.*|mydomain.*)$"
)
"""RFC 2606 and RFC 6762, the names that offices use inside, and the two placeholders that templates hold."""

_NOT_CALLED = re.compile(
    r"(^|\.)(github(usercontent)?\.com|gitlab\.com|bitbucket\.org|docker\.io|docker\.com|quay\.io|ghcr\.io|gcr\.io|npmjs\.org|"
    r"npmjs\.com|pypi\.org|maven\.org|apache\.org|w3\.org|mozilla\.org|schema\.org|json-schema\.org|jsdelivr\.net|unpkg\.com|"
    r"cloudfront\.net|gravatar\.com|sentry\.io|datadoghq\.com|newrelic\.com|honeycomb\.io|instana\.io|grafana\.(com|net)|"
    r"google-analytics\.com|elastic\.co|readthedocs\.io|wikipedia\.org)$"
)
"""Hosts of code, documentation, files and telemetry: links to them are no calls on the path of a request."""

STORE_IDENTITIES = {
    **{name: (Kind.DATABASE, name) for name in ("postgresql", "mysql", "sqlserver", "oracle", "mongodb", "cassandra", "neo4j")},
    "clickhouse": (Kind.DATABASE, "clickhouse"),
    "redis": (Kind.CACHE, "redis"),
    "memcached": (Kind.CACHE, "memcached"),
    "amqp": (Kind.BROKER, "rabbitmq"),
    "kafka": (Kind.BROKER, "kafka"),
    "nats": (Kind.BROKER, "nats"),
    "mqtt": (Kind.BROKER, "mosquitto"),
}
"""What answers to a protocol, and the product that most often does."""


def outside(peer: Peer, address: Address, owner: Component) -> Component | None:
    """Return a component for a host on the internet, where an address key of a service holds it as URL; else nothing."""
    host = peer.host.lower().rstrip(".")
    key = set(name_words(address.key))
    if not is_public(host) or not peer.protocol or not is_address_key(address.key) or owner.kind not in {Kind.SERVICE, Kind.WORKER}:
        return None
    told = STORE_IDENTITIES.get(peer.protocol)
    if told is not None:
        return Component(name=host, kind=told[0], technology=told[1], evidence=address.evidence)
    before_last = set(name_words(address.key)[:-1])
    if not before_last or before_last <= _OWN_URL or key & (_NEVER_EXTERNAL | FOR_BROWSERS | TELEMETRY) or _NOT_CALLED.search(host):
        return None
    return Component(name=host, kind=Kind.EXTERNAL, evidence=address.evidence)


def is_public(host: str) -> bool:
    """Tell whether a host is a name on the internet; reserved and placeholder domains are not."""
    return bool(re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,24}", host)) and not _RESERVED_DOMAINS.search(host)

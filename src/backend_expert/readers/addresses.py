"""Find the peers that a text names: URLs, connection strings, broker lists, host and port, bare hosts where the key allows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

from backend_expert.readers.settings import LENGTH_LIMIT, name_words, words

ADDRESS_WORDS = words(
    "host hosts hostname url urls uri uris addr addrs address addresses endpoint endpoints dsn broker brokers server servers "
    "upstream nodes baseurl zone authority"
)
"""Last words of the names whose value may be a bare host. Without this list, `MYSQL_USER=shipping` is a false edge."""

_GLUED = re.compile(r"(host|hostname|url|uri|addr|endpoint|dsn)$")
"""`PGHOST` and `MONGOURL` have no seam between their words."""

_NOT_A_PEER = words(
    "cors origin origins allow allowed trusted advertised listener listeners listen bind virtual redirect callback return "
    "success cancel cookie domain no image version tag logo referer referrer whitelist allowlist instance"
)
"""Words of names whose value says who may call, where a browser goes next or what the component is called itself."""

_SCHEMES = {
    "postgresql": "postgres postgresql psql pgsql postgis cockroachdb",
    "mysql": "mysql mysql2 mariadb",
    "sqlserver": "sqlserver mssql",
    "oracle": "oracle",
    "mongodb": "mongodb mongo",
    "redis": "redis rediss valkey",
    "memcached": "memcached",
    "cassandra": "cassandra",
    "neo4j": "neo4j bolt",
    "clickhouse": "clickhouse",
    "amqp": "amqp amqps rabbitmq",
    "kafka": "kafka",
    "nats": "nats",
    "mqtt": "mqtt mqtts",
    "http": "http ws h2c lb",
    "https": "https wss",
    "grpc": "grpc grpcs",
    "smtp": "smtp smtps",
    "ldap": "ldap ldaps",
}
_PROTOCOLS = {scheme: protocol for protocol, schemes in _SCHEMES.items() for scheme in schemes.split()}
"""Wire protocols by the scheme of a URL; a scheme that is not here (`tcp`, `dns`, `plaintext`) says nothing of the protocol."""

_NO_HOST = words("file unix data classpath jar docker git ssh s3 gs sqlite oci arn h2")
_WITH_DATABASE = words("postgresql mysql sqlserver oracle mongodb redis clickhouse cassandra neo4j")

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_HOST_PORT = re.compile(rf"(?P<host>{_HOST}):(?P<port>\d{{2,5}})(?P<path>/[\w./*-]*)?")
_BARE = re.compile(_HOST)
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.:-]{0,40})://+(?P<authority>[^/\s?#;\"'|\\]+)(?P<path>/[^\s?#;\"'|]*)?(?P<rest>[?;][^\s\"']*)?"
)
_NEXT_URL = re.compile(r"[,;|\s]+(?=(?:jdbc:)?[A-Za-z][A-Za-z0-9+.-]{0,40}://)")
_ORACLE = re.compile(rf"jdbc:oracle:thin:@/?/?(?P<host>{_HOST}):(?P<port>\d+)[:/](?P<database>\w+)")
_GO_DRIVER = re.compile(rf"@?tcp\((?P<host>{_HOST})(?::(?P<port>\d+))?\)(?:/(?P<database>\w*))?")
_PAIR = re.compile(r"(?:^|[;,\s?:])\s*(?P<key>[A-Za-z][A-Za-z _]{0,30}?)\s*=\s*(?P<value>[^;\s]*)")
_PAIR_HOST = frozenset(
    {"server", "host", "hostname", "data source", "datasource", "addr", "address", "network address", "endpoint"}
)
_PAIR_DATABASE = frozenset({"database", "initial catalog", "dbname", "db"})
_PLACEHOLDER = re.compile(
    r"\$\{(?P<braced>\w[\w.-]*)(?:(?P<operator>:?[-+?]|:)(?P<default>[^{}]*))?\}|\$\((?P<round>\w[\w.-]*)\)|\$(?P<plain>[A-Z]\w*)"
)

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "host.docker.internal", "host.containers.internal"})
"""Names of the machine itself: inside a container they reach another component only through a published port."""


class Peer(Struct, frozen=True, kw_only=True):
    """A host that a text names. `protocol` is empty when the text does not say it."""

    host: str
    port: int | None = None
    protocol: str = ""
    database: str = ""

    @property
    def bare(self) -> bool:
        """Tell whether only the name of the key made this text an address."""
        return not self.protocol and self.port is None


def peers(key: str, text: str) -> tuple[Peer, ...]:
    """Return the peers that the value of `key` names, in order, each once.

    A host with a scheme or a port counts under any key, a bare host only under a key that holds addresses.
    """
    text = text.strip().strip("\"'")
    if not text or len(text) > LENGTH_LIMIT or _NOT_A_PEER & set(name_words(key)):
        return ()
    return tuple(dict.fromkeys(_peers(key, text)))


def is_address_key(key: str) -> bool:
    """Tell whether a variable of this name holds addresses: by its last word (`DB_HOST`, `PGHOST`, `REDIS_HOST_NAME`)."""
    parts = [part for part in (word.rstrip("0123456789") for word in name_words(key)) if part]
    if len(parts) > 1 and parts[-1] in {"name", "list", "internal", "default", "primary", "main"}:
        parts.pop()
    return bool(parts) and (parts[-1] in ADDRESS_WORDS or bool(_GLUED.search(parts[-1])))


def filled(text: str, lookup: Callable[[str], str | None]) -> str:
    """Return the text with its placeholders replaced: `${NAME}`, `${NAME:-default}`, `${NAME:default}`, `$(NAME)`, `$NAME`.

    A placeholder that nothing answers stays as it is written.
    """

    def value(match: re.Match[str]) -> str:
        found = lookup(match["braced"] or match["round"] or match["plain"])
        if found:
            return found
        if match["default"] is not None and match["operator"] in {":", ":-", "-"}:
            return match["default"]
        return match[0]

    return _PLACEHOLDER.sub(value, text)


def _peers(key: str, text: str) -> Iterator[Peer]:
    if match := _ORACLE.search(text) or _GO_DRIVER.search(text):
        protocol = "oracle" if match.re is _ORACLE else "mysql"
        yield Peer(host=match["host"], port=_port(match["port"]), protocol=protocol, database=match["database"] or "")
    elif "://" in text:
        for piece in _NEXT_URL.split(text):
            yield from _url(piece)
    elif "=" in text and (found := list(_pairs(text))):
        yield from found
    else:
        yield from _plain(key, text)


def _url(text: str) -> Iterator[Peer]:
    match = _URL.search(text)
    if match is None:
        return
    scheme = re.sub(r"^(jdbc|r2dbc|pool):", "", match["scheme"].lower()).split("+")[0].split(":")[0]
    if scheme in _NO_HOST:
        return
    protocol = _PROTOCOLS.get(scheme, "")
    database = ""
    if protocol in _WITH_DATABASE:
        database = _database((match["path"] or "").lstrip("/"))
        named = re.search(r"(?i)[;?&](?:databaseName|database)=([\w-]+)", match["rest"] or "")
        database = named[1] if named else database
    for host, port in _hosts(match["authority"].rpartition("@")[2]):
        yield Peer(host=host, port=port, protocol=protocol, database=database)


def _hosts(authority: str) -> Iterator[tuple[str, int | None]]:
    for piece in authority.split(","):
        match = re.fullmatch(rf"({_HOST})(?::(\d{{1,5}}))?", piece)
        if match:
            yield match[1], _port(match[2])


def _pairs(text: str) -> Iterator[Peer]:
    """Read `Server=db;Port=5432;Database=orders` (ADO.NET), `host=db dbname=orders` (libpq) and `mysql:host=db;dbname=x` (PDO)."""
    pairs = {match["key"].strip().lower(): match["value"] for match in _PAIR.finditer(text)}
    driver = _PROTOCOLS.get(text.split(":")[0].lower(), "") if re.match(r"\w+:\w+\s*=", text) else ""
    database = next((_database(pairs[key]) for key in sorted(_PAIR_DATABASE) if pairs.get(key)), "")
    # One pair alone is an option (`--host=x`), not a connection string.
    if len(pairs) < 2:
        return
    for key in sorted(_PAIR_HOST & set(pairs)):
        value = re.sub(r"^tcp:", "", pairs[key]).replace(",", ":")
        for host, port in _hosts(value):
            yield Peer(host=host, port=port or _port(pairs.get("port")), protocol=driver, database=database)


def _plain(key: str, text: str) -> Iterator[Peer]:
    pieces = [piece for piece in re.split(r"[,;\s]+", text) if piece]
    for piece in pieces:
        if match := _HOST_PORT.fullmatch(piece.rpartition("@")[2]):
            port = _port(match["port"])
            # `redis:7` and `postgres:16` are images; nothing but 80 and 443 listens below 1024 inside these networks.
            if port is not None and (port in {80, 443} or port >= 1000) and re.search(r"[A-Za-z.]", match["host"]):
                yield Peer(host=match["host"], port=port, database=_database((match["path"] or "").lstrip("/")))
        elif is_address_key(key) and _BARE.fullmatch(piece) and not piece.isdigit():
            yield Peer(host=piece)


def _port(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and 0 < int(text) < 65_536 else None


def _database(text: str) -> str:
    name = text.split("/")[0].split("?")[0].strip()
    return name if re.fullmatch(r"[\w.-]+", name) else ""

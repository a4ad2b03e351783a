from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.model import Port
from backend_expert.model.positions import Mapping, parse_documents
from backend_expert.readers.compose.forms import arguments, directory, exposed, health, megabytes, ports, seconds, volume
from backend_expert.readers.compose.interpolation import EMPTY
from backend_expert.readers.compose.service import Found, Layer


def entry(text: str, file: str = "compose.yml") -> Found:
    (node,) = parse_documents(text)
    return Found(Layer(file, 1, Mapping((), 1), EMPTY), node)


def listed(text: str) -> list[tuple[int, int | None, str, str]]:
    return [(port.number, port.published, port.address, port.protocol) for port in ports(entry(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8080", [(8080, 0, "", "tcp")]),
        ('"8080:80"', [(80, 8080, "", "tcp")]),
        ("22:22", [(22, 22, "", "tcp")]),
        ('"127.0.0.1:5432:5432"', [(5432, 5432, "127.0.0.1", "tcp")]),
        ('"127.0.0.1::5432"', [(5432, 0, "127.0.0.1", "tcp")]),
        ('"[::1]:5432:5432"', [(5432, 5432, "::1", "tcp")]),
        ('"localhost:5432:5432"', [(5432, 5432, "localhost", "tcp")]),
        ('"53:53/udp"', [(53, 53, "", "udp")]),
        ('"3000-3001:4000-4001"', [(4000, 3000, "", "tcp"), (4001, 3001, "", "tcp")]),
        ('"3000-3001"', [(3000, 0, "", "tcp"), (3001, 0, "", "tcp")]),
        ('"${PORT}:80"', [(80, 0, "", "tcp")]),
        ('"${PORT}"', []),
        ('"80:99999"', []),
        ('"a:b:c:d"', []),
        ("{target: 80, published: 8080, host_ip: 127.0.0.1, protocol: udp}", [(80, 8080, "127.0.0.1", "udp")]),
        ("{target: 80}", [(80, 0, "", "tcp")]),
        ('{target: 80, published: "8080-8090"}', [(80, 8080, "", "tcp")]),
    ],
)
def test_ports(text: str, expected: list[tuple[int, int | None, str, str]]):
    assert listed(text) == expected


def test_a_range_of_thousands_is_cut():
    assert len(listed('"30000-39999:30000-39999"')) == 64


def test_exposed_ports_are_not_published():
    assert list(exposed(entry('"9000/udp"'))) == [Port(number=9000, protocol="udp", evidence=entry("x").evidence)]
    assert [port.number for port in exposed(entry("3000-3002"))] == [3000, 3001, 3002]


@pytest.mark.parametrize(
    ("text", "path", "source", "persistent"),
    [
        ("data:/var/lib/x", "/var/lib/x", "data", True),
        ("data:/var/lib/x:ro", "/var/lib/x", "data", True),
        ("/var/lib/x", "/var/lib/x", "", False),
        ("./conf:/etc/x:ro", "/etc/x", "./deploy/conf", True),
        ("../conf/nginx.conf:/etc/x", "/etc/x", "./conf/nginx.conf", True),
        ("../../x:/etc/x", "/etc/x", "../../x", True),
        ("/host:/etc/x", "/etc/x", "/host", True),
        ("${DATA:-./d}:/etc/x", "/etc/x", "./deploy/d", True),
        ("{type: volume, source: data, target: /d}", "/d", "data", True),
        ("{type: bind, source: ./conf, target: /d}", "/d", "./deploy/conf", True),
        ("{type: tmpfs, target: /d}", "/d", "", False),
        ("{type: volume, target: /d}", "/d", "", False),
    ],
)
def test_volumes(text: str, path: str, source: str, persistent: bool):
    found = volume(entry(text, file="deploy/compose.yml"))
    assert found is not None
    assert (found.path, found.source, found.persistent) == (path, source, persistent)


@pytest.mark.parametrize(
    ("text", "mechanism"),
    [
        ('{test: ["CMD", "curl", "-f", "http://localhost:8080/health"]}', "http"),
        ("{test: wget -q http://localhost/health}", "http"),
        ('{test: ["CMD-SHELL", "pg_isready -U shop"]}', "command"),
        ('{test: ["CMD", "grpc_health_probe", "-addr=:50051"]}', "grpc"),
        ('{test: ["CMD-SHELL", "nc -z localhost 5432"]}', "tcp"),
    ],
)
def test_health_checks(text: str, mechanism: str):
    probe = health(entry(text))
    assert probe is not None
    assert probe.mechanism == mechanism


@pytest.mark.parametrize("text", ["{disable: true}", '{test: ["NONE"]}', "{test: NONE}", "{interval: 5s}", "{test: []}"])
def test_a_health_check_that_is_switched_off_is_none(text: str):
    assert health(entry(text)) is None


def test_a_health_check_keeps_its_times():
    probe = health(entry("{test: x, interval: 1m30s, timeout: 500ms}"))
    assert probe is not None
    assert (probe.period_s, probe.timeout_s) == (90, 0.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10", 10), ("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("250us", 0.00025), ("soon", None), ("1x", None)],
)
def test_seconds(text: str, expected: float | None):
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("512m", 512), ("1g", 1024), ("1.5GB", 1536), ("64MiB", 64), ("1048576", 1), ("2048k", 2), ("big", None)]
)
def test_megabytes(text: str, expected: float | None):
    assert megabytes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[node, main.js]", ["node", "main.js"]),
        ("node --x='a b' main.js", ["node", "--x=a", "b", "main.js"]),
        ('["sh", "-c", "wait-for db:5432 && node main.js"]', ["sh", "-c", "wait-for", "db:5432", "&&", "node", "main.js"]),
        ("it's open", ["it's", "open"]),
    ],
)
def test_arguments(text: str, expected: list[str]):
    assert arguments(entry(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("../src", "src"), (".", "deploy"), ("", "deploy"), ("https://github.com/x/y.git", ""), ("../../up", ""), ("${DIR}/x", "")],
)
def test_directory(text: str, expected: str):
    assert directory(entry("x", file="deploy/compose.yml"), text) == expected


@given(st.text(alphabet="0123456789:-./[]udptc${}", max_size=40))
def test_any_port_text_is_answered(text: str):
    quoted = '"' + text + '"'
    for port in ports(entry(quoted)):
        assert 0 < port.number < 65_536
    volume(entry(quoted))

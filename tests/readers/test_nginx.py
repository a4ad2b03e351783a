"""What an nginx configuration passes on, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.readers import nginx
from backend_expert.readers.fragment import Address
from backend_expert.readers.nginx import addresses, is_nginx, milliseconds, parse
from backend_expert.readers.repository import Repository

Tree = Callable[[dict[str, str]], Path]


def found(text: str) -> tuple[Address, ...]:
    passed, unread = addresses("web/default.conf", dedent(text), directory="web")
    assert unread == ()
    return passed


def summary(text: str) -> list[tuple[str, str, str, float | None]]:
    return [(each.key, each.text, each.path, each.timeout_ms) for each in found(text)]


def test_locations_with_placeholders_and_lines() -> None:
    (address,) = found("""\
        server {
            # proxy_pass http://commented;
            location /api/catalogue/ {
                proxy_pass http://${CATALOGUE_HOST}:8080/;
            }
        }
        """)
    assert address == Address(
        key="proxy_pass",
        text="http://${CATALOGUE_HOST}:8080/",
        evidence=address.evidence,
        directory="web",
        path="/api/catalogue/",
    )
    assert [str(place) for place in address.evidence] == ["web/default.conf:4"]


def test_upstreams_lead_to_their_servers() -> None:
    passed = found("""\
        upstream orders {
            least_conn;
            server orders-1:8080 weight=5;
            server orders-2:8080 backup;
            server orders-3:8080 down;
            server unix:/tmp/sock;
        }
        server { location / { proxy_pass https://orders/v1; } }
        """)
    assert [(each.text, [place.line for place in each.evidence]) for each in passed] == [
        ("https://orders-1:8080/v1", [8, 3]),
        ("https://orders-2:8080/v1", [8, 4]),
    ]


def test_every_way_to_pass_a_request_on() -> None:
    text = """\
        server {
            location /g { grpc_pass grpc://rates:50051; }
            location /h { grpc_pass rates:50051; }
            location ~ \\.php$ { fastcgi_pass php:9000; }
            location /u { uwsgi_pass unix:/tmp/app.sock; }
            location /w { uwsgi_pass payment:3031; }
        }
        """
    assert summary(text) == [
        ("grpc_pass", "grpc://rates:50051", "/g", None),
        ("grpc_pass", "grpc://rates:50051", "/h", None),
        ("fastcgi_pass", "fastcgi://php:9000", "", None),
        ("uwsgi_pass", "uwsgi://payment:3031", "/w", None),
    ]


def test_timeouts_are_inherited_and_the_innermost_wins() -> None:
    text = """\
        proxy_read_timeout 30s;
        server {
            location /a { proxy_pass http://a; }
            location /b { proxy_pass http://b; proxy_read_timeout 500ms; }
            location /c { grpc_pass grpc://c:1; }
        }
        """
    assert [(path, wait) for _, _, path, wait in summary(text)] == [("/a", 30_000), ("/b", 500), ("/c", None)]


def test_variables_of_the_file_are_filled_in_and_others_stay() -> None:
    text = """\
        server {
            set $backend "http://orders:8080";
            location /a { proxy_pass $backend; }
            location /b { set $host_of cart; proxy_pass http://$host_of:80$request_uri; }
        }
        """
    assert [address for _, address, _, _ in summary(text)] == ["http://orders:8080", "http://cart:80$request_uri"]


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/plain", "/plain"),
        ("= /exact", "/exact"),
        ("^~ /first/", "/first/"),
        ("~ ^/api/(v1|v2)/orders", "/api/"),
        ("~* \\.(gif|jpg)$", ""),
        ('"/quoted path"', "/quoted path"),
    ],
)
def test_the_public_path_of_a_location(location: str, path: str) -> None:
    assert summary(f"server {{ location {location} {{ proxy_pass http://a; }} }}") == [("proxy_pass", "http://a", path, None)]


def test_nested_blocks() -> None:
    text = "http { server { location /a/ { if ($x) { proxy_pass http://a; } location /a/b { proxy_pass http://b; } } } }"
    assert [(address, path) for _, address, path, _ in summary(text)] == [("http://a", "/a/"), ("http://b", "/a/b")]


def test_text_inside_another_file_keeps_its_lines_and_its_owner() -> None:
    (address,), _ = addresses("map.yaml", "server {\n  location / { proxy_pass http://a; }\n}\n", owner="web", first_line=10)
    assert (address.owner, address.directory, str(address.evidence[0])) == ("web", "", "map.yaml:11")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60s", 60_000),
        ("60", 60_000),
        ("1m30s", 90_000),
        ("500ms", 500),
        ("1d", 86_400_000),
        ("soon", None),
        ("", None),
        ("1y", None),
    ],
)
def test_times(text: str, expected: float | None) -> None:
    assert milliseconds(text) == expected


def test_a_block_without_end_is_listed_and_what_stands_before_counts() -> None:
    passed, unread = addresses("a.conf", "server {\n  location / { proxy_pass http://a; }\n  location /b {\n")
    assert [each.text for each in passed] == ["http://a"]
    assert [(each.line, each.partly) for each in unread] == [(3, True)]
    _, unread = addresses("a.conf", "server { }\n}\n")
    assert [each.line for each in unread] == [2]


def test_only_nginx_configuration_is_read(tree: Tree) -> None:
    root = tree(
        {
            "web/nginx.conf": "server { location / { proxy_pass http://orders:80; } }\n",
            "web/default.conf.template": "server { location / { proxy_pass http://${CART}:80; } }\n",
            "db/postgresql.conf": "max_connections = 100\nlisten_addresses = '*'\n",
            "apache/status.conf": "<Location /server-status>\n  SetHandler server-status\n</Location>\n",
            "ui/next.config.js": "server { proxy_pass }\n",
        }
    )
    fragments = list(nginx.read(Repository.open(root)))
    assert [each.files for each in fragments] == [("web/default.conf.template",), ("web/nginx.conf",)]
    assert [address.directory for each in fragments for address in each.addresses] == ["web", "web"]


def test_what_is_nginx() -> None:
    assert is_nginx("upstream a {\n")
    assert is_nginx("  proxy_pass http://a;\n")
    assert not is_nginx("server = 1\n")
    assert not is_nginx("\n" * 100_000 + "x")


def test_a_variable_that_doubles_itself_stays_small() -> None:
    text = "server { set $a xxxxxxxx; " + "set $a $a$a; " * 60 + "location / { proxy_pass http://$a; } }"
    assert len(found(text)[0].text) <= 2_048


def test_blocks_deeper_than_any_configuration_are_skipped() -> None:
    directives, problems = parse("a { " * 500 + "}" * 500 + " b;")
    assert [each.words for each in directives] == [("a",), ("b",)]
    assert problems == []


PIECES = st.sampled_from(
    [
        "server",
        "location",
        "/a",
        "{",
        "}",
        ";",
        "proxy_pass",
        "http://a",
        "$a",
        "${B}",
        "set",
        '"',
        "'",
        "\\",
        "#",
        "\n",
        "upstream",
        "~",
        "a:1",
        "uwsgi_pass",
        "proxy_read_timeout",
        "1s",
        "$",
        "${",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=30))
def test_any_text_gives_addresses_or_a_listed_problem(pieces: list[str]) -> None:
    text = " ".join(pieces)
    passed, unread = addresses("a.conf", text)
    lines = text.count("\n") + 1
    assert all(1 <= place.line <= lines for each in passed for place in each.evidence)
    assert all(1 <= each.line <= lines for each in unread)


def test_more_addresses_than_anybody_writes_are_cut_and_said() -> None:
    servers = "upstream u { " + "server a:80; " * 200 + "}\n"
    passed, unread = addresses("a.conf", servers + "server { " + "proxy_pass http://u; " * 200 + "}")
    assert nginx.ADDRESS_LIMIT < len(passed) <= nginx.ADDRESS_LIMIT + 200
    assert [each.partly for each in unread] == [True]


def test_a_time_of_a_thousand_digits_is_none() -> None:
    assert milliseconds("1" * 5_000) is None

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.readers.addresses import Peer, filled, is_address_key, peers


def found(key: str, text: str) -> list[tuple[str, int | None, str, str]]:
    return [(peer.host, peer.port, peer.protocol, peer.database) for peer in peers(key, text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://u:p@db:5432/orders", [("db", 5432, "postgresql", "orders")]),
        ("postgresql+asyncpg://u:p@db/orders?ssl=1", [("db", None, "postgresql", "orders")]),
        ("postgres://u:<secret:0a1b2c3d>@db/orders", [("db", None, "postgresql", "orders")]),
        ("mongodb://a:27017,b:27018/shop?replicaSet=r", [("a", 27017, "mongodb", "shop"), ("b", 27018, "mongodb", "shop")]),
        ("mongodb+srv://u:p@cluster.example.net/x", [("cluster.example.net", None, "mongodb", "x")]),
        ("jdbc:mysql://db:3306/orders?useSSL=false", [("db", 3306, "mysql", "orders")]),
        ("jdbc:sqlserver://db:1433;databaseName=orders", [("db", 1433, "sqlserver", "orders")]),
        ("jdbc:oracle:thin:@//ora:1521/XE", [("ora", 1521, "oracle", "XE")]),
        ("r2dbc:postgresql://db/orders", [("db", None, "postgresql", "orders")]),
        ("amqp://a:b@one:5672,amqp://c:d@two:5672/vhost", [("one", 5672, "amqp", ""), ("two", 5672, "amqp", "")]),
        ("redis://:pw@redis:6379/1", [("redis", 6379, "redis", "1")]),
        ("u:p@tcp(db:3306)/orders?parseTime=true", [("db", 3306, "mysql", "orders")]),
        ("Server=db,1433;Database=orders;User Id=sa", [("db", 1433, "", "orders")]),
        ("Server=tcp:db,1433;Initial Catalog=orders", [("db", 1433, "", "orders")]),
        ("Host=pg;Username=a;Password=b;Database=c", [("pg", None, "", "c")]),
        ("host=db port=5433 dbname=orders user=x", [("db", 5433, "", "orders")]),
        ("mysql:host=db;dbname=cities", [("db", None, "mysql", "cities")]),
        ("redis:6379,password=x,ssl=False", [("redis", 6379, "", "")]),
        ("dns:///cart:7070", [("cart", 7070, "", "")]),
        ("lb://billing", [("billing", None, "http", "")]),
        ("tcp://redis:6379", [("redis", 6379, "", "")]),
        ("https://api.stripe.com/v1", [("api.stripe.com", None, "https", "")]),
        ("-Dconfig=http://config:8888 -Xmx64m", [("config", 8888, "http", "")]),
        ("kafka-1:9092,kafka-2:9092", [("kafka-1", 9092, "", ""), ("kafka-2", 9092, "", "")]),
        ("http://cart:8080/", [("cart", 8080, "http", "")]),
    ],
)
def test_addresses_count_under_any_key(text: str, expected: list[tuple[str, int | None, str, str]]):
    assert found("ANYTHING", text) == expected


@pytest.mark.parametrize(
    "key", ["DB_HOST", "CART_ADDR", "kafka.bootstrap.servers", "PGHOST", "brokers", "REDIS_HOST_NAME", "dbHost", "HOST1"]
)
def test_a_bare_host_counts_under_an_address_key(key: str):
    assert is_address_key(key)
    assert found(key, "cart") == [("cart", None, "", "")]


@pytest.mark.parametrize("key", ["MYSQL_USER", "SERVICE_NAME", "RATE", "POSTGRES_DB", "LOG_LEVEL", "HOSTING_PLAN"])
def test_a_bare_name_is_no_address_elsewhere(key: str):
    assert found(key, "shipping") == []


@pytest.mark.parametrize(
    "text",
    [
        "redis:7",
        "postgres:16",
        "12:30",
        "file:///etc/x",
        "unix:///run/x.sock",
        "sqlite:///x.db",
        "Europe/Berlin",
        "true",
        "a b c",
        "s3://bucket/x",
        "",
    ],
)
def test_what_is_no_address(text: str):
    assert found("VALUE", text) == []


@pytest.mark.parametrize(
    "key", ["CORS_ORIGIN", "ALLOWED_HOSTS", "KAFKA_ADVERTISED_LISTENERS", "NO_PROXY", "REDIRECT_URL", "BASE_IMAGE"]
)
def test_names_that_are_no_peers(key: str):
    assert found(key, "http://web:3000") == []


def test_filled_takes_every_form_of_placeholder():
    values = {"A": "cart", "D": "db"}
    text = "http://${A}:80/${B:-x}/${C:y}/$(D)/$A/$host/${E}"
    assert filled(text, values.get) == "http://cart:80/x/y/db/cart/$host/${E}"


def test_an_unfilled_placeholder_is_no_host():
    assert peers("PEER_URL", "http://${NOWHERE}:8080/") == ()


def test_bare_says_that_only_the_key_made_it_an_address():
    assert Peer(host="a").bare
    assert not Peer(host="a", port=80).bare


@given(st.text(), st.text())
def test_any_text_is_answered(key: str, text: str):
    for peer in peers(key, text):
        assert peer.host
        assert peer.port is None or 0 < peer.port < 65_536


@given(st.text(alphabet="ab:/@,;=?. ${}()", max_size=200))
def test_texts_made_of_separators_are_answered(text: str):
    assert isinstance(peers("DB_URL", filled(text, {}.get)), tuple)

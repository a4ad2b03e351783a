from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.readers.settings import mark, name_words, setting


def value_of(name: str, value: str) -> str:
    return setting(name, value, ()).value


@pytest.mark.parametrize(
    "name",
    [
        "POSTGRES_PASSWORD",
        "JWT_SECRET",
        "API_KEY",
        "apiKey",
        "GITHUB_TOKEN",
        "DB_PASS",
        "MYSQL_PWD",
        "DJANGO_SECRET_KEY",
        "PRIVATE_KEY",
    ],
)
def test_values_under_secret_names_never_enter(name: str):
    made = setting(name, "hunter2", ())
    assert made.secret
    assert "hunter2" not in made.value
    assert made.value == mark("hunter2")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEYCLOAK_URL", "http://keycloak:8080"),
        ("AUTH_SERVICE_HOST", "auth"),
        ("POSTGRES_PASSWORD_FILE", "/run/secrets/password"),
        ("MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
        ("JWT_SECRET", "${JWT_SECRET}"),
        ("TOKEN_EXPIRATION_SECONDS", "3600"),
        ("PASSWORD", ""),
        ("LOG_LEVEL", "debug"),
    ],
)
def test_what_only_speaks_about_a_secret_stays(name: str, value: str):
    assert value_of(name, value) == value


@pytest.mark.parametrize(
    ("value", "kept", "gone"),
    [
        ("postgres://shop:pw-1@db:5432/orders", ["shop:", "@db:5432/orders"], "pw-1"),
        ("postgres://shop:pa/ss@db/orders", ["@db/orders"], "pa/ss"),
        ("postgres://shop:12345@db/orders", ["@db/orders"], "12345"),
        ("redis://:pw-1@redis:6379/0", ["@redis:6379/0"], "pw-1"),
        ("amqp://a:pw-1@one,amqp://a:pw-1@two", ["@one", "@two"], "pw-1"),
        ("Server=db;Database=orders;Password=pw-1", ["Server=db", "Database=orders"], "pw-1"),
        ("shop:pw-1@tcp(db:3306)/orders", ["@tcp(db:3306)/orders"], "pw-1"),
        ("redis:6379,password=pw-1,ssl=False", ["redis:6379", "ssl=False"], "pw-1"),
        ("https://ghtoken123@github.com/x.git", ["@github.com/x.git"], "ghtoken123"),
    ],
)
def test_connection_strings_lose_their_credentials_only(value: str, kept: list[str], gone: str):
    made = setting("DATABASE_URL", value, ())
    assert made.secret
    assert gone not in made.value
    assert all(part in made.value for part in kept)


def test_a_port_and_a_path_are_no_credentials():
    assert value_of("URL", "http://host:8080/a@b") == "http://host:8080/a@b"


def test_forms_of_known_secrets_are_secrets_under_any_name():
    assert setting("NOTE", "-----BEGIN PRIVATE KEY-----\nabc", ()).secret
    assert setting("X", "AKIA" + "A" * 16, ()).secret


def test_a_committed_default_of_a_secret_is_a_secret():
    assert "changeme" not in value_of("DB_PASSWORD", "${DB_PASSWORD:-changeme}")


def test_equal_secrets_get_equal_marks():
    assert value_of("A_PASSWORD", "same") == value_of("B_SECRET", "same") != value_of("C_TOKEN", "other")


def test_long_values_are_not_kept():
    assert value_of("CONFIG", "x" * 10_000) == "<10000 characters>"


@given(st.text(alphabet="abcdefgh", min_size=6), st.sampled_from(["postgres://u:{}@db/x", "Password={};Server=a", "redis://:{}@r"]))
def test_no_password_survives(password: str, form: str):
    assert f":{password}@" not in value_of("URL", form.format(password))
    assert f"={password}" not in value_of("URL", form.format(password))


@given(st.text(), st.text())
def test_any_text_is_a_setting(name: str, value: str):
    assert setting(name, value, ()).name == name


@pytest.mark.parametrize("name", ["DB_HOST", "dbHost", "db.host", "db-host"])
def test_name_words_do_not_depend_on_the_style(name: str):
    assert name_words(name) == ("db", "host")

"""Keys of configuration files and the code that reads them."""

from __future__ import annotations

import pytest

from backend_expert.model import dependencies

SERVICES = """
    ledger: {build: ./ledger}
    teller: {build: ./teller}
    ledger-db: {image: mongo}
    billing: {image: acme/billing, expose: [8080]}
    """
BUILT = {"ledger/Dockerfile": "FROM golang:1\n", "teller/Dockerfile": "FROM golang:1\n"}


@pytest.fixture
def pairs(joined):
    """Return a function from files to the pairs of caller and callee."""

    def read(files: dict[str, str], services: str = SERVICES):
        return {(each.caller, each.callee) for each in dependencies(joined(services, BUILT | files))}

    return read


@pytest.mark.parametrize(
    ("file", "text", "code", "line"),
    [
        ("ledger/config.json", '{"LedgerDbAddress": "ledger-db:27017"}', 'a := cfg["LedgerDbAddress"]', "ledger-db"),
        ("ledger/config.toml", '[store]\naddress = "mongodb://ledger-db/x"\n', 'viper.GetString("store.address")', "ledger-db"),
        ("ledger/config/settings.yaml", "billing:\n  url: http://billing:8080\n", 'viper.GetString("billing.url")', "billing"),
    ],
)
def test_the_value_of_a_key_that_code_reads_is_a_peer(pairs, file, text, code, line):
    assert pairs({file: text, "ledger/cmd/main.go": f"package main\nfunc main() {{ {code} }}\n"}) == {("ledger", line)}


def test_a_key_belongs_to_the_code_that_reads_it_not_to_all_that_hold_the_file(joined):
    files = {
        "config.json": '{\n  "LedgerDbAddress": "ledger-db:27017",\n  "BillingAddress": "billing:8080"\n}',
        "ledger/main.go": 'package main\nfunc main() { open(cfg["LedgerDbAddress"]) }\n',
        "teller/main.go": 'package main\nfunc main() { open(cfg["Other"]) }\n',
    }
    (edge,) = dependencies(joined(SERVICES, BUILT | files))
    assert (edge.caller, edge.callee) == ("ledger", "ledger-db")
    assert {str(line) for line in edge.evidence} == {"ledger/main.go:2", "config.json:2"}


@pytest.mark.parametrize(
    "files",
    [
        {"ledger/config.json": '{"LedgerDbAddress": "ledger-db:27017"}', "ledger/main.go": "package main\n"},
        {"ledger/config.json": '{"url": "http://billing:8080"}', "ledger/main.go": 'package main\nvar a = x["url"]\n'},
        {
            "ledger/config.Development.json": '{"Ledger:Db": "ledger-db:27017"}',
            "ledger/main.go": 'package main\nvar a = x["Ledger:Db"]\n',
        },
        {
            "ledger/package.json": '{"LedgerDbAddress": "ledger-db:27017"}',
            "ledger/main.go": 'package main\nvar a = x["LedgerDbAddress"]\n',
        },
        {"ledger/config.json": '{"LedgerDbAddress": ', "ledger/main.go": 'package main\nvar a = x["LedgerDbAddress"]\n'},
    ],
)
def test_a_value_that_nothing_reads_is_only_a_setting(pairs, files):
    assert pairs(files) == set()


def test_a_variable_of_the_deployment_replaces_the_value(pairs):
    services = SERVICES.replace("{build: ./ledger}", "{build: ./ledger, environment: {Services__Billing: 'http://teller:80'}}")
    files = {
        "ledger/appsettings.json": '{"Services": {"Billing": "http://billing:8080"}}',
        "ledger/A.cs": 'class A { void F() { G(configuration["Services:Billing"]); } }',
    }
    assert pairs(files, services) == {("ledger", "teller")}


def test_of_a_shared_block_only_what_code_reads_is_used(pairs):
    services = """
        ledger: {build: ./ledger, env_file: peers.env}
        teller: {build: ./teller, env_file: peers.env}
        billing: {image: acme/billing}
        stock: {image: acme/stock}
        """
    files = {
        "peers.env": "BILLING_HOST=billing\nSTOCK_HOST=stock\n",
        "ledger/app.py": "requests.get('http://' + os.environ['BILLING_HOST'])\n",
        "teller/app.py": "requests.get('http://' + os.environ['STOCK_HOST'])\n",
    }
    assert pairs(files, services) == {("ledger", "billing"), ("teller", "stock")}

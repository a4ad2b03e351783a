"""Programs that nothing deploys, beside nothing at all or beside the stores that people start for them."""

from __future__ import annotations

import pytest

from backend_expert import readers
from backend_expert.model import Kind, dependencies

ORDERS = """
const app = require('express')();
app.get('/a', async (q, r) => { await fetch(URL); r.end(); });
app.listen(process.env.PORT || 4001);
"""
STOCK = "const app = require('express')(); app.get('/b', (q, r) => r.end()); app.listen(4002);"
INFRASTRUCTURE = "services:\n  db: {image: postgres, ports: ['5432:5432']}\n"


def files(url: str, **more: str) -> dict[str, str]:
    return {
        "orders/package.json": "{}",
        "orders/server.js": ORDERS.replace("URL", url),
        "stock/package.json": "{}",
        "stock/server.js": STOCK,
    } | more


def edges(reading) -> set[tuple[str, str]]:
    return {(each.caller, each.callee) for each in dependencies(reading.system)}


def test_the_port_of_the_other_on_the_same_machine(tree):
    found = readers.read(tree(files("'http://localhost:4002/b'")))
    assert edges(found) == {("orders", "stock")}
    assert [each.number for each in found.system.component("stock").deployment.ports] == [4002]


def test_settings_come_from_the_file_that_people_copy(tree):
    found = readers.read(
        tree(files("process.env.STOCK_URL + '/b'", **{"orders/.env.example": "STOCK_URL=http://localhost:4002\nPORT=4009\n"}))
    )
    assert edges(found) == {("orders", "stock")}
    assert [each.number for each in found.system.component("orders").deployment.ports] == [4009]
    assert str(found.system.component("orders").settings[1].evidence[0]) == "orders/.env.example:1"


def test_programs_beside_a_description_of_stores_alone(tree):
    source = "const { Pool } = require('pg'); const pool = new Pool({ host: 'localhost', database: 'shop' });" + ORDERS
    source = source.replace("await fetch(URL)", "await pool.query('SELECT 1 FROM bills')")
    found = readers.read(tree({"compose.yaml": INFRASTRUCTURE, "orders/package.json": "{}", "orders/server.js": source}))
    assert {component.name: component.kind for component in found.system.components} == {
        "db": Kind.DATABASE,
        "orders": Kind.SERVICE,
    }
    assert edges(found) == {("orders", "db")}


def test_a_description_that_runs_programs_says_which(tree):
    compose = INFRASTRUCTURE + "  stock: {build: ./stock}\n"
    found = readers.read(tree(files("'http://stock:4002/b'", **{"compose.yaml": compose})))
    assert [component.name for component in found.system.components] == ["db", "stock"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("orders/app.py", "from flask import Flask\napp = Flask(__name__)\n\n@app.route('/a')\ndef a():\n    pass\n"),
        ("orders/main.go", 'package main\n\nfunc main() {\n\thttp.HandleFunc("GET /a", a)\n\thttp.ListenAndServe(":80", nil)\n}\n'),
        ("orders/App.java", '@SpringBootApplication @RestController class App { @GetMapping("/a") void a() { } }'),
        ("orders/Program.cs", 'var app = WebApplication.CreateBuilder(args).Build(); app.MapGet("/a", () => "x");'),
        ("orders/index.php", "<?php\nRoute::get('/a', function () { });\n"),
    ],
)
def test_a_program_without_any_manifest_is_a_component(tree, name, text):
    reading = readers.read(tree({name: text, "README.md": "x"}))
    assert [(each.name, each.source) for each in reading.system.components] == [("orders", "orders")]
    assert [each.name for each in reading.system.operations if each.trigger.name] == ["orders GET /a"]


def test_code_that_starts_no_server_is_no_component(tree):
    assert readers.read(tree({"tool/a.py": "import requests\nrequests.get('http://b')\n"})).system.components == ()

"""Handlers of code in the system: whom their steps are for, which topics they share, what a gateway passes on."""

from __future__ import annotations

import textwrap

import pytest

from backend_expert import readers
from backend_expert.model import Call, Certainty, Kind, Publish, Query, Transaction, call_sites, dependencies, walk

EXPRESS = "const app = require('express')();\nBODY\napp.listen(process.env.PORT || 80);\n"
COMPOSE = """
services:
  orders:
    build: ./orders
    environment: [PORT=8001, 'STOCK_URL=http://stock:8002', 'DB=postgres://u:p@db/shop', 'AMQP=amqp://mq']
  stock:
    build: ./stock
    environment: [PORT=8002]
    ports: ['9002:8002']
  db: {image: postgres}
  mq: {image: rabbitmq}
"""


@pytest.fixture
def system(tree):
    """Return a function that reads two services and what stands beside them."""

    def reading(orders: str, stock: str = "app.get('/items/:id', (q, r) => r.end());", compose: str = COMPOSE, **files: str):
        texts = {
            "compose.yaml": compose,
            "orders/package.json": "{}",
            "orders/server.js": EXPRESS.replace("BODY", textwrap.dedent(orders)),
            "stock/package.json": "{}",
            "stock/server.js": EXPRESS.replace("BODY", textwrap.dedent(stock)),
        }
        return readers.read(tree({name: text for name, text in (texts | files).items() if text}))

    return reading


def operation(reading, name: str):
    return reading.system.operation(name)


def calls(reading, name: str) -> list[str]:
    return [step.operation for step in walk(operation(reading, name).steps) if isinstance(step, Call)]


def edges(reading) -> set[tuple[str, str]]:
    return {(each.caller, each.callee) for each in dependencies(reading.system)}


@pytest.mark.parametrize(
    "url",
    [
        "`${process.env.STOCK_URL}/items/${q.params.id}`",
        "process.env.STOCK_URL + '/items/' + q.params.id",
        "(process.env.NOT_SET || 'http://stock:8002') + `/items/${q.params.id}`",
        "`http://stock:8002/items/${q.params.id}`",
        "`http://localhost:9002/items/${q.params.id}`",
        "`http://${process.env.STOCK_HOST}/items/${q.params.id}`",
    ],
)
def test_a_call_leads_to_the_route_that_answers_it(system, url: str):
    found = system(f"app.post('/orders/:id', async (q, r) => {{ await fetch({url}); r.end(); }});")
    assert calls(found, "orders POST /orders/:id") == ["stock GET /items/:id"]
    assert ("orders", "stock") in edges(found)


def test_a_step_holds_the_line_of_the_call_and_that_of_the_setting(system):
    found = system("app.get('/a', (q, r) => {\n  fetch(`${process.env.STOCK_URL}/items/1`).then(() => r.end());\n});")
    (site,) = [each for each in call_sites(found.system) if each.callee == "stock"]
    assert [str(line) for line in site.step.evidence] == ["orders/server.js:3", "compose.yaml:5"]
    assert site.step.certainty is Certainty.RECOVERED


def test_a_call_of_a_route_that_nobody_serves_leads_to_the_component(system):
    found = system("app.get('/a', async (q, r) => { await fetch('http://stock:8002/nothing/here'); r.end(); });")
    assert calls(found, "orders GET /a") == ["stock http"]
    assert operation(found, "stock http").certainty is Certainty.ASSUMED


@pytest.mark.parametrize("url", ["`${config.unknown}/x`", "'http://nowhere:80/x'"])
def test_a_call_that_leads_nowhere_is_no_edge(system, url: str):
    found = system(
        f"app.get('/a', async (q, r) => {{ await fetch({url}); r.end(); }});",
        compose=COMPOSE.replace("'STOCK_URL=http://stock:8002', ", ""),
    )
    assert calls(found, "orders GET /a") == []
    assert ("orders", "stock") not in edges(found)


def test_what_is_lost_is_said(system):
    found = system("app.get('/a', async (q, r) => { await fetch(`${config.unknown}/x`); r.end(); });")
    texts = " ".join(note.en for note in found.notes)
    assert "1 HTTP calls in its code lead to addresses that no file tells" in texts


@pytest.mark.parametrize("url", ["q.body.url", "`http://${q.body.host}/x`"])
def test_a_host_that_the_request_names_is_a_component_outside(system, url: str):
    found = system(f"app.get('/a', async (q, r) => {{ await fetch({url}); r.end(); }});")
    (call,) = [step for step in walk(operation(found, "orders GET /a").steps) if isinstance(step, Call)]
    assert (call.operation, call.address) == ("address-from-request http", "request")
    assert found.system.component("address-from-request").kind is Kind.EXTERNAL


def test_a_public_host_is_a_component_outside(system):
    found = system("app.get('/a', async (q, r) => { await fetch('https://api.pay.com/charges', { method: 'POST' }); r.end(); });")
    assert found.system.component("api.pay.com").kind is Kind.EXTERNAL
    assert calls(found, "orders GET /a") == ["api.pay.com http"]


SQL = """
const { Pool } = require('pg');
const pool = new Pool({ connectionString: process.env.DB });
"""


def test_queries_lead_to_the_tables_of_the_database_in_the_setting(system):
    found = system(SQL + "app.get('/a', async (q, r) => { await pool.query('SELECT 1 FROM bills WHERE id = 1'); r.end(); });")
    (query,) = [step for step in walk(operation(found, "orders GET /a").steps) if isinstance(step, Query)]
    assert query.dataset == "db/shop.bills"
    assert [dataset.name for dataset in found.system.datasets] == ["db/shop.bills"]
    assert "orders http" not in {each.name for each in found.system.operations}


def test_a_transaction_names_its_store(system):
    found = system(
        SQL
        + "app.get('/a', async (q, r) => { const c = await pool.connect(); await c.query('BEGIN');"
        + "await c.query('INSERT INTO bills VALUES (1)'); await c.query('COMMIT'); r.end(); });"
    )
    (transaction,) = [step for step in walk(operation(found, "orders GET /a").steps) if isinstance(step, Transaction)]
    assert transaction.store == "db"


def test_a_connection_without_address_is_that_to_the_one_store_of_its_kind(system):
    found = system(
        "const { Pool } = require('pg'); const pool = new Pool(settings); app.get('/a', (q, r) => pool.query('SELECT 1 FROM bills'));"
    )
    assert ("orders", "db") in edges(found)


def test_a_store_that_nothing_describes_is_a_component_of_its_own(system):
    found = system(
        "const mongoose = require('mongoose'); mongoose.connect('mongodb://localhost/shop'); const Bill = mongoose.model('Bill');"
        "app.get('/a', async (q, r) => r.json(await Bill.find()));"
    )
    store = found.system.component("orders-mongodb")
    assert (store.kind, store.technology, store.certainty) == (Kind.DATABASE, "mongodb", Certainty.RECOVERED)
    assert [dataset.name for dataset in found.system.datasets if dataset.store == store.name] == ["orders-mongodb/shop.bills"]


PUBLISHER = """
const amqp = require('amqplib');
let channel;
amqp.connect(process.env.AMQP).then(async (c) => { channel = await c.createChannel(); await channel.assertExchange('shop', 'topic'); });
app.post('/orders', (q, r) => { channel.publish('shop', 'order.created', Buffer.from('{}')); r.status(202).end(); });
"""
CONSUMER = """
const amqp = require('amqplib');
amqp.connect(process.env.AMQP).then(async (c) => {
  const channel = await c.createChannel();
  await channel.assertQueue('stock', { durable: true });
  await channel.bindQueue('stock', 'shop', 'order.#');
  channel.consume('stock', async (m) => { await fetch('http://orders:8001/orders', { method: 'POST' }); channel.ack(m); });
});
app.get('/x', (q, r) => r.end());
"""


def test_what_one_publishes_the_other_takes(system):
    found = system(PUBLISHER, CONSUMER, COMPOSE.replace("[PORT=8002]", "[PORT=8002, 'AMQP=amqp://mq']"))
    (publish,) = [step for step in walk(operation(found, "orders POST /orders").steps) if isinstance(step, Publish)]
    taken = operation(found, "stock on order.created")
    assert publish.topic == taken.trigger.name == "mq/order.created"
    assert (taken.trigger.group, taken.trigger.acknowledge) == ("stock", "after")
    assert [(topic.name, topic.durable, topic.declared_by) for topic in found.system.topics] == [
        ("mq/order.created", True, ("stock",))
    ]
    assert calls(found, "stock on order.created") == ["orders POST /orders"]


NGINX = """
server {
  listen 80;
  proxy_read_timeout 3s;
  location /api/stock/ { proxy_pass http://stock:8002/; }
  location /orders { proxy_pass http://orders:8001; }
}
"""


def test_a_gateway_answers_what_stands_behind_its_locations(system):
    compose = (
        COMPOSE
        + "  edge:\n    image: nginx\n    ports: ['80:80']\n    volumes: ['./edge/default.conf:/etc/nginx/conf.d/default.conf']\n"
    )
    found = system("app.get('/orders/:id', (q, r) => r.end());", compose=compose, **{"edge/default.conf": NGINX})
    names = [each.name for each in found.system.operations if each.component == "edge"]
    assert names == ["edge GET /api/stock/items/:id", "edge GET /orders/:id"]
    (call,) = [step for step in walk(operation(found, "edge GET /api/stock/items/:id").steps) if isinstance(step, Call)]
    assert call.operation == "stock GET /items/:id"
    assert call.policy.timeout_ms.value == 3000


def test_programs_that_nothing_deploys_are_components(tree):
    found = readers.read(
        tree(
            {
                "orders/package.json": '{"name": "orders"}',
                "orders/server.js": EXPRESS.replace(
                    "BODY", "app.get('/a', async (q, r) => { await fetch(process.env.STOCK_URL + '/b'); r.end(); });"
                ),
                "stock/package.json": '{"name": "stock"}',
                "stock/server.js": EXPRESS.replace("BODY", "app.get('/b', (q, r) => r.end());"),
            }
        )
    )
    assert [component.name for component in found.system.components] == ["orders", "stock"]
    assert calls(found, "orders GET /a") == ["stock GET /b"]


def test_two_components_of_one_code_base_run_the_same_handlers(system):
    compose = COMPOSE + "  second:\n    build: ./stock\n"
    found = system("app.get('/a', (q, r) => r.end());", compose=compose)
    assert {each.name for each in found.system.operations if each.component == "second"} == {"second GET /items/:id"}

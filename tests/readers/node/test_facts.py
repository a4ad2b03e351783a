"""What steps say beside their order: limits, independence, writes that follow from reads, addresses from outside, timeouts not passed."""

from __future__ import annotations

import pytest

from backend_expert.model import Action, CachePut, Call, Mechanism, Parallel, Publish, Query

TYPEORM = """
import { Entity, PrimaryColumn, DataSource } from 'typeorm';
@Entity('stock') class Stock { @PrimaryColumn() id: string; n: number; sku: string; }
const stocks = new DataSource({ type: 'postgres', host: 'db' }).getRepository(Stock);
"""
PRISMA = "import { PrismaClient } from '@prisma/client'; const prisma = new PrismaClient();"
MONGO = "import { MongoClient } from 'mongodb'; const items = new MongoClient('mongodb://m').db('a').collection('items');"
SEQUELIZE = (
    "import { Sequelize } from 'sequelize'; const s = new Sequelize('postgres://db/a'); const Item = s.define('Item', {}, {});"
)
KNEX = "import knex from 'knex'; const db = knex({ client: 'pg', connection: process.env.DB_URL });"


@pytest.mark.parametrize(
    ("before", "expression", "expected"),
    [
        ("", "pool.query('SELECT * FROM items')", False),
        ("", "pool.query('SELECT * FROM items WHERE owner = $1', [1])", False),
        ("", "pool.query('SELECT * FROM items WHERE owner = $1 LIMIT 20', [1])", True),
        ("", "pool.query('SELECT count(*) FROM items')", True),
        ("", "pool.query('SELECT owner, count(*) FROM items GROUP BY owner')", False),
        ("", "pool.query('SELECT * FROM items WHERE id = $1', [1])", None),
        (TYPEORM, "stocks.find()", False),
        (TYPEORM, "stocks.find({ where: { sku: req.body.sku } })", False),
        (TYPEORM, "stocks.find({ where: { sku: 'a' }, take: 10 })", True),
        (TYPEORM, "stocks.find({ where: { id: req.body.ids } })", None),
        (TYPEORM, "stocks.find(options(req))", None),
        (TYPEORM, "stocks.findOne({ where: { sku: 'a' } })", True),
        (TYPEORM, "stocks.createQueryBuilder('s').where('s.sku = :sku', {}).getMany()", False),
        (TYPEORM, "stocks.createQueryBuilder('s').where('s.sku = :sku', {}).take(5).getMany()", True),
        (PRISMA, "prisma.item.findMany()", False),
        (PRISMA, "prisma.item.findMany({ where: { a: 1 }, take: 5 })", True),
        (PRISMA, "prisma.item.findFirst({ where: { a: 1 } })", True),
        (MONGO, "items.find({ a: 1 }).toArray()", False),
        (MONGO, "items.find({ a: 1 }).limit(5).toArray()", True),
        (MONGO, "items.findOne({ a: 1 })", True),
        (SEQUELIZE, "Item.findAll({ where: { a: 1 } })", False),
        (SEQUELIZE, "Item.findAll({ limit: 4 })", True),
        (KNEX, "db('items').where({ a: 1 })", False),
        (KNEX, "db('items').where({ a: 1 }).limit(3)", True),
        (KNEX, "db('items').where({ id: 1 })", None),
    ],
)
def test_how_many_rows_a_search_gives(handler, before: str, expression: str, expected: bool | None):
    (query,) = handler(f"const found = await {expression};\nres.json(found);", before).steps("POST /x", Query)
    assert query.limited is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("const a = await find(1); const b = await find(2);", [None, True]),
        ("const a = await find(1); const b = await find(a.next);", [None, False]),
        ("const a = await find(1); const next = a.next; const b = await find(next);", [None, False]),
        ("const a = await find(1); const b = await find(2); const c = await find(3);", [None, True, True]),
        ("const a = await find(1); const b = await find(2); const c = await find(a.next);", [None, True, False]),
        ("const a = await find(1); const b = await find(a.next); const c = await find(2);", [None, False, True]),
        ("const a = await find(1); if (!a) throw new Error(); const b = await find(2);", [None, None]),
        ("const a = await find(1); if (!req.body.x) throw new Error(); const b = await find(2);", [None, True]),
        ("await find(1); const b = await find(2);", [None, None]),
        ("const a = await find(1); const b = await fetch('http://b/x');", [None, True]),
        ("const a = await find(1); const b = await fetch('http://b/x', { method: 'POST' });", [None, None]),
        ("await save(1); const b = await find(2);", [None, None]),
        ("const a = await find(1); const b = await both(2);", [None, True, False]),
    ],
)
def test_what_needs_nothing_of_the_step_before(handler, body: str, expected: list[bool | None]):
    found = handler(body, "const both = async (id) => { const row = await find(id); return await find(row.next); };")
    steps = [*found.steps("POST /x", Query), *found.steps("POST /x", Call)]
    assert [step.independent for step in steps] == expected


FREE = "const free = await stocks.findOneBy({ sku: req.body.sku, n: 1 });\n"
READ = "const row = await stocks.findOneBy({ id: req.body.id });\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (READ + "await stocks.update(row.id, { n: row.n - 1 });", True),
        (READ + "await stocks.update(row.id, { n: row.n + req.body.by });", True),
        (READ + "await stocks.update(row.id, { n: req.body.n });", False),
        (READ + "if (!row) throw new Error(); await stocks.update(row.id, { n: req.body.n });", False),
        (READ + "if (row.n < 1) throw new Error(); await stocks.update(row.id, { n: req.body.n });", True),
        (READ + "row.n -= 1; await stocks.save(row);", True),
        (READ + "row.n = row.n - 1; await stocks.save(row);", True),
        (READ + "row.sku = req.body.sku; await stocks.save(row);", False),
        (READ + "const left = row.n - 1; await put(row.id, left);", True),
        (READ + "await put(row.id, req.body.n);", False),
        (READ + "check(row); await put(row.id, req.body.n);", True),
        (READ + "await put(row.id, whatever());", None),
        (FREE + "if (!free) throw new Error(); await stocks.update(free.id, { n: 0 });", True),
        ("await stocks.update(1, { n: 2 });", None),
    ],
)
def test_writes_that_follow_from_what_was_read(handler, body: str, expected: bool | None):
    before = (
        f"{TYPEORM}\nconst put = async (id, n) => stocks.update(id, {{ n }});\n"
        "const check = (row) => { if (row.n === 0) throw new Error('none'); };"
    )
    writes = [step for step in handler(body, before).steps("POST /x", Query) if step.action is Action.UPDATE]
    assert [step.computed for step in writes] == [expected]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("req.body.url", "request"),
        ("`http://${req.query.host}/x`", "request"),
        ("`https://${req.params.id}.example.org/x`", "request"),
        ("`http://stock/items/${req.params.id}`", "configured"),
        ("process.env.STOCK_URL + '/items/' + req.params.id", "configured"),
        ("pick(req)", None),
    ],
)
def test_where_the_host_of_a_call_comes_from(handler, url: str, expected: str | None):
    (call,) = handler(f"await fetch({url});").steps("POST /x", Call)
    assert call.address == expected


@pytest.mark.parametrize(
    ("body", "unused"),
    [
        ("const c = new AbortController(); setTimeout(() => c.abort(), 500); await fetch('http://b/x');", True),
        (
            "const c = new AbortController(); setTimeout(() => c.abort(), 500); await fetch('http://b/x', { signal: c.signal });",
            False,
        ),
        ("const signal = AbortSignal.timeout(500); await fetch('http://b/x', { method: 'POST' });", True),
        ("const signal = AbortSignal.timeout(500); await fetch('http://b/x', { method: 'POST', signal });", False),
        ("const options = { timeout: 500 }; await fetch('http://b/x');", True),
        ("const options = { timeout: 500 }; log(options); await fetch('http://b/x');", False),
        ("await fetch('http://b/x');", False),
    ],
)
def test_timeouts_that_are_built_and_not_passed(handler, body: str, unused: bool):
    (call,) = handler(body).steps("POST /x", Call)
    assert (Mechanism.TIMEOUT in call.policy.unused) is unused
    if unused:
        assert call.policy.lacks(Mechanism.TIMEOUT)


@pytest.mark.parametrize(
    ("caught", "optional"),
    [
        ("console.error(e);", True),
        ("", True),
        ("throw e;", None),
        ("return res.status(502).end();", None),
        ("res.status(502).end();", None),
        ("return false;", None),
        ("failed = true;", None),
        ("next(e);", None),
    ],
)
def test_errors_that_end_in_success(handler, caught: str, optional: bool | None):
    before = (
        "const amqp = require('amqplib');\nlet failed;\nconst open = async () => (await amqp.connect('amqp://mq')).createChannel();"
    )
    body = f"try {{ const c = await open(); c.sendToQueue('jobs', Buffer.from('x')); }} catch (e) {{ {caught} }}\nres.status(201).end();"
    (publish,) = handler(body, before).steps("POST /x", Publish)
    assert publish.policy.optional is optional


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("save(1); res.end();", "bare"),
        ("pool.query('INSERT INTO items (id) VALUES (1)'); res.end();", "bare"),
        ("pool.query('INSERT INTO items (id) VALUES (1)').then(() => log()); res.end();", "bare"),
        ("pool.query('INSERT INTO items (id) VALUES (1)').catch(() => log()); res.end();", "handled"),
        ("save(1).then(() => log(), () => log()); res.end();", "handled"),
        ("void save(1); res.end();", "handled"),
        ("[1, 2].forEach(async (id) => { await save(id); }); res.end();", "bare"),
        ("const kept = save(1); res.end();", "bare"),
        ("const kept = save(1); await kept; res.end();", None),
        ("await save(1); res.end();", None),
        ("pool.query('INSERT INTO items (id) VALUES (1)', [], (error) => res.end());", None),
        ("pool.query('INSERT INTO items (id) VALUES (1)').then(() => res.end());", None),
        ("await new Promise((done) => { pool.query('INSERT INTO items (id) VALUES (1)').then(done); }); res.end();", None),
    ],
)
def test_work_that_nobody_waits_for(handler, body: str, expected: str | None):
    found = handler(body)
    assert [each.detached for each in found.steps("POST /x", Parallel) if each.detached] == ([expected] if expected else [])
    assert {step.action for step in found.steps("POST /x", Query)} == {Action.INSERT}


REDIS = "import Redis from 'ioredis'; const r = new Redis('redis://c');"
CART = "const cart = JSON.parse(await r.get(`cart:${req.body.id}`));\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (CART + "cart.items.push(req.body.item); await r.set(`cart:${req.body.id}`, JSON.stringify(cart));", True),
        (CART + "cart.total = cart.total + 1; await r.set(`cart:${req.body.id}`, JSON.stringify(cart));", True),
        (CART + "if (cart.total > 3) await r.set(`cart:${req.body.id}`, req.body.text);", False),
        (CART + "if (!cart) { const made = await find(1); await r.set(`cart:${req.body.id}`, JSON.stringify(made)); }", None),
    ],
)
def test_values_of_a_cache_that_follow_from_what_it_held(handler, body: str, expected: bool | None):
    found = handler(body, REDIS)
    writes = [*found.steps("POST /x", CachePut), *(each for each in found.steps("POST /x", Query) if each.action is Action.UPDATE)]
    assert [each.computed for each in writes] == [expected]


def test_where_an_error_ends_stands_first(handler):
    found = handler("try {\n  await fetch('http://b/x');\n} catch (e) {\n  log(e);\n}\nres.end();")
    (call,) = found.steps("POST /x", Call)
    assert call.policy.optional
    assert [str(line) for line in call.policy.evidence] == ["server.ts:11", "server.ts:10"]

"""Handlers in the order in which they run: loops, branches, promises, errors, retries."""

from __future__ import annotations

import textwrap

import pytest

from backend_expert.model import Call, Parallel, Query, Repeat


def same(found: str, expected: str) -> bool:
    assert found == textwrap.dedent(expected).strip()
    return True


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("await find(1); res.json({});", "read items by id\nreply 200"),
        ("for (const id of req.body.ids) await find(id); res.end();", "repeat 5\n  read items by id\nreply 200"),
        ("for (let i = 0; i < n; i++) { await find(i); }", "repeat 5\n  read items by id\nreply 200"),
        ("while (more) { more = await find(1); }", "repeat 5\n  read items by id\nreply 200"),
        ("for (const id of [1, 2, 3]) await find(id);", "repeat 3\n  read items by id\nreply 200"),
        ("ids.forEach((id) => { pool.query('SELECT 1 FROM items'); });", "repeat 5\n  parallel\n  --\n    read items\nreply 200"),
        ("await Promise.all([find(1), save(2)]);", "parallel\n  read items by id\n--\n  insert items\nreply 200"),
        ("await Promise.all([find(1), 2]);", "read items by id\nreply 200"),
        ("save(1); res.send('ok');", "parallel\n--\n  insert items\nreply 200"),
        ("void save(1); res.send('ok');", "parallel\n--\n  insert items\nreply 200"),
        ("const a = find(1); const b = save(2); await a; await b;", "read items by id\ninsert items\nreply 200"),
        (
            "const a = find(1); const b = save(2); await Promise.all([a, b]);",
            "parallel\n  read items by id\n--\n  insert items\nreply 200",
        ),
        ("find(1).then(() => save(2)).then(() => res.send('ok'));", "read items by id\ninsert items\nreply 200"),
        ("await new Promise((resolve) => pool.query('SELECT 1 FROM items', resolve));", "read items\nreply 200"),
        ("res.status(202).send(); await save(1);", "reply 202\ninsert items"),
        ("setTimeout(async () => { await find(1); }, 10);", "read items by id\nreply 200"),
        ("label: for (const id of ids) { await find(id); }", "repeat 5\n  read items by id\nreply 200"),
    ],
)
def test_order(handler, body: str, expected: str):
    assert handler(body).outline("POST /x") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if (req.body.x) await find(1); else await save(2);", "branch\n  read items by id\n--\n  insert items\nreply 200"),
        ("if (!req.body.x) { res.status(400).end(); return; } await save(2);", "insert items\nreply 200"),
        ("if (req.body.x) throw new Error('no'); await save(2);", "insert items\nreply 200"),
        ("if (req.body.x) { await find(1); return; } await save(2);", "branch\n  read items by id\n--\n  insert items\nreply 200"),
        ("const row = req.body.x ? await find(1) : null;", "branch\n  read items by id\n--\nreply 200"),
        ("if (process.env.NODE_ENV === 'x') await find(1);", "branch\n  read items by id\n--\nreply 200"),
        ("if (true) await find(1); else await save(2);", "read items by id\nreply 200"),
        (
            "switch (req.body.kind) { case 'a': await find(1); break; case 'b': await save(2); break; }",
            "branch\n  read items by id\n--\n  branch\n    insert items\n  --\nreply 200",
        ),
        (
            "switch ('b') { case 'a': await find(1); break; case 'b': await save(2); break; }",
            "branch\n  insert items\n--\nreply 200",
        ),
    ],
)
def test_branches(handler, body: str, expected: str):
    assert handler(body).outline("POST /x") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("try { await find(1); } catch (e) { console.log(e); }", "read items by id\nreply 200"),
        ("try { await find(1); } finally { await save(2); }", "read items by id\ninsert items\nreply 200"),
        (
            "try { await find(1); } catch (e) { await save(2); throw e; }",
            "compensate\n  read items by id\n--\n  insert items\nreply 200",
        ),
        ("await find(1).catch(() => save(2));", "compensate\n  read items by id\n--\n  insert items\nreply 200"),
        ("try { await find(1); res.json(1); } catch (e) { res.status(500).end(); }", "read items by id\nreply 200"),
    ],
)
def test_errors(handler, body: str, expected: str):
    assert handler(body).outline("POST /x") == expected


def test_a_query_in_a_loop_of_another_file_keeps_every_line_of_its_path(program):
    found = program(
        {
            "server.js": """
                const app = require('express')();
                const { priced } = require('./pricing');
                app.get('/cart', async (req, res) => res.json(await priced(req.query.ids)));
                app.listen(80);
            """,
            "pricing.js": """
                const store = require('./store');
                exports.priced = async function (ids) {
                  const prices = [];
                  for (const id of ids) {
                    prices.push(await store.price(id));
                  }
                  return prices;
                };
            """,
            "store.js": """
                const { Pool } = require('pg');
                const pool = new Pool();
                module.exports = { price: (id) => pool.query('SELECT price FROM prices WHERE id = $1', [id]) };
            """,
        }
    )
    assert same(found.outline("GET /cart"), "repeat 5\n  read prices by id\nreply 200")
    (loop,) = found.steps("GET /cart", Repeat)
    (query,) = found.steps("GET /cart", Query)
    assert [str(line) for line in loop.evidence] == ["pricing.js:5", "server.js:4"]
    assert [str(line) for line in query.evidence] == ["store.js:4", "pricing.js:6", "server.js:4"]


def test_a_fan_out_is_parallel_and_no_loop(handler):
    found = handler("await Promise.all(req.body.ids.map(async (id) => { await find(id); }));")
    assert found.steps("POST /x", Repeat) == []
    (parallel,) = found.steps("POST /x", Parallel)
    assert len(parallel.branches) == 5


def test_foreach_with_an_async_callback_is_not_waited_for(handler):
    (detached,) = [
        each for each in handler("ids.forEach(async (id) => { await save(id); });").steps("POST /x", Parallel) if each.first
    ]
    assert detached.branches[0] == ()


RETRY = """
async function call() {
  for (let attempt = 1; ; attempt++) {
    try { return await fetch('http://payment/charges', { method: 'POST' }); }
    catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await sleep(BACKOFF * 2);
    }
  }
}
"""


def test_a_loop_that_tries_until_it_works_is_a_retry(handler):
    found = handler("await call();", "const ATTEMPTS = 4; const BACKOFF = 50;" + RETRY)
    (call,) = found.steps("POST /x", Call)
    assert found.steps("POST /x", Repeat) == []
    assert (call.policy.retry.attempts.value, call.policy.retry.backoff_ms.value) == (4, 50)


def test_a_retry_whose_attempts_nobody_knows_is_neither_there_nor_absent(handler):
    (call,) = handler("await call();", RETRY).steps("POST /x", Call)
    assert call.policy.retry is None
    assert not call.policy.lacks("retry")


def test_a_loop_over_a_list_is_no_retry(handler):
    body = "for (const id of ids) { try { await find(id); break; } catch (e) { console.log(e); } }"
    assert len(handler(body).steps("POST /x", Repeat)) == 1


def test_a_cache_with_what_runs_on_a_miss(handler):
    before = "import { Redis } from 'ioredis'; const redis = new Redis('redis://cache');"
    body = """
      const key = `item:${req.params.id}`;
      const hit = await redis.get(key).catch(() => null);
      if (hit !== null) return res.json(JSON.parse(hit));
      const row = await find(req.params.id);
      await redis.set(key, JSON.stringify(row), 'EX', 60);
      res.json(row);
    """
    found = handler(body, before)
    assert same(found.outline("POST /x"), "look up item\n  read items by id\n  keep item\nreply 200")


def test_a_cache_that_is_filled_when_empty(handler):
    before = "import { createClient } from 'redis'; const redis = createClient({ url: 'redis://cache' });"
    body = "let row = await redis.get('item:1'); if (!row) { row = await find(1); await redis.setEx('item:1', 60, row); } res.json(row);"
    assert same(handler(body, before).outline("POST /x"), "look up item\n  read items by id\n  keep item\nreply 200")


def test_recursion_ends(handler):
    before = "async function walk(id) { await find(id); await walk(id + 1); }"
    assert same(handler("await walk(1);", before).outline("POST /x"), "read items by id\nreply 200")


def test_a_variable_that_only_some_branch_sets_is_unknown(handler):
    before = "import axios from 'axios';"
    body = "let url = 'http://a/x'; if (req.body.b) url = 'http://b/x'; await axios.get(url);"
    (target,) = [each for each in handler(body, before).code.targets if each.protocol == "http"]
    assert target.address == ()


def test_a_value_that_may_be_nothing_stays_what_it_is(handler):
    body = "let id; try { id = decode(req.body); } catch { id = undefined; }\nif (id !== undefined) await save(id);\nres.end();"
    assert handler(body).outline("POST /x") == "branch\n  insert items\n--\nreply 200"

"""Routes of Express, Fastify, Koa and of plain servers, however they are written down."""

from __future__ import annotations

import pytest

EXPRESS = "const express = require('express'); const app = express(); BODY; app.listen(80);"
H = "(req, res) => res.end()"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"app.get('/a', {H})", ["GET /a"]),
        (f"app.get('/a/', {H})", ["GET /a"]),
        (f"app.get('/', {H})", ["GET /"]),
        (f"app['post']('/a', {H})", ["POST /a"]),
        (f"app.get(['/a', '/b'], {H})", ["GET /a", "GET /b"]),
        (f"app.route('/a').get({H}).put({H})", ["GET /a", "PUT /a"]),
        (f"app.all('/a', {H})", ["ALL /a"]),
        (f"app.get('/a', check, wrap({H}))", ["GET /a"]),
        (f"app.get('/a', [check, other], {H})", ["GET /a"]),
        (f"const P = '/v1'; app.get(P + '/a', {H}); app.get(`${{P}}/b`, {H})", ["GET /v1/a", "GET /v1/b"]),
        (f"app.get(`${{process.env.BASE || '/v2'}}/a`, {H})", ["GET /v2/a"]),
        (f"const r = express.Router(); r.get('/b', {H}); app.use('/a', r)", ["GET /a/b"]),
        (f"const {{ Router }} = express; const r = Router(); r.get('/b', {H}); app.use(r)", ["GET /b"]),
        (f"const r = new express.Router(); r.delete('/:id', {H}); app.use('/a', check, r)", ["DELETE /a/:id"]),
        (f"const o = express.Router(), i = express.Router(); i.get('/c', {H}); o.use('/b', i); app.use('/a', o)", ["GET /a/b/c"]),
        (
            (
                f"const r = express.Router(); r.get('/x', {H}); [{{ path: '/a', route: r }}, {{ path: '/b', route: r }}]"
                ".forEach((each) => app.use(each.path, each.route))"
            ),
            ["GET /a/x", "GET /b/x"],
        ),
        (f"for (const path of ['/a', '/b']) app.get(path, {H})", ["GET /a", "GET /b"]),
        (f"((server) => {{ server.get('/a', {H}); }})(app)", ["GET /a"]),
        ("app.get('title')", []),
        ("app.set('x', 1); app.use(express.json())", []),
    ],
)
def test_routes_of_express(codes, body: str, expected: list[str]):
    found = codes({"server.js": EXPRESS.replace("BODY", body)})
    assert [handler.trigger.name for code in found for handler in code.handlers] == expected


STARTED = """
    const express = require('express'), api = require('./api');
    const start = (options) => new Promise((resolve) => { const app = express(); SET_UP; app.listen(options.port, () => resolve(app)); });
    module.exports = { start };
"""


@pytest.mark.parametrize(
    ("index", "set_up"),
    [
        ("server.start({port: 80})", "api({}, app)"),
        ("const on = new (require('events').EventEmitter)(); on.on('db.ready', (db) => server.start({db}))", "api({}, app)"),
        ("require('mongoose').connection.once('open', () => server.start({port: 80}))", "api({}, app)"),
        ("require('mongoose').connect('mongodb://db/x', {}, (error) => server.start({port: 80}))", "api({}, app)"),
        ("server.start({port: 80})", "const set = api.bind(null, {}); set(app)"),
    ],
    ids=[
        "the file that package.json names",
        "an event of its own",
        "an event of a library",
        "a callback",
        "arguments bound before",
    ],
)
def test_a_server_that_another_file_starts(codes, index: str, set_up: str):
    found = codes(
        {
            "package.json": '{"name": "films", "scripts": {"start": "node src/index.js"}}',
            "src/index.js": f"const server = require('./server'); {index}",
            "src/server.js": STARTED.replace("SET_UP", set_up),
            "src/api.js": f"module.exports = (options, app) => {{ app.get('/films', {H}); }};",
        }
    )
    assert [handler.trigger.name for code in found for handler in code.handlers] == ["GET /films"]


def test_an_event_that_comes_with_work_is_no_start(codes):
    index = "const bus = require('./bus'); bus.on('message', () => app.get('/late', (req, res) => res.end()));"
    assert codes({"index.js": EXPRESS.replace("BODY", index)}) == []


def test_routers_in_other_files(program):
    found = program(
        {
            "src/index.ts": "import { createApp } from './app';\ncreateApp().listen(80);",
            "src/app.ts": """
                import express, { type Express } from 'express';
                import orders from './orders/routes';
                import * as carts from './carts';
                export function createApp(): Express {
                  const app = express();
                  app.use('/orders', orders);
                  carts.mount(app);
                  return app;
                }
            """,
            "src/orders/routes.ts": """
                import { Router } from 'express';
                import { list } from './controller';
                const router = Router();
                router.get('/', list);
                export default router;
            """,
            "src/orders/controller.ts": "export const list = async (req, res) => { await fetch('http://stock/all'); res.json([]); };",
            "src/carts.ts": "export function mount(app) { app.post('/carts', (req, res) => res.status(201).end()); }",
        }
    )
    assert sorted(found.handlers) == ["GET /orders", "POST /carts"]
    assert found.outline("GET /orders") == "call GET http://stock/all\nreply 200"
    assert found.outline("POST /carts") == "reply 201"
    assert [str(line) for line in found.handlers["GET /orders"].operation.evidence] == [
        "src/orders/routes.ts:5",
        "src/orders/controller.ts:1",
    ]


def test_what_runs_before_a_handler_is_part_of_it(program):
    found = program(
        """
        const express = require('express');
        const { Pool } = require('pg');
        const pool = new Pool();
        const app = express();
        app.use('/private', async (req, res, next) => {
          const { rows } = await pool.query('SELECT 1 FROM sessions WHERE id = $1', [req.headers.s]);
          if (!rows[0]) return res.status(401).end();
          next();
        });
        app.use((error, req, res, next) => { pool.query('INSERT INTO errors VALUES (1)'); });
        app.get('/private/a', (req, res) => res.end());
        app.get('/public', async function limited(req, res, next) { next(); }, (req, res) => res.end());
        app.listen(80);
        """
    )
    assert found.outline("GET /private/a") == "read sessions by id\nreply 200"
    assert found.outline("GET /public") == "reply 200"
    assert [str(each.evidence[0]) for each in found.handlers["GET /public"].operation.guards] == ["server.js:13"]


def test_fastify_with_plugins(program):
    found = program(
        """
        const fastify = require('fastify')({ logger: true });
        fastify.get('/a', { schema: {} }, async (request, reply) => ({}));
        fastify.route({ method: ['POST', 'PUT'], url: '/b', handler: async (request, reply) => reply.code(201).send({}) });
        fastify.register(async (scope) => { scope.get('/c', async () => fetch('http://c/d')); }, { prefix: '/v1' });
        fastify.listen({ port: 80 });
        """
    )
    assert sorted(found.handlers) == ["GET /a", "GET /v1/c", "POST /b", "PUT /b"]
    assert found.outline("POST /b") == "reply 201"
    assert found.outline("GET /v1/c") == "call GET http://c/d\nreply 200"
    assert found.code.technology == "fastify"


def test_koa(program):
    found = program(
        """
        const Koa = require('koa');
        const Router = require('@koa/router');
        const router = new Router({ prefix: '/a' });
        router.get('/:id', async (ctx) => { ctx.body = await (await fetch(`http://b/${ctx.params.id}`)).json(); });
        const app = new Koa();
        app.use(router.routes()).use(router.allowedMethods());
        app.listen(80);
        """
    )
    assert found.outline("GET /a/:id") == "call GET http://b/{id}\nreply 200"


def test_a_plain_server_is_one_operation(program):
    found = program("require('http').createServer((req, res) => { fetch('http://b/x').then(() => res.end()); }).listen(80);")
    assert found.outline("") == "call GET http://b/x\nreply 200"


def test_the_port_it_listens_on(program):
    ((piece,),) = program(EXPRESS.replace("BODY", f"app.get('/a', {H})").replace("80", "process.env.PORT || 3000")).code.ports
    assert piece.variable == "PORT"
    assert piece.default[0].text == "3000"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"server.js": EXPRESS.replace("BODY", f"app.get(/^\\/a-(\\d+)$/, {H})")}, ["GET /^\\/a-(\\d+)$"]),
        (
            {
                "server.js": EXPRESS.replace(
                    "BODY", "require('fs').readdirSync('./routes').forEach((f) => require('./routes/' + f)(app));"
                ),
                "routes/a.js": f"const express = require('express');\nmodule.exports = (app) => {{ app.get('/a', {H}); }};",
                "routes/b.js": f"const express = require('express');\nexports.register = function (router) {{ router.get('/b', {H}); }};",
            },
            ["GET /a", "GET /b"],
        ),
        (
            {
                "server.js": EXPRESS.replace("BODY", "app.use('/x', require('@/routes/x'));"),
                "src/routes/x.js": f"const r = require('express').Router();\nr.get('/y', {H});\nmodule.exports = r;",
            },
            ["GET /x/y"],
        ),
        (
            {
                "server.js": EXPRESS.replace("BODY", "require('./routes').register(app);"),
                "routes.js": f"const express = require('express');\nexports.register = (app) => {{ app.get('/a', {H}); }};",
            },
            ["GET /a"],
        ),
    ],
)
def test_routes_that_stand_elsewhere(program, files: dict[str, str], expected: list[str]):
    assert sorted(program(files).handlers) == expected


def test_routers_that_mount_one_another_come_to_an_end(program):
    many = "\n".join(f"a.use('/{n}', b); b.use('/{n}', c); c.use('/{n}', a);" for n in range(40))
    found = program(
        EXPRESS.replace(
            "BODY", f"const a = express.Router(), b = express.Router(), c = express.Router(); {many}\nc.get('/x', {H}); app.use(a);"
        )
    )
    assert "GET /0/0/x" in found.handlers
    assert len(found.handlers) <= 40 * 40

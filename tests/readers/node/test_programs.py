"""Which files make a program, what an import means, what is left out; and that nothing an author writes breaks the reading."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend_expert import readers
from backend_expert.readers.node import files, read
from backend_expert.readers.node.project import relaxed_json
from backend_expert.readers.repository import Repository

SERVER = "const app = require('express')(); app.get('/NAME', (q, r) => r.end()); app.listen(80);"


def server(name: str) -> str:
    return SERVER.replace("NAME", name)


def test_each_package_is_a_program_and_so_is_each_app_of_a_monorepo(codes):
    found = codes(
        {
            "services/orders/package.json": '{"name": "@shop/orders"}',
            "services/orders/src/main.ts": server("orders"),
            "apps/cart/src/main.ts": server("cart"),
            "apps/mail/src/main.ts": server("mail"),
            "libs/tools/index.ts": "export const a = 1;",
        }
    )
    assert {(code.directory, code.handlers[0].trigger.name) for code in found} == {
        ("services/orders", "GET /orders"),
        ("apps/cart", "GET /cart"),
        ("apps/mail", "GET /mail"),
    }
    assert {code.name for code in found} == {"orders", ""}


def test_a_package_that_answers_nothing_is_no_program(codes):
    assert codes({"scripts/measure.mjs": "import http from 'http'; http.createServer; console.log('.listen(80)');"}) == []


@pytest.mark.parametrize(
    ("specifier", "more"),
    [
        ("./calls", {"src/calls.ts": "CALL"}),
        ("./calls.js", {"src/calls.ts": "CALL"}),
        ("./calls", {"src/calls/index.ts": "CALL"}),
        (
            "@/calls",
            {"src/calls.ts": "CALL", "tsconfig.json": '{"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["src/*"]}}}'},
        ),
        (
            "lib/calls",
            {
                "lib/calls.ts": "CALL",
                "tsconfig.json": '// base\n{"extends": "./base.json",}',
                "base.json": '{"compilerOptions": {"baseUrl": "./"}}',
            },
        ),
        (
            "@shop/calls",
            {
                "packages/calls/package.json": '{"name": "@shop/calls", "main": "dist/index.js"}',
                "packages/calls/src/index.ts": "CALL",
            },
        ),
        ("@shop/calls/stock", {"packages/calls/package.json": '{"name": "@shop/calls"}', "packages/calls/src/stock.ts": "CALL"}),
        ("./all", {"src/all.ts": "export * from './calls';", "src/calls.ts": "CALL"}),
        ("./all", {"src/all.ts": "export { ask } from './calls';", "src/calls.ts": "CALL"}),
        ("./all", {"src/all.ts": "export { question as ask } from './calls';", "src/calls.ts": "CALL".replace("CALL", "QUESTION")}),
        ("./all", {"src/all.ts": "import { ask } from './calls'; export { ask };", "src/calls.ts": "CALL"}),
    ],
)
def test_what_an_import_means(program, specifier: str, more: dict[str, str]):
    texts = {
        "CALL": "export const ask = () => fetch('http://stock/all');",
        "QUESTION": "export function question() { return fetch('http://stock/all'); }",
    }
    main = f"import express from 'express'; import {{ ask }} from '{specifier}'; const app = express();"
    main += "app.get('/a', async (q, r) => { await ask(); r.end(); }); app.listen(80);"
    found = program({"src/main.ts": main} | {name: texts.get(text, text) for name, text in more.items()})
    assert found.outline("GET /a") == "call GET http://stock/all\nreply 200"


@pytest.mark.parametrize(
    ("exports", "use"),
    [
        ("module.exports = { ask };", "const { ask } = require('./calls');"),
        ("exports.ask = ask;", "const ask = require('./calls').ask;"),
        ("module.exports.ask = ask;", "const calls = require('./calls'); const ask = () => calls.ask();"),
        ("module.exports = ask;", "const ask = require('./calls');"),
        (
            "module.exports = class { ask() { return ask(); } };",
            "const C = require('./calls'); const c = new C(); const ask = () => c.ask();",
        ),
    ],
)
def test_modules_of_node(program, exports: str, use: str):
    found = program(
        {
            "server.js": f"{use} const app = require('express')();"
            "app.get('/a', async (q, r) => { await ask(); r.end(); }); app.listen(80);",
            "calls.js": f"const ask = () => fetch('http://stock/all'); {exports}",
        }
    )
    assert found.outline("GET /a") == "call GET http://stock/all\nreply 200"


def test_settings_in_json_files(program):
    found = program(
        {
            "server.js": "const { stock } = require('./config.json'); const app = require('express')();"
            "app.get('/a', () => fetch(`${stock.url}/all`)); app.listen(80);",
            "config.json": '{"stock": {"url": "http://stock:8080"}}',
        }
    )
    assert found.outline("GET /a") == "call GET http://stock:8080/all\nreply 200"


@pytest.mark.parametrize(
    "path",
    [
        "src/a.test.ts",
        "src/__tests__/a.js",
        "test/a.ts",
        "public/app.js",
        "dist/../src/lib.min.js",
        "src/types.d.ts",
        "webpack.config.js",
        "src/generated/client.ts",
        "src/orders_pb.js",
    ],
)
def test_what_is_left_out(path: str):
    assert files.left_out(path)


@pytest.mark.parametrize(
    "path", ["src/main.ts", "server.js", "src/latest/orders.ts", "src/nats.config.ts", "src/contest.js", "config/config.js"]
)
def test_what_is_read(path: str):
    assert not files.left_out(path)


def test_made_files_are_told_by_their_lines():
    assert files.is_made(b"var a=1;" * 5_000)
    assert files.is_made(b"// Code generated by protoc\n" + b"var a = 1;\n")
    assert not files.is_made(b"const a = 1;\n" * 5_000)


def test_json_as_people_write_it():
    assert relaxed_json('// a\n{"a": "//b", /* c */ "d": [1, 2,],}') == {"a": "//b", "d": [1, 2]}
    assert relaxed_json("{") is None


def reading(root: Path) -> tuple[list, Repository]:
    repository = Repository.open(root)
    return list(read(repository)), repository


def test_a_syntax_error_is_listed_and_the_rest_is_read(tree):
    found, repository = reading(tree({"package.json": "{}", "server.js": server("a") + "\nconst x = {;\n"}))
    assert found[0].code[0].handlers[0].trigger.name == "GET /a"
    (entry,) = repository.unread
    assert (entry.file, entry.line, entry.partly) == ("server.js", 2, True)


@pytest.mark.parametrize(
    "bomb",
    [
        "const a = " + "[" * 20_000 + "]" * 20_000 + ";",
        "const a = " + "(" * 5_000 + "1" + ")" * 5_000 + ";",
        "const a = " + " + ".join(["b"] * 20_000) + ";",
        "const a = " + "!" * 20_000 + "b;",
        "a" + ".b" * 20_000 + ";",
        "f" + "(1)" * 20_000 + ";",
        "if (a) {} else " * 3_000 + "{}",
        "const a = `" + "${`" * 1_200 + "`}" * 1_200 + "`;",
        "class A extends A {} new A();",
        "class A { constructor() { this.a = new A(); } } new A();",
        "function f() { return f(); } f();",
        "const f = () => [1].map(f); f();",
        "module.exports = module.exports; const a = require('./server');",
        "let a = a; const b = b + b; var c = { c };",
        "const o = {}; o.o = o; fetch(`${o}${o.o}`);",
        "x = ".join(["x"] * 500) + ";",
        "".join(f"const v{n} = `${{v{n - 1}}}${{v{n - 1}}}`;" for n in range(1, 60)),
        "const v0 = [1, 2, 3, 4]; " + "".join(f"const v{n} = [...v{n - 1}, ...v{n - 1}];" for n in range(1, 40)),
        "".join(f"function f{n}() {{ f{n + 1}(); f{n + 1}(); f{n + 1}(); }}" for n in range(12))
        + "function f12() { fetch('http://a'); } f0();",
    ],
)
def test_a_bomb_ends(tree, bomb: str):
    handler = f"app.get('/a', (q, r) => {{ {bomb} r.end(); }});" if "require" not in bomb else ""
    source = f"const app = require('express')(); {handler}\n{bomb}\napp.get('/b', (q, r) => r.end()); app.listen(80);\n"
    found, repository = reading(tree({"package.json": "{}", "server.js": source}))
    assert found or repository.unread


def test_what_cannot_be_read_is_listed(tree, tmp_path: Path):
    root = tree({"package.json": "{}", "server.js": server("a")})
    (root / "worker.js").write_bytes(b"// .listen(\xff\xfe")
    (root / "main.js").write_bytes(b"x" * (5 * 1024 * 1024))
    (root / "index.js").symlink_to("/etc/passwd")
    found, repository = reading(root)
    assert len(found) == 1
    assert {entry.file for entry in repository.unread} == {"worker.js", "main.js", "index.js"}


PARTS = [
    "app.get('/a', async (req, res) => {",
    "});",
    "await ",
    "fetch('http://b/c'",
    ", { timeout: 1 }",
    ")",
    "class A { ",
    "constructor(private a: B) {}",
    "@Get(':id') ",
    "@Controller('x') export ",
    "for (const a of b) {",
    "}",
    "if (!a) return;",
    "try {",
    "} catch (e) {",
    "`${a}`",
    "import x from './y';",
    "const { a, ...b } = ",
    "require('pg')",
    "new Pool()",
    ".query('SELECT 1 FROM a')",
    "=> ",
    "switch (a) { case 1:",
    "...",
    "?.",
    "?? ",
    "<T>(",
    ";",
    "\n",
    "export default ",
    "module.exports = ",
    "Promise.all([",
    "])",
    ".map(async (x) => ",
    "\u2028",
    "\\u{110000}",
    "'\\x",
    "/* ",
    "*/",
    "#!",
    "0x",
    "1n",
    "async ",
]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PARTS), max_size=40), st.sampled_from(["server.ts", "server.js", "server.tsx", "server.mjs"]))
def test_any_text_gives_a_reading(tmp_path: Path, parts: list[str], name: str):
    for old in tmp_path.glob("server.*"):
        old.unlink()
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / name).write_text(
        "import express from 'express'; const app = express(); app.listen(80);" + "".join(parts), encoding="utf-8"
    )
    list(read(Repository.open(tmp_path)))


def test_the_same_files_give_the_same_reading(tree):
    root = tree(
        {
            "package.json": "{}",
            "server.js": server("a"),
            "compose.yaml": "services: {a: {build: ., ports: ['80:80']}, db: {image: postgres}}",
        }
    )
    assert readers.read(root) == readers.read(root)

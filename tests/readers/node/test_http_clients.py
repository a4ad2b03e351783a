"""Calls over HTTP: where they go, and what protects them."""

from __future__ import annotations

import pytest

from backend_expert.model import Call, Mechanism


def call_of(found, name: str = "POST /x"):
    (call,) = found.steps(name, Call)
    target = next(each for each in found.code.targets if each.key == call.operation)
    return call, target


def address(target) -> str:
    return "".join(piece.text or (f"${{{piece.variable}}}" if piece.variable else f"{{{piece.hole}}}") for piece in target.address)


@pytest.mark.parametrize(
    ("before", "call", "method", "url"),
    [
        ("", "await fetch('http://cart/items')", "GET", "http://cart/items"),
        ("", "await fetch(`${process.env.CART_URL}/items`, { method: 'POST' })", "POST", "${CART_URL}/items"),
        (
            "const base = process.env.CART || 'http://cart';",
            "await fetch(base + '/items/' + req.params.id)",
            "GET",
            "${CART}/items/{id}",
        ),
        ("import axios from 'axios';", "await axios.get('http://cart/items')", "GET", "http://cart/items"),
        ("import axios from 'axios';", "await axios('http://cart/items')", "GET", "http://cart/items"),
        ("import axios from 'axios';", "await axios({ url: 'http://cart', method: 'put' })", "PUT", "http://cart"),
        ("import axios from 'axios';", "await axios.post('http://cart/items', {})", "POST", "http://cart/items"),
        (
            "import axios from 'axios'; const api = axios.create({ baseURL: 'http://cart/v1' });",
            "await api.delete(`/items/${req.params.id}`)",
            "DELETE",
            "http://cart/v1/items/{id}",
        ),
        ("import got from 'got';", "await got.post('http://cart/items', { json: {} }).json()", "POST", "http://cart/items"),
        (
            "import got from 'got'; const api = got.extend({ prefixUrl: 'http://cart' });",
            "await api.get('items')",
            "GET",
            "http://cart/items",
        ),
        ("import ky from 'ky';", "await ky('http://cart/items').json()", "GET", "http://cart/items"),
        (
            "const request = require('request');",
            "request('http://' + host + ':8080/p/' + sku, (e, r) => {})",
            "GET",
            "http://{host}:8080/p/{sku}",
        ),
        (
            "const request = require('request-promise');",
            "await request({ uri: 'http://cart', method: 'POST' })",
            "POST",
            "http://cart",
        ),
        ("import http from 'node:http';", "http.get('http://cart/items', (r) => {})", "GET", "http://cart/items"),
        (
            "import http from 'http';",
            "http.request({ hostname: 'cart', port: 8080, path: '/items', method: 'POST' }, () => {})",
            "POST",
            "http://cart:8080/items",
        ),
        (
            "import { request } from 'undici';",
            "await request('http://cart/items', { method: 'POST' })",
            "POST",
            "http://cart/items",
        ),
        ("import fetch from 'node-fetch';", "await fetch('http://cart/items')", "GET", "http://cart/items"),
        (
            "import superagent from 'superagent';",
            "await superagent.post('http://cart/items').send({})",
            "POST",
            "http://cart/items",
        ),
        ("", "await fetch(new URL('/items', process.env.CART_URL))", "GET", "${CART_URL}/items"),
    ],
)
def test_where_a_call_goes(handler, before: str, call: str, method: str, url: str):
    _, target = call_of(handler(f"{call};", before))
    assert (target.method, address(target)) == (method, url)


AXIOS = "import axios from 'axios';"


@pytest.mark.parametrize(
    ("before", "call", "timeout_ms"),
    [
        (AXIOS, "axios.get('http://a', { timeout: 500 })", 500),
        (AXIOS + "const api = axios.create({ timeout: 700 });", "api.get('http://a')", 700),
        (AXIOS + "const api = axios.create({ timeout: 700 });", "api.get('http://a', { timeout: 200 })", 200),
        (AXIOS + "const LIMIT = 3 * 1000;", "axios.get('http://a', { timeout: LIMIT })", 3000),
        (AXIOS, "axios.get('http://a', { timeout: Number(process.env.T ?? 250) })", 250),
        ("", "fetch('http://a', { signal: AbortSignal.timeout(900) })", 900),
        ("import got from 'got';", "got('http://a', { timeout: { request: 400 } })", 400),
        ("const request = require('request');", "request({ url: 'http://a', timeout: 300 }, () => {})", 300),
        ("import axios from 'axios'; import pTimeout from 'p-timeout';", "pTimeout(axios.get('http://a'), 600)", 600),
    ],
)
def test_a_timeout_that_is_passed(handler, before: str, call: str, timeout_ms: float):
    found, _ = call_of(handler(f"await {call};", before))
    assert found.policy.timeout_ms.value == timeout_ms
    assert not found.policy.lacks(Mechanism.TIMEOUT)


@pytest.mark.parametrize(
    ("before", "call"),
    [
        (AXIOS, "axios.get('http://a')"),
        (AXIOS, "axios.post('http://a', {}, { headers: { x: '1' } })"),
        (AXIOS + "const api = axios.create({ baseURL: 'http://a' });", "api.get('/x')"),
        ("", "fetch('http://a')"),
        ("const c = new AbortController(); setTimeout(() => c.abort(), 100);", "fetch('http://a', { method: 'POST' })"),
        (AXIOS, "axios.get('http://a', { timeout: 0 })"),
    ],
)
def test_a_timeout_that_is_absent(handler, before: str, call: str):
    found, _ = call_of(handler(f"await {call};", before))
    assert found.policy.lacks(Mechanism.TIMEOUT)
    assert found.policy.timeout_ms is None


@pytest.mark.parametrize(
    ("before", "call"),
    [
        (AXIOS, "axios.get('http://a', options)"),
        (AXIOS, "axios.get('http://a', { ...req.body })"),
        (AXIOS, "axios.get('http://a', { timeout: config.limit })"),
        (AXIOS + "const api = axios.create(settings());", "api.get('http://a')"),
        ("const c = new AbortController();", "fetch('http://a', { signal: c.signal })"),
        ("", "fetch('http://a', init)"),
    ],
)
def test_a_timeout_that_nobody_knows(handler, before: str, call: str):
    found, _ = call_of(handler(f"await {call};", before))
    assert found.policy.timeout_ms is None
    assert not found.policy.lacks(Mechanism.TIMEOUT)


def test_retries_of_libraries(handler):
    found, _ = call_of(
        handler(
            "await pRetry(() => axios.get('http://a'), { retries: 2, minTimeout: 100 });", AXIOS + "import pRetry from 'p-retry';"
        )
    )
    assert (found.policy.retry.attempts.value, found.policy.retry.backoff_ms.value) == (3, 100)
    once, _ = call_of(
        handler("await axios.get('http://a');", AXIOS + "import axiosRetry from 'axios-retry'; axiosRetry(axios, { retries: 3 });")
    )
    assert not once.policy.lacks(Mechanism.RETRY)


def test_a_breaker_with_its_timeout(handler):
    before = (
        AXIOS + "import CircuitBreaker from 'opossum';"
        "const breaker = new CircuitBreaker((id) => axios.get(`http://a/${id}`), { timeout: 800 });"
    )
    found, target = call_of(handler("await breaker.fire(req.params.id);", before))
    assert found.policy.breaker is not None
    assert found.policy.timeout_ms.value == 800
    assert address(target) == "http://a/{id}"


def test_an_idempotency_key(handler):
    with_key, _ = call_of(handler("await axios.post('http://a', {}, { headers: { 'Idempotency-Key': req.body.id } });", AXIOS))
    without, _ = call_of(handler("await axios.post('http://a', {}, { headers: { accept: 'x' } });", AXIOS))
    read, _ = call_of(handler("await axios.get('http://a');", AXIOS))
    assert with_key.policy.idempotency_key is True
    assert without.policy.lacks(Mechanism.IDEMPOTENCY_KEY)
    assert not read.policy.lacks(Mechanism.IDEMPOTENCY_KEY)


def test_an_address_from_the_request_is_no_address(handler):
    _, target = call_of(handler("await fetch(req.body.callback);"))
    assert target.from_caller
    assert target.address == ()


def test_the_service_of_nestjs_with_operators(program):
    found = program(
        {
            "src/main.ts": "import { NestFactory } from '@nestjs/core'; import { AppModule } from './app';\n"
            "NestFactory.create(AppModule).then((app) => app.listen(80));",
            "src/app.ts": """
                import { Controller, Get, Module } from '@nestjs/common';
                import { HttpModule, HttpService } from '@nestjs/axios';
                import { firstValueFrom, retry, timeout, map } from 'rxjs';
                @Controller('x')
                export class X {
                  constructor(private readonly http: HttpService) {}
                  @Get()
                  get() {
                    const answer = this.http.get('http://a/b');
                    return firstValueFrom(answer.pipe(timeout(300), retry({ count: 2, delay: 50 }), map((r) => r.data)));
                  }
                }
                @Module({ imports: [HttpModule], controllers: [X] })
                export class AppModule {}
            """,
        }
    )
    call, target = call_of(found, "GET /x")
    assert address(target) == "http://a/b"
    assert (call.policy.timeout_ms.value, call.policy.retry.attempts.value, call.policy.retry.backoff_ms.value) == (300, 3, 50)


def test_defaults_of_the_http_module_hold_where_there_is_one(program):
    files = {
        "src/main.ts": "import { NestFactory } from '@nestjs/core'; import { App } from './app';\n"
        "NestFactory.create(App).then((a) => a.listen(80));",
        "src/app.ts": """
            import { Controller, Get, Module } from '@nestjs/common';
            import { HttpModule, HttpService } from '@nestjs/axios';
            @Controller('x')
            export class X {
              constructor(private readonly http: HttpService) {}
              @Get() get() { return this.http.get('http://a/b'); }
            }
            @Module({ imports: [HttpModule.register({ timeout: 1500 })], controllers: [X] })
            export class App {}
        """,
    }
    call, _ = call_of(program(files), "GET /x")
    assert call.policy.timeout_ms.value == 1500

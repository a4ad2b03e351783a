"""Calls, defaults and timeouts in PHP."""

from __future__ import annotations

import pytest

from backend_expert.model import Mechanism, call_sites

SERVICES = """
    shop: {build: ./shop, expose: [80]}
    billing: {image: acme/billing, expose: [8080]}
    db: {image: mysql}
    """


@pytest.fixture
def shop(joined):
    """Return a function from the statements of shop/Shop.php to the remote steps of the shop, by callee."""

    def steps(body: str):
        files = {"shop/Shop.php": f"<?php\n{body}\n", "shop/Dockerfile": "FROM php:8\n"}
        return {site.callee: site.step for site in call_sites(joined(SERVICES, files)) if site.caller == "shop"}

    return steps


@pytest.mark.parametrize(
    ("body", "callee"),
    [
        ("$c = curl_init('http://billing:8080/x');", "billing"),
        ("$u = getenv('BILLING_URL') ?: 'http://billing'; $c = curl_init(sprintf('%s/x/%s', $u, $id));", "billing"),
        ('$h = "billing"; $c = curl_init("http://$h/x");', "billing"),
        ("class A { private $u = 'http://billing'; function f() { return curl_init($this->u . '/x'); } }", "billing"),
        ("$g = new Client(['base_uri' => 'http://billing']);", "billing"),
        ("$p = new PDO(getenv('PDO_URL') ?: 'mysql:host=db;dbname=ratings');", "db"),
    ],
)
def test_the_peer_of_a_call_is_found(shop, body, callee):
    assert set(shop(body)) == {callee}


@pytest.mark.parametrize("body", ["$x = 'billing';", "$logger->error('http://billing is gone');", "curl_init($_GET['u']);"])
def test_a_name_that_nobody_calls_is_no_edge(shop, body):
    assert shop(body) == {}


@pytest.mark.parametrize(
    ("body", "absent"),
    [
        ("$c = curl_init('http://billing');", True),
        ("$c = curl_init('http://billing'); curl_setopt($c, CURLOPT_TIMEOUT, 2);", False),
        ("$g = new Client(['base_uri' => 'http://billing']);", True),
        ("$g = new Client(['base_uri' => 'http://billing', 'timeout' => 2]);", False),
    ],
)
def test_curl_and_guzzle_wait_for_ever_unless_told_otherwise(shop, body, absent):
    assert shop(body)["billing"].policy.lacks(Mechanism.TIMEOUT) is absent


def test_an_injected_address_is_called_by_the_only_client_there_is(shop):
    body = "class K { function f($c) { $c->set('url', getenv('BILLING_URL') ?: 'http://billing:8080'); } }\n$c = curl_init($url);"
    policy = shop(body)["billing"].policy
    assert policy.lacks(Mechanism.TIMEOUT)
    assert [str(line) for line in policy.evidence] == ["shop/Shop.php:3"]
    assert not shop(body + "\n$g = new GuzzleHttp\\Client();")["billing"].policy.lacks(Mechanism.TIMEOUT)


def test_routes_of_symfony_and_laravel_are_operations(joined):
    text = """<?php
    /** @Route("/api") */
    class A {
        /** @Route(path="/rate/{sku<\\d+>}", methods={"PUT"}) */
        public function put($sku) { return curl_init('http://billing/x'); }
        #[Route('/rates', methods: ['GET'])]
        public function all() { }
        public function other() { }
    }
    Route::post('/orders', function () { });
    """
    system = joined(SERVICES, {"shop/A.php": text, "shop/Dockerfile": "FROM php:8\n"})
    operations = {each.name: [type(step).__name__ for step in each.steps] for each in system.operations if each.component == "shop"}
    assert operations == {
        "shop PUT /api/rate/{sku}": ["Work", "Call", "Reply"],
        "shop GET /api/rates": ["Work", "Reply"],
        "shop POST /orders": ["Work", "Reply"],
    }

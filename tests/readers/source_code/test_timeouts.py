"""Whether a call really has a timeout, in the languages that are read at the level of calls."""

from __future__ import annotations

import pytest

from backend_expert.model import Mechanism, call_sites

GO = "package main\n\nfunc f() {{\n{body}\n}}\n"
CS = "class A {{ void F() {{ {body} }} }}"


def policy(joined, name: str, text: str):
    system = joined("api: {build: ./api}\nstock: {image: acme/stock}", {f"api/{name}": text, "api/Dockerfile": "FROM scratch\n"})
    (site,) = [each for each in call_sites(system) if each.caller == "api"]
    return site.step.policy


@pytest.mark.parametrize(
    ("name", "text", "timeout_ms"),
    [
        ("a.py", "s = requests.Session()\ns.get('http://stock/x', timeout=2)\n", 2_000),
        ("a.py", "s = requests.Session()\ns.get('http://stock/x')\n", None),
        ("a.py", "def f():\n    with requests.Session() as s:\n        s.post('http://stock/x')\n", None),
        ("a.py", "async def f():\n    async with httpx.AsyncClient() as c:\n        await c.get('http://stock/x')\n", 5_000),
        ("a.py", "c = httpx.Client(timeout=httpx.Timeout(3.0))\nc.get('http://stock/x')\n", 3_000),
        ("a.py", "async def f():\n    async with aiohttp.ClientSession() as s:\n        await s.get('http://stock/x')\n", 300_000),
        ("a.py", "t = aiohttp.ClientTimeout(total=1)\ns = aiohttp.ClientSession(timeout=t)\ns.get('http://stock/x')\n", 1_000),
        ("a.go", GO.format(body='c := &http.Client{Timeout: 3 * time.Second}\nc.Get("http://stock/x")'), 3_000),
        ("a.go", GO.format(body='c := http.Client{Timeout: time.Minute}\nc.Get("http://stock/x")'), 60_000),
        ("a.go", GO.format(body='c := &http.Client{}\nc.Get("http://stock/x")'), None),
        ("A.cs", CS.format(body='client.GetAsync("http://stock/x");'), 100_000),
    ],
)
def test_what_a_client_was_given_or_takes_by_default(joined, name, text, timeout_ms):
    found = policy(joined, name, text)
    assert (found.timeout_ms.value if found.timeout_ms is not None else None) == timeout_ms
    assert (Mechanism.TIMEOUT in found.absent) == (timeout_ms is None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "s = session_of()\ns.get('http://stock/x')\nclient.get('http://stock/x')\n"),
        ("a.py", "s = requests.Session(**options)\ns.get('http://stock/x', **more)\n"),
        ("a.go", GO.format(body='c := &http.Client{Timeout: limit}\nc.Get("http://stock/x")')),
        ("A.cs", CS.format(body='client.Timeout = limit; client.GetAsync("http://stock/x");')),
    ],
)
def test_what_nobody_can_tell_stays_unknown(joined, name, text):
    found = policy(joined, name, text)
    assert found.timeout_ms is None
    assert Mechanism.TIMEOUT not in found.absent


@pytest.mark.parametrize(
    ("stub", "deadline", "file"),
    [
        ("c := pb.NewStockClient(conn)", "ctx, cancel := context.WithTimeout(ctx, time.Second)", "a.go"),
        ("stub = pb.StockStub(channel)", "stub.Get(request, timeout=2)", "a.py"),
        ("/* Grpc */ var s = new Stock.StockClient(channel);", "s.Get(r, deadline: DateTime.UtcNow.AddSeconds(2));", "A.cs"),
        (
            "StockGrpc.StockBlockingStub s = StockGrpc.newBlockingStub(channel);",
            "s.withDeadlineAfter(2, SECONDS).get(r);",
            "A.java",
        ),
    ],
)
def test_a_grpc_client_without_a_deadline_anywhere_waits_for_ever(joined, stub, deadline, file):
    wrap = {"a.go": GO, "A.cs": CS, "A.java": "class A {{ void f() {{ {body} }} }}"}.get(file, "{body}\n")
    server = {"stock/server.py": "pb.add_StockServicer_to_server(Stock(), server)\n", "stock/Dockerfile": "FROM python\n"}
    for body, absent in ((stub, True), (f"{stub}\n{deadline}", False)):
        files = server | {f"api/{file}": wrap.format(body=body), "api/Dockerfile": "FROM scratch\n"}
        system = joined("api: {build: ./api}\nstock: {build: ./stock}", files)
        (site,) = [each for each in call_sites(system) if each.caller == "api"]
        assert (Mechanism.TIMEOUT in site.step.policy.absent) == absent

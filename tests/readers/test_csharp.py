"""Calls and settings in C#."""

from __future__ import annotations

import pytest

from backend_expert.model import dependencies

SERVICES = """
    shop: {build: ./shop, expose: [80], environment: {Services__Billing: 'http://billing:8080'}}
    billing: {image: acme/billing, expose: [8080]}
    db: {image: postgres}
    cache: {image: redis}
    """


@pytest.mark.parametrize(
    ("body", "callee"),
    [
        ('client.GetAsync($"http://billing:8080/x/{id}");', "billing"),
        ('var h = Environment.GetEnvironmentVariable("BILLING_HOST") ?? "billing"; client.GetAsync("http://" + h);', "billing"),
        ('client.BaseAddress = new Uri(configuration["Services:Billing"]);', "billing"),
        ('var db = new NpgsqlConnection("Server=db;Username=postgres;");', "db"),
        ('ConnectionMultiplexer.Connect("cache:6379");', "cache"),
    ],
)
def test_the_peer_of_a_call_is_found(joined, body, callee):
    text = f"class Shop {{ void F() {{ {body} }} }}"
    system = joined(SERVICES, {"shop/Shop.cs": text, "shop/Dockerfile": "FROM mcr.microsoft.com/dotnet/aspnet:8.0\n"})
    found = {each.callee: each for each in dependencies(system) if each.caller == "shop"}
    assert callee in found
    assert "shop/Shop.cs:1" in {str(line) for line in found[callee].evidence}


@pytest.mark.parametrize(
    "body", ['var x = "billing";', 'logger.LogError("http://billing is gone");', 'policy.WithOrigins("http://db");']
)
def test_a_name_that_nobody_calls_is_no_edge(joined, body):
    services = SERVICES.replace(", environment: {Services__Billing: 'http://billing:8080'}", "")
    files = {"shop/Shop.cs": f"class Shop {{ void F() {{ {body} }} }}", "shop/Dockerfile": "FROM dotnet\n"}
    assert not dependencies(joined(services, files))


def test_controllers_and_minimal_routes_are_operations(joined):
    text = """
        [ApiController] [Route("api/[controller]")]
        class OrdersController {
            [HttpGet("{id:int}")] public X Get(int id) { return client.GetAsync($"http://billing:8080/x/{id}"); }
            [HttpPost] public void Post() { }
        }
        class P { void F() { app.MapDelete("/orders/{id}", async (int id) => { await client.DeleteAsync("http://billing:8080/x"); }); } }
        """
    files = {"shop/Shop.cs": text, "shop/Dockerfile": "FROM mcr.microsoft.com/dotnet/aspnet:8.0\n"}
    operations = {
        each.name: [type(step).__name__ for step in each.steps]
        for each in joined(SERVICES, files).operations
        if each.component == "shop"
    }
    assert operations == {
        "shop GET /api/orders/{id}": ["Work", "Call", "Reply"],
        "shop POST /api/orders": ["Work", "Reply"],
        "shop DELETE /orders/{id}": ["Work", "Call", "Reply"],
    }

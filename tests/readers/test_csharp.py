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


APP = {
    "shop/Shop.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"><ProjectReference Include="..\\Core\\Core.csproj" /></Project>',
    "shop/Dockerfile": "FROM mcr.microsoft.com/dotnet/aspnet:8.0\n",
    "Core/Core.csproj": '<Project Sdk="Microsoft.NET.Sdk"></Project>',
}
BROKER = "\n    mq: {image: rabbitmq}\n"


def steps(system, name: str) -> list[str]:
    return [type(step).__name__ for step in system.operation(name).steps]


def test_a_mediator_passes_work_on_to_the_one_handler_in_a_library_of_the_program(joined):
    endpoint = """
        class P { void F() {
            app.MapPost("/orders", async (OrderRequest request, ISender sender) => {
                var command = request.Adapt<PlaceOrder>();
                await sender.Send(command);
            });
        } }
        """
    handler = """
        class PlaceOrderHandler(IPublishEndpoint publishEndpoint) : ICommandHandler<PlaceOrder, Placed> {
            public async Task<Placed> Handle(PlaceOrder order, CancellationToken token) {
                var placed = new OrderPlaced(order.Id);
                await publishEndpoint.Publish(placed, token);
            }
        }
        """
    consumer = """
        class Mailer : IConsumer<OrderPlaced> {
            public async Task Consume(ConsumeContext<OrderPlaced> context) { await client.GetAsync("http://billing:8080/x"); }
        }
        """
    files = APP | {"shop/Endpoint.cs": endpoint, "Core/Handler.cs": handler, "Core/Mailer.cs": consumer}
    system = joined(SERVICES + BROKER, files)
    assert steps(system, "shop POST /orders") == ["Work", "Publish", "Reply"]
    assert steps(system, "shop on OrderPlaced") == ["Work", "Call"]
    assert system.operation("shop POST /orders").steps[1].topic == "mq/OrderPlaced"


def test_a_library_of_two_programs_is_part_of_neither(joined):
    other = {"other/Other.csproj": APP["shop/Shop.csproj"]}
    mailer = "class M : IConsumer<A> { public Task Consume(X x) { } }"
    system = joined(SERVICES + BROKER, APP | other | {"Core/Mailer.cs": mailer})
    assert not [each.name for each in system.operations if each.trigger.kind == "message"]


@pytest.mark.parametrize(
    ("controller", "names"),
    [
        ('[Route("api/[controller]")] class A { [HttpGet] [Route("{id:int}/x")] public X Get(int id) { } }', ["GET /api/a/{id}/x"]),
        ('[Route("api/a")] class A { [HttpPut("/other")] public X Put() { } }', ["PUT /other"]),
        (
            "class HomeController { [HttpGet] public X Index() { } [HttpPost] public X SaveAsync() { } }",
            ["GET /Home/Index", "POST /Home/Save"],
        ),
        (
            'class P { void F() { var g = app.MapGroup("/v1").WithTags("x"); g.MapPatch("/a/{id}", Change); } }',
            ["PATCH /v1/a/{id}"],
        ),
    ],
)
def test_the_path_of_an_action(joined, controller, names):
    program = 'app.MapControllerRoute("default", "{controller=Home}/{action=Index}/{id?}");'
    system = joined(SERVICES, APP | {"shop/Controller.cs": controller, "shop/Program.cs": program})
    assert [each.trigger.name for each in system.operations if each.component == "shop" and each.trigger.name] == names


def test_rabbitmq_by_its_own_client(joined):
    text = """
        class Shop {
            void Send() { channel.BasicPublish(exchange: "orders", routingKey: "made", body: b); }
            void Listen() { channel.BasicConsume(queue: "made", autoAck: true, consumer: c); }
            [HttpPost("x")] public void Post() { Send(); }
        }
        """
    system = joined(SERVICES + BROKER, APP | {"shop/Shop.cs": text})
    assert steps(system, "shop POST /x") == ["Work", "Publish", "Reply"]
    (consumer,) = [each for each in system.operations if each.trigger.kind == "message"]
    assert (consumer.trigger.name, consumer.trigger.acknowledge) == ("mq/made", "auto")


def test_a_grpc_service_answers_under_the_name_of_its_contract(joined):
    files = APP | {
        "shop/Program.cs": 'services.AddGrpcClient<Rates.RatesClient>(o => o.Address = new Uri("https://elsewhere"));',
        "rates/Rates.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"></Project>',
        "rates/Service.cs": "using Grpc.Core; class RateService : Rates.RatesBase { }",
    }
    system = joined(SERVICES + "\n    rates: {build: ./rates}\n", files)
    assert [each.protocol for each in dependencies(system) if each.callee == "rates"] == ["grpc"]
